//! What an app shows of itself to the host: written anew, by an allow-list, into the `export` of its deploy.
//!
//! Nothing is copied as it is but icons, which are looked at before. What is not known is left out; what is known and wrong is left out and
//! noted.
//! Source: `flatpak`'s list of what may be exported, and `docs/security.md` for what we leave out in addition.

mod description; // MIME packages and AppStream files
mod desktop; // desktop files, services, search providers
mod picture; // icons
mod words; // command lines
mod xml; // XML, read strictly and written anew

use std::io::Read;

use aril_beneath::Dir;
use aril_model::{AppId, Metadata, Policy, Ref};
use aril_store::{Checkout, FileNode, Node, Repo, Tree};

pub(crate) use description::{metainfo, mime_package};
pub(crate) use xml::parse as parse_xml;

use crate::Result;
use crate::deploy::write_new;
use desktop::Starter;

/// Largest file that is rewritten, in bytes.
const TEXT_LIMIT: u64 = 1 << 20;
/// Most files that an app exports.
const COUNT_LIMIT: usize = 5_000;

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Desktop,
    Icon,
    Service,
    SearchProvider,
    KRunner,
    Mime,
    Metainfo,
}

/// An app whose exports are written.
pub(crate) struct Exported<'a> {
    pub(crate) reference: &'a Ref,
    pub(crate) metadata: &'a Metadata,
    /// The program that starts apps, and its first arguments.
    pub(crate) starter: &'a [String],
}

/// Writes the exports of an app into an empty directory; `tree` is the commit's own `export`. Returns what was left out, and why.
///
/// # Errors
/// When the store is damaged or the disk is full.
pub(crate) fn write(repo: &Repo, tree: Option<&Tree>, app: &Exported<'_>, out: &Dir) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let starter = Starter { program: app.starter, reference: app.reference };
    let mut count = 0;
    for (path, node) in tree.map(Tree::paths).unwrap_or_default() {
        let Some((kind, name)) = kind_of(&path, app) else { continue };
        let Node::File(file) = node else { continue };
        count += 1;
        if count > COUNT_LIMIT {
            notes.push(format!("only the first {COUNT_LIMIT} files were exported"));
            break;
        }
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", &path));
        let made = match kind {
            Kind::Icon => link_icon(repo, file, out, &path)?,
            _ => rewrite(repo, kind, file, &name, &starter)?.map(|text| (parent, last, text)).map(Some),
        };
        match made {
            Ok(Some((parent, last, text))) => {
                write_new(&out.create_dir_all(parent, 0o755)?, last, text.as_bytes(), 0o644)?;
            }
            Ok(None) => {}
            Err(problem) => {
                notes.push(format!("'{}' was not exported: {problem}", aril_model::printable(&path)))
            }
        }
    }
    let bin = out.create_dir_all("bin", 0o755)?;
    write_new(&bin, app.reference.id.as_str(), starter.script().as_bytes(), 0o755)?;
    Ok(notes)
}

type Written<'a> = std::result::Result<Option<(&'a str, &'a str, String)>, String>;

/// Links an icon into the exports, after a look at it.
fn link_icon<'a>(repo: &Repo, file: &FileNode, out: &Dir, path: &'a str) -> Result<Written<'a>> {
    let Some(bytes) = read(repo, file, picture::LIMIT)? else { return Ok(Err("it is too large".into())) };
    if let Err(problem) = picture::check(path, &bytes) {
        return Ok(Err(problem));
    }
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut tree = Tree::new();
    // One name that came out of a tree fits into one.
    if tree.insert(name, Node::File(*file)).is_ok() {
        let dir = out.create_dir_all(parent, 0o755)?;
        repo.link_into(&tree, &dir, Checkout::Linked)?;
    }
    Ok(Ok(None))
}

fn rewrite(
    repo: &Repo,
    kind: Kind,
    file: &FileNode,
    name: &str,
    starter: &Starter<'_>,
) -> Result<std::result::Result<String, String>> {
    let Some(bytes) = read(repo, file, TEXT_LIMIT)? else { return Ok(Err("it is too large".into())) };
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Err("it is not UTF-8".into())) };
    Ok(match kind {
        Kind::Desktop => desktop::desktop(&text, starter),
        Kind::Service => desktop::service(&text, name, starter),
        Kind::SearchProvider => desktop::search_provider(&text),
        Kind::KRunner => desktop::krunner(&text),
        Kind::Mime => mime_package(&text),
        Kind::Metainfo => metainfo(&text),
        Kind::Icon => Err("it is an icon".into()),
    })
}

/// The contents of a file in the store; `None` if there are more than `limit` bytes.
pub(crate) fn read(repo: &Repo, file: &FileNode, limit: u64) -> Result<Option<Vec<u8>>> {
    if file.size > limit {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = repo.content(file)?.take(limit).read_to_end(&mut bytes);
    read.map_err(|source| aril_store::StoreError::Stream { action: "read a file of the store", source })?;
    Ok(Some(bytes))
}

/// What a path below `export` can be, and the name that it stands for; `None` for what is never exported.
fn kind_of(path: &str, app: &Exported<'_>) -> Option<(Kind, String)> {
    let (dir, file) = path.rsplit_once('/')?;
    let id = &app.reference.id;
    let named = |suffix: &str| file.strip_suffix(suffix).filter(|name| id.covers(name)).map(str::to_owned);
    match dir {
        "share/applications" => Some((Kind::Desktop, named(".desktop")?)),
        "share/dbus-1/services" => {
            let name = named(".service")?;
            may_own(app.metadata, id, &name).then_some((Kind::Service, name))
        }
        "share/gnome-shell/search-providers" => Some((Kind::SearchProvider, named(".ini")?)),
        "share/krunner/dbusplugins" => Some((Kind::KRunner, named(".desktop")?)),
        "share/mime/packages" => Some((Kind::Mime, named(".xml")?)),
        "share/metainfo" | "share/appdata" => Some((Kind::Metainfo, named(".xml")?)),
        "share/metainfo/releases" => Some((Kind::Metainfo, named(".releases.xml")?)),
        _ => {
            let inner = dir.strip_prefix("share/icons/")?;
            let is_picture = [".png", ".svg", ".svgz"].iter().any(|suffix| file.ends_with(suffix));
            let (stem, _) = file.rsplit_once('.')?;
            // `ID-symbolic` is the same icon in one colour.
            let is_own =
                id.covers(stem) || stem.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('-'));
            (is_picture && is_own && inner.split('/').count() <= 5).then(|| (Kind::Icon, stem.to_owned()))
        }
    }
}

/// Whether the app may own a name on the session bus: its own, those below it, and what its metadata asks for.
fn may_own(metadata: &Metadata, id: &AppId, name: &str) -> bool {
    id.covers(name) || metadata.context.session_bus.policy_of(name) == Policy::Own
}
