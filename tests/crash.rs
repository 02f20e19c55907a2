//! Killed at any moment of its own trace: the next command works, the app runs in the old or the new version, and nothing is left behind.
//!
//! `aril` and all that it starts are killed together as one of them enters a call that renames, links, makes or flushes. The moments are
//! spread over the run's own trace. A few of them are for each change; all are tried with `--ignored`, or as many as `ARIL_CRASH_MOMENTS` says.
// The kit works in directories of its own; no path in it is chosen by someone else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

#[path = "crash/life.rs"]
mod life; //  one home that is killed in, looked at, and made again
#[path = "crash/server.rs"]
mod server; // one that cuts connections
#[path = "crash/state.rs"]
mod state; // what lies in a home
#[path = "crash/trouble.rs"]
mod trouble; // cut connections, full disks

use anyhow::{Result, ensure};
use aril_tests::tracer;
use life::{App, GALCULATOR, Life, UNITS};

/// How many moments are tried where all are.
const ALL: usize = 20;

#[test]
fn an_install_that_is_killed() -> Result<()> {
    install(&UNITS, 4)
}

#[test]
fn an_update_that_is_killed() -> Result<()> {
    update(&UNITS, 4)
}

#[test]
#[ignore = "20 moments of each change, with an app that has a window: minutes"]
fn every_moment_of_an_install() -> Result<()> {
    install(&UNITS, ALL)?;
    install(&GALCULATOR, ALL)
}

#[test]
#[ignore = "20 moments of each change, with an app that has a window: minutes"]
fn every_moment_of_an_update() -> Result<()> {
    update(&UNITS, ALL)?;
    update(&GALCULATOR, ALL)
}

#[test]
#[ignore = "builds a runtime at each of its moments: minutes"]
fn every_moment_of_an_install_with_its_runtime() -> Result<()> {
    let life = Life::new(&UNITS)?;
    life.keep()?;
    try_moments(&life, ALL, &life.install(), |said| {
        ensure!(matches!(said, None | Some(1)), "neither without the app nor with it: {said:?}");
        Ok(())
    })
}

fn install(app: &'static App, count: usize) -> Result<()> {
    let life = Life::new(app)?;
    life.add_runtime()?;
    life.keep()?;
    try_moments(&life, count, &life.install(), |said| {
        ensure!(matches!(said, None | Some(1)), "neither without the app nor with it: {said:?}");
        Ok(())
    })
}

fn update(app: &'static App, count: usize) -> Result<()> {
    let life = Life::new(app)?;
    life.run(&life.install())?;
    life.become_second()?;
    life.keep()?;
    try_moments(&life, count, &["aril", "update", "-y"], |said| {
        ensure!(matches!(said, Some(1 | 2)), "neither the old version nor the new one: {said:?}");
        Ok(())
    })
}

/// Kills a command at moments of its trace; `check` judges the app's version after each. In the end the home is as after a run that nobody
/// killed.
fn try_moments(
    life: &Life,
    count: usize,
    line: &[&str],
    check: impl Fn(Option<u32>) -> Result<()>,
) -> Result<()> {
    if let Some(why) = tracer::missing() {
        println!("skipped: {why}");
        return Ok(());
    }
    let whole = life.trace(line, None)?;
    ensure!(whole.code == Some(0), "{line:?} failed: {}", whole.said);
    let (wanted, version) = (life.state()?, life.version()?);
    let calls = whole.calls.len();
    ensure!(calls >= 60, "only {calls} calls: {:?}", whole.calls);
    let count = std::env::var("ARIL_CRASH_MOMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    let mut killed = 0;
    for index in 0..count {
        // In the middle of each of as many parts: the first call and the last one tell the least.
        let number = (2 * index + 1) * calls / (2 * count);
        let moment = format!(
            "{line:?} of {} killed at {} ({number} of {calls})",
            life.app.package, whole.calls[number]
        );
        life.restore()?;
        let cut = life.trace(line, Some(number))?;
        killed += usize::from(cut.was_killed);
        check(life.version()?).map_err(|error| error.context(moment.clone()))?;
        // Either of the two puts everything in order.
        if index % 2 == 1 {
            life.run(&["aril", "repair", "-y"]).map_err(|error| error.context(moment.clone()))?;
            life.assert_sound().map_err(|error| error.context(moment.clone()))?;
        }
        life.finish(line).map_err(|error| error.context(moment.clone()))?;
        ensure!(life.version()? == version, "{moment}: afterwards it says {:?}", life.version()?);
        life.assert_sound().map_err(|error| error.context(moment.clone()))?;
        state::assert_same(&life.state()?, &wanted).map_err(|error| error.context(moment.clone()))?;
        println!("{moment}: {}", if cut.was_killed { "as it was" } else { "came to its end first" });
    }
    // Threads share the work differently each time, so a run may end before it has made as many calls.
    ensure!(killed * 10 >= count * 9, "only {killed} of {count} were killed");
    Ok(())
}
