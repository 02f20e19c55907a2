//! A shell script as far as it can be understood without running it: its commands, and whether there is more to it than commands.
//!
//! The conditions around commands are not weighed: a command counts if it stands anywhere. What cannot be taken apart (functions, here
//! documents, substitutions, loops over something) makes the whole script one that has to be run to know what it does.

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellCommand {
    /// Its words, quotes undone; assignments in front of it are left out.
    pub(super) words: Vec<String>,
    /// Whether one of its words has a variable in it.
    pub(super) has_variables: bool,
    /// Whether its output goes to a file.
    pub(super) writes_file: bool,
    /// The line that it begins on, from 1.
    pub(super) line: usize,
}

/// A script taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Its commands in the order in which they stand.
    pub(super) commands: Vec<ShellCommand>,
    /// The first line that holds what cannot be taken apart.
    pub(super) unclear: Option<usize>,
}

/// Words that build a script and do nothing by themselves.
const CONTROL: &[&str] = &["if", "then", "elif", "else", "fi", "!", "time"];
/// Words after which more is needed than a list of commands.
const UNCLEAR: &[&str] = &[
    "for", "while", "until", "case", "esac", "select", "function", "do", "done", "{", "}", "(", ")", "eval",
    "source", ".",
];

/// Takes a script apart.
pub(super) fn parse(script: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut scanner = Scanner { chars: script.chars().peekable(), line: 1 };
    let mut current = Building::new(1);
    while let Some(token) = scanner.next_token() {
        match token {
            Token::Word(word) => current.add(word, &mut parsed, scanner.line),
            Token::Separator => {
                std::mem::replace(&mut current, Building::new(scanner.line)).finish(&mut parsed);
            }
            Token::WritesFile => current.writes_file = true,
            Token::Unclear => parsed.mark(scanner.line),
        }
    }
    current.finish(&mut parsed);
    parsed
}

impl Parsed {
    fn mark(&mut self, line: usize) {
        self.unclear.get_or_insert(line);
    }
}

struct Building {
    words: Vec<Word>,
    writes_file: bool,
    line: usize,
}

impl Building {
    fn new(line: usize) -> Self {
        Self { words: Vec::new(), writes_file: false, line }
    }

    fn add(&mut self, word: Word, parsed: &mut Parsed, line: usize) {
        if self.words.is_empty() {
            self.line = line;
            if !word.quoted && CONTROL.contains(&word.text.as_str()) {
                return;
            }
            if !word.quoted && UNCLEAR.contains(&word.text.as_str()) {
                parsed.mark(line);
            }
        }
        self.words.push(word);
    }

    fn finish(mut self, parsed: &mut Parsed) {
        while self.words.first().is_some_and(|word| !word.quoted && is_assignment(&word.text)) {
            self.words.remove(0);
        }
        if self.words.is_empty() {
            return;
        }
        parsed.commands.push(ShellCommand {
            has_variables: self.words.iter().any(|word| word.has_variables),
            words: self.words.into_iter().map(|word| word.text).collect(),
            writes_file: self.writes_file,
            line: self.line,
        });
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    quoted: bool,
    has_variables: bool,
}

enum Token {
    Word(Word),
    Separator,
    WritesFile,
    Unclear,
}

struct Scanner<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    fn next_token(&mut self) -> Option<Token> {
        loop {
            let next = *self.chars.peek()?;
            match next {
                ' ' | '\t' | '\r' => drop(self.bump()),
                '#' => {
                    while self.chars.peek().is_some_and(|c| *c != '\n') {
                        self.bump();
                    }
                }
                '\\' if self.follows('\n') => {
                    self.bump();
                    self.bump();
                }
                '\n' | ';' | '&' | '|' => return Some(self.operator()),
                '>' => return Some(self.output()),
                '<' => {
                    self.bump();
                    return Some(Token::Unclear);
                }
                '(' | ')' | '`' => {
                    self.bump();
                    return Some(Token::Unclear);
                }
                _ => return Some(self.word()),
            }
        }
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next();
        if c == Some('\n') {
            self.line += 1;
        }
        c
    }

    fn follows(&self, wanted: char) -> bool {
        let mut ahead = self.chars.clone();
        ahead.next();
        ahead.next() == Some(wanted)
    }

