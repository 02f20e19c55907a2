//! Command lines in desktop and service files: taken apart into words, and put together anew.

/// Takes a command line apart as a shell would: quotes and backslashes; no variables, no substitution. `None` when a quote is left open.
///
/// Source: GLib's `g_shell_parse_argv`, by which desktop files and service files are read.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => take_until(&mut chars, '\'', word.get_or_insert_default())?,
            '"' => take_double_quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

fn take_until(chars: &mut std::str::Chars<'_>, end: char, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            c if c == end => return Some(()),
            c => word.push(c),
        }
    }
}

fn take_double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// Puts words together so that they are read as the same words again, by a shell's rules and by those of desktop files.
pub(crate) fn join<T: AsRef<str>>(words: &[T]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (line, words) in [
            ("hello", vec!["hello"]),
            ("  a  b\tc ", vec!["a", "b", "c"]),
            ("a \"b c\" 'd \"e' f\\ g", vec!["a", "b c", "d \"e", "f g"]),
            ("a \"\\$x \\n\" ''", vec!["a", "$x \\n", ""]),
            ("x\"y\"'z'", vec!["xyz"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for open in ["\"a", "'a", "a\\", "\"a\\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn joined_words_are_read_as_they_were() {
        let words = ["a b", "$HOME", "`id`", "\"", "\\", "'", "", "ü", "%u", "--x=1", "a;b", "a\nb", "~/x"];
        assert_eq!(split(&join(&words)).unwrap(), words);
    }
}
