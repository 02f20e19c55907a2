//! Sockets of the session and the system that an app may be given. Only those that its permissions name are looked for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aril_model::{Context, Share, Socket};
use aril_proxy::BusAddress;

use super::{X11, is_plain, is_there, read_text, variable};

/// Sockets that are there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets {
    /// The X server.
    pub(crate) x11: Option<X11>,
    /// The Wayland compositor: its socket and the name of it.
    pub(crate) wayland: Option<(PathBuf, String)>,
    /// The sound server.
    pub(crate) pulse: Option<PathBuf>,
    /// The session bus.
    pub(crate) session_bus: Option<BusAddress>,
    /// The system bus.
    pub(crate) system_bus: Option<BusAddress>,
    /// The accessibility bus, if it runs.
    pub(crate) a11y_bus: Option<BusAddress>,
    /// The SSH agent.
    pub(crate) ssh_auth: Option<PathBuf>,
    /// The GPG agent.
    pub(crate) gpg_agent: Option<PathBuf>,
    /// The smart card service.
    pub(crate) pcsc: Option<PathBuf>,
    /// The printing service.
    pub(crate) cups: Option<PathBuf>,
    /// The resolver, and Kerberos' proxy, for apps with a network: where on the host, where inside.
    pub(crate) network: Vec<(PathBuf, &'static str)>,
    /// Where the document portal shows an app its documents: the mount point.
    pub(crate) documents: Option<PathBuf>,
    /// Where the session helper keeps copies of the host's network settings.
    pub(crate) monitor: Option<PathBuf>,
    /// The certificates' service of the session helper.
    pub(crate) certificates: Option<PathBuf>,
}

impl Sockets {
    pub(crate) fn find(
        context: &Context,
        environment: &BTreeMap<OsString, OsString>,
        runtime_dir: &Path,
    ) -> Self {
        let search = Search { environment, runtime_dir };
        let allowed = |socket: Socket| context.sockets.allows(socket);
        let if_allowed = |socket: Socket, find: &dyn Fn() -> Option<PathBuf>| {
            if allowed(socket) { find() } else { None }
        };
        let wayland =
            if allowed(Socket::Wayland) || allowed(Socket::FallbackX11) { search.wayland() } else { None };
        let x11 =
            if allowed(Socket::X11) || allowed(Socket::FallbackX11) { X11::find(environment) } else { None };
        let network = if context.shared.allows(Share::Network) { search.network() } else { Vec::new() };
        Self {
            x11,
            wayland,
            pulse: if_allowed(Socket::Pulseaudio, &|| search.pulse()),
            session_bus: search.session_bus(),
            system_bus: search.system_bus(),
            a11y_bus: search.a11y_bus(),
            ssh_auth: if_allowed(Socket::SshAuth, &|| search.named("SSH_AUTH_SOCK")),
            gpg_agent: if_allowed(Socket::GpgAgent, &|| {
                search.existing(runtime_dir.join("gnupg/S.gpg-agent"))
            }),
            pcsc: if_allowed(Socket::Pcsc, &|| {
                search
                    .named("PCSCLITE_CSOCK_NAME")
                    .or_else(|| search.existing("/run/pcscd/pcscd.comm".into()))
            }),
            cups: if_allowed(Socket::Cups, &|| search.cups()),
            network,
            documents: documents(runtime_dir),
            monitor: search.existing(runtime_dir.join(".flatpak-helper/monitor")),
            certificates: search.existing(runtime_dir.join(".flatpak-helper/pkcs11-flatpak")),
        }
    }
}

impl Sockets {
    /// Looks again whether the document portal shows its files.
    pub(crate) fn look_for_documents(&mut self, runtime_dir: &Path) {
        self.documents = documents(runtime_dir);
    }
}

struct Search<'a> {
    environment: &'a BTreeMap<OsString, OsString>,
    runtime_dir: &'a Path,
}

