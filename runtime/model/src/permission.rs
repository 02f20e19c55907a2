//! Single permissions: what may be shared, which sockets and devices, which places of the file system.
//!
//! Source: `flatpak-metadata(5)`, "Context".

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{Hint, nearest};

/// A permission that metadata names by one word.
pub trait Word: Copy + Ord + fmt::Debug + 'static {
    /// All words of this kind, in the order in which they are shown.
    const ALL: &'static [Self];

    /// The word.
    fn word(self) -> &'static str;

    /// The permission of this word, if there is one.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.word() == word)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// Namespaces of the host that an app may share.
    Share {
        /// The network, with everything that listens on the host's loopback.
        Network = "network",
        /// System V IPC and POSIX message queues; X11's shared memory needs it.
        Ipc = "ipc",
    }
}

words! {
    /// Sockets of the session that an app may use.
    Socket {
        /// The X server.
        X11 = "x11",
        /// The Wayland compositor.
        Wayland = "wayland",
        /// The X server, only where there is no Wayland.
        FallbackX11 = "fallback-x11",
        /// Sound, playing and recording.
        Pulseaudio = "pulseaudio",
        /// The whole session bus, unfiltered.
        SessionBus = "session-bus",
        /// The whole system bus, unfiltered.
        SystemBus = "system-bus",
        /// The SSH agent.
        SshAuth = "ssh-auth",
        /// Smart cards.
        Pcsc = "pcsc",
        /// Printing.
        Cups = "cups",
        /// The GPG agent.
        GpgAgent = "gpg-agent",
        /// A connection to the compositor that the caller opened.
        InheritWaylandSocket = "inherit-wayland-socket",
    }
}

words! {
    /// Devices that an app may use.
    Device {
        /// Graphics.
        Dri = "dri",
        /// All of `/dev`.
        All = "all",
        /// Virtual machines.
        Kvm = "kvm",
        /// The host's `/dev/shm`.
        Shm = "shm",
        /// Joysticks, keyboards and mice as devices.
        Input = "input",
        /// USB devices.
        Usb = "usb",
    }
}

words! {
    /// System calls and socket families beyond the usual.
    Feature {
        /// `ptrace`, `perf_event_open` and what debuggers need.
        Devel = "devel",
        /// Programs of the machine's 32-bit architecture.
        Multiarch = "multiarch",
        /// Bluetooth sockets.
        Bluetooth = "bluetooth",
        /// CAN bus sockets.
        Canbus = "canbus",
        /// One `/dev/shm` for all instances of the app.
        PerAppDevShm = "per-app-dev-shm",
    }
}

/// Which words of a kind are allowed or denied; what is in neither list was not spoken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toggles<W> {
    said: BTreeMap<W, bool>,
}

impl<W: Word> Default for Toggles<W> {
    fn default() -> Self {
        Self { said: BTreeMap::new() }
    }
}

impl<W: Word> Toggles<W> {
    /// Allows or denies a word, whatever was said before.
    pub fn set(&mut self, word: W, allowed: bool) {
        self.said.insert(word, allowed);
    }

    /// Whether the word is allowed.
    pub fn allows(&self, word: W) -> bool {
        self.said.get(&word) == Some(&true)
    }

    /// Whether the word is denied, which is more than not allowed.
    pub fn denies(&self, word: W) -> bool {
        self.said.get(&word) == Some(&false)
    }

    /// The allowed words.
    pub fn allowed(&self) -> impl Iterator<Item = W> {
        self.said.iter().filter(|(_, allowed)| **allowed).map(|(word, _)| *word)
    }

