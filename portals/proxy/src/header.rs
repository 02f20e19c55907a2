//! The header of a message: bytes into types, strictly, and back.
//!
//! A header is accepted only if it has one meaning: each field once, of its type, with a valid value, padding zero. So what we decide on is
//! what every other parser reads. Bodies are not looked at here.
//!
//! Source: D-Bus specification, "Message Format".

use std::num::NonZeroU32;

use crate::name;
use crate::wire::{Endian, MAX_MESSAGE, Malformed, Reader, Writer};

/// The first part, of fixed size: byte order, type, flags, version, length of the body, serial, length of the fields.
pub(crate) const PREFIX: usize = 16;
/// Where the serial stands.
pub(crate) const SERIAL_AT: usize = 8;

pub(crate) const NO_REPLY_EXPECTED: u8 = 1;
pub(crate) const NO_AUTO_START: u8 = 2;

/// How many bytes a message has, as its first [`PREFIX`] bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) endian: Endian,
    /// The header with its padding.
    pub(crate) header: usize,
    pub(crate) body: usize,
}

impl Frame {
    /// Reads the lengths. What they claim is within the limits of the specification.
    pub(crate) fn measure(prefix: &[u8; PREFIX]) -> Result<Self, Malformed> {
        let endian = Endian::from_mark(prefix[0]).ok_or(Malformed("neither byte order"))?;
        if prefix[3] != 1 {
            return Err(Malformed("a version of the protocol that is not 1"));
        }
        let word =
            |at: usize| endian.u32([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]]) as usize;
        let (body, fields) = (word(4), word(12));
        if fields > MAX_MESSAGE
            || body > MAX_MESSAGE
            || fields.next_multiple_of(8) + PREFIX + body > MAX_MESSAGE
        {
            return Err(Malformed("a message over 128 MiB"));
        }
        Ok(Self { endian, header: PREFIX + fields.next_multiple_of(8), body })
    }

    /// All of the message.
    pub(crate) fn total(&self) -> usize {
        self.header + self.body
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Return,
    Error,
    Signal,
    /// A type of a later version of the protocol, to be ignored.
    Other(u8),
}

/// A header. Texts are valid for what they are.
#[derive(Debug, Clone)]
pub(crate) struct Header<'a> {
    pub(crate) frame: Frame,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) serial: NonZeroU32,
    pub(crate) path: Option<&'a str>,
    pub(crate) interface: Option<&'a str>,
    pub(crate) member: Option<&'a str>,
    pub(crate) error_name: Option<&'a str>,
    pub(crate) destination: Option<&'a str>,
    pub(crate) sender: Option<&'a str>,
    pub(crate) signature: &'a str,
    pub(crate) fds: u32,
    pub(crate) reply_to: Option<ReplyTo>,
    /// Whether there are fields of a later version of the protocol; they are not passed on.
    pub(crate) has_unknown_fields: bool,
}

/// The serial of the call that a message answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    pub(crate) serial: NonZeroU32,
    /// Where in the message it stands.
    pub(crate) at: usize,
}

impl<'a> Header<'a> {
    /// Reads all of a header, whose lengths `frame` has.
    pub(crate) fn parse(bytes: &'a [u8], frame: Frame) -> Result<Self, Malformed> {
        let mut reader =
            Reader::new(bytes.get(..frame.header).ok_or(Malformed("a header cut short"))?, frame.endian);
        let (_order, kind, flags, _version) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        let (_body, serial) = (reader.u32()?, reader.u32()?);
        let mut header = Header {
            frame,
            kind: kind_of(kind)?,
            flags,
            serial: NonZeroU32::new(serial).ok_or(Malformed("a serial that is zero"))?,
            path: None,
            interface: None,
            member: None,
            error_name: None,
            destination: None,
            sender: None,
            signature: "",
            fds: 0,
            reply_to: None,
            has_unknown_fields: false,
        };
        let mut seen = 0;
        let mut fields = reader.elements(8)?;
        while !fields.is_at_end() {
            header.read_field(&mut fields, &mut seen)?;
        }
        reader.align(8)?;
        header.check()?;
        Ok(header)
    }

    fn read_field(&mut self, fields: &mut Reader<'a>, seen: &mut u32) -> Result<(), Malformed> {
        fields.align(8)?;
        let code = fields.u8()?;
        let signature = fields.signature()?;
        let wanted = match code {
            0 => return Err(Malformed("a field of type 0")),
            1 => "o",
            2..=4 | 6 | 7 => "s",
            5 | 9 => "u",
            8 => "g",
            _ => {
                self.has_unknown_fields = true;
                return skip_value(fields, signature);
            }
        };
        if signature != wanted {
            return Err(Malformed("a field that is not of its type"));
        }
        if *seen & (1 << code) != 0 {
            return Err(Malformed("a field that is there twice"));
        }
        *seen |= 1 << code;
        match code {
            1 => self.path = Some(checked(fields.string()?, name::is_path)?),
            2 => self.interface = Some(checked(fields.string()?, name::is_interface)?),
            3 => self.member = Some(checked(fields.string()?, name::is_member)?),
            4 => self.error_name = Some(checked(fields.string()?, name::is_interface)?),
            5 => {
                let serial = NonZeroU32::new(fields.u32()?).ok_or(Malformed("an answer to serial zero"))?;
                self.reply_to = Some(ReplyTo { serial, at: fields.position() - 4 });
            }
            6 => self.destination = Some(checked(fields.string()?, name::is_bus_name)?),
            7 => self.sender = Some(checked(fields.string()?, name::is_bus_name)?),
            8 => self.signature = checked(fields.signature()?, name::is_signature)?,
            _ => self.fds = fields.u32()?,
        }
        Ok(())
    }

