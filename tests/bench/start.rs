//! How long an app takes to start that does nothing, and what its helpers take of the memory: natively, by the floor (a bare C program that
//! makes the same mounts), by bwrap with the same mounts, by `flatpak run`, by `aril-launch` and by `aril run`, in one run, in turns.
//!
//! `BENCH_RUNS` is how often each is started; only ratios within one run mean something, and only on a machine that does nothing else: each
//! start is three processes that wait for one another.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for measuring"
)]
#[path = "../sandbox/installed.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod installed;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aril_tests::bus::{Services, SessionBus};
use aril_tests::display::Display;
use aril_tests::keeper::Running;
use serde_json::Value;

use installed::{ID, Installed};

/// What an app of a case may use.
struct Case {
    name: &'static str,
    options: &'static [&'static str],
}

const CASES: [Case; 3] = [
    Case { name: "what every app has: a filtered session bus", options: &[] },
    Case { name: "besides: X11, network", options: &["--socket=x11", "--share=network", "--share=ipc"] },
    Case { name: "without the bus", options: &["--no-session-bus"] },
];

fn main() {
    let runs = std::env::var("BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let app = Installed::merged();
    app.add_program("true");
    app.add_program("dbus-send");
    linked(&app);
    let _display = Display::start(&app.home).unwrap();
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let floor = compile_floor(&app);
    let has_flatpak = install_with_flatpak(&app);
    println!("\nstart of a program that does nothing: median of {runs} (least), in milliseconds");
    // The directories of the app's own are there from the first start on.
    app.run("true").success().unwrap();
    for case in &CASES {
        println!("\n{}", case.name);
        let mut candidates = vec![("native", words(&["/bin/true"]))];
        let plan = plan(&app, case);
        let list = app.home.path().join("mounts.list");
        std::fs::write(&list, floor_list(&plan, case)).unwrap();
        candidates.push(("floor, in C", words(&[floor.to_str().unwrap(), list.to_str().unwrap(), "true"])));
        candidates.push(("bwrap, same mounts", bwrap_words(&plan, case)));
        if has_flatpak {
            candidates
                .push(("flatpak run", run_words(&["flatpak", "run", "--user", "--command=true"], case)));
        }
        candidates.push(("aril-launch", run_words(&["aril-launch", "--command=true"], case)));
        candidates.push(("aril run", run_words(&["aril", "run", "--command=true"], case)));
        measure(&app, &candidates, runs);
    }
    memory(&app, has_flatpak);
}

/// How the programs that are started most are linked.
fn linked(app: &Installed) {
    for program in ["aril", "aril-launch"] {
        let around = app.home.command(program).unwrap();
        let said = Command::new("ldd").arg(around.get_args().last().unwrap()).output().unwrap();
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        println!("ldd {program}: {}", said.lines().next().unwrap_or_default().trim());
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn run_words(start: &[&str], case: &Case) -> Vec<String> {
    let all = start.iter().chain(case.options).chain(&[ID]);
    all.map(|word| (*word).to_owned()).collect()
}

/// What the launcher would do, as it says itself.
fn plan(app: &Installed, case: &Case) -> Value {
    let words = run_words(&["aril-launch", "--dry-run", "--json", "--command=true"], case);
    serde_json::from_str(app.home.run(words).unwrap().success().unwrap()).unwrap()
}

/// The mounts as the floor reads them.
fn floor_list(plan: &Value, case: &Case) -> String {
    let mut list = String::new();
    if case.options.contains(&"--share=network") {
        list.push_str("network\t/\t\n");
    }
    for mount in plan["mounts"].as_array().unwrap() {
        let text = |key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        let (kind, rest) = match text("kind").as_str() {
            // The notes of a start that is not made.
            "bind" if text("source").contains("/.flatpak/0") => continue,
            "bind" => (text("access"), text("source")),
            "overlay" => ("overlay".into(), layers(mount).join("|")),
            "memory" | "directory" => (text("kind"), text("mode")),
            "processes" => (text("kind"), text("visible")),
            "link" => (text("kind"), text("target")),
            "listener" => ("file".into(), String::new()),
            "made" => continue,
            kind => (kind.to_owned(), String::new()),
        };
        list.push_str(&format!("{kind}\t{}\t{rest}\n", text("at")));
    }
    list
}

fn layers(mount: &Value) -> Vec<String> {
    let layers = mount["layers"].as_array().unwrap().iter();
    layers
        .map(|layer| match layer["files"].as_array() {
            Some(files) => {
                let names: Vec<&str> = files.iter().map(|file| file.as_str().unwrap()).collect();
                format!("made:{}", names.join(","))
            }
            None => layer["source"].as_str().unwrap().to_owned(),
        })
        .collect()
}

/// The same for bwrap; where it has no overlays, the lowest layer stands for all.
fn bwrap_words(plan: &Value, case: &Case) -> Vec<String> {
    let mut all = words(&[
        "bwrap",
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup",
    ]);
    if !case.options.contains(&"--share=network") {
        all.push("--unshare-net".into());
    }
    for mount in plan["mounts"].as_array().unwrap() {
        let text = |key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        let at = text("at");
        let access = text("access");
        let source = text("source");
        let more = match text("kind").as_str() {
            "bind" if source.contains("/.flatpak/0") || !Path::new(&source).exists() => continue,
            // It makes these by itself.
            _ if at == "/dev" => words(&["--dev", "/dev"]),
            "bind" if source.starts_with("/dev/") => continue,
            "bind" => vec![bind_option(&access).into(), source, at],
            "overlay" => match layers(mount).pop().filter(|layer| Path::new(layer).exists()) {
                Some(layer) => vec!["--ro-bind".into(), layer, at],
                None => vec!["--tmpfs".into(), at],
            },
            "memory" => vec!["--tmpfs".into(), at],
            "directory" => vec!["--dir".into(), at],
            "processes" => vec!["--proc".into(), at],
            "link" if !at.starts_with("/dev") && !at.starts_with("/run/user") => {
                vec!["--symlink".into(), text("target"), at]
            }
            "hidden" if Path::new(&at).is_dir() => vec!["--tmpfs".into(), at],
            "hidden" if Path::new(&at).exists() => vec!["--dev-bind".into(), "/dev/null".into(), at],
            _ => continue,
        };
        all.extend(more);
    }
    all.extend(words(&["--", "/usr/bin/true"]));
    all
}

fn bind_option(access: &str) -> &'static str {
    match access {
        "read-only" => "--ro-bind",
        "device" => "--dev-bind",
        _ => "--bind",
    }
}

/// A command as the user, without what the kit puts around one to end it with the test, which would be measured, too.
fn bare(app: &Installed, words: &[String]) -> Command {
    let around = app.home.command(&words[0]).unwrap();
    let mut command = Command::new(around.get_args().last().unwrap());
    command.args(&words[1..]).env_clear().current_dir(app.home.path());
    command.envs(around.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let user = app.home.user();
    if user.is_other() {
        command.uid(user.uid).gid(user.gid);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// In turns, so that a busy moment hits all.
fn measure(app: &Installed, candidates: &[(&str, Vec<String>)], runs: usize) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); candidates.len()];
    for round in 0..runs + 3 {
        for ((name, words), times) in candidates.iter().zip(&mut times) {
            let mut command = bare(app, words);
            let begun = Instant::now();
            let status = command.status().unwrap();
            let took = begun.elapsed();
            assert!(status.success(), "{name}: {status}: {}", words.join(" "));
            // The kernel takes namespaces down afterwards, which is not the next one's to pay for.
            std::thread::sleep(Duration::from_millis(30));
            // The first few fill the caches.
            if round >= 3 {
                times.push(took);
            }
        }
    }
    let mut medians = Vec::new();
    for ((name, _), times) in candidates.iter().zip(&mut times) {
        times.sort();
        let [median, least] = [times.len() / 2, 0].map(|at| times[at].as_secs_f64() * 1000.0);
        medians.push((*name, median));
        println!("  {name:20} {median:7.2}  ({least:.2})   {:5.1} x native", median / medians[0].1);
    }
    let median = |wanted: &str| medians.iter().find(|(name, _)| *name == wanted).map(|(_, time)| *time);
    if let (Some(own), Some(floor)) = (median("aril-launch"), median("floor, in C")) {
        println!("  aril-launch is {:.2} x the floor", own / floor);
    }
    if let (Some(own), Some(flatpak)) = (median("aril run"), median("flatpak run")) {
        println!("  flatpak run is {:.1} x aril run", flatpak / own);
    }
}

fn compile_floor(app: &Installed) -> std::path::PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/floor.c");
    let to = app.home.path().join("floor");
    let made = Command::new("cc").args(["-O2", "-static", "-o"]).arg(&to).arg(&source).output().unwrap();
    if !made.status.success() {
        // Fedora's C library for static programs is a package of its own (glibc-static).
        let made = Command::new("cc").args(["-O2", "-o"]).arg(&to).arg(&source).status().unwrap();
        assert!(made.success());
    }
    to
}

/// The same app and runtime for stock flatpak; `false` where there is none.
fn install_with_flatpak(app: &Installed) -> bool {
    if !Path::new("/usr/bin/flatpak").exists() {
        println!("flatpak is not installed, and not compared");
        return false;
    }
    let home = app.home.path();
    let arch = std::env::consts::ARCH;
    let script = format!(
        "set -e; export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS; cd ~; mkdir -p fp/runtime/files fp/app/files fp/app/export; cp -r {runtime}/files fp/runtime/usr
        printf '[Runtime]\\nname=org.test.Platform\\nruntime=org.test.Platform/{arch}/f1\\nsdk=org.test.Platform/{arch}/f1\\n' > fp/runtime/metadata
        printf '[Application]\\nname={ID}\\nruntime=org.test.Platform/{arch}/f1\\nsdk=org.test.Platform/{arch}/f1\\ncommand=true\\n' > fp/app/metadata
        flatpak build-export --runtime fp/repo fp/runtime f1; flatpak build-export fp/repo fp/app f1
        flatpak --user remote-add --no-gpg-verify test fp/repo
        flatpak --user install -y --noninteractive test org.test.Platform//f1 {ID}//f1",
        runtime = app.runtime().display(),
    );
    let outcome = app.home.run(["sh", "-c", &script]).unwrap();
    assert!(outcome.status.success(), "{}{} in {}", outcome.stdout, outcome.stderr, home.display());
    true
}

/// What an app does while its helpers are looked at: it talks on the bus, and then waits.
const TALK: &str = "for n in 1 2 3 4 5 6 7 8; do dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames >/dev/null; done; exec sleep 1000";

/// The most that stays beside an app, in the kilobytes that nobody else uses.
fn memory(app: &Installed, has_flatpak: bool) {
    println!("\nmost memory of what stays beside an app that uses a bus, in kB of its own (smaps: Private)");
    let rest = [ID, "-c", TALK];
    let mut candidates = vec![("aril run", words(&[&["aril", "run", "--command=sh"], &rest[..]].concat()))];
    if has_flatpak {
        candidates.push((
            "flatpak run",
            words(&[&["flatpak", "run", "--user", "--command=sh"], &rest[..]].concat()),
        ));
    }
    for (name, words) in candidates {
        let mut command = app.home.command(&words[0]).unwrap();
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        let mut launcher = Running::start(command).unwrap();
        let mut most: BTreeMap<(u32, String), Option<u64>> = BTreeMap::new();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            for pid in group(launcher.child().id()) {
                note_size(pid, &mut most);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // A process that became another program counts as what it became.
        let helpers: Vec<_> = most
            .into_iter()
            .filter(|((pid, name), _)| !name.is_empty() && comm(*pid) == *name && !APPS.contains(&&**name))
            .collect();
        let each: Vec<String> = helpers
            .iter()
            .map(|((_, name), size)| match size {
                Some(size) => format!("{name} {size}"),
                None => format!("{name} hides its own (root sees it)"),
            })
            .collect();
        let sum: u64 = helpers.iter().filter_map(|(_, size)| *size).sum();
        println!("  {name:20} {sum:7}  ({})", each.join(", "));
    }
}

const APPS: [&str; 3] = ["sleep", "sh", "dbus-send"];

fn comm(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// All processes of a group: what a program leaves to the first process of the machine stays in it, too.
fn group(leader: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let of = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<u32>().ok()
    };
    pids.filter(|pid| of(*pid) == Some(leader)).collect()
}

fn note_size(pid: u32, most: &mut BTreeMap<(u32, String), Option<u64>>) {
    let sizes = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let size = |key: &str| -> Option<u64> {
        let line = sizes.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let own = size("Private_Clean:").zip(size("Private_Dirty:")).map(|(clean, dirty)| clean + dirty);
    let known = most.entry((pid, comm(pid))).or_default();
    *known = own.max(*known);
}
