//! What takes long: bars on a terminal, several at once; a line for each elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aril_model::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Verbosity;

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown with their rate.
    Bytes,
    /// Files, packages, objects.
    Things,
}

/// Where bars are made. Cheap to clone, and usable from all threads.
#[derive(Debug, Clone)]
pub struct Progress {
    shown: Shown,
}

#[derive(Debug, Clone)]
enum Shown {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

/// One thing that takes long. Cheap to clone, and usable from all threads; the bar goes when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Bar {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    bar: ProgressBar,
    title: String,
    unit: Unit,
    total: Mutex<Option<u64>>,
}

impl Progress {
    pub(crate) fn new(is_terminal: bool, verbosity: Verbosity) -> Self {
        let shown = match (verbosity, is_terminal) {
            (Verbosity::Quiet, _) => Shown::Nothing,
            (_, true) => Shown::Bars(MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
            (_, false) => Shown::Lines,
        };
        Self { shown }
    }

    /// Shows nothing: for tests, and where a caller shows its own.
    pub fn hidden() -> Self {
        Self { shown: Shown::Nothing }
    }

    /// Begins something that takes long: `fetching gnome-calculator`. `total` is `None` as long as it is not known.
    pub fn bar(&self, title: &str, unit: Unit, total: Option<u64>) -> Bar {
        let title = printable(title).into_owned();
        match &self.shown {
            Shown::Nothing => Bar { inner: None },
            Shown::Lines => {
                write_line(&title);
                Bar { inner: None }
            }
            Shown::Bars(bars) => {
                let bar = bars.add(ProgressBar::no_length());
                let inner = Inner { bar, title, unit, total: Mutex::new(None) };
                inner.bar.set_style(style(unit, total.is_some()));
                inner.bar.set_prefix(inner.title.clone());
                inner.bar.enable_steady_tick(Duration::from_millis(120));
                let bar = Bar { inner: Some(Arc::new(inner)) };
                if let Some(total) = total {
                    bar.set_total(total);
                }
                bar
            }
        }
    }

    /// Takes the bars away while `action` runs: for messages, questions, and other programs that draw themselves.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        match &self.shown {
            Shown::Bars(bars) => bars.suspend(action),
            Shown::Lines | Shown::Nothing => action(),
        }
    }
}

impl Bar {
    /// Sets how much there is to do in all.
    pub fn set_total(&self, total: u64) {
        let Some(inner) = &self.inner else { return };
        let mut known = inner.total.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            inner.bar.set_style(style(inner.unit, true));
        }
        if *known != Some(total) {
            *known = Some(total);
            inner.bar.set_length(total);
        }
    }

    /// Sets how much was done.
    pub fn set_position(&self, done: u64) {
        if let Some(inner) = &self.inner {
            inner.bar.set_position(done);
        }
    }

    /// Adds to what was done.
    pub fn advance(&self, more: u64) {
        if let Some(inner) = &self.inner {
            inner.bar.inc(more);
        }
    }

    /// Says what is being done just now, behind the bar: a file's name.
    pub fn note(&self, text: &str) {
        if let Some(inner) = &self.inner {
            inner.bar.set_message(printable(text).into_owned());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(unit: Unit, is_total_known: bool) -> ProgressStyle {
    let template = match (unit, is_total_known) {
        (Unit::Bytes, true) => {
            "{prefix:32!} {bar:20} {percent:>3}%  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {wide_msg}"
        }
        (Unit::Bytes, false) => {
            "{prefix:32!} {spinner}  {decimal_bytes}  {decimal_bytes_per_sec}  {wide_msg}"
        }
        (Unit::Things, true) => "{prefix:32!} {bar:20} {percent:>3}%  {pos}/{len}  {wide_msg}",
        (Unit::Things, false) => "{prefix:32!} {spinner}  {wide_msg}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━━╌")
}

fn write_line(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_right() {
        for unit in [Unit::Bytes, Unit::Things] {
            for known in [true, false] {
                // A wrong template would silently become the default one, which shows no prefix.
                let bar = ProgressBar::hidden().with_style(style(unit, known));
                bar.set_prefix("x");
                assert_eq!(bar.prefix(), "x");
            }
        }
        assert!(ProgressStyle::with_template("{prefix:32!} {bar:20} {percent:>3}% {wide_msg}").is_ok());
    }

    #[test]
    fn bars_are_used_from_other_threads() {
        let progress = Progress::new(true, Verbosity::Normal);
        let bar = progress.bar("fetching", Unit::Bytes, None);
        let other = bar.clone();
        std::thread::spawn(move || {
            other.set_total(10);
            other.advance(4);
        })
        .join()
        .unwrap();
        let inner = bar.inner.as_ref().unwrap();
        assert_eq!((inner.bar.position(), inner.bar.length()), (4, Some(10)));
        assert_eq!(progress.suspend(|| 5), 5);
    }

    #[test]
    fn quiet_shows_nothing() {
        let progress = Progress::new(true, Verbosity::Quiet);
        assert!(progress.bar("x", Unit::Things, Some(1)).inner.is_none());
    }
}
