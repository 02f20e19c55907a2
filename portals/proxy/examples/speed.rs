//! How fast the filter is, beside the bus itself, a plain byte relay and `xdg-dbus-proxy`, in one run:
//! `cargo build --release -p aril-proxy && cargo run --release -p aril-proxy --example speed`.
//!
//! All processes share one processor (a wake-up on another costs more than what is measured); with `--spread` they may be anywhere; `--quick`
//! takes a tenth of the samples. Paths are measured in turn, in five rounds; times are medians of all samples, rates of the rounds.
// A program that measures prints, and starts what it measures.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, unreachable_pub, dead_code)]

#[path = "../tests/bus/client.rs"]
mod client;
#[path = "../tests/bus/support.rs"]
mod support;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use client::{Client, Message};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use support::{Bus, Kind, ProxyProgram};

const ROUNDS: usize = 5;
const MEBIBYTE: usize = 1 << 20;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [bus, path] = &words[..] {
        return relay(bus.trim_start_matches("unix:path="), path);
    }
    if !words.contains(&"--spread".into()) {
        let (allowed, mut one) = (sched_getaffinity(None).unwrap(), CpuSet::new());
        one.set((0..CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu)).unwrap());
        sched_setaffinity(None, &one).unwrap();
    }
    let scale = if words.contains(&"--quick".into()) { 1 } else { 10 };
    println!(
        "| bus | path | connect and Hello, us | round trip, us | calls/s, 64 in flight | MB/s, 1 MiB each | its processor time a call, us | private, KiB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for kind in [Kind::Daemon, Kind::Broker] {
        match Bus::start(kind) {
            Some(bus) => measure_all(kind, &bus, scale),
            None => eprintln!("{kind:?} is not installed"),
        }
    }
}

/// A way from a client to the bus.
struct Way {
    name: String,
    program: Option<ProxyProgram>,
    path: PathBuf,
    connect: Vec<f64>,
    round_trip: Vec<f64>,
    calls: Vec<f64>,
    megabytes: Vec<f64>,
    processor: Vec<f64>,
}

impl Way {
    fn direct(bus: &Bus) -> Self {
        Self::new("direct", None, bus.path())
    }

