//! What an app's files and packages tell of what it needs.

use std::io::Read;

use aril_store::{FileNode, Mode, Node, Result};

use super::desktop::DesktopFile;
use super::request::Evidence;
use super::{Finishing, bus, elf};

/// Largest program that is looked at, in bytes.
const MAX_PROGRAM: u64 = 512 << 20;

impl Finishing<'_> {
    /// What is known, to infer requests from.
    pub(super) fn evidence(&self) -> Result<Evidence> {
        let mut evidence = Evidence {
            is_graphical: self.desktops.iter().any(|desktop| desktop.is_shown() && !desktop.wants_terminal()),
            categories: self
                .desktops
                .iter()
                .filter(|desktop| desktop.is_shown())
                .flat_map(DesktopFile::categories)
                .collect(),
            bus_names: bus::foreign_names(self)?,
            ..Evidence::default()
        };
        for package in self.app.packages {
            evidence.packages.insert(package.facts.nevra.name.clone());
            evidence.packages.extend(package.facts.requires.iter().map(|dependency| dependency.name.clone()));
        }
        for (path, node) in self.app.files.paths() {
            let Node::File(file) = node else { continue };
            let may_be_elf = file.mode == Mode::Program || path.contains(".so");
            if !may_be_elf || file.size > MAX_PROGRAM || path.starts_with("usr/share/") {
                continue;
            }
            if let Some(needs) = self.needs(file)? {
                for library in needs.libraries {
                    evidence.libraries.entry(library).or_insert_with(|| format!("/{path}"));
                }
                // A library has functions for all who may use it, and not all who use it call these.
                for function in needs.functions.into_iter().filter(|_| !path.contains(".so")) {
                    evidence.functions.entry(function).or_insert_with(|| format!("/{path}"));
                }
            }
        }
        Ok(evidence)
    }

    fn needs(&self, file: &FileNode) -> Result<Option<elf::Needs>> {
        let mut content = self.app.repo.content(file)?;
        let mut bytes = Vec::new();
        let mut read = |most: u64, bytes: &mut Vec<u8>| {
            let read = content.by_ref().take(most).read_to_end(bytes);
            read.map_err(|source| aril_store::StoreError::Stream { action: "read a file", source })
        };
        read(4, &mut bytes)?;
        if bytes != b"\x7fELF" {
            return Ok(None);
        }
        read(MAX_PROGRAM, &mut bytes)?;
        Ok(elf::read(&bytes))
    }
}
