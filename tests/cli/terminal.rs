//! What a person sees on a terminal and answers there; sessions in files only see pipes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::fixture::Fixture;

/// A terminal of a certain width that does not repeat what is typed.
struct Terminal {
    person: File,
    program: OwnedFd,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(OpenptFlags::NOCTTY.bits().try_into().unwrap());
        let program = options.open(name).unwrap();
        tcsetwinsize(&person, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let mut modes = tcgetattr(&program).unwrap();
        modes.local_modes -= LocalModes::ECHO;
        tcsetattr(&program, OptionalActions::Now, &modes).unwrap();
        Self { person: File::from(person), program: program.into() }
    }

    /// Runs a command whose three streams are this terminal, with `typed` typed beforehand; returns what was shown and the exit code.
    fn run(mut self, mut command: Command, typed: &str) -> (String, Option<i32>) {
        self.person.write_all(typed.as_bytes()).unwrap();
        let stream = || Stdio::from(self.program.try_clone().unwrap());
        let mut child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        drop(command);
        drop(self.program);
        let mut shown = Vec::new();
        // The kernel answers EIO when the last program has closed its end.
        let _ = self.person.read_to_end(&mut shown);
        (String::from_utf8(shown).unwrap().replace("\r\n", "\n"), child.wait().unwrap().code())
    }
}

fn aril(fixture: &Fixture, arguments: &[&str]) -> Command {
    let mut command = fixture.command();
    command.args(arguments);
    command
}

#[test]
fn tables_have_titles_and_fit() {
    let fixture = Fixture::new();
    let mut command = aril(&fixture, &["list", "--columns=application,ref,size", "--app", "--user"]);
    command.env("TERM", "xterm");
    let (shown, code) = Terminal::new(50).run(command, "");
    assert_eq!(
        shown,
        "\u{1b}[1mApplication ID  Ref                 Installed size\u{1b}[0m\n\
         org.test.Hello  app/org.test.Hell…          1.2 MB\n\
         org.test.Odd    app/org.test.Odd/…       999 bytes\n"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let fixture = Fixture::new();
    let shown = |key: &str, value: &str| {
        let mut command = aril(&fixture, &["info", "org.test.Helo"]);
        command.env("TERM", "xterm").env(key, value);
        Terminal::new(80).run(command, "")
    };
    let plain = "error: 'org.test.Helo' is not installed\nhint: did you mean `org.test.Hello`?\n";
    assert_eq!(shown("NO_COLOR", "1"), (plain.to_owned(), Some(1)));
    assert_eq!(shown("TERM", "dumb"), (plain.to_owned(), Some(1)));
    let colourful = plain.replace("error:", "\u{1b}[1;31merror:\u{1b}[0m");
    let colourful = colourful.replace("hint:", "\u{1b}[1;36mhint:\u{1b}[0m");
    assert_eq!(shown("NO_COLOR", ""), (colourful, Some(1)));
}

#[test]
fn a_name_that_several_have_is_asked_about() {
    let fixture = Fixture::new();
    fixture.add_app("com.other.Hello");
    let question = "which 'hello' do you mean?\n  1) app/com.other.Hello/x86_64/f42-rpm (user)\n  2) app/org.test.Hello/x86_64/f42-rpm (user)\n";
    let prompt = "Which one? [1-2, 0 for none] ";
    let ask = |typed: &str| Terminal::new(80).run(aril(&fixture, &["info", "-r", "hello"]), typed);
    assert_eq!(ask("2\n"), (format!("{question}{prompt}app/org.test.Hello/x86_64/f42-rpm\n"), Some(0)));
    assert_eq!(
        ask("3\n1\n"),
        (
            format!(
                "{question}{prompt}warning: please answer a number up to 2\n{prompt}app/com.other.Hello/x86_64/f42-rpm\n"
            ),
            Some(0)
        )
    );
    assert_eq!(ask("0\n"), (format!("{question}{prompt}"), Some(1)));
    let output = aril(&fixture, &["info", "hello"]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: several fit: which 'hello' do you mean?\n    app/com.other.Hello/x86_64/f42-rpm (user)\n    app/org.test.Hello/x86_64/f42-rpm (user)\nhint: say it in full, as in `app/com.other.Hello/x86_64/f42-rpm`\n"
    );
}

#[test]
fn json_is_for_people_on_a_terminal_too() {
    let fixture = Fixture::new();
    let command = aril(&fixture, &["list", "--json", "--columns=name", "--app", "--user"]);
    let (shown, _) = Terminal::new(80).run(command, "");
    assert!(shown.starts_with("{\n  \"version\": 1,\n  \"installed\": [\n"), "{shown}");
    assert!(!shown.contains('\u{1b}') && shown.contains("Odd\\u001b[2J\\nfake"), "{shown}");
}

#[test]
fn nobody_reads_on_is_no_failure() {
    let fixture = Fixture::new();
    let mut child = aril(&fixture, &["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Closed before it is written to, or while: either way nobody reads it.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    let mut full = aril(&fixture, &["list"]);
    full.stdout(File::create("/dev/full").unwrap());
    let output = full.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: cannot write the output: No space left on device\n"
    );
}
