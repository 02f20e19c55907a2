//! The way of a build, from a question to a commit: for a runtime and for an app.
mod app;
mod runtime;
mod solved; // what the solver found, with what it was asked

use serde::Serialize;

use crate::report::Note;

pub use app::{AppRequest, build_app, solve_app};
pub use runtime::{build_runtime, solve_runtime};
pub use solved::Solved;

/// What was built, as `docs/format/build.md` says.
#[derive(Debug, Clone, Serialize)]
pub struct Built {
    /// What it is called.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its commit.
    pub commit: String,
    /// The remote.
    pub remote: String,
    /// For an app: the runtime.
    pub runtime: Option<String>,
    /// For an app: its version.
    pub evr: Option<String>,
    /// How many packages it is made of.
    pub packages: usize,
    /// What was left out, changed, decided, a line each; without what is so with nearly every package.
    pub report: Vec<String>,
    /// The same with what each line is about.
    pub notes: Vec<Note>,
}

/// What is noted of packages, without what is noted of nearly every one.
fn lines(notes: &[Note]) -> Vec<String> {
    notes.iter().filter(|note| !note.routine).map(|note| note.text.clone()).collect()
}
