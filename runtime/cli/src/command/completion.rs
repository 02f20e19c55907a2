//! `aril completion`: the script that a shell reads. It completes commands and options, and asks `aril` for the ids of apps.

use std::ffi::OsString;

use aril_installation::CalledAs;
use aril_terminal::args::{Cli, CommandLine, Completion, Shell};
use aril_terminal::{Failure, Terminal};
use clap_complete::Generator;

/// Commands whose names are those of installed apps and runtimes.
const TAKE_INSTALLED: &[&str] = &["run", "info", "update", "uninstall", "rollback", "override", "history"];
/// Commands whose names are those of running apps.
const TAKE_RUNNING: &[&str] = &["kill", "enter"];

pub(crate) fn completion(args: &Completion, terminal: &Terminal, line: &[OsString]) -> Result<(), Failure> {
    let called_as = line.first().map_or(CalledAs::Aril, |first| CalledAs::from_program(first));
    let name = if called_as == CalledAs::Flatpak { "flatpak" } else { "aril" };
    terminal.print_document(&script(args.shell, name)?)
}

fn script(shell: Shell, name: &str) -> Result<String, Failure> {
    let mut command = Cli::definition().bin_name(name);
    command.build();
    command.set_bin_name(name);
    let mut script = Vec::new();
    match shell {
        Shell::Bash => clap_complete::Shell::Bash.try_generate(&command, &mut script),
        Shell::Zsh => clap_complete::Shell::Zsh.try_generate(&command, &mut script),
        Shell::Fish => clap_complete::Shell::Fish.try_generate(&command, &mut script),
    }
    .map_err(|error| Failure::new(format!("cannot write the script: {error}")))?;
    let mut script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script.push_str(&bash_names(name)),
        Shell::Fish => script.push_str(&fish_names(name)),
        // What clap writes for zsh has no place to add to.
        Shell::Zsh => {}
    }
    Ok(script)
}

/// Completes as clap's function does, and adds names.
fn bash_names(name: &str) -> String {
    let (installed, running) = (TAKE_INSTALLED.join("|"), TAKE_RUNNING.join("|"));
    format!(
        r#"
_{name}_with_names() {{
    _aril "$@"
    [[ "$2" == -* ]] && return
    case "${{COMP_WORDS[1]}}" in
        {installed}) COMPREPLY+=($(compgen -W "$("$1" list --columns=application 2>/dev/null)" -- "$2")) ;;
        {running}) COMPREPLY+=($(compgen -W "$("$1" ps --columns=application 2>/dev/null)" -- "$2")) ;;
    esac
}}
complete -F _{name}_with_names -o bashdefault -o default {name}
"#
    )
}

/// Fish shows what stands behind the tab beside the name.
fn fish_names(name: &str) -> String {
    let (installed, running) = (TAKE_INSTALLED.join(" "), TAKE_RUNNING.join(" "));
    format!(
        "complete -c {name} -n '__fish_seen_subcommand_from {installed}' -f -a '({name} list --columns=application,name 2>/dev/null)'\n\
         complete -c {name} -n '__fish_seen_subcommand_from {running}' -f -a '({name} ps --columns=application 2>/dev/null)'\n"
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash offers after a line; the program is a stand-in that knows one app.
    fn offered(line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let current = words.last().unwrap();
        let test = format!(
            "{}\naril() {{ echo org.test.Hello; }}\nCOMP_WORDS=({line}); COMP_CWORD={}\n_aril_with_names aril '{current}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script(Shell::Bash, "aril").unwrap(),
            words.len() - 1,
            words[words.len() - 2],
        );
        let output = Command::new("bash").args(["--norc", "-c", &test]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_options_and_ids() {
        assert_eq!(offered("aril inst"), ["install"]);
        assert_eq!(offered("aril remote-d"), ["remote-delete"]);
        assert_eq!(offered("aril list --col"), ["--columns"]);
        assert!(offered("aril run org.te").contains(&"org.test.Hello".to_owned()));
        assert!(!offered("aril install org.te").contains(&"org.test.Hello".to_owned()));
    }

    #[test]
    fn each_shell_has_a_script() {
        for (shell, start) in
            [(Shell::Bash, "_aril()"), (Shell::Zsh, "#compdef aril"), (Shell::Fish, "# Print")]
        {
            let script = script(shell, "aril").unwrap();
            assert!(script.starts_with(start), "{script}");
        }
    }
}
