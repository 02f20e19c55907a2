//! Why there is no solution, in words, and what would help.

use crate::sys::{Rule, Solver};

use super::{PackageId, Universe};

/// One reason why what was asked for cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What stands against what, a line each; the most telling first.
    pub lines: Vec<String>,
    /// Packages with what each of them requires and nothing provides.
    pub missing: Vec<(PackageId, String)>,
    /// Whether a package of the runtime is too old, or in the way.
    pub runtime_is_in_the_way: bool,
    /// Whether something was asked for that is not there at all.
    pub unknown: Option<String>,
}

/// libsolv's numbers of rules: `SolverRuleinfo` in its `rules.h`.
mod rule {
    pub(super) const NOT_INSTALLABLE: i32 = 0x101;
    pub(super) const NOTHING_PROVIDES: i32 = 0x102;
    pub(super) const REQUIRES: i32 = 0x103;
    pub(super) const SELF_CONFLICT: i32 = 0x104;
    pub(super) const CONFLICTS: i32 = 0x105;
    pub(super) const SAME_NAME: i32 = 0x106;
    pub(super) const OBSOLETES: i32 = 0x107;
    pub(super) const IMPLICIT_OBSOLETES: i32 = 0x108;
    pub(super) const INSTALLED_OBSOLETES: i32 = 0x109;
    pub(super) const RECOMMENDS: i32 = 0x10a;
    pub(super) const UPDATE: i32 = 0x200;
    pub(super) const JOB: i32 = 0x400;
    pub(super) const JOB_NOTHING_PROVIDES: i32 = 0x401;
    pub(super) const JOB_UNKNOWN: i32 = 0x403;
    pub(super) const INFERIOR_ARCH: i32 = 0x600;
}

impl Problem {
    /// That nothing is known by a name.
    pub(super) fn unknown(wanted: &str) -> Self {
        Self {
            lines: vec![format!("nothing is called or provides '{wanted}'")],
            missing: Vec::new(),
            runtime_is_in_the_way: false,
            unknown: Some(wanted.to_owned()),
        }
    }

    /// Whether a file is missing: one that is in no list that was read, but may be in those that were not.
    pub fn is_about_files(&self) -> bool {
        let unknown = self.unknown.iter();
        self.missing.iter().map(|(_, dependency)| dependency).chain(unknown).any(|text| text.contains('/'))
    }

    /// Describes the problem of this number, from 1.
    pub(super) fn describe(universe: &Universe, solver: &Solver<'_>, number: i32) -> Self {
        let mut problem =
            Self { lines: Vec::new(), missing: Vec::new(), runtime_is_in_the_way: false, unknown: None };
        let mut rules = solver.problem(number);
        rules.sort_by_key(|rule| weight(rule.rule_type));
        for rule in &rules {
            problem.add(universe, rule);
        }
        problem.lines.dedup();
        problem
    }

    fn add(&mut self, universe: &Universe, rule: &Rule) {
        let name = |id| universe.label(PackageId(id));
        let in_runtime = |id| universe.is_in_runtime(PackageId(id));
        let (source, dependency) = (name(rule.source), &rule.dependency);
        if in_runtime(rule.source) || in_runtime(rule.target) {
            self.runtime_is_in_the_way = true;
        }
        let line = match rule.rule_type {
            rule::JOB => return,
            rule::JOB_NOTHING_PROVIDES | rule::JOB_UNKNOWN => {
                self.unknown = Some(dependency.clone());
                format!("nothing is called or provides '{dependency}'")
            }
            rule::NOTHING_PROVIDES => {
                self.missing.push((PackageId(rule.source), dependency.clone()));
                format!("nothing provides {dependency}, which {source} requires")
            }
            rule::REQUIRES => {
                format!("{source} requires {dependency}, and nothing that provides it can be installed")
            }
            rule::SAME_NAME => format!("{source} and {} cannot be there together", name(rule.target)),
            rule::CONFLICTS => {
                format!("{source} conflicts with {dependency}, which {} provides", name(rule.target))
            }
            rule::SELF_CONFLICT => format!("{source} conflicts with {dependency}, which it provides itself"),
            rule::OBSOLETES | rule::IMPLICIT_OBSOLETES | rule::INSTALLED_OBSOLETES => {
                format!("{source} replaces {dependency}, which {} provides", name(rule.target))
            }
            rule::NOT_INSTALLABLE => format!("{source} is excluded, or of another architecture"),
            rule::INFERIOR_ARCH => {
                format!("{source} is of an architecture that another package is better for")
            }
            rule::UPDATE => {
                self.runtime_is_in_the_way = true;
                format!("the runtime has {source}")
            }
            rule::RECOMMENDS => format!("{source} recommends {dependency}"),
            _ => format!("{source} cannot be installed"),
        };
        self.lines.push(line);
    }
}

/// The order in which rules tell most.
fn weight(rule_type: i32) -> i32 {
    match rule_type {
        rule::JOB_NOTHING_PROVIDES | rule::JOB_UNKNOWN => 0,
        rule::NOTHING_PROVIDES => 1,
        rule::REQUIRES => 3,
        rule::UPDATE => 4,
        _ => 2,
    }
}