    /// All that was said, as metadata writes it: `network`, `!ipc`.
    pub fn words(&self) -> Vec<String> {
        self.said
            .iter()
            .map(|(word, allowed)| format!("{}{}", if *allowed { "" } else { "!" }, word.word()))
            .collect()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    pub(crate) fn forget_denied(&mut self) {
        self.said.retain(|_, allowed| *allowed);
    }

    pub(crate) fn lay_over(&mut self, upper: &Self) {
        self.said.extend(&upper.said);
    }

    pub(crate) fn retain_allowed_by(&mut self, limit: &Self) {
        self.said.retain(|word, allowed| !*allowed || limit.allows(*word));
    }
}

words! {
    /// The user's own directories, as `user-dirs.dirs` names them.
    UserDirectory {
        /// `XDG_DESKTOP_DIR`.
        Desktop = "xdg-desktop",
        /// `XDG_DOCUMENTS_DIR`.
        Documents = "xdg-documents",
        /// `XDG_DOWNLOAD_DIR`.
        Download = "xdg-download",
        /// `XDG_MUSIC_DIR`.
        Music = "xdg-music",
        /// `XDG_PICTURES_DIR`.
        Pictures = "xdg-pictures",
        /// `XDG_PUBLICSHARE_DIR`.
        PublicShare = "xdg-public-share",
        /// `XDG_TEMPLATES_DIR`.
        Templates = "xdg-templates",
        /// `XDG_VIDEOS_DIR`.
        Videos = "xdg-videos",
        /// `XDG_DATA_HOME`.
        Data = "xdg-data",
        /// `XDG_CACHE_HOME`.
        Cache = "xdg-cache",
        /// `XDG_CONFIG_HOME`.
        Config = "xdg-config",
        /// `XDG_RUNTIME_DIR`.
        Run = "xdg-run",
    }
}

/// A place of the host's file system that an app may see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Everything but the system's own directories.
    Host,
    /// The host's `/usr`, at `/run/host/usr`.
    HostOs,
    /// The host's `/etc`, at `/run/host/etc`.
    HostEtc,
    /// The host's `/`, at `/run/host/root`.
    HostRoot,
    /// The home directory, or with a path a part of it.
    Home(String),
    /// One of the user's directories, or with a path a part of it.
    User(UserDirectory, String),
    /// An absolute path.
    Path(String),
}

/// What an app may do in a place; each includes the ones before it, but the first, which denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Nothing: the place is hidden even inside a place that is allowed.
    Denied,
    /// Read.
    Read,
    /// Read and change.
    Write,
    /// Read and change; the directory is made when it is missing.
    Create,
}

/// A text that is not a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a place{why}")]
pub struct PlaceError {
    text: String,
    why: &'static str,
}

impl Hint for PlaceError {
    fn hint(&self) -> Option<String> {
        let (wanted, rest) = self.text.split_once([':', '/']).unwrap_or((&self.text, ""));
        let known = ["host", "host-os", "host-etc", "host-root", "home"].into_iter();
        let all = known.chain(UserDirectory::ALL.iter().map(|directory| directory.word()));
        let meant = nearest(wanted.trim_start_matches('!'), all).filter(|_| rest.is_empty());
        let kinds = "a place is `host`, `home`, an `xdg-…` name, or a path that starts with / or ~/";
        Some(match meant {
            Some(name) => format!("did you mean `{name}`? A{}", &kinds[1..]),
            None => kinds.to_owned(),
        })
    }
}

impl Place {
    /// Parses a place with its access, as metadata and `--filesystem=` write them: `home`, `xdg-download/x:ro`, `~/y:create`, `!host`.
    ///
    /// A `\:` is a colon in a path. The second value is whether lower layers are forgotten (`host:reset`).
    ///
    /// # Errors
    /// When it is none of these, or when a path holds `..` or control characters.
    pub fn parse_with_access(text: &str) -> Result<(Self, Access, Reset), PlaceError> {
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let error = |why| PlaceError { text: crate::printable(text).into_owned(), why };
        if rest == "host:reset" || rest == "host-reset" {
            return if negated {
                Ok((Self::Host, Access::Denied, Reset::Lower))
            } else {
                Err(error(": reset needs a ! before it"))
            };
        }
        let (name, suffix) = split_suffix(rest);
        let access = match suffix {
            None | Some("rw") => Access::Write,
            Some("ro") => Access::Read,
            Some("create") => Access::Create,
            Some(_) => return Err(error(": after the colon stands ro, rw or create")),
        };
        let place = Self::parse_name(&name).map_err(error)?;
        Ok((place, if negated { Access::Denied } else { access }, Reset::Nothing))
    }

