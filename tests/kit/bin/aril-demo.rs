//! `aril-demo`: from a repository of RPMs to apps in their windows, updated and rolled back. `make demo` runs it.
//!
//! All happens in an empty home that goes at the end, as an ordinary user. Whatever ends this program ends what it started; a home that was
//! left behind when it was killed goes with `aril-demo clean`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "the kit's own files"
)]

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aril_tests::display::Window;
use aril_tests::home::TestHome;
use aril_tests::keeper::Running;
use aril_tests::session::Session;
use aril_tests::test_repo::{ChangingRepo, State, TestRepo};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// An app of GTK 3, and one of GTK 4: package, id, title of the window.
const GTK3: (&str, &str, &str) = ("gnome-tetravex", "org.gnome.Tetravex", "Tetravex");
const GTK4: (&str, &str, &str) = ("gnome-calculator", "org.gnome.Calculator", "Calculator");
/// What is behind the windows.
const BACKGROUND: u32 = 0x2f_4858;

fn main() -> ExitCode {
    let begun = Instant::now();
    let wish: Vec<String> = std::env::args().skip(1).collect();
    let done = match wish.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A new home removes those that were left.
        ["clean"] => TestHome::new().map(|_| ()),
        [place] => demo(Path::new(place), begun),
        _ => Err(anyhow::anyhow!("usage: aril-demo DIRECTORY-FOR-PICTURES\n       aril-demo clean")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(place: &Path, begun: Instant) -> Result<()> {
    // What an earlier run left there is not ours to show.
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place).with_context(|| format!("making {}", place.display()))?;
    say(
        "A repository of RPMs: real programs, signed, made on the spot (the first time it takes some minutes)",
    );
    let repo = TestRepo::shared()?;
    println!("{} packages in {}", repo.contents().names.len(), repo.path(State::First).display());
    let stage = Stage::set_up(place)?;
    let changing = ChangingRepo::new(repo, &stage.session.home.beside(""))?;
    stage.make_apps(repo, &changing)?;
    let picture = stage.open_windows()?;
    stage.update_and_undo(&changing)?;
    drop(stage);
    tell_what_next(repo, &picture, begun);
    Ok(())
}

struct Stage {
    session: Session,
    place: PathBuf,
}

impl Stage {
    fn set_up(place: &Path) -> Result<Self> {
        let session = Session::start()?;
        session.display.paint_background(BACKGROUND)?;
        let home = &session.home;
        if let Some(term) = std::env::var_os("TERM").filter(|_| std::io::stdout().is_terminal()) {
            home.set("TERM", term);
        }
        say("Who does all that follows: an ordinary user with an empty home");
        let stage = Self { session, place: place.to_owned() };
        stage.run(&["id"])?;
        Ok(stage)
    }

    fn make_apps(&self, repo: &TestRepo, changing: &ChangingRepo<'_>) -> Result<()> {
        say("The repository becomes a remote, and packages of it a runtime that all apps share");
        self.session.home.set("ARIL_MANIFEST_DIR", repo.manifests());
        let (key, url) =
            (format!("--gpg-import={}", repo.key().display()), format!("rpm+{}", changing.url()));
        self.run(&["aril", "remote-add", &key, "rpms", &url])?;
        let manifest = repo.manifest("platform").display().to_string();
        self.run(&["aril", "build", "runtime", "--yes", "--from=rpms", &manifest])?;
        say("Packages become apps: one of GTK 3, one of GTK 4, one for the command line");
        self.run(&["aril", "install", "--yes", "rpms", GTK3.0])?;
        self.run(&["aril", "install", "--yes", "rpms", GTK4.0])?;
        self.run(&["aril", "install", "--yes", "rpms", "lua"])?;
        self.run(&["aril", "list", "--columns=application,version,size,runtime"])
    }

    fn open_windows(&self) -> Result<PathBuf> {
        say("They open their windows, each in a sandbox; the second by its entry in the menu");
        let display = &self.session.display;
        let _first = self.open(&["aril", "run", GTK3.1])?;
        let first = display.wait_for_window(GTK3.2)?;
        let entry = self.session.home.path().join(format!(".local/share/applications/{}.desktop", GTK4.1));
        let _second = self.open(&["gio", "launch", &entry.display().to_string()])?;
        let second = display.wait_for_window(GTK4.2)?;
        self.run(&["aril", "ps"])?;
        let (left, right) = (centred(&first, 392), centred(&second, 988));
        display.move_window(&first, left.0, left.1)?;
        display.move_window(&second, right.0, right.1)?;
        for key in ['8', '4', '/', '2', '='] {
            display.press(&second, u32::from(key))?;
        }
        let seen = display.window_again(&second)?;
        ensure!(!display.settled_picture_of(&seen)?.is_one_colour(), "the window is empty");
        let file = self.place.join("apps.png");
        display.picture()?.save(&file)?;
        println!("\nThe screen: {}", file.display());
        self.look_inside()?;
        for id in [GTK3.1, GTK4.1] {
            self.run(&["aril", "kill", id])?;
        }
        Ok(file)
    }

    fn look_inside(&self) -> Result<()> {
        say("What such an app sees of this machine");
        self.session.home.write("diary", "secret\n")?;
        let looks = "cat ~/diary; touch /usr/bin/x; ls /home; ps -e | wc -l; ls /app /usr/bin | wc -l";
        // Some of it fails, which is the point.
        self.run_any(&["aril", "run", "--command=sh", GTK3.1, "-c", looks]).map(|_| ())
    }

    fn update_and_undo(&self, changing: &ChangingRepo<'_>) -> Result<()> {
        say("The repository becomes newer; the apps follow, and one goes back");
        let version = ["aril", "run", "--command=lua5.4", "local.rpm.lua", "-v"];
        self.run(&version)?;
        changing.become_state(State::Second)?;
        self.run(&["aril", "update", "--yes"])?;
        self.run(&version)?;
        self.run(&["aril", "rollback", "--yes", "local.rpm.lua"])?;
        self.run(&version)?;
        self.run(&["aril", "list", "--columns=application,version"])
    }

    /// Shows a command, runs it, and insists on its success.
    fn run(&self, words: &[&str]) -> Result<()> {
        let code = self.run_any(words)?;
        ensure!(code == Some(0), "`{}` failed", words.join(" "));
        Ok(())
    }

    fn run_any(&self, words: &[&str]) -> Result<Option<i32>> {
        let mut running = self.start(words)?;
        let begun = Instant::now();
        loop {
            if let Some(status) = running.child().try_wait()? {
                return Ok(status.code());
            }
            if begun.elapsed() > PATIENCE {
                bail!("`{}` did not end within {PATIENCE:?}", words.join(" "));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Shows a command and starts it; what it prints is seen.
    fn start(&self, words: &[&str]) -> Result<Running> {
        Running::start(self.shown(words)?)
    }

    /// Starts an app, whose own words go to a file: toolkits have a lot to say about a session without a desktop.
    fn open(&self, words: &[&str]) -> Result<Running> {
        let mut command = self.shown(words)?;
        let log = File::options().append(true).create(true).open(self.place.join("apps.log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        Running::start(command)
    }

    fn shown(&self, words: &[&str]) -> Result<Command> {
        println!("$ {}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        std::io::stdout().flush()?;
        let mut command = self.session.home.command(words[0])?;
        command.args(&words[1..]).stdin(Stdio::null());
        Ok(command)
    }
}

/// Where a window goes whose middle is to be `x` pixels from the left.
fn centred(window: &Window, x: i16) -> (i16, i16) {
    let half = |length: u16| i16::try_from(length / 2).unwrap_or(0);
    ((x - half(window.place.2)).max(0), (400 - half(window.place.3)).max(0))
}

fn say(what: &str) {
    let bold = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("\n{on}# {what}{off}");
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:+,@".contains(&byte);
    if word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn tell_what_next(repo: &TestRepo, picture: &Path, begun: Instant) {
    say(&format!(
        "Done in {} s. Everything that was started has ended, and the home is gone",
        begun.elapsed().as_secs()
    ));
    let (key, url) = (repo.key(), repo.path(State::First));
    println!(
        "\nLook at {}\n\nTry it in your own home, as yourself:\n
  export PATH=\"$PWD/target/dist:$PATH\" ARIL_MANIFEST_DIR={}
  aril remote-add --gpg-import={} test rpm+file://{}
  aril install test mousepad                 # makes the runtime first
  aril run org.xfce.mousepad                 # or from the menu
  aril info org.xfce.mousepad                # what it was made of, what it may do
  aril uninstall org.xfce.mousepad\n
On Fedora, with its own repository: aril remote-add --from /etc/yum.repos.d/fedora.repo fedora",
        picture.display(),
        repo.manifests().display(),
        key.display(),
        url.display()
    );
}
