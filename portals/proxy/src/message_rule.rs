//! `[METHOD][@PATH[/*]]`: which messages of a name a call rule or a broadcast rule is for.
//!
//! Source: `xdg-dbus-proxy(1)`, "Policy".

use std::fmt;
use std::str::FromStr;

use aril_model::printable;

use crate::name;
use crate::rules::Subject;

/// Which messages a rule lets pass: those of an interface, of one member of it, or of any; at an object, a subtree of objects, or anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageRule {
    interface: Option<Box<str>>,
    member: Option<Box<str>>,
    path: Option<PathRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathRule {
    Object(Box<str>),
    /// All objects below a path that has no slash at its end (so, for the root, is empty), and the one there.
    Subtree(Box<str>),
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a rule: it is like org.gnome.Maps.Show@/org/gnome/Maps, or * for every method, and /* for all objects below"
)]
pub struct MessageRuleError(String);

impl MessageRule {
    pub(crate) fn fits(&self, subject: Subject<'_>) -> bool {
        let is =
            |wanted: &Option<Box<str>>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.interface, subject.interface)
            && is(&self.member, subject.member)
            && match (&self.path, subject.path) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(PathRule::Object(wanted)), Some(path)) => **wanted == *path,
                (Some(PathRule::Subtree(wanted)), Some(path)) => {
                    path.strip_prefix(&**wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }
            }
    }
}

impl FromStr for MessageRule {
    type Err = MessageRuleError;

    fn from_str(text: &str) -> Result<Self, MessageRuleError> {
        let error = || MessageRuleError(printable(text).into_owned());
        let (method, path) = match text.split_once('@') {
            Some((method, path)) => (method, Some(path).filter(|path| !path.is_empty())),
            None => (text, None),
        };
        let (interface, member) = match method {
            "" | "*" => (None, None),
            _ => {
                let (interface, member) = method.rsplit_once('.').ok_or_else(error)?;
                if !name::is_interface(interface) || !(member == "*" || name::is_member(member)) {
                    return Err(error());
                }
                (Some(interface.into()), Some(member).filter(|member| *member != "*").map(Into::into))
            }
        };
        let path = match path {
            None => None,
            Some("/*") => Some(PathRule::Subtree("".into())),
            Some(path) => {
                let (base, is_subtree) = path.strip_suffix("/*").map_or((path, false), |base| (base, true));
                if !name::is_path(base) || (is_subtree && base == "/") {
                    return Err(error());
                }
                Some(if is_subtree { PathRule::Subtree(base.into()) } else { PathRule::Object(base.into()) })
            }
        };
        Ok(Self { interface, member, path })
    }
}

impl fmt::Display for MessageRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.interface, &self.member) {
            (Some(interface), Some(member)) => write!(f, "{interface}.{member}")?,
            (Some(interface), None) => write!(f, "{interface}.*")?,
            (None, _) => f.write_str("*")?,
        }
        match &self.path {
            None => Ok(()),
            Some(PathRule::Object(path)) => write!(f, "@{path}"),
            Some(PathRule::Subtree(path)) => write!(f, "@{path}/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_as_they_are_written() {
        let table = [
            // rule, path, interface, member, fits
            ("*", "/a", "x.Y", "Z", true),
            ("", "/a", "x.Y", "Z", true),
            ("x.Y.*", "/a", "x.Y", "Z", true),
            ("x.Y.*", "/a", "x.Yy", "Z", false),
            ("x.Y.Z", "/a", "x.Y", "Z", true),
            ("x.Y.Z", "/a", "x.Y", "Zz", false),
            ("x.Y.Z", "/a", "x.Y.Z", "Z", false),
            ("@/a", "/a", "x.Y", "Z", true),
            ("@/a", "/a/b", "x.Y", "Z", false),
            ("@/a/*", "/a", "x.Y", "Z", true),
            ("@/a/*", "/a/b/c", "x.Y", "Z", true),
            ("@/a/*", "/ab", "x.Y", "Z", false),
            ("@/*", "/ab", "x.Y", "Z", true),
            ("x.Y.*@/a", "/b", "x.Y", "Z", false),
            ("x.Y.*@/a", "/a", "x.Z", "Z", false),
        ];
        for (rule, path, interface, member, fits) in table {
            let rule: MessageRule = rule.parse().unwrap();
            let subject = Subject { path: Some(path), interface: Some(interface), member: Some(member) };
            assert_eq!(rule.fits(subject), fits, "{rule} {path} {interface}.{member}");
        }
        let none = Subject { path: Some("/a"), interface: None, member: Some("Z") };
        assert!(!"x.Y.*".parse::<MessageRule>().unwrap().fits(none));
    }

    #[test]
    fn printing_keeps_the_meaning() {
        for text in ["*", "a.B.*", "a.B.C", "*@/", "*@/*", "a.B.C@/x/y", "a.B.*@/x/*"] {
            assert_eq!(text.parse::<MessageRule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule() {
        for bad in ["foo", "*.*", "a.*", "a.B.C d", "@a", "@/a/", "@//*", "a.B.C@/a b", "**"] {
            assert!(bad.parse::<MessageRule>().is_err(), "{bad:?}");
        }
    }
}
