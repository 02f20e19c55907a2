//! Decides what the sandbox of an app is. Pure: nothing here touches the system.
pub(crate) mod devices; // `/dev`
