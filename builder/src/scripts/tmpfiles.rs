//! `tmpfiles.d`: directories, links and copies that a host would make at each boot, as far as they are of use to an app: in its `/var`, `/etc`, `/usr`.
//!
//! Source: `tmpfiles.d(5)`.

/// Something to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    /// A directory.
    Dir(String),
    /// A file with contents.
    File(String, String),
    /// A link, and where it leads.
    Link(String, String),
    /// Something of `/usr/share/factory`, or of the given place.
    Copy(String, String),
}

/// Reads a file of `tmpfiles.d`. What cannot be of use is passed over.
pub(super) fn parse(text: &str) -> Vec<Made> {
    let mut made = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(kind), Some(path)) = (words.next(), words.next()) else { continue };
        let argument = words.skip(4).collect::<Vec<_>>().join(" ");
        let Some(place) = place(path) else { continue };
        match kind.trim_end_matches(['!', '-', '=', '~', '^', '$', '?']) {
            "d" | "D" | "v" | "q" | "Q" => made.push(Made::Dir(place)),
            "f" | "F" | "f+" => {
                made.push(Made::File(place, if argument.is_empty() { argument } else { argument + "\n" }))
            }
            "L" | "L+" if argument.is_empty() => {
                made.push(Made::Link(place.clone(), format!("/usr/share/factory/{place}")))
            }
            "L" | "L+" => made.push(Made::Link(place, argument)),
            "C" | "C+" if argument.is_empty() => {
                made.push(Made::Copy(place.clone(), format!("usr/share/factory/{place}")))
            }
            "C" | "C+" => made.push(Made::Copy(place, argument.trim_start_matches('/').to_owned())),
            _ => {}
        }
    }
    made
}

/// A path that lies in a part of the tree that stays; without specifiers, which need a host.
fn place(path: &str) -> Option<String> {
    let relative = path.strip_prefix('/')?;
    let sound = relative.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let kept = ["var/", "etc/", "usr/", "opt/"].iter().any(|start| relative.starts_with(start));
    let run = relative.starts_with("var/run/")
        || relative.starts_with("var/lock/")
        || relative.starts_with("var/tmp/");
    (sound && kept && !run && !relative.contains(['%', '*', '?', '['])).then(|| relative.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        let text = "# x\nd /var/lib/x 0755 x x -\nd /run/x 0755 - - -\nL /etc/x - - - - ../usr/x\nL+ /etc/y\nf /var/log/x.log 0644 x x - hello there\nd /var/lib/%m -\nx /var/tmp/y\nd /var/../x\nC /etc/pam.d - - - -\nz /etc/x\n";
        let made = parse(text);
        assert_eq!(
            made,
            [
                Made::Dir("var/lib/x".into()),
                Made::Link("etc/x".into(), "../usr/x".into()),
                Made::Link("etc/y".into(), "/usr/share/factory/etc/y".into()),
                Made::File("var/log/x.log".into(), "hello there\n".into()),
                Made::Copy("etc/pam.d".into(), "usr/share/factory/etc/pam.d".into()),
            ]
        );
    }
}
