//! Caches that belong to a merged tree and not to one package: which directory asks for which program.
//!
//! Fedora's packages run these programs by file triggers. The table says the same in one place, so that a tree that was merged from many
//! commits gets each cache once.
//! Source: the `%transfiletriggerin` scriptlets of glibc-common, glib2, gdk-pixbuf2, gtk3, gtk4, hicolor-icon-theme, shared-mime-info,
//! desktop-file-utils and fontconfig in Fedora 42.

/// A cache of a merged tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// What it is called in messages.
    pub name: &'static str,
    /// Directories, relative to the root, of which one with an entry asks for the cache; a last part `*` stands for each directory there.
    pub watches: &'static [&'static str],
    /// The program, absolute: the first that the tree has; when it has none of them, nothing in it reads the cache.
    pub programs: &'static [&'static str],
    /// Its arguments; with a `{}` among them it runs once for each directory of [`Self::watches`] that is there, in its place.
    pub arguments: &'static [&'static str],
    /// A file that must be in the directory: icon themes without `index.theme` have no cache.
    pub only_with: Option<&'static str>,
}

/// All caches, in the order in which they are made: libraries first, since the other programs load them.
pub const TRIGGERS: &[Trigger] = &[
    Trigger {
        name: "libraries",
        watches: &["usr/lib64", "usr/lib", "etc/ld.so.conf.d", "opt"],
        programs: &["/usr/sbin/ldconfig", "/usr/bin/ldconfig"],
        arguments: &["-X", "-i"],
        only_with: None,
    },
    Trigger {
        name: "settings schemas",
        watches: &["usr/share/glib-2.0/schemas"],
        programs: &["/usr/bin/glib-compile-schemas"],
        arguments: &["{}"],
        only_with: None,
    },
    Trigger {
        name: "GIO modules",
        watches: &["usr/lib64/gio/modules", "usr/lib/gio/modules"],
        programs: &["/usr/bin/gio-querymodules-64", "/usr/bin/gio-querymodules"],
        arguments: &["{}"],
        only_with: None,
    },
    Trigger {
        name: "image loaders",
        watches: &["usr/lib64/gdk-pixbuf-2.0/2.10.0/loaders"],
        programs: &["/usr/bin/gdk-pixbuf-query-loaders-64", "/usr/bin/gdk-pixbuf-query-loaders"],
        arguments: &["--update-cache"],
        only_with: None,
    },
    Trigger {
        name: "input methods of GTK 3",
        watches: &["usr/lib64/gtk-3.0/3.0.0/immodules"],
        programs: &["/usr/bin/gtk-query-immodules-3.0-64", "/usr/bin/gtk-query-immodules-3.0"],
        arguments: &["--update-cache"],
        only_with: None,
    },
    Trigger {
        name: "MIME types",
        watches: &["usr/share/mime/packages"],
        programs: &["/usr/bin/update-mime-database"],
        arguments: &["-n", "/usr/share/mime"],
        only_with: None,
    },
    Trigger {
        name: "desktop files",
        watches: &["usr/share/applications"],
        programs: &["/usr/bin/update-desktop-database"],
        arguments: &["{}"],
        only_with: None,
    },
    Trigger {
        name: "icons",
        watches: &["usr/share/icons/*"],
        programs: &["/usr/bin/gtk-update-icon-cache", "/usr/bin/gtk4-update-icon-cache"],
        arguments: &["--quiet", "--force", "{}"],
        only_with: Some("index.theme"),
    },
    Trigger {
        name: "fonts",
        watches: &["usr/share/fonts", "usr/local/share/fonts"],
        programs: &["/usr/bin/fc-cache"],
        arguments: &["-s"],
        only_with: None,
    },
];
