//! What an app may do with a name on a bus.
//!
//! Source: `flatpak-metadata(5)`, "Session Bus Policy", and the levels that `xdg-dbus-proxy` defines.

use std::fmt;
use std::str::FromStr;

/// What is allowed with a bus name; each level includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// The name is invisible.
    #[default]
    None,
    /// Its presence and its owner can be seen.
    See,
    /// Methods can be called and signals received.
    Talk,
    /// The name can be owned.
    Own,
}

impl Policy {
    /// The word that metadata uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::See => "see",
            Self::Talk => "talk",
            Self::Own => "own",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::None, Self::See, Self::Talk, Self::Own]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(())
    }
}

/// A well-known bus name, or with `.*` at its end that name and all names below it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusName {
    name: Box<str>,
    subtree: bool,
}

/// A text that is not a well-known bus name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a bus name: it is like org.gnome.Maps, with .* at the end for all names below it")]
pub struct BusNameError(String);

impl BusName {
    /// Whether a concrete well-known name is this one or, for a subtree, lies below it.
    pub fn covers(&self, name: &str) -> bool {
        match name.strip_prefix(&*self.name) {
            Some("") => true,
            Some(rest) => self.subtree && rest.starts_with('.'),
            None => false,
        }
    }

    /// The name without `.*`.
    pub fn base(&self) -> &str {
        &self.name
    }

    /// Whether names below it are meant, too.
    pub fn is_subtree(&self) -> bool {
        self.subtree
    }
}

impl FromStr for BusName {
    type Err = BusNameError;

    /// Source: D-Bus specification, "Valid Names": two parts or more, each of letters, digits, `_` and `-`, not beginning with a digit; 255 bytes.
    fn from_str(text: &str) -> Result<Self, BusNameError> {
        let error = || BusNameError(crate::printable(text).into_owned());
        let (name, subtree) = match text.strip_suffix(".*") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let part_is_right = |part: &str| {
            part.chars().next().is_some_and(|c| !c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let enough = subtree || name.contains('.');
        if name.len() > 255 || !enough || !name.split('.').all(part_is_right) {
            return Err(error());
        }
        Ok(Self { name: name.into(), subtree })
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.subtree { f.write_str(".*") } else { Ok(()) }
    }
}

impl fmt::Debug for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_include_the_ones_before() {
        assert!(Policy::None < Policy::See && Policy::See < Policy::Talk && Policy::Talk < Policy::Own);
        assert_eq!("talk".parse(), Ok(Policy::Talk));
        assert_eq!("Talk".parse::<Policy>(), Err(()));
    }

    #[test]
    fn names() {
        for good in ["org.gnome.Maps", "org.gnome.Maps.*", "org.mpris.MediaPlayer2.vlc-1", "org.*", "a.b"] {
            assert_eq!(good.parse::<BusName>().unwrap().to_string(), good);
        }
        for bad in ["", "*", ".*", "org", ":1.5", "org..x", "org.7z", "org.x y", "org.x.*.*", "org.x/y"] {
            assert!(bad.parse::<BusName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn subtree_covers_itself_and_below() {
        let subtree: BusName = "org.gnome.Maps.*".parse().unwrap();
        assert!(subtree.covers("org.gnome.Maps") && subtree.covers("org.gnome.Maps.a.b"));
        assert!(!subtree.covers("org.gnome.Maps2") && !subtree.covers("org.gnome"));
        let exact: BusName = "org.gnome.Maps".parse().unwrap();
        assert!(exact.covers("org.gnome.Maps") && !exact.covers("org.gnome.Maps.a"));
    }
}
