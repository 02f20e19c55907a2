//! Trees joined into one.

use crate::{Node, Tree};

/// Two trees that have different things at one path. Directories meet without conflict, and so do equal files and equal links.
#[derive(Debug)]
pub struct Conflict<'a> {
    /// The path in both.
    pub path: &'a str,
    /// What the tree has that is added to.
    pub ours: &'a Node,
    /// What the added tree has.
    pub theirs: &'a Node,
}

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The tree keeps what it has.
    Ours,
    /// What the added tree has takes its place, with all that lies beneath it.
    Theirs,
}

impl Tree {
    /// Adds all of another tree; `decide` is asked about each conflict, in the order of the paths.
    pub fn add(&mut self, other: Self, decide: &mut dyn FnMut(Conflict<'_>) -> Choice) {
        self.add_below(&mut String::new(), other, decide);
    }

    fn add_below(&mut self, path: &mut String, other: Self, decide: &mut dyn FnMut(Conflict<'_>) -> Choice) {
        for (name, theirs) in other.entries {
            let Some(ours) = self.entries.get_mut(&name) else {
                self.entries.insert(name, theirs);
                continue;
            };
            let length = path.len();
            if length > 0 {
                path.push('/');
            }
            path.push_str(&name);
            match (ours, theirs) {
                (Node::Dir(ours), Node::Dir(theirs)) => ours.add_below(path, theirs, decide),
                (ours, theirs) if *ours == theirs => {}
                (ours, theirs) => {
                    if decide(Conflict { path, ours, theirs: &theirs }) == Choice::Theirs {
                        *ours = theirs;
                    }
                }
            }
            path.truncate(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checksum, LinkNode};

    fn link(target: &str) -> Node {
        Node::Link(LinkNode { checksum: Checksum::from([0; 32]), target: target.into() })
    }

    fn tree(entries: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::new();
        for (path, target) in entries {
            tree.insert(path, link(target)).unwrap();
        }
        tree
    }

    #[test]
    fn joins_and_asks() {
        let mut ours = tree(&[("usr/a", "1"), ("usr/b", "1"), ("usr/c", "1"), ("lib", "usr/lib")]);
        let theirs = tree(&[("usr/a", "1"), ("usr/b", "2"), ("usr/c/d", "2"), ("lib/x", "2"), ("new", "2")]);
        let mut asked = Vec::new();
        ours.add(theirs, &mut |conflict| {
            asked.push(conflict.path.to_owned());
            if conflict.path == "usr/b" { Choice::Theirs } else { Choice::Ours }
        });
        assert_eq!(asked, ["lib", "usr/b", "usr/c"]);
        let expected = [("usr/a", "1"), ("usr/b", "2"), ("usr/c", "1"), ("lib", "usr/lib"), ("new", "2")];
        assert_eq!(ours, tree(&expected));
    }
}
