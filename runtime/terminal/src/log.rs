//! What the libraries do, for `-v` and `ARIL_LOG`: on standard error, above the bars.

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::progress::Progress;
use crate::{Failure, Terminal, Verbosity};

/// Installs the one subscriber of the program. Without `-v` and with an empty `filter` there is none, and logging costs nothing.
///
/// `filter` is the value of `ARIL_LOG`: a level (`debug`), or targets with levels (`aril_store=trace,aril_builder=debug`).
/// # Errors
/// When `filter` is neither.
pub(crate) fn install(terminal: &Terminal, filter: &str) -> Result<(), Failure> {
    let Some(targets) = targets(terminal.verbosity(), filter)? else { return Ok(()) };
    let progress = terminal.progress().clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_timer(uptime())
        .with_ansi(terminal.messages.paint.is_colourful())
        .with_writer(move || AboveBars(progress.clone()))
        .with_filter(targets);
    // A second subscriber is only possible in tests; the first one stays.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    Ok(())
}

fn targets(verbosity: Verbosity, filter: &str) -> Result<Option<Targets>, Failure> {
    if !filter.is_empty() {
        return filter.parse().map(Some).map_err(|error| {
            Failure::usage(format!("ARIL_LOG is '{filter}', which is not a filter: {error}"))
                .with_hint("it is a level, `debug`, or targets with levels: `aril_store=trace,info`")
        });
    }
    Ok(match verbosity {
        Verbosity::Quiet | Verbosity::Normal => None,
        Verbosity::Verbose => Some(Targets::new().with_target("aril", LevelFilter::DEBUG)),
        Verbosity::Everything => Some(Targets::new().with_default(LevelFilter::TRACE)),
    })
}

/// Each line is written at once, while the bars are away.
struct AboveBars(Progress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn filters() {
        assert!(targets(Verbosity::Normal, "").unwrap().is_none());
        let verbose = targets(Verbosity::Verbose, "").unwrap().unwrap();
        assert!(verbose.would_enable("aril_store::pull", &Level::DEBUG));
        assert!(!verbose.would_enable("aril_store::pull", &Level::TRACE));
        assert!(!verbose.would_enable("hyper", &Level::DEBUG));
        let given = targets(Verbosity::Normal, "aril_store=trace").unwrap().unwrap();
        assert!(
            given.would_enable("aril_store", &Level::TRACE) && !given.would_enable("aril_x", &Level::ERROR)
        );
        assert!(targets(Verbosity::Normal, "a=loud").is_err());
    }
}
