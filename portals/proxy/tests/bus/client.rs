//! A client that can say anything, right or wrong: messages as bytes, with a small encoder that checks nothing.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

pub const CALL: u8 = 1;
pub const RETURN: u8 = 2;
pub const ERROR: u8 = 3;
pub const SIGNAL: u8 = 4;
pub const BUS: &str = "org.freedesktop.DBus";

/// A message; fields are written as they stand here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    pub kind: u8,
    pub flags: u8,
    pub serial: u32,
    pub fields: Vec<(u8, Field)>,
    pub body: Vec<u8>,
    pub big_endian: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Path(String),
    Text(String),
    Word(u32),
    Signature(String),
}

impl Message {
    pub fn call(destination: &str, path: &str, interface: &str, member: &str) -> Self {
        Self { kind: CALL, ..Self::default() }.to(destination).at(path).of(interface, member)
    }

    /// A method of the bus.
    pub fn bus(member: &str) -> Self {
        Self::call(BUS, "/org/freedesktop/DBus", BUS, member)
    }

    pub fn signal(path: &str, interface: &str, member: &str) -> Self {
        Self { kind: SIGNAL, ..Self::default() }.at(path).of(interface, member)
    }

    /// A return to a call of `peer` that had `serial`.
    pub fn answer(peer: &str, serial: u32) -> Self {
        Self { kind: RETURN, ..Self::default() }.to(peer).with(5, Field::Word(serial))
    }

    pub fn with(mut self, code: u8, field: Field) -> Self {
        self.fields.push((code, field));
        self
    }

    pub fn to(self, name: &str) -> Self {
        self.with(6, Field::Text(name.into()))
    }

    pub fn from(self, name: &str) -> Self {
        self.with(7, Field::Text(name.into()))
    }

    pub fn at(self, path: &str) -> Self {
        self.with(1, Field::Path(path.into()))
    }

    pub fn of(self, interface: &str, member: &str) -> Self {
        self.with(2, Field::Text(interface.into())).with(3, Field::Text(member.into()))
    }

    /// The same message in the other byte order; without arguments yet.
    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    pub fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// Adds a string argument; only strings before it.
    pub fn string(mut self, text: &str) -> Self {
        while !self.body.len().is_multiple_of(4) {
            self.body.push(0);
        }
        let length = u32::try_from(text.len()).unwrap();
        self.body.extend(self.word(length));
        self.body.extend(text.as_bytes());
        self.body.push(0);
        self.add_to_signature("s")
    }

    pub fn word_argument(mut self, value: u32) -> Self {
        while !self.body.len().is_multiple_of(4) {
            self.body.push(0);
        }
        self.body.extend(self.word(value));
        self.add_to_signature("u")
    }

    /// One argument `ay` of so many bytes.
    pub fn bytes(mut self, count: usize) -> Self {
        self.body.extend(self.word(u32::try_from(count).unwrap()));
        self.body.extend((0..count).map(|at| (at % 251) as u8));
        self.add_to_signature("ay")
    }

    pub fn add_to_signature(mut self, more: &str) -> Self {
        match self.fields.iter_mut().find(|(code, _)| *code == 8) {
            Some((_, Field::Signature(signature))) => signature.push_str(more),
            _ => self.fields.push((8, Field::Signature(more.into()))),
        }
        self
    }

