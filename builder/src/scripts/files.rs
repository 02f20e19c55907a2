//! What packages ask for by lists of their own, which a host's services would read: users (`sysusers.d`) and directories (`tmpfiles.d`).

use std::io::Read;

use aril_store::{FileNode, Mode, Node, Repo, StoreError, Tree, Writer};

use super::tmpfiles::Made;
use super::users::{self, Account};
use super::{Scripts, tmpfiles};
use crate::import::Imported;
use crate::report::{Note, Topic};

/// Largest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 20;

/// The accounts that lists of these packages name.
pub(super) fn accounts(packages: &[&Imported], root: &Tree, repo: &Repo) -> Result<Vec<Account>, StoreError> {
    let mut accounts = Vec::new();
    for file in lists(packages, root, "usr/lib/sysusers.d") {
        accounts.extend(users::sysusers(&text(repo, &file)?));
    }
    Ok(accounts)
}

/// What lists in `tmpfiles.d` of the packages ask for.
pub(super) fn asked_for(packages: &[&Imported], root: &Tree, repo: &Repo) -> Result<Vec<Made>, StoreError> {
    let mut asked_for = Vec::new();
    for file in lists(packages, root, "usr/lib/tmpfiles.d") {
        asked_for.extend(tmpfiles::parse(&text(repo, &file)?));
    }
    Ok(asked_for)
}

/// Makes what was asked for, where nothing is yet.
pub(super) fn make(asked_for: &[Made], root: &mut Tree, writer: &Writer) -> Result<Vec<Note>, StoreError> {
    let mut notes = Vec::new();
    for made in asked_for {
        if let Err(problem) = make_one(made, root, writer)? {
            notes.push(Note::new(Topic::File, problem));
        }
    }
    Ok(notes)
}

fn make_one(made: &Made, root: &mut Tree, writer: &Writer) -> Result<Result<(), String>, StoreError> {
    let (place, node) = match made {
        Made::Dir(place) => {
            let made = root.make_dir(place).map(drop);
            return Ok(
                made.map_err(|error| format!("a directory that tmpfiles.d asks for is not made: {error}"))
            );
        }
        Made::File(place, contents) => {
            (place, Some(Node::File(writer.file(contents.as_bytes(), Mode::Plain)?)))
        }
        Made::Link(place, target) => (place, Some(Node::Link(writer.link(target)?))),
        Made::Copy(place, from) => (place, root.get(from).cloned()),
    };
    let Some(node) = node.filter(|_| root.get(place).is_none()) else { return Ok(Ok(())) };
    let inserted = root.insert(place, node).map(drop);
    Ok(inserted.map_err(|error| format!("what tmpfiles.d asks for is not made: {error}")))
}

/// Writes the accounts that the runtime does not have into the tree's lists of names.
pub(super) fn add_accounts(
    scripts: &Scripts<'_>,
    accounts: &[Account],
    root: &mut Tree,
    writer: &Writer,
) -> Result<Vec<Note>, StoreError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let lists = Lists::read(scripts, root)?;
    let (users, groups) = users::lines(accounts, &lists.all(&lists.passwd), &lists.all(&lists.group));
    lists.write(root, &users, &groups, writer)?;
    let names: Vec<&str> = users.lines().filter_map(|line| line.split(':').next()).collect();
    Ok(match names.as_slice() {
        [] => Vec::new(),
        names => {
            vec![Note::new(Topic::User, format!("users of packages are names only: {}", names.join(" ")))]
        }
    })
}

/// `passwd` and `group` of the tree and of the runtime beneath it.
pub(super) struct Lists {
    passwd: [String; 2],
    group: [String; 2],
}

impl Lists {
    pub(super) fn read(scripts: &Scripts<'_>, root: &Tree) -> Result<Self, StoreError> {
        let read = |name: &str| -> Result<[String; 2], StoreError> {
            let own = root.file(&format!("etc/{name}")).map(|file| text(scripts.repo, file)).transpose()?;
            let beneath = scripts.runtime.and_then(|runtime| runtime.file(&format!("etc/{name}")));
            let beneath = beneath.map(|file| text(scripts.repo, file)).transpose()?;
            Ok([own.unwrap_or_default(), beneath.unwrap_or_default()])
        };
        Ok(Self { passwd: read("passwd")?, group: read("group")? })
    }

    fn all(&self, list: &[String; 2]) -> String {
        format!("{}{}", list[1], list[0])
    }

    /// The whole lists with these accounts, as a program in the tree should see them.
    pub(super) fn whole(&self, accounts: &[Account]) -> (String, String) {
        let (passwd, group) = (self.all(&self.passwd), self.all(&self.group));
        let (users, groups) = users::lines(accounts, &passwd, &group);
        (passwd + &users, group + &groups)
    }

    fn write(&self, root: &mut Tree, users: &str, groups: &str, writer: &Writer) -> Result<(), StoreError> {
        for (name, own, more) in [("passwd", &self.passwd[0], users), ("group", &self.group[0], groups)] {
            if !more.is_empty() {
                let file = writer.file(format!("{own}{more}").as_bytes(), Mode::Plain)?;
                root.insert(&format!("etc/{name}"), Node::File(file))?;
            }
        }
        Ok(())
    }
}

/// The lists of a kind that these packages have, as they lie in the tree.
fn lists(packages: &[&Imported], root: &Tree, dir: &str) -> Vec<FileNode> {
    let files =
        packages.iter().flat_map(|package| &package.facts.files).filter_map(|file| file.path.to_str());
    let lists = files.filter(|path| path.trim_start_matches('/').starts_with(dir) && path.ends_with(".conf"));
    lists.filter_map(|path| root.file(path.trim_start_matches('/')).copied()).collect()
}

/// The contents of a small text; what is longer, or not text, reads as nothing.
fn text(repo: &Repo, file: &FileNode) -> Result<String, StoreError> {
    if file.size > MAX_LIST {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    let read = repo.content(file)?.take(MAX_LIST).read_to_end(&mut bytes);
    read.map_err(|source| StoreError::Stream { action: "read a file", source })?;
    Ok(String::from_utf8(bytes).unwrap_or_default())
}
