//! Makes the repository of real RPMs that the tests use: Debian's packages in Fedora's shape, and a few written by hand.
//!
//! Nothing outside the cache and the output directory is written, and no privileges are needed. See `docs` at each module for what it does
//! and `sets.toml`, `shape.toml`, `base/` and `specs/` for what is made.

pub mod apt; //      Debian's lists and packages, by a private apt
pub mod cache; //    what is kept between runs
pub mod control; //  Debian's control fields
mod control_names; // file names that rpmbuild refuses
pub mod handmade; // the packages from spec files
pub mod key; //      the key that signs
pub mod lists; //    sets.toml and shape.toml
pub mod maker; //    the whole story: lists -> repositories
pub mod metadata; // repodata
pub mod output; //   one repository on disk
pub mod package; //  one .deb -> one RPM
pub mod plan; //     which packages
pub mod refused; //  packages that nobody may accept
pub mod report; //   what it costs
pub(crate) mod run;
pub mod specs; //    one spec file -> its RPMs
pub mod states; //   which packages each repository has
pub mod stock; //    the .debs that are here
pub mod version; //  Debian's versions as RPM's

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

/// How many things are done at once.
pub(crate) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Does `work` for each of `items`, several at once; the answers have the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs().min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let answer = work(item);
                    let failed = answer.is_err();
                    if let Ok(mut done) = done.lock() {
                        done.push((at, answer));
                    }
                    if failed {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().map_err(|_| anyhow::anyhow!("a worker panicked"))?;
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}
