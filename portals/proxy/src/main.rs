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
use rustix::event::{PollFd, PollFlags, poll};
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
    #[error("cannot wait for events: {0}")]
    Poll(io::Error),
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut proxies = Vec::new();
    for bus in arguments.buses {
        proxies.push((bus.path.clone(), open(bus)?));
    }
    let sync = arguments.sync_fd.map(|number| Ok::<_, Failure>((number, duplicate(number)?))).transpose()?;
    if let Some((number, fd)) = &sync {
        // Everything listens: whoever waits may go on.
        rustix::io::write(fd, b"x")
            .map_err(|errno| Failure::Descriptor { number: *number, source: errno.into() })?;
    }
    let ended = serve(&mut proxies, sync.as_ref().map(|(_, fd)| fd));
    for (path, _) in &proxies {
        // It may have been removed, or replaced, by whoever made the directory.
        let _ = rustix::fs::unlink(path);
    }
    ended
}

/// Drives all proxies until the other end of `sync` closes.
fn serve(proxies: &mut [(String, Proxy)], sync: Option<&OwnedFd>) -> Result<(), Failure> {
    loop {
        let mut fds: Vec<_> = proxies.iter().map(|(_, proxy)| PollFd::new(proxy, PollFlags::IN)).collect();
        fds.extend(sync.map(|fd| PollFd::new(fd, PollFlags::empty())));
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Failure::Poll(errno.into())),
        }
        let is_ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if is_ready.get(proxies.len()) == Some(&true) {
            return Ok(());
        }
        for ((_, proxy), _) in proxies.iter_mut().zip(is_ready).filter(|(_, is_ready)| *is_ready) {
            proxy.dispatch()?;
        }
    }
}

fn open(bus: Bus) -> Result<Proxy, Failure> {
    let Bus { address, path, rules, has_log } = bus;
    let listener = listen_at(&path).map_err(|source| Failure::Listen { path, source })?;
    let mut proxy = Proxy::new(listener, move || address.connect(), rules)?;
    proxy.on_fault(|fault| eprintln!("{fault}"));
    if has_log {
        proxy.observe(|message| println!("{message}"));
    }
    Ok(proxy)
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
