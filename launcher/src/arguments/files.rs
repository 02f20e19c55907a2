//! Files among the app's arguments: those that the caller marked by `@@`, and those that a person typed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// One of the app's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// It arrives as it is.
    Word(OsString),
    /// A file that the app shall get at, named by its path.
    File(PathBuf),
    /// The same, named by a `file:` URI.
    Uri(PathBuf),
}

/// Takes the marks `@@ … @@` and `@@u … @@` out. A path is made whole by `directory`.
///
/// Source: `flatpak-run(1)`, `--file-forwarding`.
pub(crate) fn forwarded(arguments: &[OsString], directory: &Path) -> Vec<Argument> {
    let mut mark: Option<&OsStr> = None;
    let mut taken = Vec::new();
    for argument in arguments {
        if argument == "@@" || argument == "@@u" {
            mark = if mark.is_some() { None } else { Some(argument) };
            continue;
        }
        let is_path = argument.as_bytes().starts_with(b"/");
        taken.push(match mark {
            Some(mark) if mark == "@@" => Argument::File(plain(&directory.join(argument))),
            Some(_) if is_path => Argument::Uri(plain(Path::new(argument))),
            Some(_) => match uri_path(argument) {
                Some(path) => Argument::Uri(path),
                None => Argument::Word(argument.clone()),
            },
            None => Argument::Word(argument.clone()),
        });
    }
    taken
}

/// The path of a `file:` URI of this host.
fn uri_path(uri: &OsStr) -> Option<PathBuf> {
    let rest = uri.as_bytes().strip_prefix(b"file:")?;
    let path = match rest.strip_prefix(b"//") {
        Some(with_host) => {
            let slash = with_host.iter().position(|byte| *byte == b'/')?;
            let host = &with_host[..slash];
            if host.is_empty() || host == b"localhost" { &with_host[slash..] } else { return None }
        }
        None => rest,
    };
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path;
    while let Some((first, behind)) = left.split_first() {
        left = behind;
        bytes.push(match first {
            b'%' => {
                let (digits, behind) = left.split_at_checked(2)?;
                left = behind;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|byte| *byte != 0)?
            }
            b'#' | b'?' => break,
            byte => *byte,
        });
    }
    let path = PathBuf::from(OsString::from_vec(bytes));
    path.is_absolute().then(|| plain(&path))
}

/// The URI of a path.
pub(crate) fn uri(path: &Path) -> OsString {
    let mut text = b"file://".to_vec();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            text.push(*byte);
        } else {
            text.extend(format!("%{byte:02X}").bytes());
        }
    }
    OsString::from_vec(text)
}

/// The path without `.` and `..`, as a shell would show it.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => _ = plain.pop(),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let words: Vec<OsString> = "-x @@ a /b/../c @@ d @@u file:///e%20f http://x /g @@ h"
            .split(' ')
            .map(OsString::from)
            .collect();
        let word = |text: &str| Argument::Word(text.into());
        assert_eq!(
            forwarded(&words, Path::new("/here")),
            [
                word("-x"),
                Argument::File("/here/a".into()),
                Argument::File("/c".into()),
                word("d"),
                Argument::Uri("/e f".into()),
                word("http://x"),
                Argument::Uri("/g".into()),
                word("h"),
            ]
        );
    }

    #[test]
    fn uris() {
        assert_eq!(uri(Path::new("/a b/ü")), "file:///a%20b/%C3%BC");
        assert_eq!(uri_path(OsStr::new("file://localhost/a%41?q")), Some("/aA".into()));
        for bad in ["file://other/x", "file:x", "file:///%zz", "file:///%00", "ftp:///x"] {
            assert_eq!(uri_path(OsStr::new(bad)), None, "{bad}");
        }
    }
}
