//! What the environment says: whose installation is meant, and where things outside of it are. The only reader of it in this program.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use aril_installation::{CalledAs, Installation, Places, Scope};
use aril_model::{PartialRef, nearest};
use aril_terminal::args::{ScopeArgs, ScopeChoice};
use aril_terminal::{Failure, Terminal, program};
use aril_transaction::{Host, LockedInstallation};

/// The environment, read once.
pub(crate) struct Environment {
    called_as: CalledAs,
    places: Places,
    starter: Vec<String>,
    data_home: Option<PathBuf>,
    app_data: Option<PathBuf>,
}

impl Environment {
    pub(crate) fn read(line: &[OsString]) -> Result<Self, Failure> {
        let first = line.first().map_or(OsStr::new(""), OsString::as_os_str);
        let called_as = CalledAs::from_program(first);
        let variable = |key: &str| std::env::var_os(key);
        let path = |key: &str| variable(key).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = path("HOME");
        let data_home = path("XDG_DATA_HOME").or_else(|| Some(home.as_ref()?.join(".local/share")));
        Ok(Self {
            called_as,
            places: Places::find(called_as, &variable)?,
            starter: starter(called_as, &path),
            data_home: data_home.filter(|_| called_as == CalledAs::Aril),
            app_data: home.map(|home| home.join(".var/app")),
        })
    }

    /// Opens the installation that something new is put into.
    pub(crate) fn open(
        &self,
        scope: &ScopeArgs,
        terminal: &Terminal,
    ) -> Result<(LockedInstallation, Host), Failure> {
        let (scope, path) = self.place(scope)?;
        self.open_at(scope, path, terminal)
    }

    /// Opens the installation that has what is named; the first that has any of it, if it was not said which.
    pub(crate) fn open_with(
        &self,
        scope: &ScopeArgs,
        names: &[PartialRef],
        terminal: &Terminal,
    ) -> Result<(LockedInstallation, Host), Failure> {
        if scope.choice() == ScopeChoice::Default {
            for (scope, path) in self.all() {
                let Some(installation) = Installation::open(scope.clone(), &path)? else { continue };
                let refs = installation.refs()?;
                let has = |name: &PartialRef| refs.iter().any(|r| name.matches(r) || name.matches_loosely(r));
                if names.iter().any(has) {
                    return self.open_at(scope, path, terminal);
                }
            }
        }
        self.open(scope, terminal)
    }

    /// The installations that exist and are looked at.
    pub(crate) fn existing(&self) -> Result<Vec<Installation>, Failure> {
        let mut found = Vec::new();
        for (scope, path) in self.all() {
            found.extend(Installation::open(scope, path)?);
        }
        Ok(found)
    }

    fn open_at(
        &self,
        scope: Scope,
        path: PathBuf,
        terminal: &Terminal,
    ) -> Result<(LockedInstallation, Host), Failure> {
        let host = self.host(&path);
        let mut waiting = || terminal.tell("waiting until another change has ended");
        let at = LockedInstallation::open(scope, &path, self.called_as, &host, &mut waiting)?;
        Ok((at, host))
    }

    fn host(&self, chosen: &PathBuf) -> Host {
        let find = |name: &str| program::find(name).ok();
        Host {
            starter: self.starter.clone(),
            data_home: self.data_home.clone(),
            app_data: self.app_data.clone(),
            launcher: find("aril-launch"),
            builder: find("aril-build"),
            others: self.all().into_iter().filter(|(_, path)| path != chosen).collect(),
        }
    }

    fn place(&self, scope: &ScopeArgs) -> Result<(Scope, PathBuf), Failure> {
        match (scope.choice(), self.called_as) {
            (ScopeChoice::User, _) | (ScopeChoice::Default, CalledAs::Aril) => {
                Ok((Scope::User, self.places.user.clone()))
            }
            (ScopeChoice::System, _) | (ScopeChoice::Default, CalledAs::Flatpak) => {
                Ok((Scope::System, self.places.system.clone()))
            }
            (ScopeChoice::Named(name), _) => Ok((Scope::Extra(name.clone()), self.extra(&name)?)),
        }
    }

    fn all(&self) -> Vec<(Scope, PathBuf)> {
        let own = [(Scope::User, self.places.user.clone()), (Scope::System, self.places.system.clone())];
        let extra = self.places.extra.iter().map(|(name, path)| (Scope::Extra(name.clone()), path.clone()));
        own.into_iter().chain(extra).collect()
    }

    fn extra(&self, name: &str) -> Result<PathBuf, Failure> {
        let extra = &self.places.extra;
        if let Some((_, path)) = extra.iter().find(|(known, _)| known == name) {
            return Ok(path.clone());
        }
        let failure = Failure::new(format!("there is no installation '{name}'"));
        Err(match nearest(name, extra.iter().map(|(known, _)| known.as_str())) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint("`--user` and `--system` are there"),
        })
    }
}

/// What exported files start: `aril-launch run`, or what packagers and tests put in its place by `ARIL_EXPORT_PROGRAM`; as `flatpak` the
/// program of that name, or `FLATPAK_BINARY`, as Flatpak has it.
fn starter(called_as: CalledAs, path: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<String> {
    let own = |name: &str| {
        let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
        beside.unwrap_or_else(|| PathBuf::from("/usr/bin").join(name))
    };
    let program = match called_as {
        CalledAs::Aril => path("ARIL_EXPORT_PROGRAM")
            .or_else(|| program::find("aril-launch").ok())
            .unwrap_or_else(|| own("aril-launch")),
        CalledAs::Flatpak => path("FLATPAK_BINARY").unwrap_or_else(|| PathBuf::from("/usr/bin/flatpak")),
    };
    vec![program.to_string_lossy().into_owned(), "run".to_owned()]
}
