//! One installed ref as lists and `info` show it: read as late as can be, since most columns need little.

use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::rc::Rc;

use aril_beneath::Dir;
use aril_installation::{CommitFacts, Deploy, DeployRecord, Installation, Scope};
use aril_model::{AppId, CommitId, Layout, Metadata, Ref};
use aril_terminal::Failure;

/// An installed ref.
pub(crate) struct Installed {
    /// Whose installation it is in.
    pub(crate) scope: Scope,
    /// The active deploy.
    pub(crate) deploy: Deploy,
    /// Whether it is the one that is meant when only the app's id is said.
    pub(crate) is_current: bool,
    shared: Rc<Shared>,
    record: OnceCell<DeployRecord>,
    metadata: OnceCell<Option<Metadata>>,
}

/// What all refs of an installation share.
pub(crate) struct Shared {
    dir: Dir,
    languages: Vec<String>,
    problems: RefCell<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(installation: &Installation, languages: &[String]) -> Result<Rc<Self>, Failure> {
        let dir = installation.dir().try_clone().map_err(|error| Failure::of(&error))?;
        Ok(Rc::new(Self { dir, languages: languages.to_vec(), problems: RefCell::default() }))
    }

    /// What could not be read so far, and was left out.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.take()
    }

    fn note(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }
}

impl Installed {
    pub(crate) fn new(
        installation: &Installation,
        deploy: Deploy,
        shared: &Rc<Shared>,
    ) -> Result<Self, Failure> {
        let is_current = installation.current(&deploy.reference().id)?.as_ref() == Some(deploy.reference());
        Ok(Self {
            scope: installation.scope().clone(),
            deploy,
            is_current,
            shared: Rc::clone(shared),
            record: OnceCell::new(),
            metadata: OnceCell::new(),
        })
    }

    pub(crate) fn reference(&self) -> &Ref {
        self.deploy.reference()
    }

    /// The record of the deploy; one that is damaged counts as empty, and is noted.
    pub(crate) fn record(&self) -> &DeployRecord {
        self.record.get_or_init(|| {
            self.deploy.record().unwrap_or_else(|error| {
                self.shared.note(format!("{}: {error}", self.reference()));
                DeployRecord::default()
            })
        })
    }

    /// The metadata; `None` if it is damaged, which is noted.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        let read = || self.deploy.metadata().map_err(|error| self.shared.note(error.to_string())).ok();
        self.metadata.get_or_init(read).as_ref()
    }

    /// A text about the app in the person's language: `name`, `summary`.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let texts = &self.record().texts;
        let localised = |language: &String| texts.get(&format!("appdata-{key}@{language}"));
        self.shared
            .languages
            .iter()
            .find_map(localised)
            .or_else(|| texts.get(&format!("appdata-{key}")))
            .cloned()
    }

    /// The name for people: as the app gives it, else the last part of its id, for runtimes with the one before it.
    pub(crate) fn name(&self) -> String {
        self.text("name").unwrap_or_else(|| name_of(&self.reference().id))
    }

    /// The version, as the app says it, else as the package that it was made of does.
    pub(crate) fn version(&self) -> Option<String> {
        let of_package = || {
            let facts = CommitFacts::read(&self.shared.dir, self.deploy.commit());
            let facts = facts.map_err(|error| self.shared.note(error.to_string())).ok()??;
            facts.text("aril.evr").map(str::to_owned)
        };
        self.text("version").or_else(of_package)
    }

    /// The runtime of an app, without its kind.
    pub(crate) fn runtime(&self) -> Option<String> {
        let recorded = self.record().texts.get("runtime").filter(|text| !text.is_empty()).cloned();
        recorded.or_else(|| Some(self.metadata()?.runtime.as_ref()?.without_kind()))
    }

    pub(crate) fn layout(&self) -> Option<Layout> {
        self.metadata().map(|metadata| metadata.layout)
    }

    /// The newest commit that was pulled, if it is another than the active one: as ostree's ref files say it.
    pub(crate) fn latest(&self) -> Option<CommitId> {
        let path =
            Path::new("repo/refs/remotes").join(&self.record().origin).join(self.reference().to_string());
        let latest: CommitId = self.shared.dir.read_to_string(path, 256).ok()?.trim().parse().ok()?;
        (latest != *self.deploy.commit()).then_some(latest)
    }

    /// What is special about it.
    ///
    /// Source: `flatpak list`, the column `options`.
    pub(crate) fn options(&self) -> Vec<String> {
        let record = self.record();
        let mut options = vec![self.scope.to_string()];
        if self.reference().kind == aril_model::Kind::Runtime {
            options.push("runtime".to_owned());
        } else if self.is_current {
            options.push("current".to_owned());
        }
        if !record.subpaths.is_empty() {
            options.push("partial".to_owned());
        }
        for (key, word) in [("alt-id", "alt-id"), ("eol", "eol"), ("eolr", "eol-rebase")] {
            options.extend(record.texts.get(key).map(|text| format!("{word}={text}")));
        }
        options
    }
}

/// `Maps` of `org.gnome.Maps`; `fedoraproject platform` of `org.fedoraproject.Platform`, of which there are many.
fn name_of(id: &AppId) -> String {
    let mut parts = id.as_str().rsplit('.');
    match (parts.next(), parts.next()) {
        (Some(last @ ("Platform" | "Sdk")), Some(before)) => format!("{before} {}", last.to_lowercase()),
        _ => id.last_part().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn names_of_ids() {
        for (id, name) in [
            ("org.gnome.Maps", "Maps"),
            ("org.fedoraproject.Platform", "fedoraproject platform"),
            ("org.freedesktop.Platform.GL", "GL"),
        ] {
            assert_eq!(name_of(&id.parse().unwrap()), name);
        }
    }
}
