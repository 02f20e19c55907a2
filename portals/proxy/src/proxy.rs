//! One filtered bus: a listening socket for the app, and all of the app's connections. Has no threads and never blocks (but see
//! [`BusAddress::connect`](crate::BusAddress::connect)); the caller's loop drives it.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::net::{SocketFlags, accept_with};

use crate::connection::{Connection, Observer, Side, State};
use crate::event::MessageEvent;
use crate::rules::Rules;

/// How many connections an app may have at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// How much is read at once. One piece of memory for all connections: an idle connection holds nothing.
const SCRATCH: usize = 128 << 10;
/// How many sockets are served before the caller's other descriptors have their turn.
const MAX_EVENTS: usize = 16;
/// The token of the listening socket. Those of connections are twice their place, and one more for the bus's side.
const LISTENER: u64 = u64::MAX;

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

/// A filter between an app and a bus.
///
/// ```no_run
/// # use std::os::fd::AsFd;
/// # fn example(listener: std::os::fd::OwnedFd) -> Result<(), Box<dyn std::error::Error>> {
/// use aril_proxy::{BusAddress, Proxy, Rules};
/// let address: BusAddress = "unix:path=/run/user/1000/bus".parse()?;
/// let mut proxy = Proxy::new(listener, move || address.connect(), Rules::new())?;
/// // In the caller's loop, together with its other descriptors:
/// let mut fds = [rustix::event::PollFd::new(&proxy, rustix::event::PollFlags::IN)];
/// rustix::event::poll(&mut fds, None)?;
/// proxy.dispatch()?;
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    epoll: OwnedFd,
    listener: Option<Listener>,
    connect: Box<dyn FnMut() -> io::Result<OwnedFd> + Send>,
    rules: Arc<Rules>,
    connections: Vec<Option<Connection>>,
    scratch: Vec<u8>,
    observer: Option<Observer>,
    complain: Option<Complaint>,
}

/// Called with the reason for which a connection ended.
type Complaint = Box<dyn FnMut(&str) + Send>;

struct Listener {
    socket: OwnedFd,
    is_watched: bool,
}

impl Proxy {
    /// Filters what comes over a listening stream socket. `connect` makes a connection to the bus, once for each of the app; whoever it
    /// says that it is to the bus, the app is.
    ///
    /// Dropping the proxy closes all its sockets; a socket file is the caller's to remove.
    /// # Errors
    /// [`ProxyError::Poll`] if the kernel gives no descriptor to wait with.
    pub fn new(
        listener: OwnedFd,
        connect: impl FnMut() -> io::Result<OwnedFd> + Send + 'static,
        rules: Rules,
    ) -> Result<Self, ProxyError> {
        let mut proxy = Self::without_listener(connect, rules)?;
        rustix::io::ioctl_fionbio(&listener, true).map_err(|errno| ProxyError::Poll(errno.into()))?;
        proxy.listener = Some(Listener { socket: listener, is_watched: false });
        proxy.watch_listener()?;
        Ok(proxy)
    }

