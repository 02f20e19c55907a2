//! Name, epoch, version, release and architecture: how people and repositories name a package. It does not identify bytes.

use std::fmt;

use super::RpmError;

/// The name of one build of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nevra {
    /// `libstdc++`.
    pub name: String,
    /// 0 unless versions once went backwards.
    pub epoch: u32,
    /// `15.1.1`.
    pub version: String,
    /// `2.fc42`.
    pub release: String,
    /// `x86_64`, `noarch`...
    pub arch: String,
}

impl Nevra {
    /// Checks the parts.
    ///
    /// # Errors
    /// When one is empty, begins like an option or a hidden file, or holds anything but visible ASCII without `/`.
    pub fn new(name: &str, epoch: u32, version: &str, release: &str, arch: &str) -> Result<Self, RpmError> {
        for (what, text) in
            [("name", name), ("version", version), ("release", release), ("architecture", arch)]
        {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-~^%{}".contains(c);
            let dash = matches!(what, "version" | "release") && text.contains('-');
            if text.is_empty()
                || text.len() > 255
                || text.starts_with(['-', '.'])
                || !text.chars().all(allowed)
                || dash
            {
                let text = aril_model::printable(text).into_owned();
                return Err(RpmError::Name { what, text });
            }
        }
        let own = str::to_owned;
        Ok(Self { name: own(name), epoch, version: own(version), release: own(release), arch: own(arch) })
    }

    /// Epoch (unless 0), version and release: `1:2.3-4.fc42`.
    pub fn evr(&self) -> String {
        match self.epoch {
            0 => format!("{}-{}", self.version, self.release),
            epoch => format!("{epoch}:{}-{}", self.version, self.release),
        }
    }

    /// Takes apart what [`Self::evr`] gives, with a name and an architecture.
    ///
    /// # Errors
    /// When a part is not as it must be.
    pub fn from_evr(name: &str, evr: &str, arch: &str) -> Result<Self, RpmError> {
        let wrong = || RpmError::Name { what: "version", text: aril_model::printable(evr).into_owned() };
        let (epoch, rest) = match evr.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().map_err(|_| wrong())?, rest),
            None => (0, evr),
        };
        let (version, release) = rest.rsplit_once('-').ok_or_else(wrong)?;
        Self::new(name, epoch, version, release, arch)
    }
}

impl fmt::Display for Nevra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}", self.name, self.evr(), self.arch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_and_taken_apart() {
        let nevra = Nevra::new("libstdc++", 0, "15.1.1", "2.fc42", "x86_64").unwrap();
        assert_eq!(nevra.to_string(), "libstdc++-15.1.1-2.fc42.x86_64");
        let with_epoch = Nevra::from_evr("bind", "32:9.18~rc1-1.fc42", "noarch").unwrap();
        assert_eq!((with_epoch.epoch, with_epoch.version.as_str()), (32, "9.18~rc1"));
        assert_eq!(with_epoch.evr(), "32:9.18~rc1-1.fc42");
    }

    #[test]
    fn refused() {
        for name in ["", "../x", "a/b", "-rf", ".hidden", "a b", "a\nb", "ä"] {
            assert!(Nevra::new(name, 0, "1", "1", "noarch").is_err(), "{name:?}");
        }
        assert!(Nevra::new("a", 0, "1-2", "1", "noarch").is_err());
        assert!(Nevra::from_evr("a", "x:1-1", "noarch").is_err());
    }
}
