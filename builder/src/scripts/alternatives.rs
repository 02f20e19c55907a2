//! Alternatives: one name, several programs. The links that `alternatives --install` would make, made here.
//!
//! Source: `alternatives(8)` of Fedora's chkconfig.

use std::collections::BTreeMap;

use aril_store::{Node, StoreError, Tree, Writer};

use crate::report::{Note, Topic};

/// What one `--install` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    /// The link that people use: `/usr/bin/ld`.
    link: String,
    /// What the group is called.
    name: String,
    /// The program.
    target: String,
    priority: i64,
    /// Links that follow: link, name, target.
    followers: Vec<(String, String, String)>,
}

impl Alternative {
    /// Reads the arguments of the command; `None` when they are of another form.
    pub(super) fn parse(words: &[String]) -> Option<Self> {
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        let start = words.iter().position(|word| *word == "--install")? + 1;
        let &[link, name, target, priority, ..] = words.get(start..)? else { return None };
        let mut alternative = Self {
            link: path(link)?,
            name: plain(name)?,
            target: path(target)?,
            priority: priority.parse().ok()?,
            followers: Vec::new(),
        };
        let mut rest = words[start + 4..].iter();
        while let Some(option) = rest.next() {
            match *option {
                "--slave" | "--follower" => {
                    let (link, name, target) = (rest.next()?, rest.next()?, rest.next()?);
                    alternative.followers.push((path(link)?, plain(name)?, path(target)?));
                }
                "--initscript" | "--family" => drop(rest.next()?),
                _ => return None,
            }
        }
        Some(alternative)
    }
}

fn path(text: &str) -> Option<String> {
    let sound = text.starts_with('/') && text.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    sound.then(|| text.to_owned())
}

fn plain(text: &str) -> Option<String> {
    let sound = !text.is_empty() && !text.starts_with('.') && !text.contains('/') && !text.starts_with('-');
    sound.then(|| text.to_owned())
}

/// Makes the links of all alternatives: in each group those of the highest priority, the first of equals. A link that is taken by a file stays
/// that file.
pub(super) fn make_links(
    all: &[Alternative],
    root: &mut Tree,
    writer: &Writer,
) -> Result<Vec<Note>, StoreError> {
    let mut best: BTreeMap<&str, &Alternative> = BTreeMap::new();
    for alternative in all {
        let there = best.get(alternative.name.as_str());
        if there.is_none_or(|there| alternative.priority > there.priority) {
            best.insert(&alternative.name, alternative);
        }
    }
    let mut notes = Vec::new();
    for alternative in best.into_values() {
        let own = (alternative.link.clone(), alternative.name.clone(), alternative.target.clone());
        for (link, name, target) in std::iter::once(&own).chain(&alternative.followers) {
            let middle = format!("/etc/alternatives/{name}");
            for (at, to) in [(link, &middle), (&middle, target)] {
                let node = Node::Link(writer.link(to)?);
                let place = at.trim_start_matches('/');
                match root.get(place) {
                    Some(Node::Link(_)) | None => {
                        if let Err(error) = root.insert(place, node) {
                            notes.push(Note::new(
                                Topic::Script,
                                format!("the alternative {at} is not made: {error}"),
                            ));
                        }
                    }
                    Some(_) => notes.push(Note::new(
                        Topic::Script,
                        format!("the alternative {at} is not made: a file is there"),
                    )),
                }
            }
        }
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Alternative> {
        Alternative::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn parses() {
        let alternative = parse("update-alternatives --install /usr/bin/ld ld /usr/bin/ld.bfd 50 --slave /usr/share/man/ld.1 ld-man /usr/share/man/ld.bfd.1").unwrap();
        assert_eq!((alternative.priority, alternative.followers.len()), (50, 1));
        for wrong in [
            "alternatives --install /usr/bin/ld ld /usr/bin/ld.bfd",
            "alternatives --install /usr/bin/ld ../ld /usr/bin/x 5",
            "alternatives --install /usr/../ld ld /usr/bin/x 5",
            "alternatives --install ld ld /usr/bin/x 5",
            "alternatives --install /usr/bin/ld ld /usr/bin/x 5 --odd",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_highest_priority_wins() {
        let base = tempfile::tempdir().unwrap();
        let repo = aril_store::Repo::create(base.path(), aril_store::RepoMode::BareUserOnly).unwrap();
        let writer = repo.writer().unwrap();
        let all = [
            parse("a --install /usr/bin/ld ld /usr/bin/ld.gold 30").unwrap(),
            parse("a --install /usr/bin/ld ld /usr/bin/ld.bfd 50").unwrap(),
        ];
        let mut root = Tree::new();
        assert!(make_links(&all, &mut root, &writer).unwrap().is_empty());
        let target = |path: &str| match root.get(path) {
            Some(Node::Link(link)) => link.target.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(target("usr/bin/ld"), "/etc/alternatives/ld");
        assert_eq!(target("etc/alternatives/ld"), "/usr/bin/ld.bfd");
    }
}
