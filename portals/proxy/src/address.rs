//! Addresses of buses, as `DBUS_SESSION_BUS_ADDRESS` has them: the first local socket among them.
//!
//! Source: D-Bus specification, "Server Addresses".

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::FromStr;

use aril_model::printable;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

/// Where a bus listens on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct BusAddress(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Path(Vec<u8>),
    Abstract(Vec<u8>),
}

/// A text that names no local socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the address of a local bus: it is like unix:path=/run/user/1000/bus")]
pub struct BusAddressError(String);

impl BusAddress {
    /// The address of a socket in the file system.
    pub fn from_path(path: &Path) -> Self {
        Self(Place::Path(path.as_os_str().as_bytes().to_vec()))
    }

    /// Where the socket is in the file system; `None` for one that has only a name in the network namespace.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Path(path) => Some(Path::new(OsStr::from_bytes(path))),
            Place::Abstract(_) => None,
        }
    }

    /// Connects. The socket does not block afterwards; connecting itself may, for at most a second, when more wait than the bus accepts.
    /// # Errors
    /// Those of `connect(2)`.
    pub fn connect(&self) -> io::Result<OwnedFd> {
        let address = match &self.0 {
            Place::Path(path) => SocketAddrUnix::new(&path[..])?,
            Place::Abstract(name) => SocketAddrUnix::new_abstract_name(name)?,
        };
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let second = std::time::Duration::from_secs(1);
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(second))?;
        connect(&socket, &address)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(socket)
    }
}

impl FromStr for BusAddress {
    type Err = BusAddressError;

    fn from_str(text: &str) -> Result<Self, BusAddressError> {
        text.split(';')
            .find_map(local_socket)
            .map(Self)
            .ok_or_else(|| BusAddressError(printable(text).into_owned()))
    }
}

fn local_socket(address: &str) -> Option<Place> {
    let pairs = address.strip_prefix("unix:")?.split(',').map(|pair| pair.split_once('='));
    let mut place = None;
    for pair in pairs {
        match pair? {
            ("path", value) if place.is_none() => place = Some(Place::Path(unescape(value)?)),
            ("abstract", value) if place.is_none() => place = Some(Place::Abstract(unescape(value)?)),
            ("guid", _) => {}
            _ => return None,
        }
    }
    place
}

/// Replaces `%41` by `A`. Nothing if the escapes are wrong, or the value is empty or has a zero byte.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => *byte,
        });
    }
    (!bytes.is_empty() && !bytes.contains(&0)).then_some(bytes)
}

impl fmt::Display for BusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = match &self.0 {
            Place::Path(path) => ("path", path),
            Place::Abstract(name) => ("abstract", name),
        };
        write!(f, "unix:{key}=")?;
        for byte in value {
            match byte {
                b'-' | b'_' | b'/' | b'\\' | b'*' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    write!(f, "{}", char::from(*byte))?;
                }
                other => write!(f, "%{other:02x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for BusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let address: BusAddress = "unix:path=/tmp/a%20b".parse().unwrap();
        assert_eq!(address.path(), Some(Path::new("/tmp/a b")));
        assert_eq!(BusAddress::from_path(Path::new("/tmp/a b")), address);
        assert_eq!("unix:abstract=x".parse::<BusAddress>().unwrap().path(), None);
    }

    #[test]
    fn addresses() {
        let table = [
            ("unix:path=/run/user/1000/bus", "unix:path=/run/user/1000/bus"),
            ("unix:path=/tmp/a%20b,guid=0123", "unix:path=/tmp/a%20b"),
            ("unix:abstract=/tmp/dbus-x", "unix:abstract=/tmp/dbus-x"),
            ("tcp:host=localhost,port=1;unix:path=/b", "unix:path=/b"),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<BusAddress>().unwrap().to_string(), expected);
        }
        for bad in [
            "",
            "unix:",
            "unix:path=",
            "unix:path",
            "tcp:host=x",
            "unix:path=/a%2",
            "unix:path=/a%+1",
            "unix:path=/a%00",
            "unix:tmpdir=/x",
        ] {
            assert!(bad.parse::<BusAddress>().is_err(), "{bad:?}");
        }
    }
}
