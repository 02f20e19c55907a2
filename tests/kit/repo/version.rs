//! A Debian version as RPM's epoch, version and release.

/// Epoch, version and release of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evr {
    /// 0 where Debian names none.
    pub epoch: u32,
    /// Debian's upstream version.
    pub version: String,
    /// Debian's revision, without the distribution's tag; nothing in a dependency that names none.
    pub release: Option<String>,
}

impl Evr {
    /// Splits `1:2.3-4`; bytes that RPM does not take in a version become `_`.
    pub fn from_debian(version: &str) -> Self {
        let (epoch, rest) = match version.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
            None => (0, version),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, Some(revision)),
            None => (rest, None),
        };
        Self { epoch, version: plain(upstream), release: revision.map(plain) }
    }

    /// As a dependency names it: `[epoch:]version[-release]`, with `tag` after the release if there is one.
    pub fn with_tag(&self, tag: &str) -> String {
        let epoch = if self.epoch == 0 { String::new() } else { format!("{}:", self.epoch) };
        match &self.release {
            Some(release) => format!("{epoch}{}-{release}{tag}", self.version),
            None => format!("{epoch}{}", self.version),
        }
    }
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._+~^".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_become_epoch_version_release() {
        let cases = [
            ("2.41-12+deb13u5", ".fc42", "2.41-12+deb13u5.fc42"),
            ("1:1.3.dfsg+really1.3.1-1+b1", "", "1:1.3.dfsg+really1.3.1-1+b1"),
            ("12-20250315-1", ".fc42", "12_20250315-1.fc42"),
            ("1.0~rc1", ".fc42", "1.0~rc1"),
        ];
        for (debian, tag, rpm) in cases {
            assert_eq!(Evr::from_debian(debian).with_tag(tag), rpm, "{debian}");
        }
    }
}
