//! Refs: what is installed and pulled, `app/org.gnome.Maps/x86_64/stable`; and the parts of one that a person types.

use std::fmt;
use std::str::FromStr;

use crate::{AppId, Arch, Branch, NameError};

/// Whether a ref is an app or a runtime; extensions and sdks are runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something to start.
    App,
    /// Something that apps run on, or that is mounted into one.
    Runtime,
}

impl Kind {
    /// `app` or `runtime`, as in refs and directory names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Runtime => "runtime",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        match text {
            "app" => Ok(Self::App),
            "runtime" => Ok(Self::Runtime),
            _ => Err(RefError::Kind(crate::printable(text).into_owned())),
        }
    }
}

/// A complete ref: `KIND/ID/ARCH/BRANCH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// App or runtime.
    pub kind: Kind,
    /// The id.
    pub id: AppId,
    /// The architecture.
    pub arch: Arch,
    /// The branch.
    pub branch: Branch,
}

impl Ref {
    /// A runtime's ref from the form that metadata uses: `ID/ARCH/BRANCH`.
    ///
    /// # Errors
    /// Tells which part is missing or wrong.
    pub fn runtime(text: &str) -> Result<Self, RefError> {
        let [id, arch, branch] = split(text)?;
        Ok(Self { kind: Kind::Runtime, id: id.parse()?, arch: arch.parse()?, branch: branch.parse()? })
    }

    /// The form that metadata uses: `ID/ARCH/BRANCH`.
    pub fn without_kind(&self) -> String {
        format!("{}/{}/{}", self.id, self.arch, self.branch)
    }
}

impl FromStr for Ref {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let [kind, id, arch, branch] = split(text)?;
        Ok(Self { kind: kind.parse()?, id: id.parse()?, arch: arch.parse()?, branch: branch.parse()? })
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}/{}/{}", self.kind, self.id, self.arch, self.branch))
    }
}

fn split<const N: usize>(text: &str) -> Result<[&str; N], RefError> {
    text.split('/')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| RefError::Parts { text: crate::printable(text).into_owned(), wanted: N })
}

/// What a person types for a ref: `ID`, `ID//BRANCH`, `ID/ARCH`, `app/ID/ARCH/BRANCH`; what is left out is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialRef {
    /// App or runtime, if said.
    pub kind: Option<Kind>,
    /// The id, or a name that is not a whole id yet, such as `maps`.
    pub name: String,
    /// The architecture, if said.
    pub arch: Option<Arch>,
    /// The branch, if said.
    pub branch: Option<Branch>,
}

impl PartialRef {
    /// Whether `other` is one that the person may have meant by exactly this id.
    pub fn matches(&self, other: &Ref) -> bool {
        self.name == other.id.as_str() && self.matches_besides_name(other)
    }

    /// Whether `other` is one that the person may have meant by the last part of its id, whatever the case: `maps`.
    pub fn matches_loosely(&self, other: &Ref) -> bool {
        self.name.eq_ignore_ascii_case(other.id.last_part()) && self.matches_besides_name(other)
    }

    fn matches_besides_name(&self, other: &Ref) -> bool {
        self.kind.is_none_or(|kind| kind == other.kind)
            && self.arch.as_ref().is_none_or(|arch| *arch == other.arch)
            && self.branch.as_ref().is_none_or(|branch| *branch == other.branch)
    }
}

impl FromStr for PartialRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let mut parts = text.split('/').peekable();
        let kind = match parts.peek() {
            Some(&"app") => Some(Kind::App),
            Some(&"runtime") => Some(Kind::Runtime),
            _ => None,
        };
        if kind.is_some() {
            parts.next();
        }
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c)) {
            return Err(RefError::Name(crate::printable(text).into_owned()));
        }
        let arch = parts.next().filter(|part| !part.is_empty()).map(str::parse).transpose()?;
        let branch = parts.next().filter(|part| !part.is_empty()).map(str::parse).transpose()?;
        if parts.next().is_some() {
            return Err(RefError::Parts { text: crate::printable(text).into_owned(), wanted: 4 });
        }
        Ok(Self { kind, name: name.to_owned(), arch, branch })
    }
}

impl fmt::Display for PartialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{kind}/")?;
        }
        f.write_str(&self.name)?;
        match (&self.arch, &self.branch) {
            (None, None) => Ok(()),
            (Some(arch), None) => write!(f, "/{arch}"),
            (arch, Some(branch)) => write!(f, "/{}/{branch}", arch.as_ref().map_or("", Arch::as_str)),
        }
    }
}

/// Why a text is not a ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// Too few or too many parts.
    #[error("'{text}' is not a ref: it needs {wanted} parts with / between them")]
    Parts {
        /// What was given.
        text: String,
        /// How many parts it should have.
        wanted: usize,
    },
    /// The first part is neither `app` nor `runtime`.
    #[error("'{0}' is not a kind of ref: it is app or runtime")]
    Kind(String),
    /// A name that cannot be the beginning of anything.
    #[error("'{0}' cannot be the name of an app or runtime")]
    Name(String),
    /// One of the parts is wrong.
    #[error(transparent)]
    Part(#[from] NameError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        for text in ["app/org.gnome.Maps/x86_64/stable", "runtime/org.fedoraproject.Platform/x86_64/f42-rpm"]
        {
            assert_eq!(text.parse::<Ref>().unwrap().to_string(), text);
        }
        let runtime = Ref::runtime("org.fedoraproject.Platform/x86_64/f42").unwrap();
        assert_eq!(runtime.to_string(), "runtime/org.fedoraproject.Platform/x86_64/f42");
        assert_eq!(runtime.without_kind(), "org.fedoraproject.Platform/x86_64/f42");
    }

    #[test]
    fn refused() {
        for bad in [
            "",
            "app",
            "app/org.gnome.Maps",
            "app/org.gnome.Maps/x86_64",
            "app/org.gnome.Maps/x86_64/stable/more",
            "lib/org.gnome.Maps/x86_64/stable",
            "app/../x86_64/stable",
            "app/org.gnome.Maps/../stable",
        ] {
            assert!(bad.parse::<Ref>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn partial() {
        let whole: Ref = "app/org.gnome.Maps/x86_64/stable".parse().unwrap();
        for (text, exact, loose) in [
            ("org.gnome.Maps", true, false),
            ("org.gnome.Maps//stable", true, false),
            ("org.gnome.Maps/x86_64", true, false),
            ("app/org.gnome.Maps/x86_64/stable", true, false),
            ("runtime/org.gnome.Maps", false, false),
            ("org.gnome.Maps//beta", false, false),
            ("maps", false, true),
        ] {
            let partial: PartialRef = text.parse().unwrap();
            assert_eq!(partial.to_string(), text);
            assert_eq!((partial.matches(&whole), partial.matches_loosely(&whole)), (exact, loose), "{text}");
        }
        assert!("".parse::<PartialRef>().is_err());
        assert!("a b".parse::<PartialRef>().is_err());
        assert!("a/b/c/d/e".parse::<PartialRef>().is_err());
    }
}
