//! What holds in the end, as it is told to others: what is denied goes.

use super::{BusPolicies, Context};
use crate::{Access, Policy};

impl Context {
    /// The same without all that is denied, or forgets what was below: there is nothing below any more.
    ///
    /// Not for judging by: a place that is hidden in one that is allowed is not told.
    /// Source: flatpak 1.14's `info --show-permissions`, and its `/.flatpak-info`.
    #[must_use]
    pub fn flattened(&self) -> Self {
        let mut flat = self.clone();
        flat.shared.forget_denied();
        flat.sockets.forget_denied();
        flat.devices.forget_denied();
        flat.features.forget_denied();
        flat.filesystems.retain(|_, access| *access != Access::Denied);
        flat.resets_filesystems = false;
        for policies in [&mut flat.session_bus, &mut flat.system_bus, &mut flat.a11y_bus] {
            policies.forget_denied();
        }
        flat
    }
}

impl BusPolicies {
    fn forget_denied(&mut self) {
        self.0.retain(|_, policy| *policy != Policy::None);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Keyfile};

    #[test]
    fn what_is_denied_goes() {
        let text = "[Context]\nshared=network;!ipc;\nsockets=!x11;\ndevices=all;!dri;\nfeatures=!devel;\nfilesystems=!host:reset;!~/.ssh;xdg-music:ro;\nunset-environment=A;\n\n[Session Bus Policy]\na.b=none\na.b.*=talk\n\n[Environment]\nB=1\n";
        let (context, problems) = Context::from_keyfile(&Keyfile::parse(text).unwrap());
        assert_eq!(problems, []);
        let mut flat = Keyfile::new();
        context.flattened().write(&mut flat);
        assert_eq!(
            flat.to_string(),
            "[Context]\nshared=network;\ndevices=all;\nfilesystems=xdg-music:ro;\nunset-environment=A;\n\n[Session Bus Policy]\na.b.*=talk\n\n[Environment]\nB=1\n"
        );
    }
}
