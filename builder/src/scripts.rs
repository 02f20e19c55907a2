//! Scriptlets and triggers of packages: understood and left out, done here in another way, run in a sandbox, or refused. Each is on the report.
//!
//! Scripts of removals never count: an app's tree is thrown away as a whole. What is run is run over the merged tree, in rpm's order, by
//! `aril-launch --tool`; what it writes becomes a part of the tree. That a script fails makes the package one that cannot be converted, though
//! rpm itself would only warn: nobody would see the warning.
mod alternatives; // one name, several programs
mod files; // what packages' own lists ask for: users, directories
mod judge; // what becomes of a script
mod known; // commands that are known
mod lua; // scripts for rpm's own interpreter
mod run; // running the rest
mod shell; // a script taken apart
mod tmpfiles; // `tmpfiles.d`
mod users; // users and groups

use std::collections::BTreeSet;
use std::path::Path;

use aril_store::{Repo, Tree};

use crate::BuildError;
use crate::import::Imported;
use crate::report::{Note, Topic};
use crate::rpm::{Script, ScriptKind, TriggerKind, TriggerScript};
use judge::Verdict;

/// A merged tree whose packages have scripts.
#[derive(Debug)]
pub struct Scripts<'a> {
    /// The packages in the order in which they would be installed.
    pub packages: &'a [&'a Imported],
    /// What is beneath an app: the runtime's `files`.
    pub runtime: Option<&'a Tree>,
    /// The runtime's packages with triggers that others' files may set off.
    pub beneath: &'a [TriggerOwner],
    /// The names of all packages of the runtime.
    pub installed: &'a BTreeSet<String>,
    /// Where contents are.
    pub repo: &'a Repo,
    /// The program that makes sandboxes.
    pub tool: Option<&'a Path>,
}

/// A package with triggers.
#[derive(Debug, Clone)]
pub struct TriggerOwner {
    /// Its name, for messages.
    pub name: String,
    /// Its triggers.
    pub triggers: Vec<TriggerScript>,
}

/// A script that cannot be done without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{package} cannot be converted: its {kind} script {why}: `{}`", aril_model::printable(.line))]
pub struct ScriptError {
    /// The package.
    pub package: String,
    /// When the script would run.
    pub kind: String,
    /// The line that stands in the way.
    pub line: String,
    /// Why.
    pub why: String,
}

/// A script with what was decided about it.
struct Decided<'a> {
    package: &'a str,
    kind: String,
    script: &'a Script,
    /// What it reads: the files that set a trigger off.
    input: Vec<String>,
    verdict: Verdict,
}

