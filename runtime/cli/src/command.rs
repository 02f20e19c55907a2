//! The commands that are answered here, since they need no store.

pub(crate) mod completion;
pub(crate) mod info;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod r#override;
pub(crate) mod ps;
pub(crate) mod remotes;
