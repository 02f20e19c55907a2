//! The bus filter between an app and a bus that both say anything: it never panics, and what comes through is what rules allow, by a reader
//! of messages that is not the filter's own.

use std::collections::BTreeMap;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use aril_model::Policy;
use aril_proxy::{BusId, Proxy, Rules};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

const NAMES: [&str; 8] = [
    "org.freedesktop.DBus",
    "org.test.Talk",
    "org.test.Call",
    "org.test.Hidden",
    "org.test.App.Main",
    ":1.1",
    ":1.7",
    ":1.8",
];
const PATHS: [&str; 3] = ["/", "/a", "/org/freedesktop/DBus"];
const INTERFACES: [&str; 4] =
    ["org.freedesktop.DBus", "org.freedesktop.DBus", "org.freedesktop.DBus.Peer", "org.test.I"];
const MEMBERS: [&str; 10] = [
    "Hello",
    "AddMatch",
    "RemoveMatch",
    "ListNames",
    "GetNameOwner",
    "RequestName",
    "NameOwnerChanged",
    "BecomeMonitor",
    "GetConnectionUnixProcessID",
    "Ping",
];
const RULES: [&str; 4] =
    ["type='signal',eavesdrop='true'", "type='signal',eavesdrop =true", "type='signal',member='X'", "x"];