    /// Whether what its type requires is there.
    fn check(&self) -> Result<(), Malformed> {
        let is_complete = match self.kind {
            Kind::Call => self.path.is_some() && self.member.is_some(),
            Kind::Return => self.reply_to.is_some(),
            Kind::Error => self.reply_to.is_some() && self.error_name.is_some(),
            Kind::Signal => self.path.is_some() && self.interface.is_some() && self.member.is_some(),
            Kind::Other(_) => true,
        };
        if !is_complete {
            return Err(Malformed("a header without a field that its type requires"));
        }
        if self.path == Some("/org/freedesktop/DBus/Local")
            || self.interface == Some("org.freedesktop.DBus.Local")
        {
            return Err(Malformed("a message of the reserved interface org.freedesktop.DBus.Local"));
        }
        if self.signature.is_empty() != (self.frame.body == 0) {
            return Err(Malformed("a body without signature, or a signature without body"));
        }
        Ok(())
    }

    /// Whether it is a call whose sender waits for an answer.
    pub(crate) fn wants_reply(&self) -> bool {
        self.kind == Kind::Call && self.flags & NO_REPLY_EXPECTED == 0
    }

    /// The header anew, with these serials, the known fields only, in their order.
    pub(crate) fn write(&self, serial: NonZeroU32, reply_to: Option<NonZeroU32>) -> Vec<u8> {
        let mut writer = Writer::new(self.frame.endian);
        writer.u8(self.frame.endian.mark());
        writer.u8(kind_code(self.kind));
        writer.u8(self.flags);
        writer.u8(1);
        writer.u32(u32::try_from(self.frame.body).unwrap_or(u32::MAX));
        writer.u32(serial.get());
        writer.elements(8, |fields| {
            let strings = [
                (1, "o", self.path),
                (2, "s", self.interface),
                (3, "s", self.member),
                (4, "s", self.error_name),
                (6, "s", self.destination),
                (7, "s", self.sender),
            ];
            for (code, signature, text) in strings {
                if let Some(text) = text {
                    write_code(fields, code, signature);
                    fields.string(text);
                }
            }
            if let Some(reply_to) = reply_to {
                write_code(fields, 5, "u");
                fields.u32(reply_to.get());
            }
            if !self.signature.is_empty() {
                write_code(fields, 8, "g");
                fields.signature(self.signature);
            }
            if self.fds > 0 {
                write_code(fields, 9, "u");
                fields.u32(self.fds);
            }
        });
        writer.align(8);
        writer.into_bytes()
    }
}

fn write_code(fields: &mut Writer, code: u8, signature: &str) {
    fields.align(8);
    fields.u8(code);
    fields.signature(signature);
}

fn kind_of(code: u8) -> Result<Kind, Malformed> {
    match code {
        0 => Err(Malformed("a message of type 0")),
        1 => Ok(Kind::Call),
        2 => Ok(Kind::Return),
        3 => Ok(Kind::Error),
        4 => Ok(Kind::Signal),
        other => Ok(Kind::Other(other)),
    }
}

fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Call => 1,
        Kind::Return => 2,
        Kind::Error => 3,
        Kind::Signal => 4,
        Kind::Other(code) => code,
    }
}

fn checked(text: &str, is_right: fn(&str) -> bool) -> Result<&str, Malformed> {
    if is_right(text) { Ok(text) } else { Err(Malformed("a field whose value is not a valid name")) }
}

