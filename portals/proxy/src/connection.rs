//! One connection of the app and its own connection to the bus: both sockets, their authentication, and which of them is read and written when.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::auth::{AppAuth, BEGIN, BusAuth, GREETING, NEGOTIATE_FDS, Step};
use crate::event::{Direction, MessageEvent};
use crate::filter::Filter;
use crate::flow::{Fault, Flow, Passage};
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::socket::{Received, receive};

/// A side is not read while so much waits to be sent to the other.
const MAX_OUTBOX: usize = 64 << 10;
/// An app may send so much before it is authenticated: sd-bus does not wait for answers.
const MAX_EARLY: usize = 16 << 10;

/// Called for each message.
pub(crate) type Observer = Box<dyn FnMut(&MessageEvent<'_>) + Send>;

/// Which of the two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    App,
    Bus,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    app: End,
    bus: End,
    app_auth: AppAuth,
    bus_auth: BusAuth,
    /// Whether the app has ended its authentication.
    has_begun: bool,
    rules: Arc<Rules>,
    filter: Filter,
}

/// One side of it.
#[derive(Debug)]
struct End {
    socket: OwnedFd,
    token: u64,
    flow: Flow,
    outbox: Outbox,
    /// What the kernel was last told to watch for; nothing, if it does not watch.
    watched: Option<EventFlags>,
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Finished,
}

impl Connection {
    /// Joins an app's socket with one to the bus. The tokens are what the kernel calls them by.
    pub(crate) fn new(app: OwnedFd, bus: OwnedFd, tokens: (u64, u64), rules: Arc<Rules>) -> Self {
        let mut bus = End::new(bus, tokens.1);
        bus.outbox.push(GREETING);
        Self {
            app: End::new(app, tokens.0),
            bus,
            app_auth: AppAuth::default(),
            bus_auth: BusAuth::default(),
            has_begun: false,
            filter: Filter::new(Arc::clone(&rules)),
            rules,
        }
    }

    /// Does what can be done now that a socket is ready: reads each side that may be read, writes what waits.
    pub(crate) fn advance(
        &mut self,
        side: Side,
        flags: EventFlags,
        scratch: &mut [u8],
        observer: Option<&mut Observer>,
    ) -> Result<State, Fault> {
        let mut observer = observer;
        if flags.contains(EventFlags::OUT) {
            self.flush(side)?;
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP)
            && self.may_read(side)
        {
            self.read(side, scratch, &mut observer)?;
        }
        self.flush(Side::App)?;
        self.flush(Side::Bus)?;
        // What one side waited for may have come from the other, or have become room by flushing.
        while let Some(side) = [Side::App, Side::Bus].into_iter().find(|side| self.may_resume(*side)) {
            self.pump(side, &mut [], &mut observer)?;
            self.flush(Side::App)?;
            self.flush(Side::Bus)?;
        }
        Ok(if self.is_finished() { State::Finished } else { State::Open })
    }

    fn read(
        &mut self,
        side: Side,
        scratch: &mut [u8],
        observer: &mut Option<&mut Observer>,
    ) -> Result<(), Fault> {
        let end = self.end(side);
        match receive(&end.socket, scratch, &mut end.flow.fds)? {
            Received::Nothing => Ok(()),
            Received::End => {
                end.flow.has_ended = true;
                Ok(())
            }
            Received::TooManyFds => Err(Fault::Protocol("more descriptors than a message can have")),
            Received::Bytes(count) => self.pump(side, &mut scratch[..count], observer),
        }
    }

    /// Judges what was held back, and what has just come.
    fn pump(
        &mut self,
        side: Side,
        fresh: &mut [u8],
        observer: &mut Option<&mut Observer>,
    ) -> Result<(), Fault> {
        if !self.is_authenticated(side) {
            self.end(side).flow.stash.extend_from_slice(fresh);
            self.authenticate()?;
            for side in [Side::App, Side::Bus] {
                if self.is_authenticated(side) && !self.end(side).flow.stash.is_empty() {
                    self.pump(side, &mut [], observer)?;
                }
            }
            return Ok(());
        }
        let stash = &mut self.end(side).flow.stash;
        if stash.is_empty() {
            let used = self.pump_window(side, fresh, observer)?;
            self.end(side).flow.stash.extend_from_slice(&fresh[used..]);
        } else {
            let mut window = std::mem::take(stash);
            window.extend_from_slice(fresh);
            let used = self.pump_window(side, &mut window, observer)?;
            window.drain(..used);
            if !window.is_empty() {
                self.end(side).flow.stash = window;
            }
        }
        self.deliver_own();
        Ok(())
    }

    fn pump_window(
        &mut self,
        side: Side,
        window: &mut [u8],
        observer: &mut Option<&mut Observer>,
    ) -> Result<usize, Fault> {
        let (from, to, direction) = match side {
            Side::App => (&mut self.app, &mut self.bus, Direction::FromApp),
            Side::Bus => (&mut self.bus, &mut self.app, Direction::FromBus),
        };
        let mut passage = Passage {
            direction,
            filter: &mut self.filter,
            traffic: self.rules.traffic,
            takes_fds: self.app_auth.takes_fds,
            outbox: &mut to.outbox,
            socket: to.socket.as_fd(),
            observe: observer.as_mut().map(|observer| &mut ***observer),
        };
        from.flow.pump(window, &mut passage)
    }

