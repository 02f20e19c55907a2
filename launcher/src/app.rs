//! What is installed of an app: its deploy, its runtime's, the extensions of both, and the permissions that hold. Reads only.
mod context; // permissions of metadata, grant and overrides, with conditions decided
mod extensions; // which extensions are mounted where
mod find; // the app that a person means
mod trees; // what lies at the top of a deploy's files

use std::path::PathBuf;

use aril_beneath::{Lock, LockKind};
use aril_installation::{CalledAs, Deploy, Installation, Installations, Places};
use aril_model::{AppId, CommitId, Context, Layout, Metadata, Ref};

pub(crate) use context::{Asked, Conditions, decide};
pub(crate) use extensions::{Extension, Owner, Reasons};
pub(crate) use trees::Tops;

use crate::LaunchError;
use crate::arguments::RunRequest;

/// An app (or a runtime alone) with all that its sandbox is made of.
#[derive(Debug)]
pub(crate) struct App {
    /// What is started.
    pub(crate) reference: Ref,
    /// Its metadata.
    pub(crate) metadata: Metadata,
    /// The app's deploy; `None` when a runtime is started by itself.
    pub(crate) app: Option<Part>,
    /// The runtime's deploy.
    pub(crate) runtime: Part,
    /// Mounted extensions of app and runtime, by directory.
    pub(crate) extensions: Vec<Extension>,
    /// The caches of exactly these commits; `None` where there are none.
    pub(crate) derived: Option<Derived>,
    /// What the metadata asks for as far as it was granted, with the user's changes.
    pub(crate) context: Context,
    /// Lines of overrides that were left out because they are wrong.
    pub(crate) problems: Vec<String>,
    /// Held as long as the app runs, so that nobody removes its files.
    pub(crate) locks: Vec<Lock>,
}

/// The caches of a set of commits.
#[derive(Debug)]
pub(crate) struct Derived {
    /// The directory.
    pub(crate) path: PathBuf,
    /// Which of `usr` and `etc` it has.
    pub(crate) parts: Vec<&'static str>,
}

/// A deploy.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its ref.
    pub(crate) reference: Ref,
    /// Its commit.
    pub(crate) commit: CommitId,
    /// Its directory, with `files`.
    pub(crate) path: PathBuf,
    /// What lies at the top of its files.
    pub(crate) tops: Tops,
}

impl App {
    /// The id that data directories, bus names and portals know.
    pub(crate) fn id(&self) -> &AppId {
        &self.reference.id
    }

    /// How its files lie.
    pub(crate) fn layout(&self) -> Layout {
        if self.app.is_some() { self.metadata.layout } else { Layout::App }
    }

    /// Finds what a command line names.
    ///
    /// # Errors
    /// When it is not installed, its runtime is not, or something of it is damaged.
    pub(crate) fn find(
        request: &RunRequest,
        called_as: CalledAs,
        conditions: &Asked,
    ) -> Result<Self, LaunchError> {
        let places = Places::find(called_as, &|name| std::env::var_os(name))?;
        let installations = Installations::open(&places)?;
        let meant = find::app(&installations, request)?;
        let metadata = meant.deploy.metadata()?;
        let runtime = find::runtime(&installations, &meant, &metadata, request)?;
        let (app_deploy, runtime_deploy) = match &runtime {
            Some(runtime) => (Some(&meant.deploy), &runtime.deploy),
            None => (None, &meant.deploy),
        };
        let runtime_metadata = runtime_deploy.metadata()?;
        let extensions = extensions::list(
            &installations,
            app_deploy.map(|deploy| (deploy, &metadata)),
            (runtime_deploy, &runtime_metadata),
            conditions,
        )?;
        let (context, problems) = context::effective(
            &installations,
            meant.installation,
            (&metadata, &runtime_metadata),
            conditions,
        )?;
        let mut locks = Vec::new();
        for deploy in app_deploy.into_iter().chain([runtime_deploy]) {
            locks.extend(lock(deploy)?);
        }
        let app = app_deploy.map(Part::of).transpose()?;
        let runtime = Part::of(runtime_deploy)?;
        let derived = derived(meant.installation, app.as_ref(), &runtime, &extensions, &mut locks)?;
        let reference = meant.deploy.reference().clone();
        Ok(Self { reference, metadata, app, runtime, extensions, derived, context, problems, locks })
    }
}

impl Part {
    fn of(deploy: &Deploy) -> Result<Self, LaunchError> {
        Ok(Self {
            reference: deploy.reference().clone(),
            commit: deploy.commit().clone(),
            path: deploy.path(),
            tops: Tops::of(deploy)?,
        })
    }
}

fn lock(deploy: &Deploy) -> Result<Option<Lock>, LaunchError> {
    let files = deploy.files()?;
    // Without the file nobody looks for the lock; and a deploy is not written to.
    if !files.exists(".ref")? {
        return Ok(None);
    }
    Ok(files.try_lock(".ref", LockKind::Shared)?)
}

fn derived(
    home: &Installation,
    app: Option<&Part>,
    runtime: &Part,
    extensions: &[Extension],
    locks: &mut Vec<Lock>,
) -> Result<Option<Derived>, LaunchError> {
    if app.is_none() {
        return Ok(None);
    }
    let Some(dir) = home.derived(&commits(app, runtime, extensions))? else { return Ok(None) };
    if dir.exists(".ref")? {
        locks.extend(dir.try_lock(".ref", LockKind::Shared)?);
    }
    let mut parts = Vec::new();
    for part in ["usr", "etc"] {
        if dir.exists(part)? {
            parts.push(part);
        }
    }
    Ok(Some(Derived { path: dir.path().to_owned(), parts }))
}

fn commits<'a>(app: Option<&'a Part>, runtime: &'a Part, extensions: &'a [Extension]) -> Vec<&'a CommitId> {
    let parts = app.into_iter().chain([runtime]).map(|part| &part.commit);
    parts.chain(extensions.iter().filter_map(|extension| extension.commit.as_ref())).collect()
}
