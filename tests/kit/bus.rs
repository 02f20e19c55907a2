//! A private session bus.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::home::TestHome;
use crate::keeper::Running;

const SETTINGS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  SERVICES
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Which services the bus starts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// Those that the user's home exports: what a bus of a fresh account without any package has.
    OfHome,
    /// Those of the host, too.
    OfHost,
}

/// A session bus of its own; it ends with the value, and the services that it started with it.
#[derive(Debug)]
pub struct SessionBus {
    _daemon: Running,
    address: String,
}

impl SessionBus {
    /// Starts the bus as the user of `home` at `$XDG_RUNTIME_DIR/bus`, and sets `DBUS_SESSION_BUS_ADDRESS` there. Programs that the bus
    /// starts see the variables that are set by now: start a display first.
    pub fn start(home: &TestHome, services: Services) -> Result<Self> {
        let socket = home.run_dir().join("bus");
        let settings = home.run_dir().join("bus.conf");
        let services = match services {
            Services::OfHome => {
                format!("<servicedir>{}/.local/share/dbus-1/services</servicedir>", home.path().display())
            }
            Services::OfHost => "<standard_session_servicedirs/>".to_owned(),
        };
        let text = SETTINGS.replace("SOCKET", &socket.display().to_string()).replace("SERVICES", &services);
        std::fs::write(&settings, text)?;
        home.user().own(&settings)?;
        let mut command =
            home.command("dbus-daemon").context("a bus (Debian: dbus-daemon; Fedora: dbus-daemon)")?;
        command.args(["--nofork", "--nopidfile", "--print-address", "--config-file"]).arg(&settings);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut daemon = Running::start(command)?;
        let pipe = daemon.child().stdout.take().context("no pipe from the bus")?;
        let mut address = String::new();
        BufReader::new(pipe).read_line(&mut address)?;
        let address = address.trim().to_owned();
        ensure!(address.starts_with("unix:"), "dbus-daemon said {address:?}, not its address");
        home.set("DBUS_SESSION_BUS_ADDRESS", &address);
        Ok(Self { _daemon: daemon, address })
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}