/// Reads a script: each step is a message or bytes of one side. An odd first byte skips to messages.
pub fn bus_both_sides(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut scene = Scene::new();
    if script.next() & 1 == 1 {
        scene.say(Side::App, b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", 0);
        scene.say(Side::Bus, b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n", 0);
        scene.say(Side::App, &hello(), 0);
        scene.say(Side::Bus, &welcome(), 0);
    }
    for _ in 0..128 {
        if script.0.is_empty() {
            break;
        }
        let step = script.next();
        let side = if step & 1 == 0 { Side::App } else { Side::Bus };
        match step >> 1 & 7 {
            0 if step >> 4 == 0 => {
                let count = usize::from(script.next());
                let said = script.take(count);
                scene.say(side, said, usize::from(step >> 4 & 1));
            }
            0..=2 => {
                let answer = scene.answer(side, script.next());
                scene.say(side, &answer, 0);
            }
            _ => {
                let (message, fds) = script.message(side);
                scene.say(side, &message, fds);
            }
        }
    }
    scene.end();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    App,
    Bus,
}

/// Bytes that decide what happens.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A small serial; once in a while none.
    fn serial(&mut self) -> u8 {
        let choice = self.next();
        if choice == 255 { 0 } else { choice % 15 + 1 }
    }

    /// A text for a field or an argument (0); now and then one that does not belong there.
    fn text(&mut self, code: u8) -> &'static str {
        let choice = self.next();
        let of = |texts: &[&'static str]| texts[usize::from(choice) % texts.len()];
        match code {
            _ if choice >= 253 => of(&RULES),
            1 => of(&PATHS),
            2 | 4 => of(&INTERFACES),
            3 => of(&MEMBERS),
            0 if choice & 0x80 != 0 => of(&RULES),
            _ => of(&NAMES),
        }
    }

    /// A message that is nearly right, and how many descriptors go with it.
    fn message(&mut self, side: Side) -> (Vec<u8>, usize) {
        let (shape, kind) = (self.next(), self.next());
        let kind = if kind == 255 { 0 } else { [1, 1, 1, 4, 4, 2, 3, 1][usize::from(kind % 8)] };
        let (mut fields, mut body) = (Vec::new(), Vec::new());
        for code in [1, 2, 3, 4, 6, 7] {
            let is_wanted = match code {
                1..=3 => kind == 1 || kind == 4,
                4 => kind == 3,
                6 => shape & 3 != 0,
                _ => side == Side::Bus,
            };
            if is_wanted {
                let signature = if code == 1 { b'o' } else { b's' };
                field(&mut fields, code, signature, self.text(code));
            }
        }
        if kind == 2 || kind == 3 || shape & 0x70 == 0x70 {
            pad(&mut fields);
            fields.extend([5, 1, b'u', 0, self.serial(), 0, 0, 0]);
        }
        let strings = self.next() % 4;
        for _ in 0..strings {
            pad_to(&mut body, 4);
            let text = self.text(0);
            body.extend((text.len() as u32).to_le_bytes());
            body.extend(text.as_bytes());
            body.push(0);
        }
        let signature = "sss";
        if strings > 0 {
            pad(&mut fields);
            fields.extend([8, 1, b'g', 0, strings]);
            fields.extend(&signature.as_bytes()[..usize::from(strings)]);
            fields.push(0);
        }
        let fds = usize::from(shape >> 4 & 3) * usize::from(shape & 0x80 != 0);
        if fds > 0 {
            pad(&mut fields);
            fields.extend([9, 1, b'u', 0, fds as u8, 0, 0, 0]);
        }
        let mut message = frame(kind, self.next() & 3, self.serial(), &fields, &body);
        if self.next() >= 245 {
            let at = usize::from(self.next()) % message.len();
            message[at] ^= self.next();
        }
        (message, fds)
    }
}

fn pad_to(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

fn pad(bytes: &mut Vec<u8>) {
    pad_to(bytes, 8);
}

fn field(fields: &mut Vec<u8>, code: u8, signature: u8, text: &str) {
    pad(fields);
    fields.extend([code, 1, signature, 0]);
    fields.extend((text.len() as u32).to_le_bytes());
    fields.extend(text.as_bytes());
    fields.push(0);
}

fn frame(kind: u8, flags: u8, serial: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
    let mut message = vec![b'l', kind, flags, 1];
    for word in [body.len() as u32, u32::from(serial), fields.len() as u32] {
        message.extend(word.to_le_bytes());
    }
    message.extend(fields);
    pad(&mut message);
    message.extend(body);
    message
}

fn hello() -> Vec<u8> {
    let mut fields = Vec::new();
    for (code, signature, text) in
        [(1, b'o', "/org/freedesktop/DBus"), (2, b's', NAMES[0]), (3, b's', "Hello"), (6, b's', NAMES[0])]
    {
        field(&mut fields, code, signature, text);
    }
    frame(1, 0, 1, &fields, &[])
}

fn welcome() -> Vec<u8> {
    let mut fields = vec![5, 1, b'u', 0, 1, 0, 0, 0];
    field(&mut fields, 6, b's', ":1.1");
    field(&mut fields, 7, b's', NAMES[0]);
    pad(&mut fields);
    fields.extend(*b"\x08\x01g\0\x01s\0");
    frame(2, 1, 1, &fields, b"\x04\0\0\0:1.1\0")
}

/// A proxy with the app's end and the bus's end of its sockets.
struct Scene {
    proxy: Proxy,
    app: Far,
    bus: Far,
    descriptor: OwnedFd,
}

/// The far end of one side: what it said, what it heard.
struct Far {
    stream: UnixStream,
    said: Vec<u8>,
    heard: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let mut rules = Rules::new();
        for (name, policy) in [("org.test.Talk", Policy::Talk), ("org.test.App.*", Policy::Own)] {
            rules.set_policy(&name.parse().expect("a name"), policy);
        }
        rules.allow_calls(&"org.test.Call".parse().expect("a name"), "@/a".parse().expect("a rule"));
        let ((app, app_far), (bus, bus_far)) = (pair(), pair());
        let mut proxy = Proxy::new().expect("an epoll descriptor");
        let mut bus = Some(bus);
        let connect = move || bus.take().map(OwnedFd::from).ok_or(std::io::ErrorKind::NotFound.into());
        let id: BusId = proxy.add_bus(None, connect, rules).expect("a bus");
        proxy.adopt(id, app.into()).expect("a connection");
        let far = |stream| Far { stream, said: Vec::new(), heard: Vec::new() };
        let descriptor = UnixStream::pair().expect("sockets").0.into();
        Self { proxy, app: far(app_far), bus: far(bus_far), descriptor }
    }

    fn say(&mut self, side: Side, bytes: &[u8], fds: usize) {
        let far = if side == Side::App { &mut self.app } else { &mut self.bus };
        let fds = vec![self.descriptor.as_fd(); fds];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(fds.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
        let sent =
            rustix::net::sendmsg(&far.stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL);
        far.said.extend(&bytes[..sent.unwrap_or(0)]);
        self.settle();
    }

    /// An answer to one of the calls that a side heard, as a service or the bus would give it; or, by `how`, nearly.
    fn answer(&self, side: Side, how: u8) -> Vec<u8> {
        let heard = messages(if side == Side::App { &self.app.heard } else { &self.bus.heard });
        let calls: Vec<_> = heard.iter().filter(|seen| seen.kind == 1).collect();
        let Some(call) = calls.get(usize::from(how & 0x0f) % calls.len().max(1)) else { return Vec::new() };
        let to = if side == Side::Bus { ":1.1" } else { call.texts[7] };
        let mut fields = vec![5, 1, b'u', 0];
        fields.extend(call.serial.to_le_bytes());
        field(&mut fields, 6, b's', if how & 0x30 == 0x30 { ":1.8" } else { to });
        let (mut body, mut signature) = (Vec::new(), "");
        if side == Side::Bus {
            field(&mut fields, 7, b's', if call.texts[6] == NAMES[0] { NAMES[0] } else { ":1.7" });
            (signature, body) = match call.texts[3] {
                "ListNames" => ("as", b"\x12\0\0\0\x0d\0\0\0org.test.Talk\0".to_vec()),
                "GetNameOwner" | "Hello" => ("s", b"\x04\0\0\0:1.7\0".to_vec()),
                _ => ("", Vec::new()),
            };
        }
        if !signature.is_empty() {
            pad(&mut fields);
            fields.extend([8, 1, b'g', 0, signature.len() as u8]);
            fields.extend(signature.as_bytes());
            fields.push(0);
        }
        frame(2, 1, 7, &fields, &body)
    }

    /// Lets the proxy do all it can, and hears what it says.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.proxy.dispatch().expect("the proxy goes on");
            self.app.hear();
            self.bus.hear();
            let mut ready = [rustix::event::PollFd::new(&self.proxy, rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut ready, Some(&Duration::ZERO.try_into().expect("a time"))) == Ok(0) {
                break;
            }
        }
    }

    fn end(mut self) {
        let _ = self.app.stream.flush();
        let _ = self.app.stream.shutdown(std::net::Shutdown::Both);
        self.settle();
        check(&self.app, &self.bus);
    }
}

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    ours.set_nonblocking(true).expect("a socket");
    theirs.set_nonblocking(true).expect("a socket");
    (ours, theirs)
}

