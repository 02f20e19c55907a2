//! A tree as a directory.

use std::io::{Read, Write};
use std::os::fd::AsFd;

use aril_beneath::Dir;
use rustix::fs::Mode as Permissions;

use crate::error::Doing;
use crate::{FileNode, LinkNode, Node, Repo, RepoMode, Result, Tree};

/// How files get into a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkout {
    /// As further names of the stored files, where the file system allows it: nothing is copied, and nothing in it may ever be written to.
    Linked,
    /// As copies, which may be changed.
    Copied,
}

impl Repo {
    /// Fills an empty directory with a tree. Directories have the mode 0755; all times are 0. Nothing is flushed to the disk.
    ///
    /// # Errors
    /// When something is there already, an object is missing, or the disk is full; what was made so far stays.
    pub fn checkout(&self, tree: &Tree, dir: &Dir, how: Checkout) -> Result<()> {
        self.link_into(tree, dir, how)?;
        // After its entries were made: each of them changes it.
        Ok(dir.set_modified("", 0)?)
    }

    /// Adds a tree to a directory that may have other entries already; its time is left to the file system.
    ///
    /// # Errors
    /// Like [`Self::checkout`].
    pub fn link_into(&self, tree: &Tree, dir: &Dir, how: Checkout) -> Result<()> {
        for (name, node) in tree.entries() {
            match node {
                Node::File(file) => self.checkout_file(file, dir, name, how)?,
                Node::Link(link) => self.checkout_link(link, dir, name)?,
                Node::Dir(inner) => {
                    make_dir(dir, name)?;
                    self.checkout(inner, &dir.open_dir(name)?, how)?;
                }
            }
        }
        Ok(())
    }

    fn checkout_file(&self, file: &FileNode, dir: &Dir, name: &str, how: Checkout) -> Result<()> {
        let linked = how == Checkout::Linked
            && self.mode() == RepoMode::BareUserOnly
            && self.objects().link_to(file.checksum, dir, name)?;
        if linked { Ok(()) } else { self.copy_file(file, dir, name) }
    }

    fn copy_file(&self, file: &FileNode, dir: &Dir, name: &str) -> Result<()> {
        let mut content = self.objects().content(file.checksum)?;
        let mut copy = dir.create_file(name, file.mode.bits() & 0o777)?;
        // One byte more than it should have is enough to see that it is too long.
        let copied = std::io::copy(&mut (&mut content).take(file.size + 1), &mut copy);
        let copied = copied.and_then(|length| copy.flush().map(|()| length)).doing("copy a file")?;
        if copied != file.size {
            let problem = "its contents are not as long as it says";
            return Err(self.objects().damaged(file.checksum, crate::object::ObjectKind::File, problem));
        }
        rustix::fs::fchmod(&copy, Permissions::from_raw_mode(file.mode.bits() & 0o777))
            .map_err(std::io::Error::from)
            .doing("copy a file")?;
        Ok(dir.set_modified(name, 0)?)
    }

    fn checkout_link(&self, link: &LinkNode, dir: &Dir, name: &str) -> Result<()> {
        dir.symlink(&*link.target, name)?;
        Ok(dir.set_modified(name, 0)?)
    }
}

/// Like [`Dir::create_dir`], and something there already is an error.
fn make_dir(dir: &Dir, name: &str) -> Result<()> {
    let mode = Permissions::from_raw_mode(0o755);
    rustix::fs::mkdirat(dir.as_fd(), name, mode)
        .map_err(std::io::Error::from)
        .doing(format!("make the directory '{}'", dir.path().join(name).display()))
}
