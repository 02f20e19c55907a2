//! How long an app takes to start that does nothing, and what its helpers take of the memory: natively, by the floor (a bare C program that
//! makes the same mounts), by bwrap with the same mounts, by `flatpak run`, by `aril-launch` and by `aril run`, in one run, in turns.
//!
//! `BENCH_RUNS` is how often each is started; only ratios within one run mean something.
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
    Case { name: "nothing shared", options: &["--no-session-bus"] },
    Case { name: "a filtered bus", options: &[] },
    Case { name: "bus, X11, network", options: &["--socket=x11", "--share=network", "--share=ipc"] },
];

fn main() {
    let runs = std::env::var("BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let app = Installed::merged();
    app.add_program("true");
    let _display = Display::start(&app.home).unwrap();
    let _bus = SessionBus::start(&app.home, Services::OfHome).unwrap();
    let floor = compile_floor(&app);
    let has_flatpak = install_with_flatpak(&app);
    println!(
        "start of a program that does nothing, median (and tenth percentile) of {runs}, in milliseconds"
    );
    for case in &CASES {
        println!("\n{}", case.name);
        let mut candidates = vec![("native", words(&["/bin/true"]))];
        let plan = plan(&app, case);
        let list = app.home.path().join("mounts.list");
        std::fs::write(&list, floor_list(&plan, case)).unwrap();
        candidates.push(("floor, in C", words(&[floor.to_str().unwrap(), list.to_str().unwrap(), "true"])));
        candidates.push(("bwrap, same mounts", bwrap_words(&plan, case)));
        if has_flatpak {
            candidates.push(("flatpak run", run_words(&["flatpak", "run", "--command=true"], case)));
        }
        candidates.push(("aril-launch", run_words(&["aril-launch", "--command=true"], case)));
        candidates.push(("aril run", run_words(&["aril", "run", "--command=true"], case)));
        measure(&app, &candidates, runs);
    }
    memory(&app, has_flatpak);
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
            "bind" => vec![bind_option(&access).into(), source, at],
            "overlay" => vec!["--ro-bind".into(), layers(mount).pop().unwrap(), at],
            "memory" => vec!["--tmpfs".into(), at],
            "directory" => vec!["--dir".into(), at],
            "processes" => vec!["--proc".into(), at],
            "link" if !at.starts_with("/dev") && !at.starts_with("/run/user") => {
                vec!["--symlink".into(), text("target"), at]
            }
            "hidden" if Path::new(&at).is_dir() => vec!["--tmpfs".into(), at],
            "hidden" if Path::new(&at).exists() => vec!["--dev-bind".into(), "/dev/null".into(), at],
            "terminals" => vec!["--dev".into(), "/dev".into()],
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

/// In turns, so that a busy moment hits all.
fn measure(app: &Installed, candidates: &[(&str, Vec<String>)], runs: usize) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); candidates.len()];
    for round in 0..runs + 3 {
        for ((name, words), times) in candidates.iter().zip(&mut times) {
            let mut command = app.home.command(&words[0]).unwrap();
            command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
            let begun = Instant::now();
            let status = command.status().unwrap();
            let took = begun.elapsed();
            assert!(status.success(), "{name}: {status}: {}", words.join(" "));
            // The first few fill the caches.
            if round >= 3 {
                times.push(took);
            }
        }
    }
    let mut medians = Vec::new();
    for ((name, _), times) in candidates.iter().zip(&mut times) {
        times.sort();
        let at = |part: f64| times[(part * (times.len() - 1) as f64) as usize].as_secs_f64() * 1000.0;
        medians.push((*name, at(0.5)));
        println!("  {name:20} {:7.2}  ({:.2})   {:5.1} x native", at(0.5), at(0.1), at(0.5) / medians[0].1);
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
        "set -e; cd ~; mkdir fp fp/runtime fp/app fp/app/files fp/app/export; cp -r {runtime}/files fp/runtime/usr
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

/// What stays beside an app that waits, in the kilobytes that nobody else uses.
fn memory(app: &Installed, has_flatpak: bool) {
    println!("\nmemory of what stays beside an app with a bus, in kB that are its own");
    let mut candidates = vec![("aril-launch", words(&["aril-launch", "--command=sleep", ID, "1000"]))];
    if has_flatpak {
        candidates.push(("flatpak run", words(&["flatpak", "run", "--command=sleep", ID, "1000"])));
    }
    for (name, words) in candidates {
        let mut command = app.home.command(&words[0]).unwrap();
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        let mut launcher = Running::start(command).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let mut helpers = Vec::new();
        collect(launcher.child().id(), &mut helpers);
        let each: Vec<String> = helpers.iter().map(|(name, size)| format!("{name} {size}")).collect();
        let sum: u64 = helpers.iter().map(|(_, size)| size).sum();
        println!("  {name:20} {sum:7}  ({})", each.join(", "));
    }
}

fn collect(pid: u32, found: &mut Vec<(String, u64)>) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let name = read("comm").trim().to_owned();
    let sizes = read("smaps_rollup");
    let size = |key: &str| -> u64 {
        let line = sizes.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    if name != "sleep" && !name.is_empty() {
        found.push((name, size("Private_Clean:") + size("Private_Dirty:")));
    }
    for child in read(&format!("task/{pid}/children")).split_whitespace() {
        collect(child.parse().unwrap(), found);
    }
}
