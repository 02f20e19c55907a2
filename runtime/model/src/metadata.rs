//! The keyfile at the top of an app's or a runtime's commit.
//!
//! Source: `flatpak-metadata(5)`; the group `X-Aril` is ours, `docs/format/metadata.md`.

use crate::{
    AppId, Branch, Context, ContextError, ExtensionOf, ExtensionPoint, Keyfile, KeyfileError, Kind,
    NameError, Ref, RefError,
};

/// How the files of an app lie in its commit, and so how they are mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Flatpak's: everything is at `/app`.
    #[default]
    App,
    /// As Fedora built it: `usr` and `etc` are laid over the runtime's, `opt` is at `/opt`, `var` is copied once.
    Merged,
}

/// What the keyfile says, with the text it was parsed from.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// App or runtime.
    pub kind: Kind,
    /// The id.
    pub id: AppId,
    /// What it runs on; runtimes have none or themselves.
    pub runtime: Option<Ref>,
    /// What it is built with.
    pub sdk: Option<Ref>,
    /// What is started when nothing else is said.
    pub command: Option<String>,
    /// Versions of flatpak of which one must be at hand: `1.14.0`.
    pub required_flatpak: Vec<String>,
    /// The permissions it asks for.
    pub context: Context,
    /// Entries of the permissions that could not be understood; they are left out.
    pub context_errors: Vec<ContextError>,
    /// What it extends, for an extension.
    pub extension_of: Option<ExtensionOf>,
    /// How the files lie.
    pub layout: Layout,
    /// The whole file.
    pub keyfile: Keyfile,
}

/// A text that is not metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not a keyfile.
    #[error("the metadata is not a keyfile: {0}")]
    Keyfile(#[from] KeyfileError),
    /// Neither `[Application]` nor `[Runtime]`.
    #[error("the metadata has neither a group [Application] nor a group [Runtime]")]
    NoKind,
    /// `name` is missing.
    #[error("the metadata gives no name")]
    NoName,
    /// `name` is wrong.
    #[error("the metadata's name is wrong: {0}")]
    Name(#[from] NameError),
    /// `runtime` or `sdk` is wrong.
    #[error("the metadata's {key} is wrong: {source}")]
    Ref {
        /// `runtime` or `sdk`.
        key: &'static str,
        /// What is wrong.
        source: RefError,
    },
    /// A layout that this version does not know.
    #[error("the app's layout '{0}' is not known to this version of aril")]
    Layout(String),
}

impl Metadata {
    /// Parses the text of a metadata file.
    ///
    /// # Errors
    /// When it is no keyfile or lacks what every app and runtime must say. Wrong permissions are no error: see [`Self::context_errors`].
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        let keyfile = Keyfile::parse(text)?;
        let (kind, group) = if keyfile.has_group("Application") {
            (Kind::App, "Application")
        } else if keyfile.has_group("Runtime") {
            (Kind::Runtime, "Runtime")
        } else {
            return Err(MetadataError::NoKind);
        };
        let reference = |key: &'static str| {
            let text = keyfile.get(group, key).filter(|text| !text.is_empty());
            text.map(|text| Ref::runtime(text.trim_end()))
                .transpose()
                .map_err(|source| MetadataError::Ref { key, source })
        };
        let layout = match keyfile.get("X-Aril", "layout").as_deref() {
            None | Some("app") => Layout::App,
            Some("merged") => Layout::Merged,
            Some(other) => return Err(MetadataError::Layout(crate::printable(other).into_owned())),
        };
        let (context, context_errors) = Context::from_keyfile(&keyfile);
        Ok(Self {
            kind,
            id: keyfile.get(group, "name").ok_or(MetadataError::NoName)?.trim_end().parse()?,
            runtime: reference("runtime")?,
            sdk: reference("sdk")?,
            command: keyfile.get(group, "command").filter(|command| !command.is_empty()),
            required_flatpak: keyfile.list(group, "required-flatpak"),
            context,
            context_errors,
            extension_of: ExtensionOf::from_keyfile(&keyfile),
            layout,
            keyfile,
        })
    }

    /// The extension points; `own` is the branch of the ref that the metadata belongs to.
    pub fn extension_points(&self, own: &Branch) -> Vec<ExtensionPoint> {
        ExtensionPoint::from_keyfile(&self.keyfile, own).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_and_runtime() {
        let app = Metadata::parse(
            "[Application]\nname=org.test.Hello\nruntime=org.test.Platform/x86_64/f42\ncommand=hello\n[Context]\nshared=network;\n[X-Aril]\nlayout=merged\n",
        )
        .unwrap();
        assert_eq!((app.kind, app.layout), (Kind::App, Layout::Merged));
        assert_eq!(app.runtime.unwrap().to_string(), "runtime/org.test.Platform/x86_64/f42");
        let runtime = Metadata::parse("[Runtime]\nname=org.test.Platform\n").unwrap();
        assert_eq!((runtime.kind, runtime.runtime, runtime.layout), (Kind::Runtime, None, Layout::App));
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "[Context]\nshared=network;\n",
            "[Application]\n",
            "[Application]\nname=../x\n",
            "[Application]\nname=org.test.Hello\nruntime=org.test.Platform\n",
            "[Application]\nname=org.test.Hello\n[X-Aril]\nlayout=quantum\n",
        ] {
            assert!(Metadata::parse(text).is_err(), "{text:?}");
        }
    }
}
