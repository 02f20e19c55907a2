//! The app or runtime that a person means by what they typed.

use aril_installation::{Deploy, Installation, Installations};
use aril_model::{Arch, Branch, PartialRef, Ref, nearest};
use aril_terminal::{Failure, Terminal};

/// The one that is meant, with the installation that has it; asks where several fit and somebody can answer.
pub(crate) fn find<'a>(
    installations: &'a Installations,
    wanted: &PartialRef,
    terminal: &Terminal,
) -> Result<(&'a Installation, Deploy), Failure> {
    let mut fitting = installations.matching(wanted)?;
    keep_likely(&mut fitting, wanted)?;
    if fitting.is_empty() {
        return Err(unknown(installations, wanted)?);
    }
    let names: Vec<String> = fitting
        .iter()
        .map(|(installation, reference)| format!("{reference} ({})", installation.scope()))
        .collect();
    let hint = format!("say it in full, as in `{}`", fitting[0].1);
    let index = terminal.choose(&format!("which '{wanted}' do you mean?"), &names, &hint)?;
    let (installation, reference) = fitting.swap_remove(index);
    let deploy = installation.active(&reference)?;
    deploy
        .map(|deploy| (installation, deploy))
        .ok_or_else(|| Failure::new(format!("'{reference}' was just removed")))
}

/// Adds what was typed beside the name.
pub(crate) fn refine(name: &PartialRef, arch: Option<&Arch>, branch: Option<&Branch>) -> PartialRef {
    let mut wanted = name.clone();
    wanted.arch = wanted.arch.or_else(|| arch.cloned());
    wanted.branch = wanted.branch.or_else(|| branch.cloned());
    wanted
}

/// Where one ref is the obvious one, the others are dropped: another installation's of the same ref, other architectures, and branches of an app
/// that `aril run` would not start.
fn keep_likely(fitting: &mut Vec<(&Installation, Ref)>, wanted: &PartialRef) -> Result<(), Failure> {
    let mut seen: Vec<Ref> = Vec::new();
    fitting.retain(|(_, reference)| {
        let is_new = !seen.contains(reference);
        seen.push(reference.clone());
        is_new
    });
    if wanted.arch.is_none() && fitting.iter().any(|(_, reference)| reference.arch == Arch::native()) {
        fitting.retain(|(_, reference)| reference.arch == Arch::native());
    }
    if wanted.branch.is_none() && fitting.len() > 1 {
        let mut current = Vec::new();
        for (installation, reference) in fitting.iter() {
            if installation.current(&reference.id)?.as_ref() == Some(reference) {
                current.push(reference.clone());
            }
        }
        let is_other_branch = |reference: &Ref| {
            current.iter().any(|one| one.id == reference.id && one.kind == reference.kind && one != reference)
        };
        fitting.retain(|(_, reference)| !is_other_branch(reference));
    }
    Ok(())
}

fn unknown(installations: &Installations, wanted: &PartialRef) -> Result<Failure, Failure> {
    let mut known: Vec<Ref> = Vec::new();
    for installation in installations.iter() {
        known.extend(installation.refs()?);
    }
    let failure = Failure::new(format!("'{wanted}' is not installed"));
    let same_id: Vec<String> =
        known.iter().filter(|one| one.id.as_str() == wanted.name).map(ToString::to_string).collect();
    Ok(match (same_id.first(), nearest(&wanted.name, known.iter().map(|one| one.id.as_str()))) {
        (Some(other), _) => failure.with_hint(format!("there is `{other}`")),
        (None, Some(near)) => failure.with_hint(format!("did you mean `{near}`?")),
        (None, None) if known.is_empty() => {
            failure.with_hint("nothing is installed yet: `aril install` does it")
        }
        (None, None) => failure.with_hint("`aril list` shows what is installed"),
    })
}
