//! What the kernel refuses the app although its files and sockets would allow it. Stricter for apps that we built from packages.

use aril_model::Feature;

use super::Facts;
use super::etc::own_flag;
use crate::spec::{
    CallFeature, Calls, Capabilities, Code, Landlock, Limit, Nested, Pretend, Ruled, Scopes, Wall, Without,
};

/// Decides.
pub(crate) fn of(facts: &Facts<'_>) -> Wall {
    let metadata = &facts.app.metadata.keyfile;
    let merged = facts.is_merged();
    let nested = merged && own_flag(metadata, "nested");
    Wall {
        capabilities: Capabilities::None,
        calls: Calls { features: features(facts, nested), pretend: Pretend::No },
        landlock: Landlock {
            // Landlock forbids its domain all mounting, which sandboxes inside the sandbox need.
            files: if nested { Ruled::No } else { Ruled::Yes },
            // Input methods and others of the host listen on abstract sockets; Flatpak's apps with a network reach them.
            scopes: if merged { Scopes::SignalsAndSockets } else { Scopes::Signals },
            connect: None,
            bind: None,
            without: if merged { Without::Refuse } else { Without::Tell },
        },
        nested: if nested { Nested::Allowed } else { Nested::Forbidden },
        code: if merged && own_flag(metadata, "fixed-code") { Code::Fixed } else { Code::Writable },
    }
}

fn features(facts: &Facts<'_>, nested: bool) -> Vec<CallFeature> {
    let granted = |feature| facts.context.features.allows(feature);
    let mut features = Vec::new();
    for (is_on, feature) in [
        (granted(Feature::Devel) || facts.request.runtime.devel.is_on(), CallFeature::Devel),
        (granted(Feature::Multiarch), CallFeature::Multiarch),
        (granted(Feature::Bluetooth), CallFeature::Bluetooth),
        (granted(Feature::Canbus), CallFeature::Canbus),
        (nested, CallFeature::Nested),
        (!facts.is_merged(), CallFeature::Lenient),
    ] {
        if is_on {
            features.push(feature);
        }
    }
    features
}

/// No core dumps, which would write the app's memory where the host keeps them; and what `--limit` says.
pub(crate) fn limits(facts: &Facts<'_>, notes: &mut Vec<String>) -> Vec<(Limit, u64)> {
    let mut limits = vec![(Limit::Core, 0)];
    for text in &facts.request.limits {
        match parse_limit(text) {
            Some(limit) => limits.push(limit),
            None => notes.push(format!("'{}' is not a limit", aril_model::printable(text))),
        }
    }
    limits
}

/// `mem=2G`, `pids=500`, `files=1000`.
fn parse_limit(text: &str) -> Option<(Limit, u64)> {
    let (name, value) = text.split_once('=')?;
    let limit = match name {
        "mem" => Limit::Memory,
        "pids" => Limit::Processes,
        "files" => Limit::Files,
        _ => return None,
    };
    let (digits, factor) = match value.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(digits) => {
            let power = "KMGT".find(value.chars().last()?)? as u32 + 1;
            (digits, 1024_u64.pow(power))
        }
        None => (value, 1),
    };
    Some((limit, digits.parse::<u64>().ok()?.checked_mul(factor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_in_words() {
        assert_eq!(parse_limit("mem=2G"), Some((Limit::Memory, 2 << 30)));
        assert_eq!(parse_limit("pids=500"), Some((Limit::Processes, 500)));
        for bad in ["mem", "mem=", "mem=2X", "cpu=1", "mem=99999999999999G", "mem=-1"] {
            assert_eq!(parse_limit(bad), None, "{bad}");
        }
    }
}
