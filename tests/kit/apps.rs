//! The apps of the test repository, and what each must do to be called working: `apps.toml`.

use anyhow::{Context, Result};
use serde::Deserialize;

const APPS: &str = include_str!("apps.toml");

/// All apps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    /// Those that show a window.
    pub graphical: Vec<GraphicalApp>,
    /// Those that answer.
    pub command_line: Vec<CommandLineApp>,
}

/// An app that shows a window.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphicalApp {
    /// Fedora's name.
    pub package: String,
    /// The app id that follows from the package: its AppStream id, else its desktop file's name, else one made from its own.
    pub id: String,
    /// What it is written with.
    pub toolkit: Toolkit,
    /// What is run.
    pub command: Vec<String>,
    /// In its window's title.
    pub title: String,
}

/// What a graphical app is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toolkit {
    /// X libraries alone.
    X11,
    /// GTK 3.
    Gtk3,
    /// GTK 3 in Python.
    Gtk3Python,
    /// GTK 4.
    Gtk4,
}

/// An app that does something once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLineApp {
    /// Fedora's name.
    pub package: String,
    /// What the shell runs, in an empty directory that it may write to.
    pub script: String,
    /// On its standard input.
    #[serde(default)]
    pub input: String,
    /// Its whole standard output.
    pub output: String,
}

impl Apps {
    /// Reads the list.
    pub fn read() -> Result<Self> {
        toml::from_str(APPS).context("tests/kit/apps.toml")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::repo::lists::{Sets, Shapes};

    #[test]
    fn every_app_of_the_set_is_on_the_list() {
        let (apps, sets, shapes) = (Apps::read().unwrap(), Sets::read().unwrap(), Shapes::read().unwrap());
        let graphical = apps.graphical.iter().map(|app| &app.package);
        let listed: BTreeSet<&String> =
            graphical.chain(apps.command_line.iter().map(|app| &app.package)).collect();
        let made: BTreeSet<String> =
            sets.sets["apps"].packages.iter().map(|one| shapes.fedora_name(one).to_owned()).collect();
        assert_eq!(listed, made.iter().collect());
        assert!(apps.graphical.len() >= 16 && apps.command_line.len() >= 28);
    }
}
