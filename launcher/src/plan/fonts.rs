//! The host's fonts and icons, for apps that draw: text in the user's own fonts, and menus in the user's icons.

use std::path::{Path, PathBuf};

use aril_model::Socket;

use super::{Draft, Facts, system};
use crate::spec::{Access, Mount, What};

/// For the font library of runtimes that do not know Flatpak's directories.
pub(crate) const CONF: &str = "<?xml version=\"1.0\"?>
<!DOCTYPE fontconfig SYSTEM \"urn:fontconfig:fonts.dtd\">
<fontconfig>
  <dir>/run/host/fonts</dir>
  <dir>/run/host/local-fonts</dir>
  <dir>/run/host/user-fonts</dir>
  <cachedir>/run/host/fonts-cache</cachedir>
  <cachedir>/run/host/user-fonts-cache</cachedir>
</fontconfig>
";

/// Flatpak shows them to all; ours only to apps with windows.
pub(crate) fn are_shown(facts: &Facts<'_>) -> bool {
    let sockets = &facts.context.sockets;
    let draws =
        [Socket::X11, Socket::FallbackX11, Socket::Wayland].iter().any(|socket| sockets.allows(*socket));
    !facts.is_merged() || draws
}

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    if !are_shown(facts) {
        return;
    }
    let dirs = &facts.host.dirs;
    let mut remapped = String::new();
    let mut show = |from: &Path, at: &str| {
        if facts.host.has(from) {
            draft.mounts.push(system::bind(from, Path::new(at), Access::Read));
            remapped.push_str(&remap(from, at));
        }
    };
    show(Path::new("/usr/share/fonts"), "/run/host/fonts");
    show(Path::new("/usr/local/share/fonts"), "/run/host/local-fonts");
    show(&dirs.fonts, "/run/host/user-fonts");
    show(&dirs.font_cache, "/run/host/user-fonts-cache");
    let caches = ["/var/cache/fontconfig", "/usr/lib/fontconfig/cache"].map(PathBuf::from);
    match caches.iter().find(|path| facts.host.has(path)) {
        Some(cache) => show(cache, "/run/host/fonts-cache"),
        None => {
            let at = "/run/host/fonts-cache".into();
            draft.mounts.push(Mount { at, what: What::Tmpfs { mode: 0o755, access: Access::Read } });
        }
    }
    let text = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"urn:fontconfig:fonts.dtd\">\n<fontconfig>\n{remapped}</fontconfig>\n"
    );
    let what = What::File { contents: text.into_bytes(), mode: 0o444 };
    draft.mounts.push(Mount { at: "/run/host/font-dirs.xml".into(), what });
    for (from, at) in [
        (Path::new("/usr/share/icons"), "/run/host/share/icons"),
        (&dirs.icons, "/run/host/user-share/icons"),
    ] {
        if facts.host.has(from) {
            draft.mounts.push(system::bind(from, Path::new(at), Access::Read));
        }
    }
    if facts.host.has(&dirs.icons) {
        // What lies in it are apps' own icons, most of them our links into exports: here they would lead nowhere, would be found before the
        // app's own, and would tell which other apps there are.
        draft.mounts.push(Mount { at: "/run/host/user-share/icons/hicolor".into(), what: What::Hidden });
    }
}

/// Caches name the directory in which the fonts are on the host. Caches themselves are not fonts.
fn remap(from: &Path, at: &str) -> String {
    if at.ends_with("-cache") {
        return String::new();
    }
    let mut path = String::new();
    for c in from.to_string_lossy().chars() {
        match c {
            '&' => path.push_str("&amp;"),
            '<' => path.push_str("&lt;"),
            '>' => path.push_str("&gt;"),
            '"' => path.push_str("&quot;"),
            c => path.push(c),
        }
    }
    format!("\t<remap-dir as-path=\"{path}\">{at}</remap-dir>\n")
}
