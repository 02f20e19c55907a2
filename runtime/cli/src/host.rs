//! Where things are: read once from environment and name, into one typed value.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use aril_installation::{CalledAs, Installation, Installations, Places, Scope};
use aril_model::nearest;
use aril_terminal::Failure;
use aril_terminal::args::{ScopeArgs, ScopeChoice, ScopeFilter};

/// What the environment says.
#[derive(Debug)]
pub(crate) struct Host {
    /// By which name.
    called_as: CalledAs,
    /// Where installations lie.
    places: Places,
    /// Where running sandboxes are noted.
    pub(crate) runtime_dir: Option<PathBuf>,
    /// The user's languages, best first: `de_AT`, `de`.
    pub(crate) languages: Vec<String>,
}

impl Host {
    pub(crate) fn from_environment(line: &[OsString]) -> Result<Self, Failure> {
        let first = line.first().map_or(OsStr::new(""), OsString::as_os_str);
        let variable = |key: &str| std::env::var_os(key);
        let text = |key: &str| variable(key).and_then(|value| value.into_string().ok());
        let called_as = CalledAs::from_program(first);
        Ok(Self {
            called_as,
            places: Places::find(called_as, &variable)?,
            runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute()),
            languages: languages(&text),
        })
    }

    /// The installations that exist and are looked at.
    pub(crate) fn installations(&self, filter: &ScopeFilter) -> Result<Installations, Failure> {
        for name in filter.names() {
            self.extra(name)?;
        }
        let mut chosen = Vec::new();
        for (scope, path) in self.all() {
            if filter.includes(&choice(&scope)) {
                chosen.extend(Installation::open(scope, path)?);
            }
        }
        Ok(Installations::from_vec(chosen))
    }

    /// The path of the installation that is changed.
    pub(crate) fn path(&self, args: &ScopeArgs) -> Result<(Scope, PathBuf), Failure> {
        match (args.choice(), self.called_as) {
            // Flatpak's default is the system, ours the user.
            (ScopeChoice::System, _) | (ScopeChoice::Default, CalledAs::Flatpak) => {
                Ok((Scope::System, self.places.system.clone()))
            }
            (ScopeChoice::User, _) | (ScopeChoice::Default, CalledAs::Aril) => {
                Ok((Scope::User, self.places.user.clone()))
            }
            (ScopeChoice::Named(name), _) => Ok((Scope::Extra(name.clone()), self.extra(&name)?)),
        }
    }

    fn all(&self) -> impl Iterator<Item = (Scope, PathBuf)> {
        let extra = self.places.extra.iter().map(|(name, path)| (Scope::Extra(name.clone()), path.clone()));
        [(Scope::User, self.places.user.clone()), (Scope::System, self.places.system.clone())]
            .into_iter()
            .chain(extra)
    }

    fn extra(&self, name: &str) -> Result<PathBuf, Failure> {
        let extra = &self.places.extra;
        if let Some((_, path)) = extra.iter().find(|(known, _)| known == name) {
            return Ok(path.clone());
        }
        let names: Vec<&str> = extra.iter().map(|(known, _)| known.as_str()).collect();
        let failure = Failure::new(format!("there is no installation '{}'", aril_model::printable(name)));
        Err(match (nearest(name, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => failure.with_hint(format!("did you mean `{near}`?")),
            (None, false) => failure.with_hint(format!("it is one of {}", names.join(", "))),
            (None, true) => {
                failure.with_hint("none is named in installations.d; `--user` and `--system` are there")
            }
        })
    }
}

/// The word for a scope on the command line.
fn choice(scope: &Scope) -> ScopeChoice {
    match scope {
        Scope::User => ScopeChoice::User,
        Scope::System => ScopeChoice::System,
        Scope::Extra(name) => ScopeChoice::Named(name.clone()),
    }
}

/// The languages in which texts are shown, best first; `C` and `POSIX` are none.
///
/// Source: `setlocale(3)` for the order of the variables, "GNU gettext", `LANGUAGE`.
fn languages(variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let set = |key: &str| variable(key).filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default();
    let is_none = |locale: &str| matches!(locale, "" | "C" | "POSIX") || locale.starts_with("C.");
    if is_none(&locale) {
        return Vec::new();
    }
    let list = set("LANGUAGE").unwrap_or(locale);
    let mut languages = Vec::new();
    for entry in list.split(':') {
        let name = entry.split(['.', '@']).next().unwrap_or_default();
        if is_none(name) {
            continue;
        }
        languages.push(name.to_owned());
        languages.extend(name.split_once('_').map(|(language, _)| language.to_owned()));
    }
    languages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_best_first() {
        let languages = |variables: &[(&str, &str)]| {
            languages(&|key| {
                variables.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string())
            })
        };
        assert_eq!(languages(&[("LANG", "de_AT.UTF-8")]), ["de_AT", "de"]);
        assert_eq!(languages(&[("LANG", "de_DE.UTF-8"), ("LANGUAGE", "fr:nl_NL")]), ["fr", "nl_NL", "nl"]);
        assert_eq!(languages(&[("LANG", "de_DE"), ("LC_ALL", "C.UTF-8")]), Vec::<String>::new());
        assert_eq!(languages(&[]), Vec::<String>::new());
    }
}