impl Far {
    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut buffer) {
            self.heard.extend(&buffer[..count]);
        }
    }
}

/// A message as a simple reader sees it: the last of each field, nothing checked.
#[derive(Debug, Default)]
struct Seen<'a> {
    kind: u8,
    flags: u8,
    serial: u32,
    reply_to: Option<u32>,
    texts: [&'a str; 8],
    body: &'a [u8],
}

/// The messages in a stream, behind its authentication.
fn messages(stream: &[u8]) -> Vec<Seen<'_>> {
    let begin = b"BEGIN\r\n";
    let mut rest = match stream.windows(begin.len()).position(|window| window == begin) {
        Some(at) => &stream[at + begin.len()..],
        None => stream.iter().position(|byte| *byte == b'l').map_or(&[][..], |at| &stream[at..]),
    };
    let mut messages = Vec::new();
    while let Some((seen, length)) = read(rest) {
        messages.push(seen);
        rest = &rest[length..];
    }
    messages
}

fn read(bytes: &[u8]) -> Option<(Seen<'_>, usize)> {
    let little = *bytes.first()? == b'l';
    let word = |at: usize| {
        let word = *bytes.get(at..)?.first_chunk()?;
        Some(if little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
    };
    let (fields, body) = (word(12)? as usize, word(4)? as usize);
    let start = (16 + fields).next_multiple_of(8);
    let mut seen = Seen { kind: bytes[1], flags: bytes[2], serial: word(8)?, ..Seen::default() };
    // A header counts without its body: bodies pass, and are refused, in pieces.
    let end = start.checked_add(body)?.min(bytes.len());
    seen.body = bytes.get(start..end)?;
    let mut at = 16;
    while at + 4 < 16 + fields {
        let (code, kind) = (usize::from(bytes[at]), bytes[at + 2]);
        at += 4;
        match kind {
            b'u' if code == 5 => seen.reply_to = word(at),
            b's' | b'o' => {
                let length = word(at)? as usize;
                let text = std::str::from_utf8(bytes.get(at + 4..at + 4 + length)?).ok()?;
                if let Some(known) = seen.texts.get_mut(code) {
                    *known = text;
                }
                at += length + 1;
            }
            b'g' => at += usize::from(bytes[at]).saturating_sub(2),
            _ => {}
        }
        at = (at + 4).next_multiple_of(8);
    }
    Some((seen, end))
}

/// What came through is allowed; answers answer what came through the other way, once.
fn check(app: &Far, bus: &Far) {
    let mut asked = calls(&messages(&bus.said), true);
    for seen in messages(&bus.heard) {
        let [_, path, interface, member, _, _, destination, _] = seen.texts;
        match (seen.kind, seen.reply_to) {
            (2 | 3, Some(serial)) => {
                let left = asked.entry((destination.to_owned(), serial)).or_default();
                assert!(*left > 0, "an answer to {destination} that it did not ask for: {serial}");
                *left -= 1;
            }
            (1 | 4, None) => match destination {
                "" => assert!(seen.kind == 4 || interface == "org.freedesktop.DBus.Peer"),
                "org.freedesktop.DBus" => {
                    assert!(
                        !["BecomeMonitor", "UpdateActivationEnvironment", "ReloadConfig"].contains(&member)
                    );
                    assert!(
                        member != "AddMatch" || !String::from_utf8_lossy(seen.body).contains("eavesdrop")
                    );
                }
                "org.test.Talk" => {}
                "org.test.Call" => assert_eq!(path, "/a"),
                unique if unique.starts_with(':') => {}
                name => assert!(
                    name == "org.test.App" || name.starts_with("org.test.App."),
                    "a message to {name}"
                ),
            },
            _ => panic!("a message that is neither: {seen:?}"),
        }
    }
    let mut asked = calls(&messages(&app.said), false);
    for seen in messages(&app.heard) {
        match (seen.kind, seen.reply_to) {
            (2 | 3, Some(serial)) => {
                let left = asked.entry((String::new(), serial)).or_default();
                assert!(*left > 0, "the app hears an answer to {serial}, which it did not ask");
                *left -= 1;
            }
            (1 | 4, None) => {}
            _ => panic!("a message that is neither: {seen:?}"),
        }
    }
}

/// How many calls there are by caller and serial.
fn calls(messages: &[Seen<'_>], by_sender: bool) -> BTreeMap<(String, u32), usize> {
    let mut calls = BTreeMap::new();
    for seen in messages.iter().filter(|seen| seen.kind == 1 && seen.flags & 1 == 0) {
        let sender = if by_sender { seen.texts[7].to_owned() } else { String::new() };
        *calls.entry((sender, seen.serial)).or_default() += 1;
    }
    calls
}