/// Steps over the value of an unknown field, which may be of any basic type.
fn skip_value(fields: &mut Reader<'_>, signature: &str) -> Result<(), Malformed> {
    match signature {
        "y" => fields.u8().map(drop),
        "n" | "q" => fields.u16().map(drop),
        "b" | "i" | "u" | "h" => fields.u32().map(drop),
        "x" | "t" | "d" => fields.u64().map(drop),
        "s" | "o" => fields.string().map(drop),
        "g" => fields.signature().map(drop),
        _ => Err(Malformed("an unknown field whose type is not basic")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A call with every field that a call may have.
    pub(crate) fn sample(endian: Endian) -> Vec<u8> {
        let mut writer = Writer::new(endian);
        [endian.mark(), 1, 0, 1].into_iter().for_each(|byte| writer.u8(byte));
        writer.u32(8);
        writer.u32(77);
        writer.elements(8, |fields| {
            for (code, signature, text) in
                [(1, "o", "/a/b"), (6, "s", "org.x.Y"), (2, "s", "org.x.I"), (3, "s", "Do"), (7, "s", ":1.7")]
            {
                write_code(fields, code, signature);
                fields.string(text);
            }
            write_code(fields, 8, "g");
            fields.signature("s");
            write_code(fields, 9, "u");
            fields.u32(2);
        });
        writer.align(8);
        writer.string("arg");
        writer.into_bytes()
    }

    fn parse(bytes: &[u8]) -> Result<Header<'_>, Malformed> {
        let prefix = bytes.first_chunk().ok_or(Malformed("short"))?;
        Header::parse(bytes, Frame::measure(prefix)?)
    }

    #[test]
    fn both_byte_orders() {
        for endian in [Endian::Little, Endian::Big] {
            let bytes = sample(endian);
            let header = parse(&bytes).unwrap();
            assert_eq!(
                (header.kind, header.serial.get(), header.fds, header.signature),
                (Kind::Call, 77, 2, "s")
            );
            assert_eq!(
                (header.path, header.interface, header.member),
                (Some("/a/b"), Some("org.x.I"), Some("Do"))
            );
            assert_eq!((header.destination, header.sender), (Some("org.x.Y"), Some(":1.7")));
            assert_eq!(header.frame.total(), bytes.len());
        }
    }

    #[test]
    fn writing_keeps_the_meaning() {
        for endian in [Endian::Little, Endian::Big] {
            let bytes = sample(endian);
            let header = parse(&bytes).unwrap();
            let again = header.write(NonZeroU32::new(9).unwrap(), NonZeroU32::new(5));
            let again = Header::parse(&again, Frame::measure(again.first_chunk().unwrap()).unwrap()).unwrap();
            assert_eq!((again.serial.get(), again.reply_to.unwrap().serial.get()), (9, 5));
            assert_eq!((again.path, again.sender, again.fds), (header.path, header.sender, header.fds));
            assert_eq!((again.signature, again.frame.body), (header.signature, header.frame.body));
        }
    }

    /// A return whose fields are given as bytes.
    fn with_fields(kind: u8, fields: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new(Endian::Little);
        [b'l', kind, 0, 1].into_iter().for_each(|byte| writer.u8(byte));
        writer.u32(0);
        writer.u32(1);
        writer.elements(8, fields);
        writer.align(8);
        writer.into_bytes()
    }

    fn destination(fields: &mut Writer, name: &str) {
        write_code(fields, 6, "s");
        fields.string(name);
    }

    /// Field 5, which a return must have.
    fn answers(fields: &mut Writer) {
        write_code(fields, 5, "u");
        fields.u32(3);
    }

    #[test]
    fn what_has_two_meanings_is_refused() {
        type Case = (&'static str, u8, fn(&mut Writer));
        let cases: [Case; 8] = [
            ("a field that is there twice", 2, |f| {
                answers(f);
                destination(f, ":1.1");
                destination(f, ":1.2");
            }),
            ("a field whose value is not a valid name", 2, |f| destination(f, ":1.1 ")),
            ("a field of type 0", 2, |f| write_code(f, 0, "u")),
            ("a field that is not of its type", 2, |f| write_code(f, 5, "i")),
            ("a header without a field that its type requires", 2, |f| destination(f, ":1.1")),
            ("a header without a field that its type requires", 1, |f| destination(f, ":1.1")),
            ("a message of type 0", 0, answers),
            ("an unknown field whose type is not basic", 2, |f| write_code(f, 10, "as")),
        ];
        for (words, kind, fields) in cases {
            assert_eq!(parse(&with_fields(kind, fields)).unwrap_err().0, words);
        }
    }

    #[test]
    fn fields_of_later_versions_are_left_out() {
        let unknown = with_fields(2, |fields| {
            answers(fields);
            write_code(fields, 10, "o");
            fields.string("/container");
        });
        let header = parse(&unknown).unwrap();
        assert!(header.has_unknown_fields);
        let again = header.write(header.serial, header.reply_to.map(|to| to.serial));
        assert!(!parse(&again).unwrap().has_unknown_fields);
    }

    #[test]
    fn claims_beyond_the_limits() {
        let claim = |body: u32, fields: u32| {
            let mut prefix = [0; PREFIX];
            prefix[..4].copy_from_slice(&[b'l', 1, 0, 1]);
            prefix[4..8].copy_from_slice(&body.to_le_bytes());
            prefix[12..].copy_from_slice(&fields.to_le_bytes());
            Frame::measure(&prefix)
        };
        for (body, fields) in
            [(u32::MAX, 0), (0, u32::MAX), (1 << 31, 1 << 31), (128 << 20, 8), (u32::MAX, u32::MAX)]
        {
            assert!(claim(body, fields).is_err(), "{body} {fields}");
        }
        assert_eq!(claim(100, 9).unwrap().total(), 132);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_survived() {
        for endian in [Endian::Little, Endian::Big] {
            let bytes = sample(endian);
            for at in 0..bytes.len() {
                let _ = parse(&bytes[..at]);
                for value in 0..=255 {
                    let mut changed = bytes.clone();
                    changed[at] = value;
                    let _ = parse(&changed);
                }
            }
        }
    }
}