impl Scripts<'_> {
    /// Does what the scripts of the packages are for, and gives a line about each.
    ///
    /// # Errors
    /// [`BuildError::Script`] when one cannot be done without the host, fails, or changes what is not the app's.
    pub fn apply(&self, root: &mut Tree) -> Result<Vec<Note>, BuildError> {
        let decided = self.decide(root);
        let mut notes = Vec::new();
        for one in &decided {
            match &one.verdict {
                Verdict::Refused { line, why } => return Err(one.refused(line, why).into()),
                Verdict::LeftOut(reasons) if reasons.is_empty() => {}
                Verdict::LeftOut(reasons) => {
                    let text = format!("{} of {} is left out: {}", one.kind, one.package, reasons.join("; "));
                    notes.push(Note::routine(Topic::Script, text));
                }
                Verdict::Run => notes.push(Note::new(
                    Topic::Script,
                    format!("{} of {} was run in a sandbox", one.kind, one.package),
                )),
            }
        }
        notes.extend(self.make(&decided, root)?);
        Ok(notes)
    }

    /// Does what is to be done: users, links, directories, and the scripts that have to be run.
    fn make(&self, decided: &[Decided<'_>], root: &mut Tree) -> Result<Vec<Note>, BuildError> {
        let mut accounts = files::accounts(self.packages, root, self.repo)?;
        accounts.extend(decided.iter().flat_map(|one| judge::accounts(one.script, &one.verdict)));
        let alternatives: Vec<_> =
            decided.iter().flat_map(|one| judge::alternatives(one.script, &one.verdict)).collect();
        let asked_for = files::asked_for(self.packages, root, self.repo)?;
        let to_run: Vec<&Decided<'_>> = decided.iter().filter(|one| one.verdict == Verdict::Run).collect();
        if accounts.is_empty() && alternatives.is_empty() && asked_for.is_empty() && to_run.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = self.repo.writer()?;
        let mut notes = alternatives::make_links(&alternatives, root, &writer)?;
        notes.extend(files::make(&asked_for, root, &writer)?);
        if !to_run.is_empty() {
            let tree = run::with_names(self, &accounts, root, &writer)?;
            // A checkout reads what is published.
            writer.publish(&[])?;
            writer = self.repo.writer()?;
            notes.extend(run::run(self, &to_run, &tree, root, &writer)?);
        }
        notes.extend(files::add_accounts(self, &accounts, root, &writer)?);
        writer.publish(&[])?;
        Ok(notes)
    }

    /// All scripts that matter, in rpm's order.
    fn decide<'s>(&'s self, root: &Tree) -> Vec<Decided<'s>> {
        let mut decided = Vec::new();
        for package in self.packages {
            decided.extend(self.scripts(&[ScriptKind::PreTrans], package, root));
        }
        for package in self.packages {
            decided.extend(self.scripts(&[ScriptKind::Pre, ScriptKind::Post], package, root));
        }
        decided.extend(self.triggers(root, &[TriggerKind::Package, TriggerKind::File]));
        for package in self.packages {
            decided.extend(self.scripts(&[ScriptKind::PostTrans], package, root));
        }
        decided.extend(self.triggers(root, &[TriggerKind::Transaction]));
        decided
    }

    fn scripts<'s>(&'s self, kinds: &[ScriptKind], package: &'s Imported, root: &Tree) -> Vec<Decided<'s>> {
        let scripts = package.facts.scripts.iter().filter(|script| kinds.contains(&script.kind));
        let decided = scripts.map(|script| Decided {
            package: &package.facts.nevra.name,
            kind: script.kind.to_string(),
            input: Vec::new(),
            verdict: judge::judge(script, root),
            script,
        });
        decided.collect()
    }

    /// Triggers that the merged packages set off.
    fn triggers<'s>(&'s self, root: &Tree, kinds: &[TriggerKind]) -> Vec<Decided<'s>> {
        let own =
            self.packages.iter().map(|package| (package.facts.nevra.name.as_str(), &package.facts.triggers));
        let beneath = self.beneath.iter().map(|owner| (owner.name.as_str(), &owner.triggers));
        let mut decided = Vec::new();
        for (package, triggers) in own.chain(beneath) {
            let wanted = |trigger: &&TriggerScript| trigger.on_install && kinds.contains(&trigger.kind);
            for trigger in triggers.iter().filter(wanted) {
                let input = self.sets_off(trigger, package, root);
                if input.is_empty() {
                    continue;
                }
                decided.push(Decided {
                    package,
                    kind: format!("{} on {}", trigger.kind, trigger.watches.join(" ")),
                    input,
                    verdict: judge::judge(&trigger.script, root),
                    script: &trigger.script,
                });
            }
        }
        decided
    }

    /// What sets a trigger off: names of packages, or files.
    fn sets_off(&self, trigger: &TriggerScript, owner: &str, root: &Tree) -> Vec<String> {
        if trigger.kind == TriggerKind::Package {
            let names = self.packages.iter().map(|package| package.facts.nevra.name.clone());
            let all = names.chain(self.installed.iter().cloned());
            return all.filter(|name| name != owner && trigger.watches.contains(name)).collect();
        }
        let paths = root.paths().into_iter().map(|(path, _)| format!("/{path}"));
        paths.filter(|path| trigger.watches.iter().any(|start| path.starts_with(start.as_str()))).collect()
    }
}

impl Decided<'_> {
    fn refused(&self, line: &str, why: &str) -> ScriptError {
        ScriptError {
            package: self.package.to_owned(),
            kind: self.kind.clone(),
            line: line.to_owned(),
            why: why.to_owned(),
        }
    }
}
