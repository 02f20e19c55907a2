//! Messages in one direction: from the bytes of a socket, through the filter, into the other side's outbox.
//!
//! At most one header, and the bodies that the filter asks for, are held; all other bodies pass in pieces.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};

use crate::event::{Direction, MessageEvent};
use crate::filter::{Filter, Need, Outcome, Verdict};
use crate::header::{Frame, Header, PREFIX, SERIAL_AT};
use crate::outbox::Outbox;
use crate::rules::Traffic;

/// The longest header. Names have 255 bytes at most, and the longest honest paths some thousand.
const MAX_HEADER: usize = 64 << 10;
/// How many descriptors a message of the app may have.
const MAX_APP_FDS: u32 = 16;
/// How many descriptors may wait for the message that they belong to.
const MAX_WAITING_FDS: usize = 253;
/// Runs of messages that are shorter are gathered and sent together.
const MIN_DIRECT: usize = 8 << 10;
/// How much the filter may have for the other side before this one waits.
const MAX_ANSWERS: usize = 64 << 10;

/// The reading end of one side.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Bytes that were read but not yet judged.
    pub(crate) stash: Vec<u8>,
    /// Descriptors that came with them.
    pub(crate) fds: VecDeque<OwnedFd>,
    transit: Transit,
    /// Whether judging stopped for another reason than the end of the bytes.
    pub(crate) is_stalled: bool,
    /// Whether nothing more will come.
    pub(crate) has_ended: bool,
}

/// Where in the stream of messages the next byte is.
#[derive(Debug, Clone, Copy, Default)]
enum Transit {
    #[default]
    Boundary,
    /// In a message that is passed on, so many bytes from its end.
    Forward(usize),
    /// In a message that is dropped.
    Discard(usize),
}

/// Why a connection ends although neither side has closed it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Protocol(&'static str),
    #[error(transparent)]
    Malformed(#[from] crate::wire::Malformed),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a flow needs to pass messages on.
pub(crate) struct Passage<'a, S> {
    pub(crate) direction: Direction,
    pub(crate) filter: &'a mut Filter,
    pub(crate) traffic: Traffic,
    /// Whether the app has asked for descriptors.
    pub(crate) takes_fds: bool,
    /// The other side.
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) socket: S,
    pub(crate) observe: Option<&'a mut (dyn FnMut(&MessageEvent<'_>) + Send + 'static)>,
}

impl Flow {
    /// Whether a message of ours can be put in here.
    pub(crate) fn is_at_boundary(&self) -> bool {
        matches!(self.transit, Transit::Boundary)
    }

    /// Judges what is in `window` and passes it on. Returns how many bytes are done with.
    pub(crate) fn pump<S: AsFd>(
        &mut self,
        window: &mut [u8],
        passage: &mut Passage<'_, S>,
    ) -> Result<usize, Fault> {
        // window[run..at] is judged and passes, but has not been sent.
        let (mut run, mut at) = (0, 0);
        self.is_stalled = false;
        loop {
            match self.transit {
                Transit::Boundary => {
                    passage.insert_own(&window[run..at], &mut run, at);
                    if passage.filter.to_app.len() > MAX_ANSWERS {
                        self.is_stalled = at < window.len();
                        break;
                    }
                    if !self.judge_next(window, &mut run, at, passage)? {
                        break;
                    }
                    at = at.max(run);
                }
                Transit::Forward(left) => {
                    let step = left.min(window.len() - at);
                    at += step;
                    self.transit = after(Transit::Forward, left - step);
                    if left > step {
                        break;
                    }
                }
                Transit::Discard(left) => {
                    let step = left.min(window.len() - at);
                    at += step;
                    run = at;
                    self.transit = after(Transit::Discard, left - step);
                    if left > step {
                        break;
                    }
                }
            }
        }
        passage.send(&window[run..at])?;
        // Descriptors come with the first byte of their message: none is left without a message that has begun.
        if (at == window.len() && !self.fds.is_empty()) || self.fds.len() > MAX_WAITING_FDS {
            return Err(Fault::Protocol("descriptors that no message declares"));
        }
        Ok(at)
    }

