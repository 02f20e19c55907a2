//! `/.flatpak-info`: who the sandbox is, for portals and for the app itself.
//!
//! Source: `flatpak-run(1)`, and `flatpak_run_add_app_info_args` for groups and keys.

use aril_model::{Keyfile, Kind, Socket};

use super::{Draft, Facts};
use crate::app::{Extension, Owner};
use crate::spec::{Access, Missing, Mount, Source, What};

/// The version of Flatpak whose sandbox this is for programs that ask.
const LIKE_FLATPAK: &str = "1.16.1";

/// The text of the file.
pub(crate) fn info(facts: &Facts<'_>) -> String {
    let app = facts.app;
    let mut file = Keyfile::new();
    let group = if app.reference.kind == Kind::App { "Application" } else { "Runtime" };
    file.set(group, "name", app.id().as_str());
    file.set(group, "runtime", &app.runtime.reference.to_string());
    let mut set = |key: &str, value: &str| file.set("Instance", key, value);
    set("instance-id", facts.instance);
    if let Some(part) = &app.app {
        set("instance-path", &facts.data_dir().to_string_lossy());
        set("app-path", &part.path.join("files").to_string_lossy());
        set("app-commit", part.commit.as_str());
        let extensions = commits(&app.extensions, Owner::App);
        if !extensions.is_empty() {
            set("app-extensions", &extensions);
        }
    }
    set("runtime-path", &app.runtime.path.join("files").to_string_lossy());
    set("runtime-commit", app.runtime.commit.as_str());
    let extensions = commits(&app.extensions, Owner::Runtime);
    if !extensions.is_empty() {
        set("runtime-extensions", &extensions);
    }
    if app.app.is_some() {
        set("branch", app.reference.branch.as_str());
    }
    set("arch", app.runtime.reference.arch.as_str());
    set("flatpak-version", LIKE_FLATPAK);
    for (key, socket) in [("session-bus-proxy", Socket::SessionBus), ("system-bus-proxy", Socket::SystemBus)]
    {
        if !facts.context.sockets.allows(socket) {
            set(key, "true");
        }
    }
    for (key, switch) in [("sandbox", facts.request.sandboxed), ("devel", facts.request.runtime.devel)] {
        if switch.is_on() {
            set(key, "true");
        }
    }
    facts.context.flattened().write(&mut file);
    file.to_string()
}

fn commits(extensions: &[Extension], owner: Owner) -> String {
    let own = extensions.iter().filter(|extension| extension.owner == owner);
    let texts: Vec<String> = own
        .map(|extension| match &extension.commit {
            Some(commit) => format!("{}={commit}", extension.id),
            None => format!("{}=", extension.id),
        })
        .collect();
    texts.join(";")
}

pub(crate) fn add(facts: &Facts<'_>, info: &str, draft: &mut Draft) {
    // A real file of the root itself: who looks through /proc/PID/root finds it until the last process has gone.
    let what = What::File { contents: info.as_bytes().to_vec(), mode: 0o444 };
    draft.mounts.push(Mount { at: "/.flatpak-info".into(), what });
    let source = Source::Beneath {
        base: facts.host.runtime_dir.clone(),
        path: std::path::Path::new(".flatpak").join(facts.instance),
        create: None,
    };
    let what = What::Bind { source, access: Access::Read, missing: Missing::Skip };
    let at = std::path::Path::new("/run/flatpak/.flatpak").join(facts.instance);
    draft.mounts.push(Mount { at, what });
}
