//! Permissions as one value: what metadata, overrides and the command line say, and how one is laid over another.
//!
//! Source: `flatpak-metadata(5)`, "Context", and the order of layers in `flatpak-override(1)`.

mod flat; // without what is denied

use std::collections::{BTreeMap, BTreeSet};

use crate::permission::Reset;
use crate::{
    Access, BusName, BusNameError, Device, Feature, Hint, Keyfile, Place, PlaceError, Policy, Share, Socket,
    Toggles, Word, nearest,
};

/// Policies by name; the most specific one that covers a name decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusPolicies(BTreeMap<BusName, Policy>);

impl BusPolicies {
    /// Sets the policy of a name or subtree.
    pub fn set(&mut self, name: BusName, policy: Policy) {
        self.0.insert(name, policy);
    }

    /// Names and subtrees with their policies.
    pub fn iter(&self) -> impl Iterator<Item = (&BusName, Policy)> {
        self.0.iter().map(|(name, policy)| (name, *policy))
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is allowed with a concrete name.
    pub fn policy_of(&self, name: &str) -> Policy {
        let covering = self.0.iter().filter(|(rule, _)| rule.covers(name));
        covering
            .max_by_key(|(rule, _)| (rule.base().len(), !rule.is_subtree()))
            .map_or(Policy::None, |(_, policy)| *policy)
    }
}

/// Permissions, as far as one layer or several together speak of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Namespaces shared with the host.
    pub shared: Toggles<Share>,
    /// Sockets.
    pub sockets: Toggles<Socket>,
    /// Devices.
    pub devices: Toggles<Device>,
    /// System calls and socket families.
    pub features: Toggles<Feature>,
    /// Places of the host's file system.
    pub filesystems: BTreeMap<Place, Access>,
    /// Directories of the home directory that are kept, for apps that cannot see it: relative paths.
    pub persistent: BTreeSet<String>,
    /// Environment variables; `None` unsets.
    pub environment: BTreeMap<String, Option<String>>,
    /// Policies for names on the session bus.
    pub session_bus: BusPolicies,
    /// Policies for names on the system bus.
    pub system_bus: BusPolicies,
    /// Policies for names on the accessibility bus.
    pub a11y_bus: BusPolicies,
    /// `if:PERMISSION:CONDITION…`, kept as written: group key (`sockets`, ...) and text.
    pub conditional: BTreeSet<(String, String)>,
    /// Words that this version does not know, as `key=word`: from a newer version, to be reported and ignored.
    pub unknown: BTreeSet<String>,
    /// Whether the places of lower layers are forgotten.
    pub resets_filesystems: bool,
}

/// A permission that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Not a place.
    #[error("'{option}': {source}")]
    Place {
        /// What was given, with its key.
        option: String,
        /// What is wrong with it.
        source: PlaceError,
    },
    /// Not a bus name.
    #[error(transparent)]
    BusName(#[from] BusNameError),
    /// Not a policy.
    #[error("'{0}' is not a policy: it is none, see, talk or own")]
    Policy(String),
    /// A word that is not one of the kind.
    #[error("'{text}' cannot be {kind}")]
    Word {
        /// What was given.
        text: String,
        /// What it was given for: `shared`, `a socket`...
        kind: &'static str,
        /// The words that could be.
        known: Vec<&'static str>,
    },
    /// Not a variable's name, or a value with a NUL.
    #[error("'{0}' is not an environment variable")]
    Variable(String),
    /// A persistent directory that is not below the home directory.
    #[error("'{0}' is not a directory below the home directory: it is relative and without ..")]
    Persistent(String),
}

impl Hint for ContextError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Place { source, .. } => source.hint(),
            Self::Word { text, known, .. } => Some(match nearest(text, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("it is one of {}", known.join(", ")),
            }),
            _ => None,
        }
    }
}

impl Context {
    /// Reads the groups `Context`, `Session Bus Policy`, `System Bus Policy`, `Accessibility Bus Policy` and `Environment`.
    ///
    /// A wrong entry never stops an app: what cannot be understood is left out and returned beside the context, one error an entry; words
    /// that are merely unknown are kept in [`Context::unknown`].
    pub fn from_keyfile(file: &Keyfile) -> (Self, Vec<ContextError>) {
        let mut context = Self::default();
        let mut errors = Vec::new();
        context.read_words(file);
        for text in file.list("Context", "filesystems") {
            if let Err(error) = context.add_filesystem(&text) {
                errors.push(error);
            }
        }
        for text in file.list("Context", "persistent") {
            if let Err(error) = context.add_persistent(&text) {
                errors.push(error);
            }
        }
        for (group, policies) in [
            ("Session Bus Policy", &mut context.session_bus),
            ("System Bus Policy", &mut context.system_bus),
            ("Accessibility Bus Policy", &mut context.a11y_bus),
        ] {
            for key in file.keys(group) {
                let value = file.get(group, key).unwrap_or_default();
                match (key.parse(), value.trim_end().parse()) {
                    (Ok(name), Ok(policy)) => policies.set(name, policy),
                    (Err(error), _) => errors.push(BusNameError::into(error)),
                    (_, Err(())) => errors.push(ContextError::Policy(crate::printable(&value).into_owned())),
                }
            }
        }
        for key in file.keys("Environment") {
            let value = file.get("Environment", key).unwrap_or_default();
            if let Err(error) = context.add_variable(key, Some(&value)) {
                errors.push(error);
            }
        }
        for key in file.list("Context", "unset-environment") {
            if let Err(error) = context.add_variable(&key, None) {
                errors.push(error);
            }
        }
        (context, errors)
    }

