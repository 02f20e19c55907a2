//! What the supervisor itself may still do: filter buses, pass signals on, clean up. A hole in the filter would open nothing else.

use aril_beneath::Dir;
use landlock::{ABI, Access, AccessFs, AccessNet, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr};

use crate::filters::seccomp;
use crate::sandbox::{SetupError, Step, drop_all_rights};

/// The newest version of Landlock whose rights are asked for.
const TESTED: ABI = ABI::V8;

/// Restricts this process for good. `entries` is the directory with the notes about running sandboxes.
pub(crate) fn confine(entries: &Dir) -> Result<(), SetupError> {
    drop_all_rights()?;
    restrict_files(entries)
        .map_err(|error| SetupError::new(Step::Landlock, "", std::io::Error::other(error)))?;
    seccomp::install_for_supervisor().map_err(|error| SetupError::new(Step::Seccomp, "", error))
}

/// All that it opens from here on lies in the notes; it makes no connection but to local sockets. Where the kernel has no Landlock, the filter
/// of calls and the empty root are what there is.
fn restrict_files(entries: &Dir) -> Result<(), landlock::RulesetError> {
    let cleaning = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::MakeReg;
    Ruleset::default()
        .handle_access(AccessFs::from_all(TESTED))?
        .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
        .create()?
        .add_rule(PathBeneath::new(entries, cleaning))?
        .no_new_privs(false)
        .restrict_self()?;
    Ok(())
}