    /// Queues the filter's own messages, where no other message is under way.
    fn deliver_own(&mut self) {
        if self.bus.flow.is_at_boundary() && self.app.outbox.len() < MAX_OUTBOX {
            self.app.outbox.push(&self.filter.to_app);
            self.filter.to_app = Vec::new();
        }
        if self.app.flow.is_at_boundary() {
            self.bus.outbox.push(&self.filter.to_bus);
            self.filter.to_bus = Vec::new();
        }
    }

    /// Goes on with the authentication, as far as what both sides have sent allows.
    fn authenticate(&mut self) -> Result<(), Fault> {
        loop {
            let used = if self.is_authenticated(Side::Bus) {
                0
            } else {
                self.bus_auth.advance(&self.bus.flow.stash)?
            };
            self.bus.flow.stash.drain(..used);
            let Some(guid) = self.bus_auth.guid() else { if used == 0 { break } else { continue } };
            let mut answers = Vec::new();
            let step = if self.has_begun {
                Step::More
            } else {
                let (step, used) = self.app_auth.advance(&self.app.flow.stash, guid, &mut answers)?;
                self.app.flow.stash.drain(..used);
                step
            };
            self.app.outbox.push(&answers);
            match step {
                Step::NegotiateFds => {
                    self.bus.outbox.push(NEGOTIATE_FDS);
                    self.bus_auth.awaits_fds = true;
                }
                Step::Begin => {
                    self.bus.outbox.push(BEGIN);
                    self.has_begun = true;
                }
                Step::More if used == 0 => break,
                Step::More => {}
            }
        }
        if !self.has_begun && !self.app.flow.fds.is_empty() || !self.bus.flow.fds.is_empty() {
            return Err(Fault::Protocol("descriptors before the authentication has ended"));
        }
        Ok(())
    }

    /// Whether what a side sends now are messages.
    fn is_authenticated(&self, side: Side) -> bool {
        self.has_begun && (side == Side::App || !self.bus_auth.awaits_fds)
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::App => &mut self.app,
            Side::Bus => &mut self.bus,
        }
    }

    fn flush(&mut self, side: Side) -> Result<(), Fault> {
        if !self.filter.to_app.is_empty() {
            self.deliver_own();
        }
        let end = self.end(side);
        if !end.outbox.is_empty() {
            end.outbox.flush(&end.socket)?;
        }
        Ok(())
    }

    fn may_read(&self, side: Side) -> bool {
        let flow = match side {
            Side::App => &self.app.flow,
            Side::Bus => &self.bus.flow,
        };
        let has_too_much = side == Side::App && !self.has_begun && flow.stash.len() >= MAX_EARLY;
        let is_held = flow.has_ended || flow.is_stalled || has_too_much;
        !is_held && self.has_room(side)
    }

    /// Whether the other side takes more.
    fn has_room(&self, side: Side) -> bool {
        match side {
            Side::App => self.bus.outbox.len() < MAX_OUTBOX && self.filter.to_app.len() < MAX_OUTBOX,
            Side::Bus => self.app.outbox.len() < MAX_OUTBOX,
        }
    }

    /// Whether what was held back can be judged now.
    fn may_resume(&self, side: Side) -> bool {
        let is_stalled = match side {
            Side::App => self.app.flow.is_stalled && !self.filter.waits(),
            Side::Bus => self.bus.flow.is_stalled,
        };
        is_stalled && self.has_room(side)
    }

    /// Whether a side has closed and the other has all that it sent.
    fn is_finished(&self) -> bool {
        let is_done =
            |from: &End, to: &End| from.flow.has_ended && !from.flow.is_stalled && to.outbox.is_empty();
        is_done(&self.app, &self.bus) || is_done(&self.bus, &self.app)
    }

    /// Whether it keeps much memory for large messages.
    pub(crate) fn keeps_much(&self) -> bool {
        self.app.outbox.keeps_much() || self.bus.outbox.keeps_much()
    }

    /// Gives back memory that waits for nothing.
    pub(crate) fn release(&mut self) {
        self.app.outbox.release();
        self.bus.outbox.release();
    }

    /// Tells the kernel what to watch for.
    pub(crate) fn watch(&mut self, epoll: BorrowedFd<'_>) -> rustix::io::Result<()> {
        for side in [Side::App, Side::Bus] {
            let may_read = self.may_read(side);
            self.end(side).watch(epoll, may_read)?;
        }
        Ok(())
    }
}

impl End {
    fn new(socket: OwnedFd, token: u64) -> Self {
        Self { socket, token, flow: Flow::default(), outbox: Outbox::default(), watched: None }
    }

    fn watch(&mut self, epoll: BorrowedFd<'_>, may_read: bool) -> rustix::io::Result<()> {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, may_read);
        flags.set(EventFlags::OUT, !self.outbox.is_empty());
        // A socket that waits for nothing is not watched at all: its end would be reported again and again.
        let wanted = Some(flags).filter(|flags| !flags.is_empty());
        if wanted == self.watched {
            return Ok(());
        }
        let token = EventData::new_u64(self.token);
        match (self.watched, wanted) {
            (None, Some(flags)) => epoll::add(epoll, &self.socket, token, flags)?,
            (Some(_), Some(flags)) => epoll::modify(epoll, &self.socket, token, flags)?,
            (_, None) => epoll::delete(epoll, &self.socket)?,
        }
        self.watched = wanted;
        Ok(())
    }
}
