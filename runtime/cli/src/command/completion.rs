//! `aril completion`: the script that a shell reads.

use std::ffi::OsString;

use aril_installation::CalledAs;
use aril_terminal::args::{Cli, CommandLine, Completion, Shell};
use aril_terminal::{Failure, Terminal};
use clap_complete::Generator;

pub(crate) fn completion(args: &Completion, terminal: &Terminal, line: &[OsString]) -> Result<(), Failure> {
    let called_as = line.first().map_or(CalledAs::Aril, |first| CalledAs::from_program(first));
    let name = if called_as == CalledAs::Flatpak { "flatpak" } else { "aril" };
    let mut command = Cli::definition().name(name).bin_name(name);
    command.set_bin_name(name);
    command.build();
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => clap_complete::Shell::Bash.try_generate(&command, &mut script),
        Shell::Zsh => clap_complete::Shell::Zsh.try_generate(&command, &mut script),
        Shell::Fish => clap_complete::Shell::Fish.try_generate(&command, &mut script),
    }
    .map_err(|error| Failure::new(format!("cannot write the script: {error}")))?;
    terminal.print_document(&String::from_utf8_lossy(&script))
}