impl Search<'_> {
    fn existing(&self, path: PathBuf) -> Option<PathBuf> {
        is_there(&path).then_some(path)
    }

    fn named(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(variable(self.environment, name)?);
        if is_plain(&path) { self.existing(path) } else { None }
    }

    /// `WAYLAND_DISPLAY` is a name in the runtime directory, or an absolute path; not a way to any other socket.
    fn wayland(&self) -> Option<(PathBuf, String)> {
        let name = variable(self.environment, "WAYLAND_DISPLAY").unwrap_or("wayland-0");
        let path = Path::new(name);
        let path = if path.is_absolute() { path.to_owned() } else { self.runtime_dir.join(name) };
        let inner = path.file_name()?.to_str()?.to_owned();
        let is_name = inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if is_plain(&path) && is_name { Some((self.existing(path)?, inner)) } else { None }
    }

    /// `PULSE_SERVER`, else what the user's or the system's `client.conf` says, else the usual socket.
    fn pulse(&self) -> Option<PathBuf> {
        let from_server = |server: &str| {
            let path = PathBuf::from(server.strip_prefix("unix:").unwrap_or(server));
            if is_plain(&path) { self.existing(path) } else { None }
        };
        if let Some(server) = variable(self.environment, "PULSE_SERVER") {
            return from_server(server);
        }
        let home =
            variable(self.environment, "HOME").map(|home| Path::new(home).join(".config/pulse/client.conf"));
        let named = self.named("PULSE_CLIENTCONFIG");
        let files = named.into_iter().chain(home).chain([PathBuf::from("/etc/pulse/client.conf")]);
        let configured = files.filter_map(read_text).next().and_then(|text| {
            let setting = |line: &str| {
                line.trim()
                    .strip_prefix("default-server")?
                    .trim()
                    .strip_prefix('=')
                    .map(|v| v.trim().to_owned())
            };
            text.lines().find_map(setting).filter(|server| !server.is_empty())
        });
        if let Some(path) = configured.as_deref().and_then(from_server) {
            return Some(path);
        }
        let dir = self.named("PULSE_RUNTIME_PATH").unwrap_or_else(|| self.runtime_dir.join("pulse"));
        self.existing(dir.join("native"))
    }

    fn session_bus(&self) -> Option<BusAddress> {
        match variable(self.environment, "DBUS_SESSION_BUS_ADDRESS") {
            Some(text) => text.parse().ok(),
            None => {
                let path = self.existing(self.runtime_dir.join("bus"))?;
                format!("unix:path={}", path.to_str()?).parse().ok()
            }
        }
    }

    fn system_bus(&self) -> Option<BusAddress> {
        if let Some(text) = variable(self.environment, "DBUS_SYSTEM_BUS_ADDRESS") {
            return text.parse().ok();
        }
        let path = self.existing("/run/dbus/system_bus_socket".into())?;
        format!("unix:path={}", path.to_str()?).parse().ok()
    }

    /// As far as it runs already: asking for it would start it, for an app that may never need it.
    fn a11y_bus(&self) -> Option<BusAddress> {
        if let Some(text) = variable(self.environment, "AT_SPI_BUS_ADDRESS") {
            return text.parse().ok();
        }
        let display = variable(self.environment, "DISPLAY").and_then(|text| {
            let number = text.rsplit_once(':')?.1.split('.').next()?;
            number.parse::<u32>().ok()
        });
        let names =
            display.map(|number| format!("at-spi/bus_{number}")).into_iter().chain(["at-spi/bus".into()]);
        let path = names.map(|name| self.runtime_dir.join(name)).find_map(|path| self.existing(path))?;
        format!("unix:path={}", path.to_str()?).parse().ok()
    }

    /// `CUPS_SERVER` or `ServerName` if they are paths, else the usual socket.
    fn cups(&self) -> Option<PathBuf> {
        let local = |server: &str| {
            let path = PathBuf::from(server);
            if is_plain(&path) { self.existing(path) } else { None }
        };
        if let Some(server) = variable(self.environment, "CUPS_SERVER") {
            return local(server);
        }
        let home = variable(self.environment, "HOME").map(|home| Path::new(home).join(".cups/client.conf"));
        for file in home.into_iter().chain([PathBuf::from("/etc/cups/client.conf")]) {
            let text = read_text(file).unwrap_or_default();
            let name =
                |line: &str| line.trim().strip_prefix("ServerName").map(|value| value.trim().to_owned());
            if let Some(path) = text.lines().find_map(name).as_deref().and_then(local) {
                return Some(path);
            }
        }
        self.existing("/run/cups/cups.sock".into())
    }

    fn network(&self) -> Vec<(PathBuf, &'static str)> {
        [
            (
                PathBuf::from("/run/systemd/resolve/io.systemd.Resolve"),
                "/run/systemd/resolve/io.systemd.Resolve",
            ),
            (self.runtime_dir.join("gssproxy"), "/run/flatpak/gssproxy"),
        ]
        .into_iter()
        .filter_map(|(outside, inside)| Some((self.existing(outside)?, inside)))
        .collect()
    }
}

/// The document portal's mount point, if its file system is mounted there: an empty directory would be of no use.
fn documents(runtime_dir: &Path) -> Option<PathBuf> {
    const FUSE: u64 = 0x6573_5546;
    let path = runtime_dir.join("doc");
    let mounted = rustix::fs::statfs(&path).ok()?;
    (u64::try_from(mounted.f_type).ok()? == FUSE).then_some(path)
}
