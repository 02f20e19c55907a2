//! A .deb's payload as a build root, each file at Fedora's place. What Fedora does not have is left out on the way.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use tar::{Archive, EntryType, Header};

use super::paths::{is_beneath, normal, parent, place, place_target};
use super::tree::{Entry, Kind, Tree};

/// Which of a package's texts are kept; the licence always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// Pages in `/usr/share/man`.
    pub manual: bool,
    /// `/usr/share/doc`, `/usr/share/info`, `/usr/share/help`.
    pub documents: bool,
    /// `/usr/share/locale` and the other languages of the help.
    pub translations: bool,
}

/// Debian's own furniture.
static FURNITURE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^/usr/share/(lintian|linda|bug|doc-base|menu|apport|gtk-doc|debconf|reportbug|python3/(runtime\.d|py3versions|debpython|bcep))(/|$)|^/etc/(init\.d|kernel|apt|logcheck|cron\.[a-z]+|logrotate\.d)(/|$)|^/etc/rc\S\.d|^/usr/lib/tmpfiles\.d/legacy|^/usr/share/applications/mimeinfo\.cache$";
    Regex::new(pattern).expect("the pattern is constant")
});

/// Unpacks `deb` into `tree`; directories in `shared` belong to the package `filesystem` and are left out.
pub fn unpack(
    deb: &Path,
    tree: &mut Tree,
    fedora_name: &str,
    keep: Texts,
    shared: &BTreeSet<String>,
) -> Result<()> {
    let mut child = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("no pipe from dpkg-deb")?;
    let mut archive = Archive::new(stdout);
    let unpacking = Unpacking { fedora_name, keep, shared };
    for member in archive.entries()? {
        unpacking.take(&mut member?, tree).with_context(|| format!("unpacking {}", deb.display()))?;
    }
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    ensure!(child.wait()?.success(), "dpkg-deb cannot read {}", deb.display());
    Ok(())
}

struct Unpacking<'a> {
    fedora_name: &'a str,
    keep: Texts,
    shared: &'a BTreeSet<String>,
}

impl Unpacking<'_> {
    fn take<R: Read>(&self, member: &mut tar::Entry<'_, R>, tree: &mut Tree) -> Result<()> {
        let source = normal(std::str::from_utf8(&member.path_bytes()).context("a name that is not UTF-8")?);
        let Some(path) = self.destination(&source, member.header().entry_type()) else { return Ok(()) };
        if tree.has(&path) {
            return Ok(());
        }
        let entry = entry_of(member.header())?;
        match member.header().entry_type() {
            EntryType::Directory => {
                if self.shared.contains(&path) {
                    return Ok(());
                }
                fs::create_dir_all(tree.on_disk(&path))?;
            }
            EntryType::Symlink => {
                let target = member.link_name_bytes().context("a link without a target")?.into_owned();
                let target = place_target(&source, std::str::from_utf8(&target)?);
                if normal(&format!("{}/{target}", parent(&path))) == path {
                    return Ok(()); // `/usr/sbin/x -> ../bin/x` leads to itself now
                }
                symlink(target, tree.make_room(&path)?)?;
            }
            EntryType::Link => {
                let other = member.link_name_bytes().context("a link without a target")?.into_owned();
                let other = place(std::str::from_utf8(&other)?);
                if !tree.has(&other) {
                    return Ok(());
                }
                fs::hard_link(tree.on_disk(&other), tree.make_room(&path)?)?;
            }
            EntryType::Regular => {
                let disk = tree.make_room(&path)?;
                io::copy(member, &mut File::create(&disk)?)?;
                fs::set_permissions(&disk, PermissionsExt::from_mode(entry.mode & 0o777 | 0o600))?;
            }
            _ => return Ok(()),
        }
        tree.note(&path, entry);
        Ok(())
    }

    /// Where a member goes; nowhere if Fedora's package does not have it.
    fn destination(&self, source: &str, kind: EntryType) -> Option<String> {
        let path = place(source);
        let merged = ["/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/"];
        if merged.contains(&source) || FURNITURE.is_match(&path) {
            return None;
        }
        if let Some(rest) = path.strip_prefix("/usr/share/doc/") {
            let mut parts = rest.split('/');
            if let (Some(_), Some("copyright"), None) = (parts.next(), parts.next(), parts.next()) {
                let licence = format!("/usr/share/licenses/{}/copyright", self.fedora_name);
                return (kind == EntryType::Regular).then_some(licence);
            }
        }
        self.is_kept(&path).then_some(path)
    }

    fn is_kept(&self, path: &str) -> bool {
        let under = |top: &str| is_beneath(path, top);
        if under("/usr/share/man") {
            // Fedora has no translated page in the packages' own manuals that a test would miss.
            return self.keep.manual && (self.keep.translations || path.starts_with("/usr/share/man/man"));
        }
        if under("/usr/share/doc") || under("/usr/share/info") || under("/usr/share/help/C") {
            return self.keep.documents;
        }
        if under("/usr/share/help") {
            return self.keep.documents && self.keep.translations;
        }
        !under("/usr/share/locale") || self.keep.translations
    }
}

fn entry_of(header: &Header) -> Result<Entry> {
    let kind = match header.entry_type() {
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Link,
        _ => Kind::File,
    };
    let name = |name: Option<&str>| name.filter(|one| !one.is_empty()).unwrap_or("root").to_owned();
    Ok(Entry {
        user: name(header.username()?),
        group: name(header.groupname()?),
        ..Entry::of_root(kind, header.mode()? & 0o7777, i64::try_from(header.mtime()?)?)
    })
}
