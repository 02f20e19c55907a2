//! What makes a merged tree an app: its id, what the host sees of it, what it asks for, and its metadata.
//!
//! Everything is taken from files of the packages that were asked for, as they lie in the store; what they say is parsed strictly and written
//! anew. Libraries that come along export nothing.
mod bus; // services of the session bus, search providers
mod desktop; // desktop files
mod elf; // what programs are linked with
mod evidence; // what is known of an app's needs
mod icon; // icons
mod metainfo; // what software centres are told
mod picture; // pictures in X's own format
mod program; // which program is the app's
mod refusal; // words for stock flatpak
mod request; // which rights are asked for
mod xml; // small documents

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use aril_model::{AppId, Keyfile, Kind, Ref};
use aril_store::{FileNode, Mode, Node, Repo, Result, Tree, Writer};

use crate::import::Imported;
use crate::report::{Note, Topic};
use desktop::DesktopFile;
use metainfo::{Described, Metainfo};

/// Largest desktop file, service or metainfo that is read, in bytes.
const MAX_TEXT: u64 = 1 << 20;
/// Largest picture that is looked at, in bytes.
const MAX_PICTURE: u64 = 4 << 20;

/// A merged tree that is to become an app.
#[derive(Debug)]
pub struct Unfinished<'a> {
    /// Where contents are.
    pub repo: &'a Repo,
    /// Where new files go.
    pub writer: &'a Writer,
    /// All its packages.
    pub packages: &'a [&'a Imported],
    /// Which of them were asked for; the first is the app.
    pub requested: &'a [usize],
    /// Which package each file comes from.
    pub owners: &'a BTreeMap<String, usize>,
    /// `usr`, `etc`, `opt`, `var`.
    pub files: Tree,
    /// What it runs on.
    pub runtime: &'a Ref,
    /// What it is built with.
    pub sdk: Option<Ref>,
    /// Its branch.
    pub branch: aril_model::Branch,
}

/// An app.
#[derive(Debug)]
pub struct Finished {
    /// What it is called.
    pub reference: Ref,
    /// Its `files`.
    pub files: Tree,
    /// Its `export`.
    pub export: Tree,
    /// Its `metadata`.
    pub metadata: Keyfile,
    /// What was decided, and why.
    pub notes: Vec<Note>,
}

/// Finishes an app.
///
/// # Errors
/// When the store cannot be read or written.
pub fn finish(app: Unfinished<'_>) -> Result<Finished> {
    let mut finishing = Finishing::new(app)?;
    let command = finishing.command();
    finishing.export()?;
    let requests = request::infer(&finishing.evidence()?);
    let (id, app) = (finishing.id.clone(), &finishing.app);
    let reference =
        Ref { kind: Kind::App, id: id.clone(), arch: app.runtime.arch.clone(), branch: app.branch.clone() };
    let mut metadata = Keyfile::new();
    metadata.set("Application", "name", id.as_str());
    metadata.set("Application", "runtime", &app.runtime.without_kind());
    if let Some(sdk) = &app.sdk {
        metadata.set("Application", "sdk", &sdk.without_kind());
    }
    if let Some(command) = &command {
        metadata.set("Application", "command", command);
    }
    // Stock flatpak would mount it at /app, where nothing of it is found: so it refuses to install it in words; to start it, too.
    metadata.set_list("Application", "required-flatpak", &["99.0.0"]);
    request::write(&requests, &mut metadata);
    metadata.set("X-Aril", "layout", "merged");
    metadata.set_list("X-Aril", "commands", &finishing.programs());
    let names: Vec<&str> =
        app.requested.iter().map(|&index| app.packages[index].facts.nevra.name.as_str()).collect();
    metadata.set_list("X-Aril", "packages", &names);
    let reason = |request: &request::Request| {
        let text = format!("it asks for {}={}: {}", request.key, request.value, request.reason);
        Note { topic: Topic::Request, text, routine: request.is_for_windows() }
    };
    finishing.notes.extend(requests.iter().map(reason));
    let mut programs = finishing.programs();
    programs.extend(command);
    refusal::add(&mut finishing.app.files, &programs, &finishing.id, finishing.app.writer)?;
    Ok(Finished {
        reference,
        metadata,
        files: finishing.app.files,
        export: finishing.export,
        notes: finishing.notes,
    })
}

struct Finishing<'a> {
    app: Unfinished<'a>,
    id: AppId,
    /// Those of the packages that were asked for, the main one first.
    desktops: Vec<DesktopFile>,
    metainfo: Option<Metainfo>,
    export: Tree,
    notes: Vec<Note>,
}