    /// Nothing, if the program is not installed.
    fn through(name: &str, program: &str, bus: &Bus, rules: Option<usize>) -> Option<Self> {
        let mut options = Vec::new();
        if let Some(count) = rules {
            options.extend(["--filter".into(), "--talk=org.test.Sink".into()]);
            options.extend((0..count).map(|number| format!("--talk=org.test.Rule{number}")));
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let program = ProxyProgram::start(program, bus, &options)?;
        let name = match rules {
            Some(count) => format!("{name}, filter, {count} rules"),
            None => name.into(),
        };
        let path = program.path();
        Some(Self::new(&name, Some(program), path))
    }

    fn new(name: &str, program: Option<ProxyProgram>, path: PathBuf) -> Self {
        let (connect, round_trip, calls, megabytes, processor) = Default::default();
        Self { name: name.into(), program, path, connect, round_trip, calls, megabytes, processor }
    }

    fn measure(&mut self, bus: &Path, scale: usize) {
        for _ in 0..10 * scale {
            let start = Instant::now();
            let client = Client::connect(&self.path);
            self.connect.push(start.elapsed().as_secs_f64() * 1e6);
            drop(client);
        }
        let mut client = Client::connect(&self.path);
        client.drain();
        let before = self.processor_time();
        for _ in 0..100 * scale {
            let start = Instant::now();
            client.call(Message::bus("GetId"));
            self.round_trip.push(start.elapsed().as_secs_f64() * 1e6);
        }
        self.processor.push((self.processor_time() - before) / (100 * scale) as f64);
        self.calls.push(calls_per_second(&self.path, 2000 * scale));
        self.megabytes.push(megabytes_per_second(&self.path, bus, 10 * scale));
    }

    /// How long its program has run until now, in microseconds.
    fn processor_time(&self) -> f64 {
        let Some(program) = &self.program else { return 0.0 };
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", program.id())).unwrap();
        text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e3
    }

    fn print(&self, kind: Kind) {
        let memory =
            self.program.as_ref().map_or("".into(), |program| private_memory(program.id()).to_string());
        let spread = |samples: &[f64]| {
            let mut samples = samples.to_vec();
            samples.sort_by(f64::total_cmp);
            let at = |part: usize| samples[samples.len() * part / 100];
            format!("{:.0} ({:.0} to {:.0})", at(50), at(10), at(90))
        };
        let (connect, trip) = (spread(&self.connect), spread(&self.round_trip));
        let (calls, megabytes) = (spread(&self.calls), spread(&self.megabytes));
        println!(
            "| {kind:?} | {} | {connect} | {trip} | {calls} | {megabytes} | {:.1} | {memory} |",
            self.name,
            median(&self.processor)
        );
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn measure_all(kind: Kind, bus: &Bus, scale: usize) {
    let dir = std::env::var("ARIL_BIN_DIR").map_or_else(|_| own_dir(), PathBuf::from);
    let ours = dir.join("aril-dbus-proxy").to_str().unwrap().to_owned();
    let this = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let stock = "xdg-dbus-proxy";
    let mut ways = vec![Way::direct(bus)];
    ways.extend(Way::through("byte relay", &this, bus, None));
    for (name, program) in [(stock, stock), ("aril", &*ours)] {
        ways.extend(
            [None, Some(0), Some(20), Some(120)]
                .into_iter()
                .filter_map(|rules| Way::through(name, program, bus, rules)),
        );
    }
    for _ in 0..ROUNDS {
        ways.iter_mut().for_each(|way| way.measure(&bus.path(), scale));
    }
    ways.iter().for_each(|way| way.print(kind));
    judge(&ways);
}

/// The goals, as ratios of what was measured in this run.
fn judge(ways: &[Way]) {
    let find = |name: &str| ways.iter().find(|way| way.name.starts_with(name));
    let (Some(direct), Some(relay)) = (find("direct"), find("byte relay")) else { return };
    let (Some(ours), Some(many)) = (find("aril, filter, 0"), find("aril, filter, 120")) else { return };
    type Samples = fn(&Way) -> &Vec<f64>;
    let of = |way: &Way, samples: Samples| median(samples(way));
    let added = |way: &Way| of(way, |way| &way.round_trip) - of(direct, |way| &way.round_trip);
    if let Some(stock) = find("xdg-dbus-proxy, filter, 0") {
        let (a, b) = (added(ours), added(stock));
        println!("a call adds {a:.1} us, where xdg-dbus-proxy adds {b:.1}: {:.2} of it (goal 0.5)", a / b);
    }
    let rates: [(&str, Samples); 2] = [("calls/s", |way| &way.calls), ("MB/s", |way| &way.megabytes)];
    for (unit, samples) in rates {
        println!("{unit}: {:.2} of a byte relay's (goal 0.9)", of(ours, samples) / of(relay, samples));
    }
    let connect: Samples = |way| &way.connect;
    println!(
        "connecting with 120 rules takes {:.2} of the time with none (goal 1)\n",
        of(many, connect) / of(ours, connect)
    );
}

/// Where the release build of this very build directory is.
fn own_dir() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// Sends calls so that 64 wait for their answers, and counts the answers without looking at them.
fn calls_per_second(path: &Path, count: usize) -> f64 {
    let mut client = Client::connect(path);
    client.drain();
    let mut stream = client.stream.try_clone().unwrap();
    let (one, mut buffer, mut input) = (Message::bus("GetId").encode(), vec![0; 64 << 10], Vec::new());
    let mut serial = client.serial;
    // `xdg-dbus-proxy` 0.1.4 wants serials that grow.
    let mut batch = |count: usize| {
        let mut bytes = one.repeat(count);
        for message in bytes.chunks_mut(one.len()) {
            serial += 1;
            message[8..12].copy_from_slice(&serial.to_le_bytes());
        }
        bytes
    };
    let start = Instant::now();
    stream.write_all(&batch(64)).unwrap();
    let mut answered = 0;
    while answered < count {
        let read = stream.read(&mut buffer).unwrap();
        input.extend_from_slice(&buffer[..read]);
        let (mut at, mut fresh) = (0, 0);
        while let Some(total) = frame(&input[at..]) {
            at += total;
            fresh += 1;
        }
        input.drain(..at);
        answered += fresh;
        stream.write_all(&batch(fresh)).unwrap();
    }
    answered as f64 / start.elapsed().as_secs_f64()
}

/// The length of the little-endian message at the beginning, if it is all there.
fn frame(bytes: &[u8]) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let total = (16 + word(12)?).next_multiple_of(8) + word(4)?;
    (bytes.len() >= total).then_some(total)
}

/// Sends messages of 1 MiB to a service that reads them and answers the last.
fn megabytes_per_second(path: &Path, bus: &Path, count: usize) -> f64 {
    let mut sink = Client::connect(bus);
    sink.own("org.test.Sink");
    let mut client = Client::connect(path);
    let message = Message::call("org.test.Sink", "/", "org.test.I", "Take");
    let mut large = message.flags(1).bytes(MEBIBYTE).encode();
    let reading = std::thread::spawn(move || {
        let (mut stream, mut buffer, mut left) =
            (sink.stream.try_clone().unwrap(), vec![0; 256 << 10], count * MEBIBYTE);
        while left > 0 {
            left = left.saturating_sub(stream.read(&mut buffer).unwrap());
        }
        sink
    });
    let start = Instant::now();
    for serial in (client.serial + 1..).take(count) {
        large[8..12].copy_from_slice(&serial.to_le_bytes());
        client.stream.write_all(&large).unwrap();
    }
    let sink = reading.join().unwrap();
    let rate = (count * MEBIBYTE) as f64 / start.elapsed().as_secs_f64() / 1e6;
    drop(sink);
    rate
}

fn private_memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let private =
        text.lines().filter(|line| line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:"));
    private.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

/// Passes bytes between the clients of `path` and `bus`: what any filter must at least do.
fn relay(bus: &str, path: &str) {
    let listener = UnixListener::bind(path).unwrap();
    let (mut pairs, mut buffer): (Vec<[UnixStream; 2]>, _) = (Vec::new(), vec![0; 128 << 10]);
    loop {
        let mut fds = vec![PollFd::new(&listener, PollFlags::IN)];
        fds.extend(pairs.iter().flatten().map(|socket| PollFd::new(socket, PollFlags::IN)));
        poll(&mut fds, None).unwrap();
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut closed = Vec::new();
        for (at, _) in ready.iter().enumerate().skip(1).filter(|(_, ready)| **ready) {
            let (pair, side) = ((at - 1) / 2, (at - 1) % 2);
            let count = (&pairs[pair][side]).read(&mut buffer).unwrap_or(0);
            if count == 0 || (&pairs[pair][1 - side]).write_all(&buffer[..count]).is_err() {
                closed.push(pair);
            }
        }
        closed.dedup();
        closed.into_iter().rev().for_each(|pair| _ = pairs.remove(pair));
        if ready[0] {
            pairs.push([listener.accept().unwrap().0, UnixStream::connect(bus).unwrap()]);
        }
    }
}