    fn operator(&mut self) -> Token {
        // `&>` sends the output somewhere; everything else ends a command.
        if self.chars.peek() == Some(&'&') && self.follows('>') {
            self.bump();
            return self.output();
        }
        self.bump();
        Token::Separator
    }

    /// A redirection: `>`, `>>`, `>&`, `2>`, with what it leads to.
    fn output(&mut self) -> Token {
        while self.chars.peek().is_some_and(|c| matches!(c, '>' | '&' | '|')) {
            self.bump();
        }
        while self.chars.peek().is_some_and(|c| matches!(c, ' ' | '\t')) {
            self.bump();
        }
        match self.word() {
            Token::Word(target)
                if target.text == "/dev/null"
                    || target.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') =>
            {
                // Nothing is written; the command goes on.
                Token::Word(Word { text: String::new(), ..Word::default() })
            }
            Token::Word(_) => Token::WritesFile,
            other => other,
        }
    }

    fn word(&mut self) -> Token {
        let mut word = Word::default();
        while let Some(&c) = self.chars.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '(' | ')' => break,
                // A number in front of a redirection belongs to it.
                '>' if word.text.bytes().all(|byte| byte.is_ascii_digit()) => return self.output(),
                '<' | '>' | '&' => break,
                '\'' | '"' => {
                    self.bump();
                    word.quoted = true;
                    if !self.quoted(c, &mut word) {
                        return Token::Unclear;
                    }
                }
                '`' => {
                    self.bump();
                    return Token::Unclear;
                }
                '$' => {
                    self.bump();
                    word.has_variables = true;
                    word.text.push('$');
                    if self.chars.peek() == Some(&'(') {
                        return Token::Unclear;
                    }
                }
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some('\n') | None => {}
                        Some(escaped) => word.text.push(escaped),
                    }
                }
                other => {
                    self.bump();
                    word.text.push(other);
                }
            }
        }
        Token::Word(word)
    }

    /// The rest of a quoted text; `false` when something is substituted in it, or it does not end.
    fn quoted(&mut self, quote: char, word: &mut Word) -> bool {
        while let Some(c) = self.bump() {
            match c {
                c if c == quote => return true,
                '`' if quote == '"' => return false,
                '$' if quote == '"' => {
                    word.has_variables = true;
                    word.text.push('$');
                    if self.chars.peek() == Some(&'(') {
                        return false;
                    }
                }
                '\\' if quote == '"' => word.text.extend(self.bump()),
                c => word.text.push(c),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(script: &str) -> Vec<String> {
        parse(script).commands.iter().map(|command| command.words.join(" ").trim().to_owned()).collect()
    }

    #[test]
    fn commands_of_common_scripts() {
        let script = "# comment\nif [ $1 -eq 1 ] && [ -x \"/usr/lib/x\" ]; then\n    # more\n    /usr/lib/x install foo.service || :\nfi\ntouch --no-create /usr/share/icons &>/dev/null || :\nA=b HOME=/root fc-cache -s 2>&1 >/dev/null\ngetent group x >/dev/null || \\\n  groupadd -r 'x y'\n";
        assert_eq!(
            commands(script),
            [
                "[ $1 -eq 1 ]",
                "[ -x /usr/lib/x ]",
                "/usr/lib/x install foo.service",
                ":",
                "touch --no-create /usr/share/icons",
                ":",
                "fc-cache -s",
                "getent group x",
                "groupadd -r x y"
            ]
        );
        assert_eq!(parse(script).unclear, None);
        assert_eq!(parse(script).commands.last().unwrap().line, 9);
    }

    #[test]
    fn what_is_written_and_what_is_unclear() {
        assert!(parse("echo x >> /etc/shells").commands[0].writes_file);
        assert!(!parse("echo x >/dev/null 2>&1").commands[0].writes_file);
        assert!(parse("echo $x").commands[0].has_variables);
        assert!(!parse("echo '$x'").commands[0].has_variables);
        for script in [
            "for x in a; do :; done",
            "x=$(id)",
            "x=`id`",
            "f() { :; }",
            "cat <<E\nx\nE",
            "echo \"a$(b)\"",
            "echo 'open",
            "case $1 in x) ;; esac",
            ". /etc/x",
            "eval x",
        ] {
            assert!(parse(script).unclear.is_some(), "{script}");
        }
        assert_eq!(parse(":\n:\nfor x in a; do :; done").unclear, Some(3));
    }
}