impl<'a> Finishing<'a> {
    fn new(app: Unfinished<'a>) -> Result<Self> {
        let mut notes = Vec::new();
        let main = &app.packages[app.requested[0]].facts;
        let mut desktops = Vec::new();
        let mut metainfos = Vec::new();
        for (path, file) in requested_files(&app) {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if let (Some(stem), true) =
                (name.strip_suffix(".desktop"), dir.starts_with("usr/share/applications"))
            {
                match DesktopFile::parse(stem, &text(app.repo, &file)?) {
                    Ok(desktop) => desktops.push(desktop),
                    Err(problem) => {
                        notes.push(Note::new(Topic::Export, format!("/{path} is not exported: {problem}")));
                    }
                }
            } else if matches!(dir, "usr/share/metainfo" | "usr/share/appdata") && name.ends_with(".xml") {
                metainfos.extend(Metainfo::parse(&text(app.repo, &file)?).ok());
            }
        }
        desktops.sort_by_key(|desktop| (rank(desktop, &main.nevra.name, &metainfos), desktop.stem.clone()));
        let metainfo = choose_metainfo(metainfos, desktops.first());
        let id = app_id(metainfo.as_ref(), desktops.first(), &main.nevra.name);
        Ok(Self { app, id, desktops, metainfo, export: Tree::new(), notes })
    }

    fn export(&mut self) -> Result<()> {
        let services = bus::services(self)?;
        for (index, desktop) in self.desktops.clone().iter().enumerate() {
            let name = if index == 0 {
                self.id.to_string()
            } else {
                format!("{}.{}", self.id, icon::plain(&desktop.stem))
            };
            let icons = icon::names(&name, &desktop.icons());
            for (icon, exported) in &icons {
                self.export_icon(icon, exported)?;
            }
            let known = self.known_icons(&icons);
            let activatable = desktop.is_activatable() && services.contains(&name);
            if desktop.is_activatable() && !activatable {
                let text = format!(
                    "{}.desktop is started as a program: no service has the name {name}",
                    desktop.stem
                );
                self.note(Topic::Export, text);
            }
            let text = desktop.rewrite(&known, activatable);
            self.put_text(&format!("share/applications/{name}.desktop"), &text)?;
        }
        self.export_metainfo()?;
        self.export_mime_types()
    }

    /// Those names of icons under which something was exported.
    fn known_icons(&self, icons: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let exported: BTreeSet<String> = self
            .export
            .paths()
            .into_iter()
            .filter_map(|(path, _)| Some(path.rsplit('/').next()?.rsplit_once('.')?.0.to_owned()))
            .collect();
        icons
            .iter()
            .filter(|(_, name)| exported.contains(*name))
            .map(|(icon, name)| (icon.clone(), name.clone()))
            .collect()
    }

    fn export_icon(&mut self, icon: &str, name: &str) -> Result<()> {
        let found = icon::find(&self.app.files, icon);
        icon::export(&found.icons, name, &mut self.export);
        let Some((path, file)) =
            found.loose.filter(|_| found.icons.iter().all(|icon| !icon.suffix.is_empty()))
        else {
            return Ok(());
        };
        if path.ends_with(".svg") {
            let svg = icon::FoundIcon {
                file,
                dir: "share/icons/hicolor/scalable/apps".into(),
                end: "svg".into(),
                suffix: "",
            };
            icon::export(&[svg], name, &mut self.export);
            return Ok(());
        }
        let bytes = self.bytes(&file, MAX_PICTURE)?;
        let (size, file) = match icon::png_size(&bytes) {
            Some(size) => (size, file),
            None => match picture::xpm_to_png(&bytes) {
                Some((size, png)) => (size, self.app.writer.file(&png, Mode::Plain)?),
                None => {
                    let text = format!("the icon /{path} is not exported: it is neither PNG, SVG nor XPM");
                    self.note(Topic::Export, text);
                    return Ok(());
                }
            },
        };
        match icon::dir_for_size(size.0, size.1) {
            Some(dir) => icon::export(
                &[icon::FoundIcon { file, dir, end: "png".into(), suffix: "" }],
                name,
                &mut self.export,
            ),
            None => {
                let text = format!("the icon /{path} is not exported: it has {}x{} pixels", size.0, size.1);
                self.note(Topic::Export, text);
            }
        }
        Ok(())
    }

    fn export_metainfo(&mut self) -> Result<()> {
        let Some(desktop) = self.desktops.first() else { return Ok(()) };
        let described = Described {
            id: self.id.as_str(),
            facts: &self.app.packages[self.app.requested[0]].facts,
            desktop,
            metainfo: self.metainfo.as_ref(),
        };
        let component = metainfo::component(described);
        let catalogue = metainfo::catalogue(&component)
            .map_err(|source| aril_store::StoreError::Stream { action: "pack a file", source })?;
        let file = self.app.writer.file(&catalogue, Mode::Plain)?;
        self.app.files.insert(&format!("share/app-info/xmls/{}.xml.gz", self.id), Node::File(file))?;
        self.put_text(&format!("share/metainfo/{}.metainfo.xml", self.id), &component.to_document())
    }

