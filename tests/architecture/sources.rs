//! Rule 3: what is written where.

use std::path::{Path, PathBuf};

/// Crates that may have a file `sys.rs` with unsafe code: system calls, and C libraries where a safe binding lacks something.
const MAY_BE_UNSAFE: &[&str] = &[
    "launcher/src/sys",
    "builder/src/sys",
    "runtime/store/src/sys",
    "portals/documents/src/sys",
    "portals/desktop/src/sys",
];

/// Where std's functions that take paths as strings may be used in spite of `clippy.toml`; with `/` before it, in each crate.
const MAY_USE_PATHS: &[&str] = &["runtime/beneath/", "tests/", "/tests/", "/examples/"];

/// What `model` must not name: it does no I/O.
const NOT_IN_MODEL: &[&str] =
    &["std::fs", "std::env", "std::net", "std::process", "std::thread", "std::time::SystemTime"];

/// Lines of code at which a file is to be split, its tests not counted.
const LONGEST_FILE: usize = 400;

/// Files that grew beyond that, and are still to be split: the list only gets shorter.
const TO_BE_SPLIT: &[&str] =
    &["builder/src/finish/desktop.rs", "builder/src/sys.rs", "portals/proxy/src/header.rs"];

struct Source {
    /// Relative to the workspace.
    path: String,
    /// The text before the tests at its end, with comments and strings blanked out.
    code: String,
    /// Its lines.
    lines: usize,
}

#[test]
fn unsafe_code_stands_in_sys_alone() {
    for source in sources() {
        let may = MAY_BE_UNSAFE.iter().any(|place| {
            source.path == format!("{place}.rs") || source.path.starts_with(&format!("{place}/"))
        });
        let is_unsafe =
            source.code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        assert!(may || !is_unsafe, "{}: unsafe code", source.path);
        assert!(may || !source.code.contains("allow(unsafe_code"), "{}: allows unsafe code", source.path);
    }
}

#[test]
fn paths_are_resolved_beneath() {
    let config = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    for function in ["std::fs::read", "std::fs::File::open", "std::fs::rename", "std::path::Path::exists"] {
        assert!(config.contains(&format!("\"{function}\"")), "clippy.toml does not refuse {function}");
    }
    for source in sources() {
        let may = MAY_USE_PATHS.iter().any(|place| match place.starts_with('/') {
            true => source.path.contains(place),
            false => source.path.starts_with(place),
        });
        let allows = source.code.contains("clippy::disallowed_methods")
            || source.code.contains("clippy::disallowed_types");
        assert!(may || !allows, "{}: allows std's path functions", source.path);
    }
}

#[test]
fn model_does_nothing() {
    for source in sources().iter().filter(|source| source.path.starts_with("runtime/model/src")) {
        for name in NOT_IN_MODEL {
            assert!(!source.code.contains(name), "{}: names {name}", source.path);
        }
    }
}

#[test]
fn files_fit_in_a_head() {
    for source in sources().iter().filter(|source| !format!("/{}", source.path).contains("/tests/")) {
        let (path, lines) = (&source.path, source.lines);
        if TO_BE_SPLIT.contains(&path.as_str()) {
            assert!(lines > LONGEST_FILE, "{path}: {lines} lines: it was split, and goes from the list");
        } else {
            assert!(lines <= LONGEST_FILE, "{path}: {lines} lines, to be split at {LONGEST_FILE}");
        }
    }
}

#[test]
fn modules_say_what_they_are_for() {
    for source in sources()
        .iter()
        .filter(|source| !source.path.ends_with("/tests.rs") && !source.path.contains("/tests/"))
    {
        let text = std::fs::read_to_string(root().join(&source.path)).unwrap();
        assert!(text.starts_with("//!"), "{}: does not begin with its job", source.path);
    }
}

#[test]
fn comments_and_strings_are_no_code() {
    let code = code_only(
        "a // unsafe\n/* unsafe /* x */ y */ b \"un\\\"safe\" r#\"c \"unsafe\" \"# 'u' '\"' 'static d",
    );
    assert!(!code.contains("unsafe"), "{code}");
    for word in ["a", "b", "d", "'static"] {
        assert!(code.split_whitespace().any(|part| part == word), "{word}: {code}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["runtime", "launcher", "portals", "builder", "tests"] {
        add_sources(&root().join(folder), folder, &mut sources);
    }
    assert!(sources.len() > 50, "the sources were not found: {}", sources.len());
    sources
}

fn add_sources(dir: &Path, path: &str, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let inner = format!("{path}/{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != "corpus" {
                add_sources(&entry.path(), &inner, sources);
            }
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let code = without_tests(&text);
            sources.push(Source { path: inner, code: code_only(code), lines: code.lines().count() });
        }
    }
}

/// A file without the tests at its end.
fn without_tests(text: &str) -> &str {
    let start = text.find("\nmod tests {").and_then(|module| text[..module].rfind("#[cfg(test)]"));
    &text[..start.unwrap_or(text.len())]
}

/// The text without comments and without what stands in quotes; lines stay where they are.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if c == '"' {
            quoted(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '\'' {
            character(rest)
        } else {
            0
        };
        if skipped == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push(' ');
            out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    out
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(count));
    hashes[count..].strip_prefix('"')?;
    let start = 1 + count + 1;
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// `'x'` and `'\n'`; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3)
        }
        Some((at, c)) if text[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 0,
    }
}
