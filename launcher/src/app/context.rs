//! The permissions that hold: metadata, grant and overrides laid over each other, and conditions decided.

use aril_installation::{Installation, Installations, effective_context};
use aril_model::{Context, Device, Feature, Metadata, Share, Socket, Toggles, Word};

use super::Reasons;
use crate::LaunchError;

/// What conditional permissions and extensions ask about this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    /// For `enable-if` of extensions.
    pub(crate) reasons: Reasons,
    /// Words of permissions that hold: `has-wayland`, `has-input-device`, …
    pub(crate) facts: Vec<&'static str>,
}

/// Conditions that are looked at only when something depends on them.
pub(crate) type Asked = std::cell::LazyCell<Conditions, Box<dyn FnOnce() -> Conditions>>;

/// The permissions before the command line, and what had to be left out of overrides.
pub(crate) fn effective(
    installations: &Installations,
    home: &Installation,
    (app, runtime): (&Metadata, &Metadata),
    conditions: &Asked,
) -> Result<(Context, Vec<String>), LaunchError> {
    let (mut context, problems) = effective_context(installations, home, app, runtime)?;
    decide(&mut context, conditions);
    Ok((context, problems))
}

/// Decides conditional permissions. A permission with conditions holds if one of them does; written beside it without a condition it is
/// only for versions of Flatpak that do not know conditions. What is denied stays denied.
///
/// Source: Flatpak's `flatpak-context.c`, `if:PERMISSION:CONDITION[:CONDITION…]`.
pub(crate) fn decide(context: &mut Context, conditions: &Asked) {
    let entries = std::mem::take(&mut context.conditional);
    if entries.is_empty() {
        return;
    }
    for key in ["shared", "sockets", "devices", "features"] {
        let mut decided: Vec<(String, bool)> = Vec::new();
        for (_, text) in entries.iter().filter(|(own, _)| own == key) {
            let mut parts = text.split(':').skip(1);
            let Some(word) = parts.next() else { continue };
            let holds = parts.all(|condition| conditions.hold(condition));
            match decided.iter_mut().find(|(known, _)| known == word) {
                Some((_, any)) => *any |= holds,
                None => decided.push((word.to_owned(), holds)),
            }
        }
        for (word, holds) in decided {
            match key {
                "shared" => set::<Share>(&mut context.shared, &word, holds),
                "sockets" => set::<Socket>(&mut context.sockets, &word, holds),
                "devices" => set::<Device>(&mut context.devices, &word, holds),
                _ => set::<Feature>(&mut context.features, &word, holds),
            }
        }
    }
}

fn set<W: Word>(toggles: &mut Toggles<W>, word: &str, holds: bool) {
    if let Some(word) = W::from_word(word).filter(|word| !toggles.denies(*word)) {
        toggles.set(word, holds);
    }
}

impl Conditions {
    /// An unknown condition does not hold, and neither does its negation: nobody knows what was meant.
    fn hold(&self, condition: &str) -> bool {
        const KNOWN: [&str; 4] = ["has-input-device", "has-usb-device", "has-wayland", "has-usb-portal"];
        let (negated, word) = match condition.strip_prefix('!') {
            Some(word) => (true, word),
            None => (false, condition),
        };
        match word {
            "true" => !negated,
            "false" => negated,
            word if KNOWN.contains(&word) => self.facts.contains(&word) != negated,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aril_model::Keyfile;

    #[test]
    fn conditions_decide_and_denials_stay() {
        let conditions =
            Asked::new(Box::new(|| Conditions { facts: vec!["has-wayland"], ..Conditions::default() }));
        for (sockets, x11) in [
            ("x11;", true),
            ("x11;if:x11:!has-wayland;", false),
            ("x11;if:x11:has-wayland;", true),
            ("if:x11:has-wayland:false;", false),
            ("if:x11:false;if:x11:true;", true),
            ("if:x11:!true;", false),
            ("!x11;if:x11:true;", false),
            ("if:x11:!something-new;", false),
        ] {
            let file = Keyfile::parse(&format!("[Context]\nsockets={sockets}\n")).unwrap();
            let (mut context, errors) = Context::from_keyfile(&file);
            assert_eq!(errors, []);
            decide(&mut context, &conditions);
            assert_eq!(context.sockets.allows(Socket::X11), x11, "{sockets}");
        }
    }
}
