//! The filtered buses of an app: a listening socket for each, and all of the app's connections, driven by the caller's loop. Has no threads
//! and never blocks but in [`Proxy::wait`] (and see [`BusAddress::connect`](crate::BusAddress::connect)).

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use crate::connection::{Connection, Observer, Side, State};
use crate::event::MessageEvent;
use crate::rules::Rules;

/// How many connections an app may have at once to a bus; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// How much is read at once. One piece of memory for all connections: an idle connection holds nothing.
const SCRATCH: usize = 64 << 10;
/// How many sockets are served before the caller's other descriptors have their turn.
const MAX_EVENTS: usize = 16;
/// Tokens of listening sockets are the bus's place and this; those of connections twice their place, and one more for the bus's side.
const LISTENER: u64 = 1 << 32;
/// The caller's tokens, and this.
const CALLER: u64 = 1 << 33;

/// What went wrong with the proxy as a whole. (What goes wrong with one connection ends that connection.)
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The kernel refused what the proxy needs to wait for its sockets.
    #[error("cannot wait for the sockets of the app: {0}")]
    Poll(#[source] io::Error),
    /// The listening socket broke.
    #[error("cannot accept connections of the app: {0}")]
    Accept(#[source] io::Error),
    /// A connection was handed in that cannot be had.
    #[error("cannot connect to the bus: {0}")]
    Connect(#[source] io::Error),
}

/// The filters between an app and its buses.
///
/// ```no_run
/// # fn example(listener: std::os::fd::OwnedFd, child: std::os::fd::OwnedFd) -> Result<(), Box<dyn std::error::Error>> {
/// use aril_proxy::{BusAddress, Proxy, Rules};
/// let address: BusAddress = "unix:path=/run/user/1000/bus".parse()?;
/// let mut proxy = Proxy::new()?;
/// proxy.add_bus(Some(listener), move || address.connect(), Rules::new())?;
/// proxy.watch(&child, 7)?;
/// while !proxy.wait(None)?.contains(&7) {}
/// # Ok(())
/// # }
/// ```
///
/// A caller with a loop of its own waits for the proxy's descriptor instead, and calls [`Proxy::dispatch`].
pub struct Proxy {
    epoll: OwnedFd,
    buses: Vec<Bus>,
    connections: Vec<Option<Joined>>,
    scratch: Vec<u8>,
    /// The one connection that may keep memory for large messages: the last that needed it.
    roomy: usize,
    complain: Option<Complaint>,
}

/// Which of a proxy's buses: the first that was added is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BusId(usize);

/// Called with the reason for which a connection ended.
type Complaint = Box<dyn FnMut(&str) + Send>;

struct Bus {
    listener: Option<OwnedFd>,
    is_watched: bool,
    connect: Box<dyn FnMut() -> io::Result<OwnedFd> + Send>,
    rules: Arc<Rules>,
    observer: Option<Observer>,
    connection_count: usize,
}

/// A connection, and the bus that it is to.
struct Joined {
    bus: usize,
    connection: Connection,
}

impl Proxy {
    /// Filters nothing yet.
    /// # Errors
    /// [`ProxyError::Poll`] if the kernel gives no descriptor to wait with.
    pub fn new() -> Result<Self, ProxyError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(poll_error)?;
        Ok(Self {
            epoll,
            buses: Vec::new(),
            connections: Vec::new(),
            // Zeroed pages cost nothing until they are read into.
            scratch: vec![0; SCRATCH],
            roomy: 0,
            complain: None,
        })
    }

    /// Filters what comes over a listening stream socket, or over connections that [`Proxy::adopt`] hands in. `connect` makes a connection to
    /// the bus, once for each of the app; whoever it says that it is to the bus, the app is.
    ///
    /// Dropping the proxy closes all its sockets; a socket file is the caller's to remove.
    /// # Errors
    /// [`ProxyError::Poll`] if the kernel does not watch the socket.
    pub fn add_bus(
        &mut self,
        listener: Option<OwnedFd>,
        connect: impl FnMut() -> io::Result<OwnedFd> + Send + 'static,
        rules: Rules,
    ) -> Result<BusId, ProxyError> {
        if let Some(listener) = &listener {
            rustix::io::ioctl_fionbio(listener, true).map_err(poll_error)?;
        }
        let (connect, rules) = (Box::new(connect), Arc::new(rules));
        self.buses.push(Bus {
            listener,
            is_watched: false,
            connect,
            rules,
            observer: None,
            connection_count: 0,
        });
        let bus = self.buses.len() - 1;
        self.watch_listener(bus)?;
        Ok(BusId(bus))
    }

    /// Calls `observer` for each message from or to a bus, with what was done with it.
    pub fn observe(&mut self, bus: BusId, observer: impl FnMut(&MessageEvent<'_>) + Send + 'static) {
        if let Some(bus) = self.buses.get_mut(bus.0) {
            bus.observer = Some(Box::new(observer));
        }
    }

    /// Calls `complain` when a connection ends otherwise than by being closed, with the reason.
    pub fn on_fault(&mut self, complain: impl FnMut(&str) + Send + 'static) {
        self.complain = Some(Box::new(complain));
    }

    /// Takes a connection of the app that was accepted elsewhere.
    /// # Errors
    /// [`ProxyError::Connect`] if there is no connection to the bus for it.
    pub fn adopt(&mut self, bus: BusId, app: OwnedFd) -> Result<(), ProxyError> {
        let BusId(bus) = bus;
        let to =
            self.buses.get_mut(bus).ok_or_else(|| ProxyError::Connect(io::ErrorKind::NotFound.into()))?;
        let socket = (to.connect)().map_err(ProxyError::Connect)?;
        let place = self.connections.iter().position(Option::is_none).unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let token = 2 * place as u64;
        let mut connection = Connection::new(app, socket, (token, token + 1), Arc::clone(&to.rules));
        // The greeting goes at once, while the app still writes its own.
        let state = connection.advance(Side::Bus, EventFlags::OUT, &mut [], None);
        if state.is_ok() && connection.watch(self.epoll.as_fd()).is_ok() {
            to.connection_count += 1;
            self.connections[place] = Some(Joined { bus, connection });
        }
        Ok(())
    }

    /// How many connections the app has, to all buses.
    pub fn connection_count(&self) -> usize {
        self.buses.iter().map(|bus| bus.connection_count).sum()
    }

    /// Lets [`Proxy::wait`] return `token` when a descriptor of the caller's is readable (or its other end has closed).
    /// # Errors
    /// [`ProxyError::Poll`] if the kernel does not watch it.
    pub fn watch(&mut self, fd: &impl AsFd, token: u32) -> Result<(), ProxyError> {
        let token = EventData::new_u64(CALLER | u64::from(token));
        epoll::add(&self.epoll, fd, token, EventFlags::IN).map_err(poll_error)
    }

    /// Ends what [`Proxy::watch`] began.
    /// # Errors
    /// [`ProxyError::Poll`] if it was not watched.
    pub fn forget(&mut self, fd: &impl AsFd) -> Result<(), ProxyError> {
        epoll::delete(&self.epoll, fd).map_err(poll_error)
    }

    /// Waits until there is something to do, does all that can be done then, and returns the tokens of the caller's descriptors that are
    /// ready. Returns with none when only messages were passed on, a signal came, or the time is over.
    /// # Errors
    /// [`ProxyError`] if the proxy as a whole cannot go on. The end of a connection, whatever its reason, is none.
    pub fn wait(&mut self, time: Option<Duration>) -> Result<Vec<u32>, ProxyError> {
        let time =
            time.map(|time| Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
        let mut events = [MaybeUninit::uninit(); MAX_EVENTS];
        let events = match epoll::wait(&self.epoll, &mut events, time.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(errno) => return Err(poll_error(errno)),
        };
        let mut ready = Vec::new();
        for event in events {
            match event.data.u64() {
                // The caller's tokens have 32 bits.
                token if token & CALLER != 0 => ready.push(token as u32),
                token if token & LISTENER != 0 => self.accept((token & !LISTENER) as usize)?,
                token => self.advance(token, event.flags)?,
            }
        }
        Ok(ready)
    }

    /// Does all that can be done now, and returns. For a caller that waits for the proxy's descriptor in a loop of its own.
    /// # Errors
    /// Those of [`Proxy::wait`].
    pub fn dispatch(&mut self) -> Result<(), ProxyError> {
        self.wait(Some(Duration::ZERO)).map(drop)
    }

    fn accept(&mut self, bus: usize) -> Result<(), ProxyError> {
        while let Some(Bus { listener: Some(listener), connection_count: 0..MAX_CONNECTIONS, .. }) =
            self.buses.get(bus)
        {
            match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(app) => {
                    if let Err(error) = self.adopt(BusId(bus), app) {
                        self.complain_of(&error.to_string());
                    }
                }
                // Nobody more; or there are no descriptors left just now.
                Err(Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM) => break,
                // Who waited has gone again.
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(errno) => return Err(ProxyError::Accept(errno.into())),
            }
        }
        self.watch_listener(bus)
    }

    fn advance(&mut self, token: u64, flags: EventFlags) -> Result<(), ProxyError> {
        let place = usize::try_from(token / 2).unwrap_or(usize::MAX);
        let side = if token.is_multiple_of(2) { Side::App } else { Side::Bus };
        let Some(Some(Joined { bus, connection })) = self.connections.get_mut(place) else { return Ok(()) };
        let bus = *bus;
        let observer = self.buses[bus].observer.as_mut();
        let fault = match connection.advance(side, flags, &mut self.scratch, observer) {
            Ok(State::Finished) => None,
            Ok(State::Open) => match connection.watch(self.epoll.as_fd()) {
                Ok(()) if place == self.roomy || !connection.keeps_much() => return Ok(()),
                Ok(()) => {
                    let before = std::mem::replace(&mut self.roomy, place);
                    if let Some(Some(before)) = self.connections.get_mut(before) {
                        before.connection.release();
                    }
                    return Ok(());
                }
                Err(errno) => Some(errno.to_string()),
            },
            Err(fault) => Some(fault.to_string()),
        };
        self.connections[place] = None;
        self.buses[bus].connection_count -= 1;
        if let Some(fault) = fault {
            self.complain_of(&format!("a connection of the app was ended: {fault}"));
        }
        self.watch_listener(bus)
    }

    fn complain_of(&mut self, text: &str) {
        if let Some(complain) = &mut self.complain {
            complain(text);
        }
    }

    /// Watches a listening socket only while there is room for one more connection.
    fn watch_listener(&mut self, place: usize) -> Result<(), ProxyError> {
        let Some(bus) = self.buses.get_mut(place) else { return Ok(()) };
        let has_room = bus.connection_count < MAX_CONNECTIONS;
        let Some(listener) = bus.listener.as_ref().filter(|_| bus.is_watched != has_room) else {
            return Ok(());
        };
        bus.is_watched = has_room;
        let token = EventData::new_u64(LISTENER | place as u64);
        match has_room {
            true => epoll::add(&self.epoll, listener, token, EventFlags::IN),
            false => epoll::delete(&self.epoll, listener),
        }
        .map_err(poll_error)
    }
}

fn poll_error(errno: Errno) -> ProxyError {
    ProxyError::Poll(errno.into())
}

impl AsFd for Proxy {
    /// Readable when there is something to [`dispatch`](Proxy::dispatch).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("connections", &self.connection_count()).finish_non_exhaustive()
    }
}