    fn word(&self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![if self.big_endian { b'B' } else { b'l' }, self.kind, self.flags, 1];
        bytes.extend(self.word(u32::try_from(self.body.len()).unwrap()));
        bytes.extend(self.word(self.serial));
        bytes.extend([0; 4]);
        for (code, field) in &self.fields {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let signature = match field {
                Field::Path(_) => b'o',
                Field::Text(_) => b's',
                Field::Word(_) => b'u',
                Field::Signature(_) => b'g',
            };
            bytes.extend([*code, 1, signature, 0]);
            match field {
                Field::Path(text) | Field::Text(text) => {
                    bytes.extend(self.word(u32::try_from(text.len()).unwrap()));
                    bytes.extend(text.as_bytes());
                    bytes.push(0);
                }
                Field::Word(value) => bytes.extend(self.word(*value)),
                Field::Signature(text) => {
                    bytes.push(u8::try_from(text.len()).unwrap());
                    bytes.extend(text.as_bytes());
                    bytes.push(0);
                }
            }
        }
        let length = u32::try_from(bytes.len() - 16).unwrap();
        bytes[12..16].copy_from_slice(&self.word(length));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(&self.body);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Self {
        let big_endian = bytes[0] == b'B';
        let word = |at: usize| {
            let word = bytes[at..at + 4].try_into().unwrap();
            if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        let (mut at, end) = (16, 16 + word(12) as usize);
        let mut fields = Vec::new();
        while at < end {
            at = at.next_multiple_of(8);
            let (code, signature) = (bytes[at], bytes[at + 2]);
            at += 4;
            let field = match signature {
                b'u' => {
                    at += 4;
                    Field::Word(word(at - 4))
                }
                b'g' => {
                    let length = usize::from(bytes[at]);
                    at += length + 2;
                    Field::Signature(String::from_utf8(bytes[at - length - 1..at - 1].to_vec()).unwrap())
                }
                _ => {
                    let length = word(at) as usize;
                    at += 5 + length;
                    let text = String::from_utf8(bytes[at - length - 1..at - 1].to_vec()).unwrap();
                    if signature == b'o' { Field::Path(text) } else { Field::Text(text) }
                }
            };
            fields.push((code, field));
        }
        let body = bytes[end.next_multiple_of(8)..].to_vec();
        Self { kind: bytes[1], flags: bytes[2], serial: word(8), fields, body, big_endian }
    }

    pub fn field(&self, code: u8) -> Option<&str> {
        self.fields.iter().find(|(other, _)| *other == code).and_then(|(_, field)| match field {
            Field::Path(text) | Field::Text(text) | Field::Signature(text) => Some(&**text),
            Field::Word(_) => None,
        })
    }

    pub fn reply_to(&self) -> Option<u32> {
        self.fields.iter().find_map(|(code, field)| match field {
            Field::Word(value) if *code == 5 => Some(*value),
            _ => None,
        })
    }

    pub fn member(&self) -> &str {
        self.field(3).unwrap_or_default()
    }

    pub fn sender(&self) -> &str {
        self.field(7).unwrap_or_default()
    }

    /// The error's name without its namespace; empty for no error.
    pub fn error(&self) -> &str {
        let name = self.field(4).unwrap_or_default();
        name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name)
    }

    /// The string arguments, of a body of strings or of one array of strings.
    pub fn strings(&self) -> Vec<String> {
        let is_array = self.field(8) == Some("as");
        let (mut at, mut strings) = (if is_array { 4 } else { 0 }, Vec::new());
        let word = |at: usize| {
            let word = self.body[at..at + 4].try_into().unwrap();
            if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        while at + 4 < self.body.len() {
            at = at.next_multiple_of(4);
            let length = word(at) as usize;
            strings.push(String::from_utf8(self.body[at + 4..at + 4 + length].to_vec()).unwrap());
            at += 5 + length;
        }
        strings
    }
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    pub stream: UnixStream,
    pub name: String,
    pub serial: u32,
    received: VecDeque<Message>,
    input: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

impl Client {
    /// Connects, authenticates and says hello.
    pub fn connect(path: &Path) -> Self {
        let mut client = Self::authenticated(path);
        let hello = client.call(Message::bus("Hello"));
        client.name = hello.strings().remove(0);
        client
    }

    /// Connects and authenticates.
    pub fn authenticated(path: &Path) -> Self {
        let mut client = Self::silent(path);
        client.stream.write_all(b"\0AUTH EXTERNAL\r\n").unwrap();
        assert_eq!(client.line(), "DATA");
        client.stream.write_all(b"DATA\r\n").unwrap();
        assert!(client.line().starts_with("OK "));
        client.stream.write_all(b"NEGOTIATE_UNIX_FD\r\n").unwrap();
        assert_eq!(client.line(), "AGREE_UNIX_FD");
        client.stream.write_all(b"BEGIN\r\n").unwrap();
        client
    }

    /// Connects.
    pub fn silent(path: &Path) -> Self {
        Self::from(UnixStream::connect(path).unwrap())
    }

    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("a line of the authentication");
            line.push(byte[0]);
        }
        String::from_utf8(line[..line.len() - 2].to_vec()).unwrap()
    }

    /// Sends a message with the next serial, which is returned.
    pub fn send(&mut self, message: Message) -> u32 {
        self.send_with_fds(message, &[])
    }

    pub fn send_with_fds(&mut self, mut message: Message, fds: &[BorrowedFd<'_>]) -> u32 {
        self.serial += 1;
        message.serial = self.serial;
        self.send_bytes(&message.encode(), fds);
        self.serial
    }

    pub fn send_bytes(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)));
        }
        let slices = [IoSlice::new(bytes)];
        // Whether the other side still reads is for the test to see.
        match rustix::net::sendmsg(&self.stream, &slices, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(count) => {
                let _ = self.stream.write_all(&bytes[count..]);
            }
            Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => {}
            Err(errno) => panic!("{errno}"),
        }
    }

    /// The next message; nothing, if the connection was closed.
    pub fn next(&mut self) -> Option<Message> {
        if let Some(message) = self.received.pop_front() {
            return Some(message);
        }
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            let mut chunk = vec![0; 64 << 10];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let slices = &mut [IoSliceMut::new(&mut chunk)];
            let received =
                match rustix::net::recvmsg(&self.stream, slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                    Ok(received) => received.bytes,
                    Err(rustix::io::Errno::CONNRESET) => return None,
                    Err(errno) => panic!("waiting for a message: {errno}"),
                };
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    self.fds.extend(rights);
                }
            }
            if received == 0 {
                return None;
            }
            self.input.extend(&chunk[..received]);
        }
    }

    fn take_message(&mut self) -> Option<Message> {
        let bytes = &self.input;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let big = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if bytes.len() < 16 {
            return None;
        }
        let (body, fields) = if bytes[0] == b'B' { (big(4), big(12)) } else { (word(4), word(12)) };
        let total = (16 + fields).next_multiple_of(8) + body;
        if bytes.len() < total {
            return None;
        }
        let rest = self.input.split_off(total);
        let message = Message::decode(&std::mem::replace(&mut self.input, rest));
        Some(message)
    }

    /// The next message that fits, leaving others for later.
    pub fn wait_for(&mut self, mut fits: impl FnMut(&Message) -> bool) -> Message {
        let mut passed = VecDeque::new();
        loop {
            let message = self.next().expect("the connection stays open");
            if fits(&message) {
                passed.append(&mut self.received);
                self.received = passed;
                return message;
            }
            passed.push_back(message);
        }
    }

    /// Sends a call and waits for its answer.
    pub fn call(&mut self, message: Message) -> Message {
        let serial = self.send(message);
        self.wait_for(|message| message.reply_to() == Some(serial))
    }

    /// Asks the bus for something by one string; the answer is its error or its first string.
    pub fn ask(&mut self, member: &str, argument: &str) -> String {
        let reply = self.call(Message::bus(member).string(argument));
        match (reply.kind, reply.field(8)) {
            (ERROR, _) => format!("!{}", reply.error()),
            (_, Some("s")) => reply.strings().remove(0),
            (_, Some("u" | "b")) => u32::from_le_bytes(reply.body[..4].try_into().unwrap()).to_string(),
            _ => String::new(),
        }
    }

    pub fn own(&mut self, name: &str) -> String {
        let reply = self.call(Message::bus("RequestName").string(name).word_argument(0));
        if reply.kind == ERROR { reply.error().into() } else { reply.body[0].to_string() }
    }

    pub fn add_match(&mut self, rule: &str) {
        assert_eq!(self.ask("AddMatch", rule), "");
    }

    /// All messages that have come until now, but for answers and the bus's news of our own names.
    pub fn drain(&mut self) -> Vec<Message> {
        let end = self.send(Message::bus("GetId"));
        let mut messages = Vec::new();
        loop {
            let message = self.next().expect("the connection stays open");
            if message.reply_to() == Some(end) {
                return messages;
            }
            if !["NameAcquired", "NameLost"].contains(&message.member()) || message.sender() != BUS {
                messages.push(message);
            }
        }
    }

    /// Answers the next call with an empty return; returns the call.
    pub fn serve(&mut self) -> Message {
        let call = self.wait_for(|message| message.kind == CALL);
        self.send(Message::answer(call.sender(), call.serial));
        call
    }

    /// Whether the other side has closed the connection, reading what came before.
    pub fn is_closed(&mut self) -> bool {
        while self.next().is_some() {}
        true
    }
}

impl From<UnixStream> for Client {
    fn from(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (name, received, input, fds) = (String::new(), VecDeque::new(), Vec::new(), Vec::new());
        Self { stream, name, serial: 0, received, input, fds }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
