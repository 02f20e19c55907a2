//! What packages provide, require, and otherwise say about each other.

use std::fmt;

use super::RpmError;
use super::header::Header;
use super::tag::DependencyTags;

/// How a version relates to the one that a dependency names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Relation(u8);

impl Relation {
    /// Any of the three bits of rpm's flags, shifted to begin at 1: less, greater, equal.
    fn from_flags(flags: u64) -> Option<Self> {
        let bits = (flags >> 1 & 7) as u8;
        (bits != 0 && bits != 3 && bits != 7).then_some(Self(bits))
    }

    /// The operator, as in spec files.
    pub fn operator(self) -> &'static str {
        match self.0 {
            1 => "<",
            2 => ">",
            4 => "=",
            5 => "<=",
            _ => ">=",
        }
    }

    /// The relation of an operator.
    pub fn from_operator(operator: &str) -> Option<Self> {
        let bits = match operator {
            "<" => 1,
            ">" => 2,
            "=" => 4,
            "<=" => 5,
            ">=" => 6,
            _ => return None,
        };
        Some(Self(bits))
    }
}

/// One dependency: `libc.so.6(GLIBC_2.34)(64bit)`, `bash >= 5`, `(a or b)`, `/usr/bin/sh`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// A name, a file or, when it begins with `(`, a rich dependency.
    pub name: String,
    /// How the version must relate to which other.
    pub version: Option<(Relation, String)>,
    /// Whether it must be there before the package's scripts run.
    pub before_scripts: bool,
}

/// The bits that say that a requirement is one of a script that runs before or while the package is installed.
const SCRIPT_FLAGS: u64 = 1 << 6 | 1 << 8 | 1 << 9 | 1 << 10;
const RPMLIB_FLAG: u64 = 1 << 24;
const MAX_NAME: usize = 16 << 10;

impl Dependency {
    /// The dependencies of one kind that a header names. What a package demands of rpm itself is left out: see [`rpmlib_features`].
    ///
    /// # Errors
    /// When the lists are not equally long, or a name is not text.
    pub(super) fn read(header: &Header, tags: DependencyTags) -> Result<Vec<Self>, RpmError> {
        let all = read_all(header, tags)?;
        Ok(all
            .into_iter()
            .filter(|(flags, found)| !is_rpmlib(*flags, found))
            .map(|(_, found)| found)
            .collect())
    }

    /// Takes apart what [`fmt::Display`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |name: &str| Self { name: name.into(), version: None, before_scripts: false };
        if text.is_empty() || text.len() > MAX_NAME {
            return None;
        }
        if text.starts_with('(') {
            return Some(plain(text));
        }
        let mut words = text.split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(name), None, None, None) => Some(plain(name)),
            (Some(name), Some(operator), Some(version), None) => {
                let version = Some((Relation::from_operator(operator)?, version.to_owned()));
                Some(Self { version, ..plain(name) })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some((relation, version)) => write!(f, "{} {} {version}", self.name, relation.operator()),
            None => f.write_str(&self.name),
        }
    }
}

/// What the package demands of the program that installs it: `PayloadIsZstd`, `FileCaps`...
///
/// # Errors
/// When the lists of requirements are damaged.
pub(super) fn rpmlib_features(header: &Header, tags: DependencyTags) -> Result<Vec<String>, RpmError> {
    let all = read_all(header, tags)?;
    let features = all.iter().filter(|(flags, found)| is_rpmlib(*flags, found));
    let inner = |name: &str| name.trim_start_matches("rpmlib(").trim_end_matches(')').to_owned();
    Ok(features.map(|(_, found)| inner(&found.name)).collect())
}

fn is_rpmlib(flags: u64, found: &Dependency) -> bool {
    flags & RPMLIB_FLAG != 0 || found.name.starts_with("rpmlib(")
}

fn read_all(header: &Header, tags: DependencyTags) -> Result<Vec<(u64, Dependency)>, RpmError> {
    let (names, mut flags, mut versions) =
        (header.strings(tags.0), header.numbers(tags.1), header.strings(tags.2));
    // Old packages leave flags and versions out where none has any.
    if flags.is_empty() {
        flags = vec![0; names.len()];
    }
    if versions.is_empty() {
        versions = vec![&b""[..]; names.len()];
    }
    if names.len() != flags.len() || names.len() != versions.len() {
        return Err(RpmError::Lists { what: "dependencies" });
    }
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_NAME);
        text.map(str::to_owned).ok_or(RpmError::Dependency)
    };
    let mut all = Vec::with_capacity(names.len());
    for ((name, flags), version) in names.into_iter().zip(flags).zip(versions) {
        let name = text(name)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(RpmError::Dependency);
        }
        let version = text(version)?;
        let version = Relation::from_flags(flags)
            .filter(|_| !version.is_empty() && !name.starts_with('('))
            .map(|relation| (relation, version));
        all.push((flags, Dependency { name, version, before_scripts: flags & SCRIPT_FLAGS != 0 }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        for text in ["bash", "/usr/bin/sh", "libc.so.6(GLIBC_2.34)(64bit)", "a >= 1:2-3", "(a >= 1 or b)"] {
            assert_eq!(Dependency::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "a ~ 1", "a >=", "a >= 1 2"] {
            assert_eq!(Dependency::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn relations() {
        let operators: Vec<_> =
            (0..8).map(|bits| Relation::from_flags(bits << 1).map(Relation::operator)).collect();
        assert_eq!(operators, [None, Some("<"), Some(">"), None, Some("="), Some("<="), Some(">="), None]);
    }
}
