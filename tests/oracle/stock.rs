//! Stock flatpak in a test's home, with a bus of its own that also stands for the system's.

use std::path::Path;

use anyhow::Result;
use aril_tests::bus::{Services, SessionBus};
use aril_tests::home::TestHome;
use aril_tests::outcome::Outcome;

/// A home, and flatpak in it.
pub(crate) struct Stock {
    pub(crate) home: TestHome,
    _bus: SessionBus,
}

impl Stock {
    /// `None`, and said so, where flatpak is not installed.
    pub(crate) fn new() -> Result<Option<Self>> {
        for program in ["/usr/bin/flatpak", "/usr/bin/ostree", "/usr/bin/gpg"] {
            if !Path::new(program).exists() {
                println!("skipped: {program} is not installed");
                return Ok(None);
            }
        }
        let home = TestHome::new()?;
        let bus = SessionBus::start(&home, Services::OfHome)?;
        home.set("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", home.run_dir().join("bus").display()));
        Ok(Some(Self { home, _bus: bus }))
    }

    /// From now on flatpak's own installation of the user is ours.
    pub(crate) fn share_installation(&self) {
        self.home.set("FLATPAK_USER_DIR", self.home.path().join(".local/share/aril"));
    }

    pub(crate) fn flatpak(&self, line: &[&str]) -> Result<Outcome> {
        self.home.run([&["/usr/bin/flatpak"], line].concat())
    }

    pub(crate) fn aril(&self, line: &[&str]) -> Result<Outcome> {
        self.home.run([&["aril"], line].concat())
    }
}
