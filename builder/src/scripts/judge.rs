//! What becomes of a script: judged by its text alone.

use aril_store::Tree;

use super::alternatives::Alternative;
use super::known::{Known, look_up};
use super::users::{self, Account};
use super::{lua, shell};
use crate::rpm::{Script, ScriptKind};

/// What becomes of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing of it has to be run, for these reasons.
    LeftOut(Vec<&'static str>),
    /// It has to be run.
    Run,
    /// It cannot be done.
    Refused {
        /// The line that stands in the way.
        line: String,
        /// Why.
        why: String,
    },
}

/// The bit of a script's flags that says that rpm replaces macros in it when the package is installed.
const EXPANDS: u64 = 1;

/// Judges a script.
pub(super) fn judge(script: &Script, root: &Tree) -> Verdict {
    if script.kind == ScriptKind::Removal {
        return Verdict::LeftOut(Vec::new());
    }
    let interpreter = script.interpreter.first().map_or("", String::as_str);
    if script.flags & EXPANDS != 0 && script.body.contains('%') {
        let line = script.body.lines().find(|line| line.contains('%')).unwrap_or_default();
        return refused(line, "has macros, which only the rpm of a host knows");
    }
    match interpreter {
        "<lua>" => {
            let before = matches!(script.kind, ScriptKind::PreTrans | ScriptKind::Pre);
            let is_in_payload = |path: &str| root.get(path.trim_start_matches('/')).is_some();
            match lua::judge(&script.body, before, &is_in_payload) {
                lua::Lua::LeftOut(reason) => Verdict::LeftOut(vec![reason]),
                lua::Lua::Refused(line) => refused(&line, "is in Lua and does more than bring files"),
            }
        }
        _ if script.body.trim().is_empty() => judge_commands(&[(script.interpreter.as_slice(), false)], None),
        _ if is_shell(interpreter) => judge_shell(&script.body),
        _ => Verdict::Run,
    }
}

fn judge_shell(body: &str) -> Verdict {
    let parsed = shell::parse(body);
    let commands: Vec<(&[String], bool)> =
        parsed.commands.iter().map(|command| (command.words.as_slice(), command.writes_file)).collect();
    if let Some(command) =
        parsed.commands.iter().find(|command| matches!(look_up(&command.words), Known::NeedsHost(_)))
    {
        let Known::NeedsHost(reason) = look_up(&command.words) else { return Verdict::Run };
        let line = body.lines().nth(command.line - 1).unwrap_or_default();
        return refused(line, reason);
    }
    // What makes users or alternatives with a variable in it has to be run to know which.
    let variable = parsed.commands.iter().any(|command| {
        command.has_variables && matches!(look_up(&command.words), Known::Alternatives | Known::User)
    });
    if variable { Verdict::Run } else { judge_commands(&commands, parsed.unclear) }
}

fn judge_commands(commands: &[(&[String], bool)], unclear: Option<usize>) -> Verdict {
    let mut reasons = Vec::new();
    let mut all_known = unclear.is_none();
    for (words, writes_file) in commands {
        match look_up(words) {
            Known::NeedsHost(reason) => return refused(&words.join(" "), reason),
            Known::LeftOut(reason) if !reasons.contains(&reason) => reasons.push(reason),
            Known::LeftOut(_) => {}
            Known::Harmless => all_known &= !writes_file,
            Known::Alternatives => {
                all_known &= Alternative::parse(words).is_some();
                push(&mut reasons, "its alternatives are made as links");
            }
            Known::User => {
                all_known &= users::command(words).is_some();
                push(&mut reasons, "its users are names only, since an app runs as the user who starts it");
            }
            Known::Unknown => all_known = false,
        }
    }
    if all_known { Verdict::LeftOut(reasons) } else { Verdict::Run }
}

fn push(reasons: &mut Vec<&'static str>, reason: &'static str) {
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

fn refused(line: &str, why: &str) -> Verdict {
    Verdict::Refused { line: line.trim().to_owned(), why: why.to_owned() }
}

pub(super) fn is_shell(interpreter: &str) -> bool {
    matches!(interpreter.rsplit('/').next(), Some("sh" | "bash" | "dash"))
}

/// The alternatives of a script that is not run.
pub(super) fn alternatives(script: &Script, verdict: &Verdict) -> Vec<Alternative> {
    commands_of(script, verdict).iter().filter_map(|words| Alternative::parse(words)).collect()
}

/// The users and groups that a script makes. Also of one that is run, so that it finds them.
pub(super) fn accounts(script: &Script, verdict: &Verdict) -> Vec<Account> {
    if script.kind == ScriptKind::Removal
        || matches!(verdict, Verdict::Refused { .. })
        || !is_shell(script.interpreter.first().map_or("", String::as_str))
    {
        return Vec::new();
    }
    let parsed = shell::parse(&script.body).commands.into_iter();
    let made = parsed.filter(|command| !command.has_variables && look_up(&command.words) == Known::User);
    made.filter_map(|command| users::command(&command.words)).collect()
}

fn commands_of(script: &Script, verdict: &Verdict) -> Vec<Vec<String>> {
    if !matches!(verdict, Verdict::LeftOut(_)) || script.kind == ScriptKind::Removal {
        return Vec::new();
    }
    let parsed = shell::parse(&script.body).commands.into_iter();
    parsed
        .filter(|command| look_up(&command.words) == Known::Alternatives)
        .map(|command| command.words)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(interpreter: &str, body: &str) -> Verdict {
        let script = Script {
            kind: ScriptKind::Post,
            interpreter: vec![interpreter.into()],
            body: body.into(),
            flags: 0,
        };
        judge(&script, &Tree::new())
    }

    #[test]
    fn verdicts() {
        assert!(matches!(verdict("/sbin/ldconfig", ""), Verdict::LeftOut(_)));
        assert!(matches!(verdict("/bin/sh", "ldconfig\nfc-cache || :\nexit 0\n"), Verdict::LeftOut(_)));
        assert_eq!(verdict("/bin/sh", "ldconfig\nmkdir -p /var/lib/x\n"), Verdict::Run);
        assert_eq!(verdict("/bin/sh", "echo x >> /etc/shells\n"), Verdict::Run);
        assert_eq!(verdict("/bin/sh", "for x in a; do ldconfig; done\n"), Verdict::Run);
        assert_eq!(verdict("/usr/bin/python3", "print(1)\n"), Verdict::Run);
        assert_eq!(
            verdict("/bin/sh", "ldconfig\n  systemctl start x || :\n"),
            Verdict::Refused {
                line: "systemctl start x || :".into(),
                why: "needs a service of the host".into()
            }
        );
        let script = Script {
            kind: ScriptKind::Post,
            interpreter: vec!["/bin/sh".into()],
            body: "echo %{name}".into(),
            flags: 1,
        };
        assert!(matches!(judge(&script, &Tree::new()), Verdict::Refused { .. }));
    }
}
