//! `aril completion`.

const EXAMPLES: &str = "\
Examples:
  aril completion bash > ~/.local/share/bash-completion/completions/aril
  aril completion zsh > ~/.local/share/zsh/site-functions/_aril
  aril completion fish > ~/.config/fish/completions/aril.fish";

/// The shells that there are scripts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// The options of `completion`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Completion {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}