    fn read_words(&mut self, file: &Keyfile) {
        for key in ["shared", "sockets", "devices", "features"] {
            for text in file.list("Context", key) {
                if text.starts_with("if:") {
                    self.conditional.insert((key.to_owned(), text));
                    continue;
                }
                let (word, allowed) = match text.strip_prefix('!') {
                    Some(word) => (word, false),
                    None => (text.as_str(), true),
                };
                let known = match key {
                    "shared" => set_word(&mut self.shared, word, allowed),
                    "sockets" => set_word(&mut self.sockets, word, allowed),
                    "devices" => set_word(&mut self.devices, word, allowed),
                    _ => set_word(&mut self.features, word, allowed),
                };
                if !known {
                    self.unknown.insert(format!("{key}={text}"));
                }
            }
        }
    }

    /// Adds a place in the form of `--filesystem=`.
    ///
    /// # Errors
    /// When it is not a place.
    pub fn add_filesystem(&mut self, text: &str) -> Result<(), ContextError> {
        let (place, access, reset) = Place::parse_with_access(text).map_err(|source| {
            ContextError::Place { option: format!("filesystems={}", crate::printable(text)), source }
        })?;
        if reset == Reset::Lower {
            self.resets_filesystems = true;
            self.filesystems.retain(|_, access| *access == Access::Denied);
        }
        self.filesystems.insert(place, access);
        Ok(())
    }

    /// Adds a directory below the home directory that is kept.
    ///
    /// # Errors
    /// When it is absolute or goes up.
    pub fn add_persistent(&mut self, text: &str) -> Result<(), ContextError> {
        let error = || ContextError::Persistent(crate::printable(text).into_owned());
        match format!("~/{text}").parse() {
            Ok(Place::Home(path)) if !text.starts_with('/') => {
                self.persistent.insert(if path.is_empty() { ".".to_owned() } else { path });
                Ok(())
            }
            _ => Err(error()),
        }
    }

    /// Sets a variable, or with `None` unsets it.
    ///
    /// # Errors
    /// When the name is empty or has a `=`, or one of both has a NUL.
    pub fn add_variable(&mut self, name: &str, value: Option<&str>) -> Result<(), ContextError> {
        if name.is_empty() || name.contains(['=', '\0']) || value.is_some_and(|value| value.contains('\0')) {
            return Err(ContextError::Variable(crate::printable(name).into_owned()));
        }
        self.environment.insert(name.to_owned(), value.map(str::to_owned));
        Ok(())
    }

    /// Lays a newer or more specific layer over this one: what it speaks of counts, the rest stays.
    pub fn lay_over(&mut self, upper: &Self) {
        self.shared.lay_over(&upper.shared);
        self.sockets.lay_over(&upper.sockets);
        self.devices.lay_over(&upper.devices);
        self.features.lay_over(&upper.features);
        if upper.resets_filesystems {
            self.resets_filesystems = true;
            self.filesystems.clear();
        }
        for (place, access) in &upper.filesystems {
            self.filesystems.insert(place.clone(), *access);
        }
        self.persistent.extend(upper.persistent.iter().cloned());
        for (name, value) in &upper.environment {
            self.environment.insert(name.clone(), value.clone());
        }
        for (mine, theirs) in [
            (&mut self.session_bus, &upper.session_bus),
            (&mut self.system_bus, &upper.system_bus),
            (&mut self.a11y_bus, &upper.a11y_bus),
        ] {
            mine.0.extend(theirs.0.iter().map(|(name, policy)| (name.clone(), *policy)));
        }
        self.conditional.extend(upper.conditional.iter().cloned());
        self.unknown.extend(upper.unknown.iter().cloned());
    }