    fn export_mime_types(&mut self) -> Result<()> {
        let files: Vec<(String, FileNode)> = requested_files(&self.app)
            .into_iter()
            .filter(|(path, _)| path.starts_with("usr/share/mime/packages/") && path.ends_with(".xml"))
            .collect();
        for (index, (path, file)) in files.iter().enumerate() {
            let stem = icon::plain(path.trim_end_matches(".xml"));
            let name = if index == 0 { self.id.to_string() } else { format!("{}.{stem}", self.id) };
            self.export.insert(&format!("share/mime/packages/{name}.xml"), Node::File(*file))?;
        }
        Ok(())
    }

    fn note(&mut self, topic: Topic, text: String) {
        self.notes.push(Note::new(topic, text));
    }

    fn bytes(&self, file: &FileNode, limit: u64) -> Result<Vec<u8>> {
        bytes(self.app.repo, file, limit)
    }

    fn put_text(&mut self, path: &str, text: &str) -> Result<()> {
        let file = self.app.writer.file(text.as_bytes(), Mode::Plain)?;
        self.export.insert(path, Node::File(file))?;
        Ok(())
    }
}

/// Regular files of the packages that were asked for, by path.
fn requested_files(app: &Unfinished<'_>) -> Vec<(String, FileNode)> {
    let owned = app.owners.iter().filter(|(_, owner)| app.requested.contains(owner));
    owned.filter_map(|(path, _)| Some((path.clone(), *app.files.file(path)?))).collect()
}

/// The contents of a small file; what is longer, or not text, reads as nothing.
fn text(repo: &Repo, file: &FileNode) -> Result<String> {
    Ok(String::from_utf8(bytes(repo, file, MAX_TEXT)?).unwrap_or_default())
}

fn bytes(repo: &Repo, file: &FileNode, limit: u64) -> Result<Vec<u8>> {
    if file.size > limit {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    let read = repo.content(file)?.take(limit).read_to_end(&mut bytes);
    read.map_err(|source| aril_store::StoreError::Stream { action: "read a file", source })?;
    Ok(bytes)
}

/// How much a desktop file is the main one; the least is.
fn rank(desktop: &DesktopFile, package: &str, metainfos: &[Metainfo]) -> u8 {
    let program = desktop.program().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let described = metainfos.iter().any(|metainfo| metainfo.belongs_to(&desktop.stem));
    let named =
        desktop.stem == package || program == package || desktop.stem.ends_with(&format!(".{package}"));
    match (desktop.is_shown(), described, named) {
        (true, true, _) => 0,
        (true, false, true) => 1,
        (true, false, false) => 2,
        (false, ..) => 3,
    }
}

fn choose_metainfo(metainfos: Vec<Metainfo>, desktop: Option<&DesktopFile>) -> Option<Metainfo> {
    let desktop = desktop?;
    let only = metainfos.len() == 1;
    metainfos.into_iter().find(|metainfo| only || metainfo.belongs_to(&desktop.stem))
}

/// The AppStream id, else the desktop file's name, if they can be an app's; else one made of the package's name.
fn app_id(metainfo: Option<&Metainfo>, desktop: Option<&DesktopFile>, package: &str) -> AppId {
    let given = [metainfo.map(|metainfo| metainfo.id.as_str()), desktop.map(|desktop| desktop.stem.as_str())];
    let valid = given.into_iter().flatten().find_map(|id| id.parse().ok());
    valid.unwrap_or_else(|| local_id(package))
}

/// `local.rpm.NAME`: `+` as `_plus`, what cannot be in an id as `_`.
fn local_id(package: &str) -> AppId {
    let mut name = String::with_capacity(package.len());
    for c in package.chars() {
        match c {
            '+' => name.push_str("_plus"),
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => name.push(c),
            _ => name.push('_'),
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name.truncate(200);
    format!("local.rpm.{name}").parse().expect("letters, digits, - and _ are the last part of an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let table = [
            ("sqlite", "local.rpm.sqlite"),
            ("gtk+", "local.rpm.gtk_plus"),
            ("python3.13", "local.rpm.python3_13"),
            ("7zip", "local.rpm._7zip"),
            ("x11-apps", "local.rpm.x11-apps"),
        ];
        for (package, id) in table {
            assert_eq!(local_id(package).as_str(), id);
        }
        let desktop =
            |stem: &str| DesktopFile::parse(stem, "[Desktop Entry]\nType=Application\nName=x\n").unwrap();
        assert_eq!(app_id(None, Some(&desktop("org.test.Maps")), "maps").as_str(), "org.test.Maps");
        assert_eq!(app_id(None, Some(&desktop("maps")), "maps").as_str(), "local.rpm.maps");
        let metainfo = Metainfo::parse("<component><id>net.test.Maps.desktop</id></component>").unwrap();
        assert_eq!(
            app_id(Some(&metainfo), Some(&desktop("org.test.Maps")), "maps").as_str(),
            "net.test.Maps"
        );
    }
}
