//! The X server of the session, and the one cookie that opens it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, socket};

use super::{read, variable};

/// Matches any host: in the sandbox the host's name may be another.
const FAMILY_WILD: u16 = 0xffff;

/// The numbers that a display may have inside.
const NUMBERS: std::ops::Range<u32> = 99..1000;

/// An X server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct X11 {
    /// What `DISPLAY` is inside.
    pub(crate) display: String,
    /// The server's socket; `None` if it is reached over the network.
    pub(crate) socket: Option<X11Socket>,
    /// The cookies for this display alone, as an Xauthority file; `None` if the user has none.
    pub(crate) authority: Option<Vec<u8>>,
}

/// A server's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct X11Socket {
    /// Its path on the host.
    pub(crate) host: PathBuf,
    /// Where clients look for it inside: its number may be another.
    pub(crate) inside: PathBuf,
}

impl X11 {
    /// The server that `DISPLAY` names.
    pub(crate) fn find(environment: &BTreeMap<OsString, OsString>) -> Option<Self> {
        let display = Display::parse(variable(environment, "DISPLAY")?)?;
        let number = if display.is_local { free_number().unwrap_or(display.number) } else { display.number };
        let at = |number| PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        let socket = display.is_local.then(|| X11Socket { host: at(display.number), inside: at(number) });
        if socket.as_ref().is_some_and(|socket| !super::is_there(&socket.host)) {
            return None;
        }
        let named = variable(environment, "XAUTHORITY").map(PathBuf::from);
        let usual = || Some(Path::new(variable(environment, "HOME")?).join(".Xauthority"));
        let file = named.or_else(usual).and_then(read);
        let authority =
            file.map(|bytes| cookies_for(&bytes, display.number, number)).filter(|bytes| !bytes.is_empty());
        Some(Self { display: display.inside(number), socket, authority })
    }
}

/// A number for which nobody in our network namespace listens at the abstract socket.
///
/// Clients try the abstract socket first. The sandbox forbids an app that shares the network to connect to one, and this error, other than
/// that there is none, keeps clients from trying the path.
fn free_number() -> Option<u32> {
    let is_free = |number: &u32| {
        let name = format!("/tmp/.X11-unix/X{number}");
        let address = SocketAddrUnix::new_abstract_name(name.as_bytes());
        let made = address
            .and_then(|address| bind(socket(AddressFamily::UNIX, SocketType::STREAM, None)?, &address));
        made.is_ok()
    };
    NUMBERS.into_iter().find(is_free)
}

/// A parsed `DISPLAY`.
#[derive(Debug, PartialEq, Eq)]
struct Display {
    host: String,
    number: u32,
    screen: Option<u32>,
    is_local: bool,
}

impl Display {
    /// `:0`, `unix:0`, `:0.1`, `localhost:10.0`. Source: `X(7)`, "Display names".
    fn parse(text: &str) -> Option<Self> {
        let (host, rest) = text.rsplit_once(':')?;
        let (number, screen) = match rest.split_once('.') {
            Some((number, screen)) => (number, Some(screen.parse().ok()?)),
            None => (rest, None),
        };
        let is_local = host.is_empty() || host == "unix";
        let is_host = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:_[]".contains(&b));
        is_host.then_some(Self { host: host.to_owned(), number: number.parse().ok()?, screen, is_local })
    }

    fn inside(&self, number: u32) -> String {
        let host = if self.is_local { "" } else { &self.host };
        let screen = self.screen.map(|screen| format!(".{screen}")).unwrap_or_default();
        format!("{host}:{number}{screen}")
    }
}

/// The entries of an Xauthority file for one display, for any host and under another number.
fn cookies_for(file: &[u8], number: u32, inside: u32) -> Vec<u8> {
    let (number, inside) = (number.to_string(), inside.to_string());
    let mut kept = Vec::new();
    let mut rest = file;
    while let Some((entry, behind)) = Entry::read(rest) {
        rest = behind;
        if entry.number.is_empty() || entry.number == number.as_bytes() {
            entry.write(inside.as_bytes(), &mut kept);
        }
    }
    kept
}

/// One entry: family, then address, display number, name of the method and its data, each with its length before it, big-endian.
struct Entry<'a> {
    number: &'a [u8],
    method: &'a [u8],
    data: &'a [u8],
}

impl<'a> Entry<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (_family, rest) = bytes.split_first_chunk::<2>()?;
        let (_address, rest) = counted(rest)?;
        let (number, rest) = counted(rest)?;
        let (method, rest) = counted(rest)?;
        let (data, rest) = counted(rest)?;
        Some((Self { number, method, data }, rest))
    }

    fn write(&self, number: &[u8], to: &mut Vec<u8>) {
        to.extend(FAMILY_WILD.to_be_bytes());
        for part in [b"", number, self.method, self.data] {
            // Each was read with a length of two bytes, or is a short number.
            to.extend(u16::try_from(part.len()).unwrap_or(0).to_be_bytes());
            to.extend(part);
        }
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(family: u16, parts: [&[u8]; 4]) -> Vec<u8> {
        let mut bytes = family.to_be_bytes().to_vec();
        for part in parts {
            bytes.extend((part.len() as u16).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    #[test]
    fn displays() {
        for (text, inside, local) in [
            (":0", ":99", true),
            ("unix:7.1", ":99.1", true),
            ("localhost:10.0", "localhost:99.0", false),
            ("[::1]:3", "[::1]:99", false),
        ] {
            let display = Display::parse(text).unwrap();
            assert_eq!((display.inside(99).as_str(), display.is_local), (inside, local), "{text}");
        }
        for bad in ["", "0", ":", ":x", "a b:0", ":0.x", "../x:0"] {
            assert_eq!(Display::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_this_displays_cookies_are_kept() {
        let mine = entry(256, [b"host", b"7", b"MIT-MAGIC-COOKIE-1", b"mine"]);
        let other = entry(256, [b"host", b"8", b"MIT-MAGIC-COOKIE-1", b"secret"]);
        let any = entry(0, [b"\x7f\0\0\x01", b"", b"MIT-MAGIC-COOKIE-1", b"any"]);
        let file = [mine, other, any].concat();
        let expected = [
            entry(FAMILY_WILD, [b"", b"99", b"MIT-MAGIC-COOKIE-1", b"mine"]),
            entry(FAMILY_WILD, [b"", b"99", b"MIT-MAGIC-COOKIE-1", b"any"]),
        ];
        assert_eq!(cookies_for(&file, 7, 99), expected.concat());
        for cut in 0..file.len() {
            let _ = cookies_for(&file[..cut], 7, 99);
        }
    }

    #[test]
    fn a_number_whose_abstract_socket_is_in_use_is_not_taken() {
        let number = free_number().unwrap();
        let address =
            SocketAddrUnix::new_abstract_name(format!("/tmp/.X11-unix/X{number}").as_bytes()).unwrap();
        let server = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        bind(&server, &address).unwrap();
        assert_ne!(free_number().unwrap(), number);
    }
}
