//! `aril-dbus-proxy`: the filter as a program, with `xdg-dbus-proxy`'s command line and behaviour.
//!
//! The launcher does not use it (its supervisor has the library); it is for tests, and for whoever calls `xdg-dbus-proxy`.
// A program's main talks to a person.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod arguments; // the command line

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use aril_proxy::{Proxy, ProxyError};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open, umask};

use arguments::{ArgumentError, Arguments, Bus, Request};

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    match Request::parse(words, read_all) {
        Ok(Request::Help) => {
            print!("{}", arguments::HELP);
            ExitCode::SUCCESS
        }
        Ok(Request::Version) => {
            println!("aril-dbus-proxy {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Request::Run(arguments)) => match run(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Err(error) => fail(&error),
    }
}

fn fail(error: &Failure) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(if matches!(error, Failure::Arguments(_)) { 2 } else { 1 })
}

/// The token of the descriptor by which the caller ends the program.
const SYNC: u32 = 0;

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("cannot listen at '{path}': {source}")]
    Listen { path: String, source: io::Error },
    #[error("cannot use descriptor {number}: {source}")]
    Descriptor { number: i32, source: io::Error },
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut proxy = Proxy::new()?;
    proxy.on_fault(|fault| eprintln!("{fault}"));
    let mut paths = Vec::new();
    for Bus { address, path, rules, has_log } in arguments.buses {
        let listener = listen_at(&path).map_err(|source| Failure::Listen { path: path.clone(), source })?;
        let bus = proxy.add_bus(Some(listener), move || address.connect(), rules)?;
        if has_log {
            proxy.observe(bus, |message| println!("{message}"));
        }
        paths.push(path);
    }
    let sync = arguments.sync_fd.map(duplicate).transpose()?;
    if let (Some(fd), Some(number)) = (&sync, arguments.sync_fd) {
        // Everything listens: whoever waits may go on.
        rustix::io::write(fd, b"x").map_err(|errno| Failure::Descriptor { number, source: errno.into() })?;
        proxy.watch(fd, SYNC)?;
    }
    let ended = serve(&mut proxy, sync.as_ref());
    for path in &paths {
        // It may have been removed, or replaced, by whoever made the directory.
        let _ = rustix::fs::unlink(path);
    }
    ended
}

/// Runs until the caller's end of `sync` closes. What the caller writes there means nothing.
fn serve(proxy: &mut Proxy, sync: Option<&OwnedFd>) -> Result<(), Failure> {
    loop {
        if proxy.wait(None)?.contains(&SYNC)
            && let Some(fd) = sync
            && !matches!(rustix::io::read(fd, &mut [0; 64]), Ok(1..))
        {
            return Ok(());
        }
    }
}

/// A listening socket at `path`, in place of what was there, for this user only.
fn listen_at(path: &str) -> io::Result<OwnedFd> {
    match rustix::fs::unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    let before = umask(Mode::RWXG | Mode::RWXO);
    let bound = bind(&socket, &SocketAddrUnix::new(path)?);
    umask(before);
    bound?;
    listen(&socket, 128)?;
    Ok(socket)
}

/// A descriptor of our own for one that was inherited by number.
fn duplicate(number: i32) -> Result<OwnedFd, Failure> {
    let get = || pidfd_getfd(pidfd_open(getpid(), PidfdFlags::empty())?, number, PidfdGetfdFlags::empty());
    get().map_err(|errno| Failure::Descriptor { number, source: errno.into() })
}

/// All that can be read from an inherited descriptor.
fn read_all(number: i32) -> Result<Vec<u8>, Failure> {
    let fd = duplicate(number)?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match rustix::io::read(&fd, &mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Failure::Descriptor { number, source: errno.into() }),
        }
    }
}
