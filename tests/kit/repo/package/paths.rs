//! Where a file of a Debian package lies in a Fedora-shaped tree.
//!
//! `/bin`, `/sbin` and `/lib` are links into `/usr`; `/usr/sbin` is a link to `bin` (Fedora 42); libraries are in `/usr/lib64`, and the
//! package `filesystem` has `/usr/lib/x86_64-linux-gnu -> ../lib64`, so that each path compiled into Debian's programs still leads there.

/// Debian's directory for libraries of this architecture.
pub const MULTIARCH: &str = "/usr/lib/x86_64-linux-gnu";

/// Debian's absolute path as the path in the Fedora-shaped tree.
pub fn place(path: &str) -> String {
    let mut path = normal(path);
    for top in ["bin", "sbin", "lib", "lib64", "lib32", "libx32"] {
        if is_beneath(&path, &format!("/{top}")) {
            path.insert_str(0, "/usr");
            break;
        }
    }
    for (from, to) in [(MULTIARCH, "/usr/lib64"), ("/usr/sbin", "/usr/bin"), ("/usr/games", "/usr/bin")] {
        if is_beneath(&path, from) {
            return format!("{to}{}", &path[from.len()..]);
        }
    }
    path
}

/// The target of the link at Debian's `link`, so that from its new place it leads to the same file.
pub fn place_target(link: &str, target: &str) -> String {
    let link = normal(link);
    let absolute = match target.strip_prefix('/') {
        Some(_) => normal(target),
        None => normal(&format!("{}/{target}", parent(&link))),
    };
    let of_system = ["/usr", "/bin", "/sbin", "/lib", "/lib64"].iter().any(|top| is_beneath(&absolute, top));
    if target.starts_with('/') && !of_system {
        return target.to_owned();
    }
    let (from, to) = (place(&link), place(&absolute));
    let within_usr = is_beneath(&from, "/usr") && is_beneath(&to, "/usr");
    if target.starts_with('/') && !within_usr { to } else { relative(&to, parent(&from)) }
}

/// Whether `path` is `top` or lies under it.
pub fn is_beneath(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The directory that an absolute path lies in; empty for the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// An absolute path without `.`, `..`, empty parts and a slash at the end.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// How to get from the directory `from` to `to`, both absolute and normal.
pub fn relative(to: &str, from: &str) -> String {
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    let same = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - same];
    parts.extend(&to[same..]);
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_move_to_fedoras_places() {
        let cases = [
            ("./bin/bash", "/usr/bin/bash"),
            ("/usr/sbin/ldconfig", "/usr/bin/ldconfig"),
            ("/sbin/ldconfig", "/usr/bin/ldconfig"),
            ("/usr/games/gnome-mines", "/usr/bin/gnome-mines"),
            ("/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib64/libc.so.6"),
            ("/usr/lib/x86_64-linux-gnu/", "/usr/lib64"),
            ("/usr/lib/python3/dist-packages/gi", "/usr/lib/python3/dist-packages/gi"),
            ("/etc/fonts/../fonts/fonts.conf", "/etc/fonts/fonts.conf"),
            ("/library", "/library"),
        ];
        for (from, to) in cases {
            assert_eq!(place(from), to, "{from}");
        }
    }

    #[test]
    fn links_still_lead_to_their_file() {
        let cases = [
            ("/usr/lib/x86_64-linux-gnu/libz.so", "libz.so.1", "libz.so.1"),
            ("/usr/lib/x86_64-linux-gnu/libz.so", "/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1"),
            ("/usr/bin/glib-compile-schemas", "../lib/x86_64-linux-gnu/glib-2.0/g", "../lib64/glib-2.0/g"),
            ("/etc/fonts/conf.d/10.conf", "/usr/share/fontconfig/10.conf", "/usr/share/fontconfig/10.conf"),
            ("/etc/fonts/conf.d/10.conf", "../../../usr/share/x", "../../../usr/share/x"),
            ("/etc/localtime", "/etc/other", "/etc/other"),
            ("/usr/share/a", "/var/lib/a", "/var/lib/a"),
            ("/usr/sbin/x", "../bin/y", "y"),
        ];
        for (link, target, placed) in cases {
            assert_eq!(place_target(link, target), placed, "{link} -> {target}");
        }
    }
}