    /// Judges the message that begins at `at`. Returns whether there was a whole one to judge, and no need to wait.
    fn judge_next<S: AsFd>(
        &mut self,
        window: &mut [u8],
        run: &mut usize,
        at: usize,
        passage: &mut Passage<'_, S>,
    ) -> Result<bool, Fault> {
        let (passed, message) = window.split_at_mut(at);
        let Some(prefix) = message.first_chunk::<PREFIX>() else { return Ok(false) };
        let frame = Frame::measure(prefix)?;
        if frame.header > MAX_HEADER {
            return Err(Fault::Protocol("a header over 64 KiB"));
        }
        if message.len() < frame.header {
            return Ok(false);
        }
        let header = Header::parse(message, frame)?;
        let Some(verdict) = passage.verdict(&header, message)? else { return Ok(false) };
        match verdict {
            Verdict::Pass { serial, reply_to } => {
                let fds = self.take_fds(&header)?;
                if !fds.is_empty() || header.has_unknown_fields {
                    passage.outbox.push(&passed[*run..]);
                    passage.outbox.attach(fds);
                    *run = at;
                }
                if header.has_unknown_fields {
                    passage.outbox.push(&header.write(serial, reply_to));
                    *run = at + frame.header;
                    self.transit = after(Transit::Forward, frame.body);
                } else {
                    let reply_at = header.reply_to.map(|reply| reply.at);
                    set_serials(message, frame, serial, reply_at.zip(reply_to));
                    self.transit = Transit::Forward(frame.total());
                }
                Ok(true)
            }
            Verdict::Stop(_) => {
                self.take_fds(&header)?;
                passage.outbox.push(&passed[*run..]);
                *run = at;
                self.transit = Transit::Discard(frame.total());
                Ok(true)
            }
            Verdict::Wait => {
                self.is_stalled = true;
                Ok(false)
            }
            Verdict::End(why) => Err(Fault::Protocol(why)),
        }
    }

    /// The descriptors that a message declares. They came with its first byte, so all are there.
    fn take_fds(&mut self, header: &Header<'_>) -> Result<Vec<OwnedFd>, Fault> {
        let count = header.fds as usize;
        if self.fds.len() < count {
            return Err(Fault::Protocol("fewer descriptors than declared"));
        }
        Ok(self.fds.drain(..count).collect())
    }
}

/// Writes serials over those of a message, in its byte order.
fn set_serials(message: &mut [u8], frame: Frame, serial: NonZeroU32, reply: Option<(usize, NonZeroU32)>) {
    for (at, serial) in [Some((SERIAL_AT, serial)), reply].into_iter().flatten() {
        message[at..at + 4].copy_from_slice(&frame.endian.u32_bytes(serial.get()));
    }
}

fn after(transit: fn(usize) -> Transit, left: usize) -> Transit {
    if left == 0 { Transit::Boundary } else { transit(left) }
}

impl<S: AsFd> Passage<'_, S> {
    /// What the filter says to a message. Nothing, if its body is needed and not all there.
    fn verdict(&mut self, header: &Header<'_>, message: &[u8]) -> Result<Option<Verdict>, Fault> {
        if self.traffic == Traffic::Unfiltered {
            let verdict =
                Verdict::Pass { serial: header.serial, reply_to: header.reply_to.map(|reply| reply.serial) };
            self.report(header, verdict);
            return Ok(Some(verdict));
        }
        if header.fds > 0 && !self.takes_fds {
            return Err(Fault::Protocol("descriptors that were not negotiated"));
        }
        let verdict = match self.direction {
            Direction::FromApp if header.fds > MAX_APP_FDS => {
                Some(self.filter.refuse(header, "a message may have 16 descriptors"))
            }
            direction => self.judge(direction, header, message),
        };
        if let Some(verdict) = verdict {
            self.report(header, verdict);
        }
        Ok(verdict)
    }

    fn judge(&mut self, direction: Direction, header: &Header<'_>, message: &[u8]) -> Option<Verdict> {
        let (filter, frame) = (&mut *self.filter, header.frame);
        let need = match direction {
            Direction::FromApp => filter.need_from_app(header),
            Direction::FromBus => filter.need_from_bus(header),
        };
        let body = match need {
            Need::Header => &[],
            Need::Body(limit) if frame.body > limit => {
                return Some(match direction {
                    Direction::FromApp => filter.too_large_from_app(header),
                    Direction::FromBus => filter.too_large_from_bus(header),
                });
            }
            Need::Body(_) => message.get(frame.header..frame.total())?,
        };
        Some(match direction {
            Direction::FromApp => filter.judge_from_app(header, body),
            Direction::FromBus => filter.judge_from_bus(header, body),
        })
    }

    fn report(&mut self, header: &Header<'_>, verdict: Verdict) {
        let Some(observe) = &mut self.observe else { return };
        let outcome = match verdict {
            Verdict::Pass { .. } => Outcome::Passed,
            Verdict::Stop(outcome) => outcome,
            Verdict::Wait | Verdict::End(_) => return,
        };
        observe(&MessageEvent::new(self.direction, header, outcome));
    }

    /// Puts the filter's own messages for the other side behind what passes before them.
    fn insert_own(&mut self, passed: &[u8], run: &mut usize, at: usize) {
        let own = match self.direction {
            Direction::FromApp => &mut self.filter.to_bus,
            Direction::FromBus => &mut self.filter.to_app,
        };
        if !own.is_empty() {
            self.outbox.push(passed);
            *run = at;
            self.outbox.push(own);
            own.clear();
        }
    }

    fn send(&mut self, run: &[u8]) -> io::Result<()> {
        if run.len() >= MIN_DIRECT {
            return self.outbox.send_through(&self.socket, run);
        }
        self.outbox.push(run);
        self.outbox.flush(&self.socket)
    }
}
