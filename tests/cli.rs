//! Console sessions of `aril`, run as they stand in `tests/cli/*.md`: what is typed, what is printed, how it ends.
//!
//! Each file has an installation of its own, made by hand, so that a session may change it. `TRYCMD=overwrite` writes what is printed.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests")]

#[path = "cli/commit.rs"]
mod commit; // a commit object, as the store holds it
#[path = "cli/fixture.rs"]
mod fixture; // an installation, a running sandbox, and the environment that shows them
#[path = "cli/terminal.rs"]
mod terminal; // what a person sees and answers on a terminal

use fixture::Fixture;

macro_rules! sessions {
    ($($file:ident)+) => {
        $(
            #[test]
            fn $file() {
                Fixture::new().run(stringify!($file));
            }
        )+

        /// A file without a line here would never be run.
        #[test]
        fn each_file_is_run() {
            let mut present: Vec<String> = std::fs::read_dir(fixture::sessions())
                .unwrap()
                .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".md").map(str::to_owned))
                .collect();
            present.sort();
            let mut run = [$(stringify!($file)),+];
            run.sort_unstable();
            assert_eq!(present, run);
        }
    };
}

sessions! { completion help info list mistakes permissions remotes running }
