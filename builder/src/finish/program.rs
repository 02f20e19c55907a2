//! Which programs an app has, and which of them it is started by.

use aril_store::{Mode, Node};

use super::Finishing;
use super::desktop::DesktopFile;
use crate::report::Topic;

impl Finishing<'_> {
    /// The programs of the packages that were asked for, in `/usr/bin`, by name.
    pub(super) fn programs(&self) -> Vec<String> {
        let owned = self.app.owners.iter().filter(|(_, owner)| self.app.requested.contains(owner));
        let in_bin =
            owned.filter_map(|(path, _)| path.strip_prefix("usr/bin/").filter(|name| !name.contains('/')));
        in_bin.filter(|name| self.has_program(name)).map(str::to_owned).collect()
    }

    /// The program that the desktop file starts, or that is named like the package.
    pub(super) fn command(&mut self) -> Option<String> {
        if let Some(program) = self.desktops.first().and_then(DesktopFile::program) {
            return Some(program.strip_prefix("/usr/bin/").unwrap_or(&program).to_owned());
        }
        let package = self.app.packages[self.app.requested[0]].facts.nevra.name.clone();
        // Also as a link that nobody owns: one of alternatives.
        if self.has_program(&package) {
            return Some(package);
        }
        let programs = self.programs();
        let main = main_program(&programs, &package).map(str::to_owned);
        if main.is_none() && programs.is_empty() {
            self.note(Topic::Program, "it has no program in /usr/bin".into());
        } else if main.is_none() {
            let all = programs.join(" ");
            self.note(Topic::Program, format!("it has several programs, and none is the main one: {all}"));
        }
        main
    }

    fn has_program(&self, name: &str) -> bool {
        match self.app.files.get(&format!("usr/bin/{name}")) {
            Some(Node::File(file)) => file.mode == Mode::Program,
            Some(Node::Link(_)) => true,
            Some(Node::Dir(_)) | None => false,
        }
    }
}

/// The only program; else the one that is named like the package, but for a version (`lua5.4`) or for which part of it this is (`git-core`).
fn main_program<'a>(programs: &'a [String], package: &str) -> Option<&'a str> {
    if let [only] = programs {
        return Some(only);
    }
    let is_version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let with_version = programs.iter().find(|program| program.strip_prefix(package).is_some_and(is_version));
    let is_part = |program: &&String| {
        package
            .strip_prefix(program.as_str())
            .is_some_and(|rest| rest.starts_with(['-', '.']) || is_version(rest))
    };
    let whole = programs.iter().filter(is_part).max_by_key(|program| program.len());
    with_version.or(whole).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_programs() {
        let table = [
            ("git-core", "git git-shell scalar", Some("git")),
            ("lua", "lua5.4 luac5.4", Some("lua5.4")),
            ("sqlite", "sqlite3", Some("sqlite3")),
            ("vim-enhanced", "rvim vim vimdiff", Some("vim")),
            ("python3.13", "pydoc python", Some("python")),
            ("coreutils", "cat ls", None),
            ("x", "", None),
        ];
        for (package, programs, expected) in table {
            let programs: Vec<String> = programs.split_whitespace().map(str::to_owned).collect();
            assert_eq!(main_program(&programs, package), expected, "{package}");
        }
    }
}
