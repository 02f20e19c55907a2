//! Stays while an app runs: holds its entry and locks, filters its buses, passes signals on, and ends with its exit code.
//!
//! To the buses, this process is the app: it connects from a root of its own in which `/.flatpak-info` says so. Before it reads the first
//! byte that the app wrote, it can do no more than that.
mod confine; // what this process itself may do
mod own_root; // a root that holds the app's identity and the buses

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use aril_beneath::Lock;
use aril_proxy::{Proxy, ProxyError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions};

use crate::instance::Instance;
use crate::plan::BusPlan;
use crate::sandbox::{Message, Others, Running};
use crate::spec::Session;
use crate::sys::{self, Forked};
use crate::{LaunchError, SetupError};

/// What is needed to stay with an app.
pub(crate) struct Supervisor {
    /// The sandbox.
    pub(crate) running: Running,
    /// Its entry.
    pub(crate) instance: Instance,
    /// Whose session the app is in.
    pub(crate) session: Session,
    /// From [`await_signals`].
    pub(crate) signals: OwnedFd,
    /// What `/.flatpak-info` says.
    pub(crate) info: String,
    /// Held until the end.
    pub(crate) locks: Vec<Lock>,
}

/// Signals that are passed on, or end a sandbox that outlived its app.
const PASSED_ON: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Blocks the signals that are passed on, and returns where they are read.
pub(crate) fn await_signals() -> std::io::Result<OwnedFd> {
    sys::signal_fd(&PASSED_ON)
}

/// An app that ends before that, and uses no bus, was a short command.
const SOON: Duration = Duration::from_millis(50);
/// When an app has started, and there is time for other things.
const SETTLED: Duration = Duration::from_secs(2);
/// Of apps that end before that, one in so many looks after leftovers: a script that starts hundreds does not pay for it each time.
const TIDIES: u32 = 16;
/// The sandbox's first process has something to say, or has gone.
const SAID: u32 = 0;
/// A signal came.
const SIGNALLED: u32 = 1;

/// What is needed when the app uses a bus, or runs on.
struct Stay {
    buses: Vec<BusPlan>,
    listeners: Vec<OwnedFd>,
    /// `/dev/null`, for a successor that must let go of the caller's terminal and pipes.
    nothing: OwnedFd,
}

/// What the loop waits for.
struct Watch {
    /// All buses; it waits for everything else, too.
    proxy: Proxy,
    nothing: OwnedFd,
}

/// What is known of the app's end.
#[derive(Default)]
struct Told {
    /// The app's exit code, once it has ended.
    code: Option<u8>,
    failure: Option<SetupError>,
    /// The sandbox's first process said that it is the last, and ends: what the kernel takes down then, nobody need wait for.
    empty: bool,
    /// Whether what killed sandboxes left behind was looked for.
    tidied: bool,
    /// Whether somebody waits for this process.
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Role {
    /// The caller does.
    #[default]
    Awaited,
    /// Nobody: the app's first process has ended, and the caller knows.
    Successor,
}

impl Supervisor {
    /// Stays until the app, or the last process of its sandbox, has ended. Returns the app's exit code.
    ///
    /// # Errors
    /// When the app could not be started after all, or this process cannot go on.
    pub(crate) fn run(mut self, buses: Vec<BusPlan>) -> Result<u8, LaunchError> {
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
        let nothing =
            rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty()).map_err(std::io::Error::from)?;
        let listeners = std::mem::take(&mut self.running.listeners);
        let mut told = Told::default();
        let outcome = match self.first_moments(&listeners, &mut told) {
            Ok(None) => self.stay(Stay { buses, listeners, nothing }, &mut told),
            Ok(Some(code)) => Ok(code),
            Err(error) => Err(error),
        };
        if !told.tidied && self.instance.is_one_of(TIDIES) {
            self.instance.remove_leftovers();
        }
        if !told.empty {
            self.await_first();
        }
        self.end();
        match (told.failure, outcome) {
            (Some(failure), _) => Err(failure.into()),
            (None, Ok(code)) if told.role == Role::Awaited => Ok(code),
            (None, Ok(_)) => sys::exit(0),
            (None, Err(error)) => Err(error),
        }
    }