    /// Writes the context into `file`, in place of what these groups said there.
    pub fn write(&self, file: &mut Keyfile) {
        for (key, mut words) in [
            ("shared", self.shared.words()),
            ("sockets", self.sockets.words()),
            ("devices", self.devices.words()),
            ("features", self.features.words()),
        ] {
            words.extend(self.conditional.iter().filter(|(k, _)| k == key).map(|(_, text)| text.clone()));
            // A newer version's words are not lost when an older one writes the file.
            let unknown = self.unknown.iter().filter_map(|entry| entry.strip_prefix(key)?.strip_prefix('='));
            words.extend(unknown.map(str::to_owned));
            write_list(file, key, &words);
        }
        let mut places: Vec<String> =
            self.filesystems.iter().map(|(place, access)| place.with_access(*access)).collect();
        if self.resets_filesystems {
            places.retain(|place| place != "!host");
            places.insert(0, "!host:reset".to_owned());
        }
        write_list(file, "filesystems", &places);
        write_list(file, "persistent", &self.persistent.iter().cloned().collect::<Vec<_>>());
        let unset: Vec<&String> =
            self.environment.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        write_list(file, "unset-environment", &unset);
        for (group, policies) in [
            ("Session Bus Policy", &self.session_bus),
            ("System Bus Policy", &self.system_bus),
            ("Accessibility Bus Policy", &self.a11y_bus),
        ] {
            file.remove_group(group);
            for (name, policy) in policies.iter() {
                file.set(group, &name.to_string(), policy.as_str());
            }
        }
        file.remove_group("Environment");
        for (name, value) in &self.environment {
            if let Some(value) = value {
                file.set("Environment", name, value);
            }
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Sets a word; `false` if there is no such word.
fn set_word<W: Word>(toggles: &mut Toggles<W>, word: &str, allowed: bool) -> bool {
    let known = W::from_word(word);
    if let Some(known) = known {
        toggles.set(known, allowed);
    }
    known.is_some()
}

fn write_list<T: AsRef<str>>(file: &mut Keyfile, key: &str, items: &[T]) {
    if items.is_empty() {
        file.remove("Context", key);
    } else {
        file.set_list("Context", key, items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str) -> Context {
        let (context, errors) = Context::from_keyfile(&Keyfile::parse(text).unwrap());
        assert_eq!(errors, []);
        context
    }

    #[test]
    fn reads_and_writes() {
        let text = "[Context]\nshared=network;!ipc;\nsockets=x11;wayland;\nfilesystems=home:ro;!~/.ssh;\npersistent=.mozilla;\nunset-environment=B;\n\n[Session Bus Policy]\norg.gnome.*=talk\n\n[Environment]\nA=1\n";
        let read = context(text);
        assert!(read.shared.allows(Share::Network) && read.shared.denies(Share::Ipc));
        assert_eq!(read.filesystems[&Place::Home(String::new())], Access::Read);
        assert_eq!(read.environment["B"], None);
        let mut file = Keyfile::new();
        read.write(&mut file);
        assert_eq!(context(&file.to_string()), read);
    }

    #[test]
    fn words_of_a_newer_version_survive() {
        let text = "[Context]\nsockets=x11;warp;!tachyon;\ndevices=flux;if:all:true;\n";
        let mut file = Keyfile::new();
        Context::from_keyfile(&Keyfile::parse(text).unwrap()).0.write(&mut file);
        assert_eq!(file.to_string(), "[Context]\nsockets=x11;!tachyon;warp;\ndevices=if:all:true;flux;\n");
    }

    #[test]
    fn wrong_entries_are_left_out_and_reported() {
        let text = "[Context]\nsockets=x11;warp;\nfilesystems=hom;home;\npersistent=../x;\n[Session Bus Policy]\nnodots=talk\na.b=shout\nc.d=own\n";
        let (read, errors) = Context::from_keyfile(&Keyfile::parse(text).unwrap());
        assert!(read.sockets.allows(Socket::X11));
        assert_eq!(read.unknown.iter().collect::<Vec<_>>(), ["sockets=warp"]);
        assert_eq!(read.filesystems.len(), 1);
        assert_eq!(read.session_bus.policy_of("c.d"), Policy::Own);
        assert_eq!(errors.len(), 4);
    }

    #[test]
    fn layers() {
        let mut lower =
            context("[Context]\nshared=network;\nfilesystems=home;/srv;\n[Environment]\nA=1\nB=2\n");
        lower.lay_over(&context("[Context]\nshared=!network;\nfilesystems=!home;\nunset-environment=A;\n"));
        assert!(!lower.shared.allows(Share::Network));
        assert_eq!(lower.filesystems[&Place::Home(String::new())], Access::Denied);
        assert_eq!(lower.environment["A"], None);
        lower.lay_over(&context("[Context]\nfilesystems=!host:reset;xdg-music:ro;\n"));
        assert_eq!(lower.filesystems.len(), 2);
        assert!(!lower.filesystems.contains_key(&Place::Path("/srv".into())));
    }

    #[test]
    fn most_specific_policy_decides() {
        let read =
            context("[Session Bus Policy]\norg.gnome.*=talk\norg.gnome.Maps=own\norg.gnome.Shell.*=none\n");
        for (name, policy) in [
            ("org.gnome.Maps", Policy::Own),
            ("org.gnome.Maps.Search", Policy::Talk),
            ("org.gnome.Shell", Policy::None),
            ("org.kde.x", Policy::None),
        ] {
            assert_eq!(read.session_bus.policy_of(name), policy, "{name}");
        }
    }
}
