//! Decides what the sandbox of an app is. Pure: it is made of facts that were asked before, and nothing here touches the system.
mod bus; // buses: filtered, whole or none
mod data; // the app's own directories
pub(crate) mod devices; // `/dev`
mod environment; // variables
mod etc; // files of `/etc` that are made for each start
mod extensions; // extensions at their points
mod filesystems; // places of the host
mod fonts; // the host's fonts and icons
mod identity; // `/.flatpak-info`
mod layout; // `/usr`, `/app`, `/etc`, `/opt`
mod sockets; // sockets of the session and the system
mod system; // `/proc`, `/sys`, `/run`, `/tmp`
mod wall; // what the kernel refuses besides

use std::path::PathBuf;

use aril_model::{Context, Layout};

pub(crate) use bus::BusPlan;

use crate::app::App;
use crate::arguments::RunRequest;
use crate::host::{Host, Terminal};
use crate::spec::{Command, Mount, Namespaces, SandboxSpec, Session, Sharing};

/// All that is known before anything is decided.
pub(crate) struct Facts<'a> {
    /// What is installed.
    pub(crate) app: &'a App,
    /// What the host has.
    pub(crate) host: &'a Host,
    /// What was typed.
    pub(crate) request: &'a RunRequest,
    /// The permissions, with those of the command line.
    pub(crate) context: &'a Context,
    /// The number of this instance.
    pub(crate) instance: &'a str,
}

/// What is decided.
pub(crate) struct AppPlan {
    /// The sandbox.
    pub(crate) spec: SandboxSpec,
    /// What `/.flatpak-info` says.
    pub(crate) info: String,
    /// The buses that are filtered, in the order of their sockets in the specification.
    pub(crate) buses: Vec<BusPlan>,
    /// What was asked for and cannot be had.
    pub(crate) notes: Vec<String>,
}

/// Mounts and variables while they are put together.
#[derive(Default)]
pub(crate) struct Draft {
    mounts: Vec<Mount>,
    /// Set (or with `None` unset) last, over what the environment would be.
    variables: Vec<(String, Option<String>)>,
    notes: Vec<String>,
}

/// Decides.
pub(crate) fn plan(facts: &Facts<'_>) -> AppPlan {
    let info = identity::info(facts);
    let mut draft = Draft::default();
    layout::add(facts, &mut draft);
    extensions::add(facts, &mut draft);
    system::add(facts, &mut draft);
    identity::add(facts, &info, &mut draft);
    data::add(facts, &mut draft);
    filesystems::add(facts, &mut draft);
    data::add_own(facts, &mut draft);
    filesystems::add_in_own(facts, &mut draft);
    fonts::add(facts, &mut draft);
    let buses = bus::add(facts, &mut draft);
    sockets::add(facts, &mut draft);
    let environment = environment::of(facts, &draft.variables);
    let spec = SandboxSpec {
        namespaces: namespaces(facts),
        ids: facts.host.ids,
        mounts: draft.mounts,
        command: command(facts),
        environment,
        wall: wall::of(facts),
        session: match facts.host.terminal {
            Terminal::There => Session::Callers,
            Terminal::None => Session::Own,
        },
        limits: wall::limits(facts, &mut draft.notes),
    };
    AppPlan { spec, info, buses, notes: draft.notes }
}

impl Facts<'_> {
    /// Whether the app was built from packages by us: then the stricter default holds.
    pub(crate) fn is_merged(&self) -> bool {
        self.app.layout() == Layout::Merged
    }

    /// The app's own directory among the user's, as the session names it.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.host.user.home.join(".var/app").join(self.app.id().as_str())
    }

    /// `/run/user/UID`, which is `XDG_RUNTIME_DIR` inside.
    pub(crate) fn inner_runtime_dir(&self) -> PathBuf {
        PathBuf::from(format!("/run/user/{}", self.host.ids.uid))
    }
}

fn namespaces(facts: &Facts<'_>) -> Namespaces {
    use aril_model::{Share, Socket};
    let sharing = |share| if facts.context.shared.allows(share) { Sharing::Host } else { Sharing::Own };
    let has_x11 = facts.context.sockets.allows(Socket::X11) && facts.host.sockets.x11.is_some();
    Namespaces {
        network: sharing(Share::Network),
        ipc: sharing(Share::Ipc),
        cgroup: if facts.is_merged() { Sharing::Own } else { Sharing::Host },
        // Window managers write a foreign host's name into titles; without X11 nobody asks for it.
        hostname: (facts.is_merged() && !has_x11).then(|| "sandbox".to_owned()),
        parent: facts.request.parent,
    }
}

fn command(facts: &Facts<'_>) -> Command {
    let request = facts.request;
    let own = facts.app.metadata.command.as_deref().filter(|_| facts.app.app.is_some());
    let program = match &request.command {
        Some(command) => command.clone(),
        None => own.unwrap_or("/bin/sh").into(),
    };
    let home = facts.host.user.home.clone();
    let directories = match &request.directory {
        Some(directory) => vec![directory.clone(), home, "/".into()],
        // Where the caller is, if the app can see it: that is what relative arguments mean.
        None => facts.host.directory.iter().cloned().chain([home, "/".into()]).collect(),
    };
    Command { program, arguments: request.arguments.clone(), directories }
}
