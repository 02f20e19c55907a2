//! Permissions on the command line: `--share=network`, `--nofilesystem=home`. The order in which they are typed counts.

use aril_model::{CONTEXT_OPTIONS, Context, ContextOption, OptionError};
use clap::{Arg, ArgAction, ArgMatches};

/// The permissions that were typed, in their order.
#[derive(Debug, Clone, Default)]
pub struct ContextArgs {
    changes: Vec<(&'static ContextOption, String)>,
}

impl ContextArgs {
    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What was typed, as one layer to be laid over others.
    ///
    /// # Errors
    /// Names the option that cannot be understood, and what it could be.
    pub fn to_context(&self) -> Result<Context, OptionError> {
        let mut context = Context::default();
        for (option, value) in &self.changes {
            option.apply(&mut context, value)?;
        }
        Ok(context)
    }
}

impl clap::Args for ContextArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(CONTEXT_OPTIONS.iter().enumerate().map(|(index, option)| {
            Arg::new(option.name)
                .long(option.name)
                .value_name(option.value)
                .help(option.about)
                .action(ArgAction::Append)
                .help_heading("Permissions")
                .hide_short_help(option.is_rare)
                .display_order(index)
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ContextArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut typed = Vec::new();
        for option in CONTEXT_OPTIONS {
            let values = matches.get_many::<String>(option.name).into_iter().flatten();
            let places = matches.indices_of(option.name).into_iter().flatten();
            typed.extend(places.zip(values).map(|(place, value)| (place, option, value.clone())));
        }
        typed.sort_by_key(|(place, ..)| *place);
        Ok(Self { changes: typed.into_iter().map(|(_, option, value)| (option, value)).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aril_model::Share;
    use clap::{Args, FromArgMatches};

    use super::*;

    fn typed(line: &[&str]) -> Context {
        let command = ContextArgs::augment_args(clap::Command::new("x").no_binary_name(true));
        let matches = command.try_get_matches_from(line).unwrap();
        ContextArgs::from_arg_matches(&matches).unwrap().to_context().unwrap()
    }

    #[test]
    fn the_last_word_counts() {
        let context = typed(&["--unshare=network", "--share", "network", "--unshare=ipc"]);
        assert!(context.shared.allows(Share::Network) && context.shared.denies(Share::Ipc));
        let context = typed(&["--share=network", "--unshare=network"]);
        assert!(context.shared.denies(Share::Network));
    }
}
