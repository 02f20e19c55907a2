//! What an app finds in `/etc` that is the host's and not the runtime's: names, time zone, machine id.

use aril_model::{Context, Share};

use super::{read, read_text};

/// Contents of files, as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EtcFacts {
    /// `hosts`, `host.conf`, `gai.conf`, `resolv.conf`: name and contents of those that are there.
    pub(crate) network: Vec<(&'static str, Vec<u8>)>,
    /// 32 hex digits that tell this machine from others.
    pub(crate) machine_id: Option<String>,
    /// `Europe/Berlin`.
    pub(crate) timezone: Option<String>,
    /// The time zone's rules.
    pub(crate) localtime: Option<Vec<u8>>,
    /// The host's name.
    pub(crate) hostname: String,
}

impl EtcFacts {
    pub(crate) fn find(context: &Context) -> Self {
        let names: &[&'static str] = match context.shared.allows(Share::Network) {
            true => &["hosts", "host.conf", "gai.conf", "resolv.conf"],
            false => &[],
        };
        let network = names.iter().filter_map(|name| Some((*name, read(format!("/etc/{name}"))?))).collect();
        let machine_id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .find_map(|path| read_text(*path).and_then(|text| machine_id(&text)));
        Self {
            network,
            machine_id,
            timezone: timezone(),
            localtime: read("/etc/localtime"),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }
}

fn machine_id(text: &str) -> Option<String> {
    let id = text.trim_end();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

/// From the link `/etc/localtime`, else from Debian's `/etc/timezone`.
fn timezone() -> Option<String> {
    let link = rustix::fs::readlink("/etc/localtime", Vec::new()).ok().and_then(|target| {
        let target = target.to_str().ok()?.to_owned();
        Some(target.split_once("zoneinfo/")?.1.to_owned())
    });
    let file = || read_text("/etc/timezone").map(|text| text.trim().to_owned());
    link.or_else(file).filter(|zone| is_zone(zone))
}

/// Whether a text is a zone's name and not a way out of the directory of zones.
fn is_zone(zone: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    zone.split('/').all(is_part) && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        for good in ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(is_zone(good), "{good}");
        }
        for bad in ["", "../x", "a//b", "/etc/passwd", "a b", "Europe/"] {
            assert!(!is_zone(bad), "{bad}");
        }
    }

    #[test]
    fn machine_ids() {
        assert_eq!(
            machine_id("0123456789ABCDEF0123456789abcdef\n").unwrap(),
            "0123456789abcdef0123456789abcdef"
        );
        assert_eq!(machine_id("uninitialized\n"), None);
    }
}
