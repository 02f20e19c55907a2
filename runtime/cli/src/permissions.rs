//! Permissions for programs: the groups of a context as JSON.

use std::collections::BTreeMap;

use aril_model::{BusPolicies, Context, Keyfile};
use serde::Serialize;

/// A context, with the words that metadata uses; what is denied has a `!` before it.
#[derive(Debug, Serialize)]
pub(crate) struct ContextJson {
    shared: Vec<String>,
    sockets: Vec<String>,
    devices: Vec<String>,
    features: Vec<String>,
    filesystems: Vec<String>,
    persistent: Vec<String>,
    /// `null` unsets.
    environment: BTreeMap<String, Option<String>>,
    session_bus: BTreeMap<String, &'static str>,
    system_bus: BTreeMap<String, &'static str>,
    a11y_bus: BTreeMap<String, &'static str>,
}

impl From<&Context> for ContextJson {
    fn from(context: &Context) -> Self {
        Self {
            shared: context.shared.words(),
            sockets: context.sockets.words(),
            devices: context.devices.words(),
            features: context.features.words(),
            filesystems: context
                .filesystems
                .iter()
                .map(|(place, access)| place.with_access(*access))
                .collect(),
            persistent: context.persistent.iter().cloned().collect(),
            environment: context.environment.clone(),
            session_bus: policies(&context.session_bus),
            system_bus: policies(&context.system_bus),
            a11y_bus: policies(&context.a11y_bus),
        }
    }
}

fn policies(policies: &BusPolicies) -> BTreeMap<String, &'static str> {
    policies.iter().map(|(name, policy)| (name.to_string(), policy.as_str())).collect()
}

/// The context as metadata writes it.
pub(crate) fn as_keyfile(context: &Context) -> String {
    let mut file = Keyfile::new();
    context.write(&mut file);
    file.to_string()
}
