//! Whose installation is meant.

/// The installation that a command changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeChoice {
    /// Nothing was said: the user's, and for what is there already, the first that has it.
    Default,
    /// The user's.
    User,
    /// The system's.
    System,
    /// One that `installations.d` names.
    Named(String),
}

/// Options for one installation.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ScopeArgs {
    /// Use your own installation (the default)
    #[arg(short, long, group = "scope", display_order = 600)]
    user: bool,
    /// Use the system's installation
    #[arg(long, group = "scope", display_order = 601)]
    system: bool,
    /// Use the installation of this name
    #[arg(long, group = "scope", value_name = "NAME", display_order = 602)]
    installation: Option<String>,
}

impl ScopeArgs {
    /// What `--system` says.
    pub fn system() -> Self {
        Self { system: true, ..Self::default() }
    }

    /// Which one is meant.
    pub fn choice(&self) -> ScopeChoice {
        match (self.user, self.system, &self.installation) {
            (true, _, _) => ScopeChoice::User,
            (_, true, _) => ScopeChoice::System,
            (_, _, Some(name)) => ScopeChoice::Named(name.clone()),
            _ => ScopeChoice::Default,
        }
    }
}

/// Options for the installations that are looked at: all, if none is named.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ScopeFilter {
    /// Look at your own installation only
    #[arg(short, long, display_order = 600)]
    user: bool,
    /// Look at the system's installation only
    #[arg(long, display_order = 601)]
    system: bool,
    /// Look at the installation of this name only
    #[arg(long, value_name = "NAME", display_order = 602)]
    installation: Vec<String>,
}

impl ScopeFilter {
    /// Whether installations of this kind are looked at; [`ScopeChoice::Default`] stands for none of them.
    pub fn includes(&self, scope: &ScopeChoice) -> bool {
        if !self.user && !self.system && self.installation.is_empty() {
            return true;
        }
        match scope {
            ScopeChoice::Default => false,
            ScopeChoice::User => self.user,
            ScopeChoice::System => self.system,
            ScopeChoice::Named(name) => self.installation.contains(name),
        }
    }

    /// The names that were given, of which each must exist.
    pub fn names(&self) -> &[String] {
        &self.installation
    }
}
