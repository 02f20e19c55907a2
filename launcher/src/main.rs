//! The program `aril-launch`.

use std::io::Write;
use std::process::ExitCode;

use aril_launcher::LaunchError;
use aril_model::Hint;

fn main() -> ExitCode {
    let mut say = |text: &str| {
        // A reader that has gone does not want to know.
        let _ = std::io::stdout().write_all(text.as_bytes());
    };
    let done = aril_launcher::begin().and_then(|()| aril_launcher::run(std::env::args_os(), &mut say));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn complain(error: &LaunchError) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}
