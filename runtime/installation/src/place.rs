//! Where installations are: the system's, the user's, and extra ones that the administrator named.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_model::{AppId, Keyfile, Kind, PartialRef, Ref};

use crate::{Deploy, Installation, InstallationError, Result, Scope};

/// Under which name the program was called; it decides whose directories are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledAs {
    /// `aril`, with directories and variables of our own.
    Aril,
    /// `flatpak`, by a link: Flatpak's directories and variables.
    Flatpak,
}

impl CalledAs {
    /// Reads it from the first argument of the program, of which the last part counts: `/usr/bin/flatpak`.
    ///
    /// Programs of ours that start each other pass it on in the same way.
    pub fn from_program(argument: &OsStr) -> Self {
        match Path::new(argument).file_name() {
            Some(name) if name == "flatpak" => Self::Flatpak,
            _ => Self::Aril,
        }
    }
}

/// The paths of installations, as environment and administrator give them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The user's: `~/.local/share/aril`.
    pub user: PathBuf,
    /// The system's: `/var/lib/aril`.
    pub system: PathBuf,
    /// Extra ones: name and path.
    pub extra: Vec<(String, PathBuf)>,
}

impl Places {
    /// Works out the paths; `variable` looks up the environment.
    ///
    /// As `aril`: `ARIL_USER_DIR`, else `$XDG_DATA_HOME/aril`, else `~/.local/share/aril`; `ARIL_SYSTEM_DIR`, else `/var/lib/aril`; extra
    /// ones from `installations.d` in `ARIL_CONFIG_DIR`, else `/etc/aril`. As `flatpak` the same with Flatpak's names.
    ///
    /// # Errors
    /// [`InstallationError::NoHome`] when the user's cannot be known. A broken file in `installations.d` is left out.
    pub fn find(called_as: CalledAs, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        let (name, prefix) = match called_as {
            CalledAs::Aril => ("aril", "ARIL"),
            CalledAs::Flatpak => ("flatpak", "FLATPAK"),
        };
        let path = |key: String| variable(&key).map(PathBuf::from).filter(|path| path.is_absolute());
        let data_home = || {
            path("XDG_DATA_HOME".into())
                .or_else(|| path("HOME".into()).map(|home| home.join(".local/share")))
                .map(|d| d.join(name))
        };
        let user = path(format!("{prefix}_USER_DIR")).or_else(data_home).ok_or(InstallationError::NoHome)?;
        let system =
            path(format!("{prefix}_SYSTEM_DIR")).unwrap_or_else(|| PathBuf::from(format!("/var/lib/{name}")));
        let config =
            path(format!("{prefix}_CONFIG_DIR")).unwrap_or_else(|| PathBuf::from(format!("/etc/{name}")));
        Ok(Self { user, system, extra: extra_installations(&config) })
    }
}

/// The files of `installations.d`: `[Installation "NAME"]` with `Path=`.
///
/// Source: `flatpak-installation(5)`.
fn extra_installations(config: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let Ok(dir) = Dir::open(config.join("installations.d")) else { return found };
    for entry in dir.entries("").unwrap_or_default() {
        let Ok(text) = dir.read_to_string(&entry.name, 1 << 16) else { continue };
        let Ok(file) = Keyfile::parse(&text) else { continue };
        for group in file.group_names() {
            let name = group.strip_prefix("Installation \"").and_then(|rest| rest.strip_suffix('"'));
            let path = file.get(group, "Path").map(PathBuf::from).filter(|path| path.is_absolute());
            if let (Some(name), Some(path)) = (name, path) {
                found.push((name.to_owned(), path));
            }
        }
    }
    found
}

/// The installations that are there, the user's first.
#[derive(Debug)]
pub struct Installations {
    all: Vec<Installation>,
}

impl Installations {
    /// Opens those that exist; one that does not exist has nothing installed.
    ///
    /// # Errors
    /// When one exists and cannot be read.
    pub fn open(places: &Places) -> Result<Self> {
        let mut all = Vec::new();
        all.extend(Installation::open(Scope::User, &places.user)?);
        all.extend(Installation::open(Scope::System, &places.system)?);
        for (name, path) in &places.extra {
            all.extend(Installation::open(Scope::Extra(name.clone()), path)?);
        }
        Ok(Self { all })
    }

    /// Takes installations in the given order.
    pub fn from_vec(all: Vec<Installation>) -> Self {
        Self { all }
    }

    /// Each installation, the user's first.
    pub fn iter(&self) -> impl Iterator<Item = &Installation> {
        self.all.iter()
    }

    /// The active deploy of a ref in the first installation that has it.
    ///
    /// # Errors
    /// When a deploy is damaged.
    pub fn find(&self, reference: &Ref) -> Result<Option<(&Installation, Deploy)>> {
        for installation in &self.all {
            if let Some(deploy) = installation.active(reference)? {
                return Ok(Some((installation, deploy)));
            }
        }
        Ok(None)
    }

