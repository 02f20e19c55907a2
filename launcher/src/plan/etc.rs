//! The files of `/etc` that are made for each start and lie over the runtime's: who the user is, which time it is, who answers names.

use std::path::PathBuf;

use aril_model::{Keyfile, Share};
use sha2::{Digest, Sha256};

use super::Facts;
use crate::spec::Made;

/// Files of the runtime that would tell about the machine it was built on.
const NOT_THE_RUNTIMES: [&str; 8] =
    ["hosts", "host.conf", "gai.conf", "resolv.conf", "machine-id", "localtime", "timezone", "passwd"];

/// All files, each once.
pub(crate) fn files(facts: &Facts<'_>) -> Vec<(PathBuf, Made)> {
    let mut files: Vec<(PathBuf, Made)> = Vec::new();
    let mut file = |name: &str, text: String| files.push((name.into(), Made::File(text.into_bytes())));
    file("passwd", passwd(facts));
    file("group", group(facts));
    if let Some(id) = machine_id(facts) {
        file("machine-id", format!("{id}\n"));
    }
    file("pkcs11/pkcs11.conf", "# Only what the sandbox has.\nuser-config: none\n".into());
    if let Some(zone) = &facts.host.etc.timezone {
        file("timezone", format!("{zone}\n"));
    }
    if facts.host.sockets.certificates.is_some() {
        file("pkcs11/modules/p11-kit-trust.module", "module: p11-kit-client.so\n".into());
    }
    files.extend(network(facts));
    files.extend(localtime(facts));
    if facts.is_merged() && super::fonts::are_shown(facts) {
        files.push(("fonts/conf.d/09-aril-host.conf".into(), Made::File(super::fonts::CONF.into())));
    }
    for name in NOT_THE_RUNTIMES {
        if !files.iter().any(|(path, _)| path.as_os_str() == name) {
            files.push((name.into(), Made::Nothing));
        }
    }
    files
}

/// The user, and those that programs look up by name. Nobody else of the host.
fn passwd(facts: &Facts<'_>) -> String {
    let user = &facts.host.user;
    let (uid, gid) = (facts.host.ids.uid, facts.host.ids.gid);
    let mut lines =
        format!("{}:x:{uid}:{gid}:{}:{}:/bin/sh\n", user.name, user.full_name, user.home.display());
    if uid != 0 {
        lines.push_str("root:x:0:0:root:/root:/sbin/nologin\n");
    }
    lines.push_str("nobody:x:65534:65534:Unmapped user:/:/sbin/nologin\n");
    lines
}

fn group(facts: &Facts<'_>) -> String {
    let gid = facts.host.ids.gid;
    let mut lines = format!("{}:x:{gid}:{}\n", facts.host.user.group, facts.host.user.name);
    if gid != 0 {
        lines.push_str("root:x:0:\n");
    }
    lines.push_str("nobody:x:65534:\n");
    lines
}

/// Flatpak's apps get the host's; ours one of their own, by which nobody can tell that two apps run on one machine.
fn machine_id(facts: &Facts<'_>) -> Option<String> {
    let id = facts.host.etc.machine_id.as_ref()?;
    if !facts.is_merged() {
        return Some(id.clone());
    }
    let mut hash = Sha256::new();
    hash.update(b"aril machine-id\n");
    hash.update(id.as_bytes());
    hash.update(facts.app.id().as_str().as_bytes());
    Some(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Names are only answered where there is a network to ask.
fn network(facts: &Facts<'_>) -> Vec<(PathBuf, Made)> {
    if !facts.context.shared.allows(Share::Network) {
        let hosts = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
        return vec![("hosts".into(), Made::File(hosts.into_bytes()))];
    }
    let link = |name: &str| Made::Symlink(PathBuf::from("../run/host/monitor").join(name));
    facts
        .host
        .etc
        .network
        .iter()
        .map(|(name, contents)| {
            // The session helper keeps its copies up to date when the network changes.
            let made =
                if facts.host.sockets.monitor.is_some() { link(name) } else { Made::File(contents.clone()) };
            (PathBuf::from(name), made)
        })
        .collect()
}

/// A link into the zones if they are there, as programs want that show the zone's name; else the rules themselves.
fn localtime(facts: &Facts<'_>) -> Option<(PathBuf, Made)> {
    let etc = &facts.host.etc;
    let has_zones = super::system::shows_host_zones(facts)
        || facts.app.runtime.tops.has_zones
        || facts.app.app.as_ref().is_some_and(|app| facts.is_merged() && app.tops.has_zones);
    let made = match &etc.timezone {
        Some(zone) if has_zones => Made::Symlink(PathBuf::from("../usr/share/zoneinfo").join(zone)),
        _ => Made::File(etc.localtime.clone()?),
    };
    Some(("localtime".into(), made))
}

/// Keys of ours in the app's metadata.
pub(crate) fn own_flag(metadata: &Keyfile, key: &str) -> bool {
    metadata.bool("X-Aril", key).unwrap_or(false)
}