    fn parse_name(name: &str) -> Result<Self, &'static str> {
        match name {
            "host" => return Ok(Self::Host),
            "host-os" => return Ok(Self::HostOs),
            "host-etc" => return Ok(Self::HostEtc),
            "host-root" => return Ok(Self::HostRoot),
            "home" | "~" => return Ok(Self::Home(String::new())),
            _ => {}
        }
        if let Some(path) = name.strip_prefix("~/").or_else(|| name.strip_prefix("home/")) {
            return normal_path(path).map(Self::Home);
        }
        if name.starts_with('/') {
            return normal_path(name).map(|path| Self::Path(format!("/{path}")));
        }
        let (word, path) = name.split_once('/').unwrap_or((name, ""));
        let directory = UserDirectory::from_word(word).ok_or("")?;
        let path = normal_path(path)?;
        if directory == UserDirectory::Run && path.is_empty() {
            return Err(": xdg-run needs a path after it");
        }
        Ok(Self::User(directory, path))
    }

    /// The place and its access as metadata writes them.
    pub fn with_access(&self, access: Access) -> String {
        let name = match self {
            Self::Host => "host".to_owned(),
            Self::HostOs => "host-os".to_owned(),
            Self::HostEtc => "host-etc".to_owned(),
            Self::HostRoot => "host-root".to_owned(),
            Self::Home(path) if path.is_empty() => "home".to_owned(),
            Self::Home(path) => format!("~/{}", escape_colon(path)),
            Self::User(directory, path) if path.is_empty() => directory.word().to_owned(),
            Self::User(directory, path) => format!("{}/{}", directory.word(), escape_colon(path)),
            Self::Path(path) => escape_colon(path),
        };
        match access {
            Access::Denied => format!("!{name}"),
            Access::Read => format!("{name}:ro"),
            Access::Write => name,
            Access::Create => format!("{name}:create"),
        }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    /// Parses a place without an access.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        Self::parse_name(text).map_err(|why| PlaceError { text: crate::printable(text).into_owned(), why })
    }
}

/// Whether what lower layers said is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// It holds.
    Nothing,
    /// All places that lower layers allowed are forgotten.
    Lower,
}

fn split_suffix(text: &str) -> (String, Option<&str>) {
    let mut name = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ':' => return (name, Some(&text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, next)) => name.push(next),
                None => name.push('\\'),
            },
            other => name.push(other),
        }
    }
    (name, None)
}

fn escape_colon(path: &str) -> String {
    path.replace('\\', "\\\\").replace(':', "\\:")
}

/// The path without empty and `.` parts and without `/` at its ends.
fn normal_path(path: &str) -> Result<String, &'static str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(": it must not go up by .."),
            part if part.chars().any(char::is_control) => return Err(": it holds control characters"),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toggles() {
        let mut lower = Toggles::default();
        lower.set(Share::Network, true);
        lower.set(Share::Ipc, true);
        let mut upper = Toggles::default();
        upper.set(Share::Network, false);
        lower.lay_over(&upper);
        assert!(!lower.allows(Share::Network) && lower.denies(Share::Network) && lower.allows(Share::Ipc));
        assert_eq!(lower.words(), ["!network", "ipc"]);
    }

    #[test]
    fn places_round_trip() {
        for (text, place, access) in [
            ("host", Place::Host, Access::Write),
            ("home:ro", Place::Home(String::new()), Access::Read),
            ("~/a/b", Place::Home("a/b".into()), Access::Write),
            ("xdg-download/x:create", Place::User(UserDirectory::Download, "x".into()), Access::Create),
            ("!xdg-music", Place::User(UserDirectory::Music, String::new()), Access::Denied),
            ("/srv/data", Place::Path("/srv/data".into()), Access::Write),
            ("/odd\\:name:ro", Place::Path("/odd:name".into()), Access::Read),
        ] {
            let parsed = Place::parse_with_access(text).unwrap();
            assert_eq!(parsed, (place.clone(), access, Reset::Nothing), "{text}");
            assert_eq!(place.with_access(access), text);
        }
        assert_eq!(Place::parse_with_access("//a//./b/").unwrap().0, Place::Path("/a/b".into()));
        assert_eq!(
            Place::parse_with_access("!host:reset").unwrap(),
            (Place::Host, Access::Denied, Reset::Lower)
        );
    }

    #[test]
    fn places_refused() {
        for bad in [
            "",
            "hom",
            "xdg-desk",
            "~x",
            "/a/../b",
            "~/../x",
            "home:rx",
            "host:reset",
            "/a\nb",
            "xdg-run",
            "a/b",
        ] {
            assert!(Place::parse_with_access(bad).is_err(), "{bad:?}");
        }
        let error = Place::parse_with_access("hom").unwrap_err();
        assert_eq!(error.to_string(), "'hom' is not a place");
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `home`? A place is `host`, `home`, an `xdg-…` name, or a path that starts with / or ~/"
        );
    }
}