    /// The deploy of `runtime` that a deploy of an app runs on: the one that it is held on, else the active one, its own installation first.
    ///
    /// `home` is the installation of the app.
    /// # Errors
    /// When a deploy or a note is damaged.
    pub fn runtime_of<'a>(
        &'a self,
        home: &'a Installation,
        app: &Deploy,
        runtime: &Ref,
    ) -> Result<Option<(&'a Installation, Deploy)>> {
        if let Some(held) = home.held_runtime(app.reference(), app.commit())?
            && let Some(deploy) = home.deploy(runtime, &held)?
        {
            return Ok(Some((home, deploy)));
        }
        if let Some(deploy) = home.active(runtime)? {
            return Ok(Some((home, deploy)));
        }
        self.find(runtime)
    }

    /// The refs that a person can mean, with the installation that has each: those of exactly this id; if there are none, those whose id
    /// ends with it.
    ///
    /// # Errors
    /// When an installation cannot be read.
    pub fn matching(&self, wanted: &PartialRef) -> Result<Vec<(&Installation, Ref)>> {
        let mut exact = Vec::new();
        let mut loose = Vec::new();
        for installation in &self.all {
            for reference in installation.refs()? {
                if wanted.matches(&reference) {
                    exact.push((installation, reference));
                } else if wanted.matches_loosely(&reference) {
                    loose.push((installation, reference));
                }
            }
        }
        Ok(if exact.is_empty() { loose } else { exact })
    }

    /// The app that `aril run` means by an id: the current one of the first installation that has it.
    ///
    /// # Errors
    /// When an installation cannot be read.
    pub fn current_app(&self, id: &AppId) -> Result<Option<(&Installation, Ref)>> {
        for installation in &self.all {
            if let Some(reference) = installation.current(id)? {
                return Ok(Some((installation, reference)));
            }
        }
        Ok(None)
    }

    /// The ids of all apps, for suggestions and completion.
    ///
    /// # Errors
    /// When an installation cannot be read.
    pub fn app_ids(&self) -> Result<Vec<AppId>> {
        let mut ids = Vec::new();
        for installation in &self.all {
            ids.extend(installation.refs()?.into_iter().filter(|r| r.kind == Kind::App).map(|r| r.id));
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(called_as: CalledAs, variables: &[(&str, &str)]) -> Result<Places> {
        let lookup = |key: &str| {
            variables.iter().find(|(name, _)| *name == key).map(|(_, value)| OsString::from(value))
        };
        Places::find(called_as, &lookup)
    }

    #[test]
    fn the_name_is_the_last_part() {
        for (argument, called_as) in [
            ("/usr/bin/flatpak", CalledAs::Flatpak),
            ("flatpak", CalledAs::Flatpak),
            ("/opt/flatpak/aril", CalledAs::Aril),
            ("", CalledAs::Aril),
        ] {
            assert_eq!(CalledAs::from_program(OsStr::new(argument)), called_as, "{argument}");
        }
    }

    #[test]
    fn an_app_stays_on_the_runtime_that_it_is_held_on() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        let (old, new) = ("a".repeat(64), "b".repeat(64));
        let (app, runtime) = ("app/org.test.Hello/x86_64/f1", "runtime/org.test.Platform/x86_64/f1");
        for path in [format!("{app}/{old}"), format!("{runtime}/{old}"), format!("{runtime}/{new}")] {
            dir.create_dir_all(path, 0o755).unwrap();
        }
        dir.symlink(&old, format!("{app}/active")).unwrap();
        dir.symlink(&new, format!("{runtime}/active")).unwrap();
        let home = Installation::open(Scope::User, place.path()).unwrap().unwrap();
        let all = Installations::from_vec(Vec::new());
        let (app, runtime): (Ref, Ref) = (app.parse().unwrap(), runtime.parse().unwrap());
        let deploy = home.active(&app).unwrap().unwrap();
        let runs_on = || all.runtime_of(&home, &deploy, &runtime).unwrap().unwrap().1.commit().to_string();
        assert_eq!(runs_on(), new);
        let note = Installation::hold_path(&app, deploy.commit());
        dir.create_dir_all(note.parent().unwrap(), 0o755).unwrap();
        dir.symlink(&old, &note).unwrap();
        assert_eq!(runs_on(), old);
        dir.remove_tree(format!("{runtime}/{old}")).unwrap();
        assert_eq!(runs_on(), new, "one that is gone holds nothing");
        dir.replace_symlink("../x", &note).unwrap();
        assert!(all.runtime_of(&home, &deploy, &runtime).is_err());
        assert_eq!(home.deploys(&app).unwrap().len(), 1);
    }

    #[test]
    fn paths_follow_name_and_environment() {
        let places = find(CalledAs::Aril, &[("HOME", "/home/u")]).unwrap();
        assert_eq!(places.user, PathBuf::from("/home/u/.local/share/aril"));
        assert_eq!(places.system, PathBuf::from("/var/lib/aril"));
        let places =
            find(CalledAs::Aril, &[("HOME", "/home/u"), ("XDG_DATA_HOME", "/d"), ("ARIL_SYSTEM_DIR", "/s")])
                .unwrap();
        assert_eq!((places.user, places.system), (PathBuf::from("/d/aril"), PathBuf::from("/s")));
        let places = find(
            CalledAs::Flatpak,
            &[("HOME", "/home/u"), ("ARIL_USER_DIR", "/no"), ("FLATPAK_USER_DIR", "/f")],
        )
        .unwrap();
        assert_eq!((places.user, places.system), (PathBuf::from("/f"), PathBuf::from("/var/lib/flatpak")));
        assert!(matches!(find(CalledAs::Aril, &[("HOME", "relative")]), Err(InstallationError::NoHome)));
    }
}
