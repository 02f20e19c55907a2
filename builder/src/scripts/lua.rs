//! Scriptlets in Lua that rpm itself would run: those that only do what the payload does, or look for what an update would find.
//!
//! No Lua is run here. A script counts as understood if each of its lines is of a kind that cannot change a tree that is made from nothing;
//! every other one is refused, with its text.

/// What is made of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lua {
    /// It is left out, for this reason.
    LeftOut(&'static str),
    /// A line that cannot be judged.
    Refused(String),
}

/// Calls that change nothing, or only what is there before an update: on a new tree there is nothing.
const LOOKS: &[&str] = &[
    "posix.stat",
    "posix.access",
    "posix.readlink",
    "posix.uname",
    "posix.getenv",
    "rpm.vercmp",
    "rpm.expand",
    "rpm.next_file",
    "tostring",
    "tonumber",
    "type",
    "print",
    "ipairs",
    "pairs",
    "string.",
    "table.",
    "io.stderr:write",
    "posix.dir",
    "posix.files",
];
/// Calls that move away what an older version left.
const MOVES: &[&str] =
    &["os.rename", "os.remove", "posix.unlink", "posix.rmdir", "posix.chmod", "posix.chown", "posix.utime"];
/// Calls that make what the payload has: directories and links.
const MAKES: &[&str] = &["posix.mkdir", "posix.symlink"];

/// Whether something of the payload is meant: a directory or link that is made before files go through it.
pub(super) fn judge(body: &str, runs_before_files: bool, is_in_payload: &dyn Fn(&str) -> bool) -> Lua {
    if is_glibc(body) {
        return Lua::LeftOut("what glibc makes of its own modules is made of the whole tree");
    }
    for line in body.lines() {
        let line = line.split("--").next().unwrap_or_default().trim();
        if !is_understood(line, runs_before_files, is_in_payload) {
            return Lua::Refused(line.to_owned());
        }
    }
    Lua::LeftOut("it only makes what the packages' files bring, or looks for what an older version left")
}

/// The scripts of glibc and glibc-common: they look for old locale archives, and make caches of character sets.
fn is_glibc(body: &str) -> bool {
    body.contains("iconvconfig") && (body.contains("gconv") || body.contains("locale-archive"))
}

fn is_understood(line: &str, runs_before_files: bool, is_in_payload: &dyn Fn(&str) -> bool) -> bool {
    let calls = calls(line);
    if calls.is_empty() {
        // Values, conditions and ends of blocks.
        return !line.contains("function") && !line.contains("load") && !line.contains("dofile");
    }
    calls.iter().all(|call| {
        let looks =
            LOOKS.iter().any(|known| call == known || known.ends_with('.') && call.starts_with(known));
        let moves = runs_before_files && MOVES.contains(&call.as_str());
        let makes = MAKES.contains(&call.as_str()) && makes_payload(line, is_in_payload);
        looks
            || moves
            || makes
            || call == "if"
            || call == "and"
            || call == "or"
            || call == "not"
            || call == "return"
            || call == "while"
    })
}

/// Whether each path that a line makes is the payload's. A path in a variable stands in a list of the same script, which is looked at, too.
fn makes_payload(line: &str, is_in_payload: &dyn Fn(&str) -> bool) -> bool {
    let texts: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    match texts.last() {
        Some(path) if path.starts_with('/') => is_in_payload(path),
        Some(_) => false,
        None => true,
    }
}

/// The names that a line calls.
fn calls(line: &str) -> Vec<String> {
    let outside: String = line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let mut calls = Vec::new();
    for (at, _) in outside.match_indices('(') {
        let name: String = outside[..at]
            .trim_end()
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':'))
            .collect();
        if !name.is_empty() {
            calls.push(name.chars().rev().collect());
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(body: &str, before: bool) -> bool {
        let payload = |path: &str| matches!(path, "/usr" | "/usr/bin" | "/bin" | "/usr/lib64");
        matches!(judge(body, before, &payload), Lua::LeftOut(_))
    }

    #[test]
    fn understood() {
        let filesystem = "-- a comment\nposix.mkdir(\"/usr\")\nfor i, dir in ipairs({\"/usr/bin\", \"/usr/lib64\"}) do\n    posix.mkdir(dir)\nend\nposix.symlink(\"usr/bin\", \"/bin\")\nreturn 0\n";
        assert!(judged(filesystem, true));
        let moved = "path = \"/usr/share/x\"\nst = posix.stat(path)\nif st and st.type == \"directory\" then\n  status = os.rename(path, path .. \".rpmmoved\")\n  if not status then\n    suffix = 0\n    while not status do\n      suffix = suffix + 1\n      status = os.rename(path .. \".rpmmoved\", path .. \".rpmmoved.\" .. suffix)\n    end\n    os.rename(path, path .. \".rpmmoved\")\n  end\nend\n";
        assert!(judged(moved, true));
        assert!(judged("posix.access(\"/usr/lib64/libc.so.6\", \"r\")", false));
    }

    #[test]
    fn refused() {
        assert!(!judged("os.execute(\"rm -rf /\")", true));
        assert!(!judged("posix.mkdir(\"/opt/elsewhere\")", true));
        assert!(!judged("os.remove(\"/usr/bin/x\")", false));
        assert!(!judged("f = io.open(\"/etc/shells\", \"a+\")", false));
        assert!(!judged("rpm.execute(\"x\")", false));
        assert!(!judged("load(x)", false));
        assert_eq!(
            judge("x = 1\nos.execute(\"x\")\n", true, &|_| false),
            Lua::Refused("os.execute(\"x\")".into())
        );
    }
}