    /// Filters what comes over connections that are handed in by [`Proxy::adopt`].
    /// # Errors
    /// [`ProxyError::Poll`] if the kernel gives no descriptor to wait with.
    pub fn without_listener(
        connect: impl FnMut() -> io::Result<OwnedFd> + Send + 'static,
        rules: Rules,
    ) -> Result<Self, ProxyError> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|errno| ProxyError::Poll(errno.into()))?;
        Ok(Self {
            epoll,
            listener: None,
            connect: Box::new(connect),
            rules: Arc::new(rules),
            connections: Vec::new(),
            // Zeroed pages cost nothing until they are read into.
            scratch: vec![0; SCRATCH],
            observer: None,
            complain: None,
        })
    }

    /// Calls `observer` for each message, with what was done with it.
    pub fn observe(&mut self, observer: impl FnMut(&MessageEvent<'_>) + Send + 'static) {
        self.observer = Some(Box::new(observer));
    }

    /// Calls `complain` when a connection ends otherwise than by being closed, with the reason.
    pub fn on_fault(&mut self, complain: impl FnMut(&str) + Send + 'static) {
        self.complain = Some(Box::new(complain));
    }

    /// Takes a connection of the app that was accepted elsewhere.
    /// # Errors
    /// [`ProxyError::Connect`] if there is no connection to the bus for it.
    pub fn adopt(&mut self, app: OwnedFd) -> Result<(), ProxyError> {
        let bus = (self.connect)().map_err(ProxyError::Connect)?;
        let place = self.connections.iter().position(Option::is_none).unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let token = 2 * place as u64;
        let mut connection = Connection::new(app, bus, (token, token + 1), Arc::clone(&self.rules));
        // The greeting goes at once, while the app still writes its own.
        let state = connection.advance(Side::Bus, EventFlags::OUT, &mut [], None);
        if state.is_ok() && connection.watch(self.epoll.as_fd()).is_ok() {
            self.connections[place] = Some(connection);
        }
        Ok(())
    }

    /// How many connections the app has.
    pub fn connection_count(&self) -> usize {
        self.connections.iter().flatten().count()
    }

    /// Does all that can be done now, and returns. To be called when the proxy's descriptor is readable; at other times it does nothing.
    /// # Errors
    /// [`ProxyError`] if the proxy as a whole cannot go on. The end of a connection, whatever its reason, is none.
    pub fn dispatch(&mut self) -> Result<(), ProxyError> {
        let mut events = [MaybeUninit::uninit(); MAX_EVENTS];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let events = match epoll::wait(&self.epoll, &mut events, Some(&now)) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return Err(ProxyError::Poll(errno.into())),
        };
        for event in events {
            match event.data.u64() {
                LISTENER => self.accept()?,
                token => self.advance(token, event.flags),
            }
        }
        self.watch_listener()
    }

    fn accept(&mut self) -> Result<(), ProxyError> {
        while let Some(listener) = &self.listener
            && self.connection_count() < MAX_CONNECTIONS
        {
            match accept_with(&listener.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(app) => {
                    if let Err(error) = self.adopt(app) {
                        self.complain_of(&error.to_string());
                    }
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                // The app has gone again, or there are no descriptors left just now.
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE | rustix::io::Errno::NOMEM) => {
                    return Ok(());
                }
                Err(errno) => return Err(ProxyError::Accept(errno.into())),
            }
        }
        Ok(())
    }

    fn advance(&mut self, token: u64, flags: EventFlags) {
        let place = usize::try_from(token / 2).unwrap_or(usize::MAX);
        let side = if token.is_multiple_of(2) { Side::App } else { Side::Bus };
        let Some(Some(connection)) = self.connections.get_mut(place) else { return };
        let result = connection.advance(side, flags, &mut self.scratch, self.observer.as_mut());
        let fault = match result {
            Ok(State::Finished) => None,
            Ok(State::Open) => match connection.watch(self.epoll.as_fd()) {
                Ok(()) => return,
                Err(errno) => Some(errno.to_string()),
            },
            Err(fault) => Some(fault.to_string()),
        };
        self.connections[place] = None;
        if let Some(fault) = fault {
            self.complain_of(&format!("a connection of the app was ended: {fault}"));
        }
    }

    fn complain_of(&mut self, text: &str) {
        if let Some(complain) = &mut self.complain {
            complain(text);
        }
    }

    /// Watches the listening socket only while there is room for one more connection.
    fn watch_listener(&mut self) -> Result<(), ProxyError> {
        let has_room = self.connection_count() < MAX_CONNECTIONS;
        let Some(listener) = &mut self.listener else { return Ok(()) };
        if listener.is_watched == has_room {
            return Ok(());
        }
        let result = match has_room {
            true => epoll::add(&self.epoll, &listener.socket, EventData::new_u64(LISTENER), EventFlags::IN),
            false => epoll::delete(&self.epoll, &listener.socket),
        };
        listener.is_watched = has_room;
        result.map_err(|errno| ProxyError::Poll(errno.into()))
    }
}

impl AsFd for Proxy {
    /// Readable when there is something to [`dispatch`](Proxy::dispatch).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("connections", &self.connections).finish_non_exhaustive()
    }
}