    /// Waits until the app has ended, uses a bus, or has run for a while: to prepare for buses costs as much as a short command takes. Nothing
    /// that the app wrote is read here.
    fn first_moments(&self, listeners: &[OwnedFd], told: &mut Told) -> Result<Option<u8>, LaunchError> {
        let end = Instant::now() + SOON;
        while told.code.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(std::io::Error::other)?;
            let mut waiting = vec![PollFd::new(&self.running, PollFlags::IN)];
            waiting.push(PollFd::new(&self.signals, PollFlags::IN));
            waiting.extend(listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
            match poll(&mut waiting, Some(&left)) {
                Err(Errno::INTR) => continue,
                ready => _ = ready.map_err(std::io::Error::from)?,
            }
            if waiting[0].revents().is_empty() {
                break;
            }
            if let Some(code) = self.hear(told)? {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }

    /// Becomes the app to its buses, gives up all else, and goes on.
    fn stay(&self, stay: Stay, told: &mut Told) -> Result<u8, LaunchError> {
        let addresses = own_root::enter(&self.info, &stay.buses)?;
        confine::confine(self.instance.base())?;
        let mut proxy = filtered(stay.buses, addresses, stay.listeners).map_err(bus_failed)?;
        proxy.watch(&self.running, SAID).map_err(bus_failed)?;
        proxy.watch(&self.signals, SIGNALLED).map_err(bus_failed)?;
        self.watch(&mut Watch { proxy, nothing: stay.nothing }, told)
    }

    /// The loop. Returns when the sandbox has ended, or when it goes on without this process.
    fn watch(&self, watch: &mut Watch, told: &mut Told) -> Result<u8, LaunchError> {
        loop {
            if let Some(code) = told.code.filter(|_| told.role == Role::Awaited && watch.is_quiet()) {
                // Others of the sandbox go on, as after any program that leaves something running; the caller need not wait for them.
                match sys::fork(0)? {
                    Forked::Parent { .. } => sys::exit(code),
                    Forked::Child => {
                        told.role = Role::Successor;
                        self.succeed(watch)?;
                    }
                }
            }
            // Leftovers of others can wait until the app has started.
            let ready = watch.proxy.wait((!told.tidied).then_some(SETTLED)).map_err(bus_failed)?;
            if ready.is_empty() && !told.tidied {
                self.instance.remove_leftovers();
                told.tidied = true;
            }
            if ready.contains(&SAID)
                && let Some(code) = self.hear(told)?
            {
                return Ok(code);
            }
            if ready.contains(&SIGNALLED) {
                self.pass_on(told)?;
            }
        }
    }

    /// What the sandbox's first process says; the exit code, if that was the last.
    fn hear(&self, told: &mut Told) -> Result<Option<u8>, LaunchError> {
        match self.running.receive()? {
            Some(Message::Failed(error)) => told.failure = Some(error),
            Some(Message::Ended { code, others: Others::Gone }) => {
                told.empty = true;
                return Ok(Some(code));
            }
            Some(Message::Ended { code, others: Others::Alive }) => told.code = Some(code),
            // Its first process is gone; if it did not say how the app ended, it was killed, and all with it.
            None => return Ok(Some(told.code.unwrap_or(137))),
            Some(_) => {}
        }
        Ok(None)
    }

    /// Takes over from a process that somebody waited for.
    fn succeed(&self, watch: &Watch) -> Result<(), LaunchError> {
        let _ = rustix::process::setsid();
        for standard in [0, 1, 2] {
            sys::replace_standard(standard, watch.nothing.as_fd())?;
        }
        self.instance.write_own_pid()
    }

    fn pass_on(&self, told: &Told) -> Result<(), LaunchError> {
        while let Some((number, origin)) = sys::read_signal(self.signals.as_fd())? {
            let Some(signal) = Signal::from_named_raw(number) else { continue };
            // What the terminal sends, it sends to the app, too, if that is in its session.
            let from_terminal = origin > 0;
            if told.code.is_some() {
                let _ = rustix::process::pidfd_send_signal(&self.running.pidfd, Signal::KILL);
            } else if !(from_terminal && self.session == Session::Callers) {
                self.running.signal_app(signal);
            }
        }
        Ok(())
    }

    /// Waits until the sandbox's first process has ended, and with it all others.
    fn await_first(&self) {
        let first = || WaitId::PidFd(self.running.pidfd.as_fd());
        let _ = rustix::io::retry_on_intr(|| rustix::process::waitid(first(), WaitIdOptions::EXITED));
    }

    /// Lets go of everything.
    fn end(self) {
        let Self { instance, locks, .. } = self;
        drop(locks);
        instance.remove();
    }
}

impl Watch {
    /// Whether nobody in the sandbox uses a bus. Connections belong to this process, by its number: they cannot be handed on.
    fn is_quiet(&self) -> bool {
        self.proxy.connection_count() == 0
    }
}

/// The filters of all buses.
fn filtered(
    buses: Vec<BusPlan>,
    addresses: Vec<aril_proxy::BusAddress>,
    listeners: Vec<OwnedFd>,
) -> Result<Proxy, ProxyError> {
    let mut proxy = Proxy::new()?;
    for ((bus, address), listener) in buses.into_iter().zip(addresses).zip(listeners) {
        proxy.add_bus(Some(listener), move || address.connect(), bus.rules)?;
    }
    Ok(proxy)
}

fn bus_failed(error: ProxyError) -> LaunchError {
    LaunchError::System(std::io::Error::other(error.to_string()))
}
