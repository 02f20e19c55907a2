//! What a runtime is made of: the packages that it must have, and how it is called.
//!
//! Source: `docs/format/manifest.md`.

use std::collections::BTreeMap;

use aril_model::{AppId, Arch, Branch, Hint, Kind, NameError, Ref};
use serde::Deserialize;

/// Largest manifest that is read, in bytes.
pub const MAX_MANIFEST: u64 = 1 << 20;

/// A manifest as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    id: String,
    branch: String,
    packages: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    weak_dependencies: bool,
    sdk: Option<String>,
    runtime: Option<String>,
    title: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    extensions: BTreeMap<String, BTreeMap<String, toml::Value>>,
}

/// A manifest that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The id of the runtime.
    pub id: AppId,
    /// Its branch.
    pub branch: Branch,
    /// What must be in it: names, things that are provided, files.
    pub packages: Vec<String>,
    /// The same, taken where they are there and can be had.
    pub optional: Vec<String>,
    /// Patterns of names that must not be in it.
    pub exclude: Vec<String>,
    /// Whether recommended packages come, too.
    pub weak_dependencies: bool,
    /// The id of the sdk that belongs to it; its own if it is one.
    pub sdk: Option<AppId>,
    /// For an sdk the runtime that apps built with it run on.
    pub runtime: Option<AppId>,
    /// Words for people.
    pub title: Option<String>,
    /// Variables that apps on it get.
    pub environment: BTreeMap<String, String>,
    /// Extension points, each with its keys.
    pub extensions: BTreeMap<String, BTreeMap<String, String>>,
    /// The file's text, which the commit keeps.
    pub text: String,
}

/// A text that is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, or with keys that are unknown, missing or of another type.
    #[error("the manifest cannot be read: {0}")]
    Toml(String),
    /// A name in it is none.
    #[error("the manifest's {key} is wrong: {source}")]
    Name {
        /// Which key.
        key: &'static str,
        /// Why.
        source: NameError,
    },
    /// A branch that belongs to somebody else.
    #[error("the branch '{0}' of Fedora's own runtimes is not ours to build")]
    ForeignBranch(String),
    /// No package.
    #[error("the manifest names no package")]
    NoPackages,
    /// A variable or a key that cannot stand in a keyfile.
    #[error("'{0}' cannot be a name in the manifest's {1}")]
    Key(String, &'static str),
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ForeignBranch(branch) => {
                Some(format!("call it `{branch}-rpm`, as it is made of binary packages"))
            }
            _ => None,
        }
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let written: Written =
            toml::from_str(text).map_err(|error| ManifestError::Toml(error.message().to_owned()))?;
        let id =
            |key, text: &str| text.parse::<AppId>().map_err(|source| ManifestError::Name { key, source });
        let optional = |key, text: &Option<String>| text.as_deref().map(|text| id(key, text)).transpose();
        let manifest = Self {
            id: id("id", &written.id)?,
            branch: written.branch.parse().map_err(|source| ManifestError::Name { key: "branch", source })?,
            sdk: optional("sdk", &written.sdk)?,
            runtime: optional("runtime", &written.runtime)?,
            extensions: extensions(written.extensions)?,
            packages: written.packages,
            optional: written.optional,
            exclude: written.exclude,
            weak_dependencies: written.weak_dependencies,
            title: written.title,
            environment: written.environment,
            text: text.to_owned(),
        };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let is_release = |text: &str| {
            text.strip_prefix('f')
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if self.id.as_str().starts_with("org.fedoraproject.") && is_release(self.branch.as_str()) {
            return Err(ManifestError::ForeignBranch(self.branch.to_string()));
        }
        if self.packages.is_empty() {
            return Err(ManifestError::NoPackages);
        }
        let is_variable = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match self.environment.keys().find(|name| !is_variable(name)) {
            Some(name) => Err(ManifestError::Key(aril_model::printable(name).into_owned(), "environment")),
            None => Ok(()),
        }
    }

    /// The ref that it makes.
    pub fn reference(&self, arch: &Arch) -> Ref {
        Ref { kind: Kind::Runtime, id: self.id.clone(), arch: arch.clone(), branch: self.branch.clone() }
    }
}

fn extensions(
    written: BTreeMap<String, BTreeMap<String, toml::Value>>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, ManifestError> {
    let mut extensions = BTreeMap::new();
    for (name, keys) in written {
        let is_name = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !is_name(&name, "._-@") {
            return Err(ManifestError::Key(aril_model::printable(&name).into_owned(), "extensions"));
        }
        let mut texts = BTreeMap::new();
        for (key, value) in keys {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(ManifestError::Key(aril_model::printable(&key).into_owned(), "extensions")),
            };
            if !is_name(&key, "-") {
                return Err(ManifestError::Key(aril_model::printable(&key).into_owned(), "extensions"));
            }
            texts.insert(key, text);
        }
        extensions.insert(name, texts);
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "id = 'org.test.Platform'\nbranch = 'f42-rpm'\npackages = ['bash']\n";

    #[test]
    fn small_and_whole() {
        let manifest = Manifest::parse(SMALL).unwrap();
        assert_eq!(
            manifest.reference(&"x86_64".parse().unwrap()).to_string(),
            "runtime/org.test.Platform/x86_64/f42-rpm"
        );
        assert_eq!(manifest.text, SMALL);
        let text = format!(
            "{SMALL}exclude = ['*-debuginfo']\nweak-dependencies = true\nsdk = 'org.test.Sdk'\ntitle = 'T'\n[environment]\nPATH = '/usr/bin'\n[extensions.'org.test.GL']\ndirectory = 'lib64/GL'\nsubdirectories = true\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.extensions["org.test.GL"]["subdirectories"], "true");
        assert!(manifest.weak_dependencies);
    }

    #[test]
    fn ours_can_be_read() {
        for text in [
            include_str!("../../sdk-manifests/f42/platform.toml"),
            include_str!("../../sdk-manifests/f42/sdk.toml"),
        ] {
            let manifest = Manifest::parse(text).unwrap();
            assert_eq!(manifest.branch.as_str(), "f42-rpm");
            let mut names = [manifest.packages.clone(), manifest.optional.clone()].concat();
            names.sort();
            names.dedup();
            assert_eq!(
                names.len(),
                manifest.packages.len() + manifest.optional.len(),
                "a package is named twice"
            );
        }
    }

    #[test]
    fn refused() {
        let wrong = [
            "",
            "id = 'x'",
            "id = 'org.test.Platform'\nbranch = '../x'\npackages = ['bash']",
            "id = 'org.test'\nbranch = 'x'\npackages = ['bash']",
            "id = 'org.test.Platform'\nbranch = 'x'\npackages = []",
            &format!("{SMALL}pakages = ['x']"),
            &format!("{SMALL}[environment]\n'A=B' = 'x'"),
            &format!("{SMALL}[extensions.\"a]\\n[b\"]\ndirectory = 'x'"),
            &format!("{SMALL}[extensions.'org.x.Y']\n'a=b' = 'x'"),
            &format!("{SMALL}[extensions.'org.x.Y']\ndirectory = 3"),
        ];
        for text in wrong {
            assert!(Manifest::parse(text).is_err(), "{text:?}");
        }
        let foreign = SMALL.replace("org.test", "org.fedoraproject").replace("f42-rpm", "f42");
        assert_eq!(Manifest::parse(&foreign), Err(ManifestError::ForeignBranch("f42".into())));
    }
}
