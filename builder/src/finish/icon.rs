//! Icons that are exported: found where desktop files mean them, under the app's id.

use std::collections::BTreeMap;

use aril_store::{FileNode, Node, Tree};

/// An icon and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundIcon {
    /// The file.
    pub file: FileNode,
    /// Its path in `export`, without the name: `share/icons/hicolor/48x48/apps`.
    pub dir: String,
    /// `png` or `svg`.
    pub end: String,
    /// `-symbolic`, or nothing.
    pub suffix: &'static str,
}

/// What is found by a name.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Icons of a theme.
    pub icons: Vec<FoundIcon>,
    /// A file outside of themes, whose size is not in its path.
    pub loose: Option<(String, FileNode)>,
}

/// Looks for an icon by its name, or by its path.
///
/// Source: the Icon Theme Specification: `hicolor` is the theme that apps install to; `pixmaps` is where they did before.
pub(super) fn find(files: &Tree, name: &str) -> Found {
    let mut found = Found::default();
    if let Some(path) = name.strip_prefix('/') {
        found.loose = files.file(path).map(|file| (path.to_owned(), *file));
        return found;
    }
    let stem =
        name.strip_suffix(".png").or_else(|| name.strip_suffix(".svg")).or_else(|| name.strip_suffix(".xpm"));
    let stem = stem.unwrap_or(name);
    if stem.is_empty() || stem.contains('/') {
        return found;
    }
    if let Some(theme) = files.dir("usr/share/icons/hicolor") {
        found.icons = in_theme(theme, stem);
    }
    let loose = ["svg", "png", "xpm"].iter().map(|end| format!("usr/share/pixmaps/{stem}.{end}"));
    found.loose = loose.filter_map(|path| files.file(&path).map(|file| (path, *file))).next();
    found
}

fn in_theme(theme: &Tree, stem: &str) -> Vec<FoundIcon> {
    let mut icons = Vec::new();
    for (size, node) in theme.entries() {
        let Some(dir) = node.as_dir().filter(|_| is_size(size)) else { continue };
        for suffix in ["", "-symbolic"] {
            for end in ["png", "svg", "svgz"] {
                // Icons of apps lie in `apps`; some packages put theirs elsewhere, and mean the same.
                let contexts = dir.entries().filter_map(|(_, node)| node.as_dir());
                let file =
                    contexts.filter_map(|context| context.file(&format!("{stem}{suffix}.{end}"))).next();
                if let Some(file) = file {
                    let dir = format!("share/icons/hicolor/{size}/apps");
                    icons.push(FoundIcon { file: *file, dir, end: end.to_owned(), suffix });
                }
            }
        }
    }
    icons
}

fn is_size(name: &str) -> bool {
    let is_number =
        |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = name.strip_suffix("@2").unwrap_or(name);
    name == "scalable"
        || name == "symbolic"
        || plain.split_once('x').is_some_and(|(a, b)| a == b && is_number(a))
}

/// The width and height that the head of a PNG file gives.
pub(super) fn png_size(head: &[u8]) -> Option<(u32, u32)> {
    let rest = head.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let number = |at: usize| rest.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four));
    (rest.get(4..8)? == b"IHDR").then_some(())?;
    Some((number(8)?, number(12)?))
}

/// The directory for a picture of this size: that of its size if themes have one, else of the next smaller one.
pub(super) fn dir_for_size(width: u32, height: u32) -> Option<String> {
    const SIZES: &[u32] = &[16, 22, 24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 512];
    let size = SIZES.iter().rev().find(|&&size| size <= width.max(height))?;
    (width.max(height) <= 1024).then(|| format!("share/icons/hicolor/{size}x{size}/apps"))
}

/// Puts icons into `export` under a name.
pub(super) fn export(icons: &[FoundIcon], name: &str, export: &mut Tree) {
    for icon in icons {
        let path = format!("{}/{name}{}.{}", icon.dir, icon.suffix, icon.end);
        // Two contexts of a theme may have one each; the first is kept.
        if export.get(&path).is_none() {
            let _ = export.insert(&path, Node::File(icon.file));
        }
    }
}

/// What each icon of desktop files is called for the host: the app's id for the main one, the id and a part of their own for others.
pub(super) fn names(id: &str, icons: &[String]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for icon in icons {
        let own = if names.is_empty() { id.to_owned() } else { format!("{id}.{}", plain(icon)) };
        names.entry(icon.clone()).or_insert(own);
    }
    names
}

/// A name's letters, digits and dashes.
pub(super) fn plain(text: &str) -> String {
    let stem = text.rsplit('/').next().unwrap_or(text);
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aril_store::{Checksum, Mode};

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for path in paths {
            let file = FileNode { checksum: Checksum::from([0; 32]), size: 1, mode: Mode::Plain };
            tree.insert(path, Node::File(file)).unwrap();
        }
        tree
    }

    #[test]
    fn found_in_themes_and_beside_them() {
        let files = tree(&[
            "usr/share/icons/hicolor/48x48/apps/maps.png",
            "usr/share/icons/hicolor/scalable/apps/maps.svg",
            "usr/share/icons/hicolor/symbolic/apps/maps-symbolic.svg",
            "usr/share/icons/hicolor/odd/apps/maps.png",
            "usr/share/pixmaps/maps.xpm",
            "usr/share/maps/logo.png",
        ]);
        let found = find(&files, "maps");
        let mut export_tree = Tree::new();
        export(&found.icons, "org.test.Maps", &mut export_tree);
        let paths: Vec<String> = export_tree
            .paths()
            .into_iter()
            .filter(|(_, node)| !node.is_dir())
            .map(|(path, _)| path)
            .collect();
        assert_eq!(
            paths,
            [
                "share/icons/hicolor/48x48/apps/org.test.Maps.png",
                "share/icons/hicolor/scalable/apps/org.test.Maps.svg",
                "share/icons/hicolor/symbolic/apps/org.test.Maps-symbolic.svg"
            ]
        );
        assert_eq!(found.loose.unwrap().0, "usr/share/pixmaps/maps.xpm");
        assert_eq!(find(&files, "/usr/share/maps/logo.png").loose.unwrap().0, "usr/share/maps/logo.png");
        assert_eq!(find(&files, "maps.png").icons.len(), 3);
        assert!(find(&files, "../../../etc/shadow").icons.is_empty());
    }

    #[test]
    fn sizes() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 0, 50, 0, 0, 0, 48, 8, 6]);
        assert_eq!(png_size(&png), Some((50, 48)));
        assert_eq!(png_size(b"GIF"), None);
        assert_eq!(dir_for_size(50, 48).as_deref(), Some("share/icons/hicolor/48x48/apps"));
        assert_eq!(dir_for_size(8, 8), None);
        assert_eq!(dir_for_size(9000, 9000), None);
    }
}
