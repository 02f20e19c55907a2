//! The remotes in a repository's configuration, and their keys.

use std::collections::BTreeMap;

use aril_beneath::LockKind;
use aril_model::{Keyfile, RemoteName};
use ostree::gio;
use ostree::glib::prelude::Cast;

use crate::error::Doing;
use crate::repo::CONFIG_LIMIT;
use crate::{Repo, Result, StoreError};

/// A remote: where refs are pulled from, and what must be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name.
    pub name: RemoteName,
    /// All keys of its group with their values: `url`, `gpg-verify`, `collection-id`, `xa.title`...
    pub options: BTreeMap<String, String>,
}

impl Remote {
    /// A remote that trusts nobody: commits and summary must be signed.
    pub fn new(name: RemoteName, url: &str) -> Self {
        let options = [("url", url), ("gpg-verify", "true"), ("gpg-verify-summary", "true")];
        Self { name, options: options.map(|(key, value)| (key.to_owned(), value.to_owned())).into() }
    }

    /// The value of a key, if it is there and not empty.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: &str) {
        self.options.insert(key.to_owned(), value.to_owned());
    }

    /// Whether a key says `true`.
    pub fn is_set(&self, key: &str) -> bool {
        self.option(key) == Some("true")
    }

    /// Its url, without the mark `metalink=` or `mirrorlist=` that libostree knows.
    pub fn url(&self) -> &str {
        self.option("url").unwrap_or_default()
    }

    /// Whether commits must be signed; missing means yes, as libostree has it.
    pub fn verifies_commits(&self) -> bool {
        self.option("gpg-verify") != Some("false")
    }
}

impl Repo {
    /// The remotes in the order of the configuration.
    ///
    /// # Errors
    /// When the configuration cannot be read. Groups with wrong names are passed over.
    pub fn remotes(&self) -> Result<Vec<Remote>> {
        let config = self.config()?;
        let mut remotes = Vec::new();
        for group in config.group_names() {
            let name = group.strip_prefix("remote \"").and_then(|rest| rest.strip_suffix('"'));
            let Some(Ok(name)) = name.map(str::parse::<RemoteName>) else { continue };
            let value = |key: &str| (key.to_owned(), config.get(group, key).unwrap_or_default());
            let options = config.keys(group).into_iter().map(value).collect();
            remotes.push(Remote { name, options });
        }
        Ok(remotes)
    }

    /// One remote.
    ///
    /// # Errors
    /// [`StoreError::NoRemote`] if there is none of this name.
    pub fn remote(&self, name: &RemoteName) -> Result<Remote> {
        let found = self.remotes()?.into_iter().find(|remote| remote.name == *name);
        found.ok_or_else(|| StoreError::NoRemote(name.to_string()))
    }

    /// Adds a remote, or replaces the one of the same name.
    ///
    /// # Errors
    /// When the configuration cannot be written.
    pub fn set_remote(&self, remote: &Remote) -> Result<()> {
        self.change_config(|config| {
            let group = group_of(&remote.name);
            for key in config.keys(&group).into_iter().map(str::to_owned).collect::<Vec<_>>() {
                if !remote.options.contains_key(&key) {
                    config.remove(&group, &key);
                }
            }
            for (key, value) in &remote.options {
                config.set(&group, key, value);
            }
        })
    }

    /// Removes a remote with its keys and its refs; `false` if there is none.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn remove_remote(&self, name: &RemoteName) -> Result<bool> {
        let group = group_of(name);
        let existed = self.config()?.has_group(&group);
        if existed {
            self.change_config(|config| config.remove_group(&group))?;
        }
        for file in [keyring(name), format!("{name}.filter")] {
            match self.dir().remove_file(&file) {
                Err(error) if error.is_not_found() => {}
                removed => removed?,
            }
        }
        self.dir().remove_tree(format!("refs/remotes/{name}"))?;
        Ok(existed)
    }

    /// Adds OpenPGP keys, armored or binary, to those that a remote is believed for. Returns how many were new.
    ///
    /// # Errors
    /// When there is no such remote, or no key in the bytes.
    pub fn import_keys(&self, name: &RemoteName, keys: &[u8]) -> Result<u32> {
        let stream = gio::MemoryInputStream::from_bytes(&ostree::glib::Bytes::from(keys));
        let before = self.dir().exists(keyring(name))?;
        let imported = crate::sys::import_keys(self.library()?, name.as_str(), stream.upcast_ref())
            .doing(format!("import the keys of the remote '{name}'"))?;
        if imported == 0 && !before {
            let action = format!("import the keys of the remote '{name}'");
            return Err(StoreError::Signature { action, problem: "there is no OpenPGP key in them".into() });
        }
        Ok(imported)
    }

    /// Whether a remote has keys of its own.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn has_keys(&self, name: &RemoteName) -> Result<bool> {
        Ok(self.dir().exists(keyring(name))?)
    }

    fn config(&self) -> Result<Keyfile> {
        let text = self.dir().read_to_string("config", CONFIG_LIMIT)?;
        Keyfile::parse(&text).map_err(|error| StoreError::Library {
            action: format!("read '{}'", self.path().join("config").display()),
            problem: error.to_string(),
        })
    }

    fn change_config(&self, change: impl FnOnce(&mut Keyfile)) -> Result<()> {
        let _lock = self.lock(LockKind::Shared)?;
        let mut config = self.config()?;
        change(&mut config);
        self.dir().write_atomic("config", config.to_string().as_bytes(), 0o644)?;
        self.reload()
    }
}

fn group_of(name: &RemoteName) -> String {
    format!("remote \"{name}\"")
}

fn keyring(name: &RemoteName) -> String {
    format!("{name}.trustedkeys.gpg")
}
