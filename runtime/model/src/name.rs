//! Names that become parts of paths and refs, checked once: afterwards no `..`, `/`, NUL or control character can be in them.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {what}: {problem}")]
pub struct NameError {
    text: String,
    what: &'static str,
    problem: String,
}

impl NameError {
    fn new(text: &str, what: &'static str, problem: impl Into<String>) -> Self {
        Self { text: crate::printable(text).into_owned(), what, problem: problem.into() }
    }
}

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text).map_err(|problem| NameError::new(text, $what, problem))?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

checked_name!(
    /// The id of an app, a runtime or an extension: `org.gnome.Maps`.
    ///
    /// At least two dots, at most 255 bytes; each part is made of letters, digits and `_`, and does not begin with a digit; `-` may stand in
    /// the last part only.
    /// Source: D-Bus names as `flatpak` narrows them.
    AppId,
    "an app id",
    check_id
);

checked_name!(
    /// An architecture as refs name it: `x86_64`, `aarch64`, `i386`.
    Arch,
    "an architecture",
    check_arch
);

checked_name!(
    /// A branch: `stable`, `f42-rpm`. Letters, digits, `_`, `-` and, not first, `.`; at most 255 bytes.
    Branch,
    "a branch",
    check_branch
);

checked_name!(
    /// The name of a remote, a part of file and group names: letters, digits, `_`, `-` and, not first, `.`; at most 255 bytes.
    RemoteName,
    "a remote's name",
    check_branch
);

checked_name!(
    /// A version of a ref: the SHA-256 of its commit object as 64 lower-case hex digits.
    CommitId,
    "a commit",
    check_commit
);

checked_name!(
    /// One running sandbox: a number in decimal, as the field's tools write it, without leading zeros.
    InstanceId,
    "an instance",
    check_instance
);

impl AppId {
    /// The part after the last dot: `Maps` of `org.gnome.Maps`.
    pub fn last_part(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }

    /// Whether `name` is this id or lies below it: `org.gnome.Maps` and `org.gnome.Maps.Search` for `org.gnome.Maps`.
    ///
    /// What an app may export and own on the bus is limited to such names.
    pub fn covers(&self, name: &str) -> bool {
        name.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl Arch {
    /// The architecture that this program was compiled for.
    pub fn native() -> Self {
        let name = if cfg!(target_arch = "x86_64") {
            "x86_64"
        } else if cfg!(target_arch = "aarch64") {
            "aarch64"
        } else if cfg!(target_arch = "riscv64") {
            "riscv64"
        } else if cfg!(target_arch = "s390x") {
            "s390x"
        } else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
            "ppc64le"
        } else {
            "unknown"
        };
        Self(name.into())
    }
}

impl CommitId {
    /// The first twelve digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

fn check_id(text: &str) -> Result<(), String> {
    if text.len() > 255 {
        return Err("it is longer than 255 bytes".into());
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() < 3 {
        return Err("it needs at least two dots, as in org.gnome.Maps".into());
    }
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        let Some(first) = part.chars().next() else {
            return Err("a part of it is empty".into());
        };
        if !(first.is_ascii_alphabetic() || first == '_' || first == '-' && index == last) {
            return Err(format!("the part '{}' must begin with a letter or _", crate::printable(part)));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == '-' && index == last);
        if let Some(wrong) = part.chars().find(|&c| !allowed(c)) {
            let more = if wrong == '-' { " before the last dot" } else { "" };
            return Err(format!("{wrong:?} cannot stand in it{more}"));
        }
    }
    Ok(())
}

fn check_arch(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 64 {
        return Err("it must have 1 to 64 characters".into());
    }
    match text.chars().find(|&c| !(c.is_ascii_alphanumeric() || c == '_')) {
        Some(wrong) => Err(format!("{wrong:?} cannot stand in it")),
        None => Ok(()),
    }
}

fn check_branch(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 255 {
        return Err("it must have 1 to 255 characters".into());
    }
    if text.starts_with('.') {
        return Err("it must not begin with a dot".into());
    }
    match text.chars().find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
        Some(wrong) => Err(format!("{wrong:?} cannot stand in it")),
        None => Ok(()),
    }
}

fn check_commit(text: &str) -> Result<(), String> {
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("it must be 64 lower-case hex digits".into());
    }
    Ok(())
}

fn check_instance(text: &str) -> Result<(), String> {
    match text.parse::<u32>() {
        Ok(number) if number.to_string() == text => Ok(()),
        _ => Err("it must be a decimal number below 2^32".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for good in [
            "org.gnome.Maps",
            "a.b.c",
            "_a._b._c",
            "org.test.Hello-World",
            "org.fedoraproject.Platform.Locale",
            "local.rpm._7zip",
        ] {
            assert_eq!(good.parse::<AppId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "org",
            "org.gnome",
            "org..Maps",
            ".org.gnome.Maps",
            "org.gnome.Maps.",
            "org.7zip.App",
            "org.gn-ome.Maps",
            "org.gnome.Ma/ps",
            "../../etc/passwd",
            "a.b.c\n",
            "a.b.c\0",
            "org.gnome.Mäps",
        ] {
            assert!(bad.parse::<AppId>().is_err(), "{bad:?}");
        }
        assert!(format!("a.b.{}", "c".repeat(252)).parse::<AppId>().is_err());
    }

    #[test]
    fn id_covers_itself_and_names_below() {
        let id: AppId = "org.gnome.Maps".parse().unwrap();
        assert!(id.covers("org.gnome.Maps"));
        assert!(id.covers("org.gnome.Maps.Search"));
        assert!(!id.covers("org.gnome.MapsX"));
        assert!(!id.covers("org.gnome"));
    }

    #[test]
    fn branches_and_remotes() {
        for good in ["stable", "f42-rpm", "1.0", "_x", "-x"] {
            assert!(good.parse::<Branch>().is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a b", "ä"] {
            assert!(bad.parse::<RemoteName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn commits_and_instances() {
        assert!("a".repeat(64).parse::<CommitId>().is_ok());
        assert!("A".repeat(64).parse::<CommitId>().is_err());
        assert!("a".repeat(63).parse::<CommitId>().is_err());
        assert!("123".parse::<InstanceId>().is_ok());
        for bad in ["", "0123", "-1", "4294967296", "+1", "1/.."] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn message_names_what_is_wrong() {
        let error = "org.gn-ome.Maps".parse::<AppId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'org.gn-ome.Maps' is not an app id: '-' cannot stand in it before the last dot"
        );
    }
}
