//! How long each step of a start took, for `--timings`.

use std::time::{Duration, Instant};

use crate::arguments::Switch;

/// Steps and their durations; nothing is measured unless asked for.
pub(crate) struct Timings {
    last: Option<Instant>,
    steps: Vec<(&'static str, Duration)>,
}

impl Timings {
    pub(crate) fn start(wanted: Switch) -> Self {
        Self { last: wanted.is_on().then(Instant::now), steps: Vec::new() }
    }

    /// Ends a step.
    pub(crate) fn step(&mut self, name: &'static str) {
        if let Some(last) = &mut self.last {
            let now = Instant::now();
            self.steps.push((name, now - *last));
            *last = now;
        }
    }

    /// Prints all steps in microseconds.
    #[allow(clippy::print_stderr)] // what the person asked for, beside the app's own output
    pub(crate) fn print(&self) {
        for (name, duration) in &self.steps {
            eprintln!("{:>8} us  {name}", duration.as_micros());
        }
    }
}
