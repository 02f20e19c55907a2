//! The few messages that the filter writes itself, and the bodies that it reads: questions to the bus, and answers in its name.

use std::num::NonZeroU32;

use crate::call::MethodCall;
use crate::header::{Frame, Header, Kind, NO_REPLY_EXPECTED};
use crate::peers::BUS;
use crate::wire::{Endian, Malformed, Reader, Writer};

pub(crate) const BUS_PATH: &str = "/org/freedesktop/DBus";

/// Arguments: their signature, and their bytes in little-endian order.
#[derive(Debug, Default)]
pub(crate) struct Body {
    signature: &'static str,
    bytes: Vec<u8>,
}

impl Body {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn string(text: &str) -> Self {
        let mut writer = Writer::new(Endian::Little);
        writer.string(text);
        Self { signature: "s", bytes: writer.into_bytes() }
    }

    pub(crate) fn boolean(value: bool) -> Self {
        let mut writer = Writer::new(Endian::Little);
        writer.u32(value.into());
        Self { signature: "b", bytes: writer.into_bytes() }
    }

    pub(crate) fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut writer = Writer::new(Endian::Little);
        writer.elements(4, |array| texts.for_each(|text| array.string(text)));
        Self { signature: "as", bytes: writer.into_bytes() }
    }
}

/// An empty header of the kind, in little-endian order.
fn blank<'a>(kind: Kind, body: &Body) -> Header<'a> {
    Header {
        frame: Frame { endian: Endian::Little, header: 0, body: body.bytes.len() },
        kind,
        flags: 0,
        serial: NonZeroU32::MIN,
        path: None,
        interface: None,
        member: None,
        error_name: None,
        destination: None,
        sender: None,
        signature: body.signature,
        fds: 0,
        reply_to: None,
        has_unknown_fields: false,
    }
}

fn write(header: &Header<'_>, serial: NonZeroU32, reply_to: Option<NonZeroU32>, body: &Body) -> Vec<u8> {
    let mut bytes = header.write(serial, reply_to);
    bytes.extend(&body.bytes);
    bytes
}

/// A call of a method of the bus.
pub(crate) fn bus_call(serial: NonZeroU32, member: &str, flags: u8, body: &Body) -> Vec<u8> {
    let header = Header {
        flags,
        path: Some(BUS_PATH),
        interface: Some(BUS),
        member: Some(member),
        destination: Some(BUS),
        ..blank(Kind::Call, body)
    };
    write(&header, serial, None, body)
}

/// A call of any method, with arguments that are marshalled already.
pub(crate) fn foreign_call(
    serial: NonZeroU32,
    call: &MethodCall<'_>,
    fds: u32,
    signature: &str,
    body: &[u8],
) -> Vec<u8> {
    let header = Header {
        frame: Frame { endian: Endian::Little, header: 0, body: body.len() },
        path: Some(call.path),
        interface: Some(call.interface),
        member: Some(call.member),
        destination: Some(call.destination),
        signature,
        fds,
        ..blank(Kind::Call, &Body::none())
    };
    let mut bytes = header.write(serial, None);
    bytes.extend(body);
    bytes
}

/// Which call is answered, and with which serial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) serial: NonZeroU32,
    pub(crate) to: NonZeroU32,
    /// The app's unique name, when it has one.
    pub(crate) app: Option<&'a str>,
}

impl Answer<'_> {
    /// A successful answer in the name of the bus.
    pub(crate) fn value(self, body: &Body) -> Vec<u8> {
        let header = Header {
            flags: NO_REPLY_EXPECTED,
            sender: Some(BUS),
            destination: self.app,
            ..blank(Kind::Return, body)
        };
        write(&header, self.serial, Some(self.to), body)
    }

    /// An error in the name of the bus; `error` is the part after `org.freedesktop.DBus.Error.`.
    pub(crate) fn error(self, error: &str, text: &str) -> Vec<u8> {
        let (name, body) = (format!("org.freedesktop.DBus.Error.{error}"), Body::string(text));
        let header = Header {
            flags: NO_REPLY_EXPECTED,
            sender: Some(BUS),
            destination: self.app,
            error_name: Some(&name),
            ..blank(Kind::Error, &body)
        };
        write(&header, self.serial, Some(self.to), &body)
    }
}

/// The first argument, if it is a string.
pub(crate) fn first_string<'a>(header: &Header<'_>, body: &'a [u8]) -> Option<&'a str> {
    if !header.signature.starts_with('s') {
        return None;
    }
    Reader::new(body, header.frame.endian).string().ok()
}

/// The arguments of `NameOwnerChanged`: the name, its old owner, its new owner.
pub(crate) fn owner_change<'a>(header: &Header<'_>, body: &'a [u8]) -> Option<[&'a str; 3]> {
    if header.signature != "sss" {
        return None;
    }
    let mut reader = Reader::new(body, header.frame.endian);
    Some([reader.string().ok()?, reader.string().ok()?, reader.string().ok()?])
}

/// The one argument of an answer that lists names.
pub(crate) fn list_of_names<'a>(header: &Header<'_>, body: &'a [u8]) -> Result<Vec<&'a str>, Malformed> {
    if header.signature != "as" {
        return Err(Malformed("an answer that is not a list of names"));
    }
    let mut elements = Reader::new(body, header.frame.endian).elements(4)?;
    let mut names = Vec::new();
    while !elements.is_at_end() {
        names.push(elements.string()?);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> (Header<'_>, &[u8]) {
        let header = Header::parse(bytes, Frame::measure(bytes.first_chunk().unwrap()).unwrap()).unwrap();
        assert_eq!(header.frame.total(), bytes.len());
        let body = &bytes[header.frame.header..];
        (header, body)
    }

    #[test]
    fn what_is_written_is_read() {
        let one = NonZeroU32::MIN;
        let bytes = bus_call(one, "AddMatch", 0, &Body::string("type='signal'"));
        let (header, body) = parse(&bytes);
        assert_eq!((header.member, header.destination), (Some("AddMatch"), Some(BUS)));
        assert_eq!(first_string(&header, body), Some("type='signal'"));

        let answer = Answer { serial: one, to: NonZeroU32::new(7).unwrap(), app: Some(":1.2") };
        let bytes = answer.value(&Body::strings(["a.b", "c.d"].into_iter()));
        let (header, body) = parse(&bytes);
        assert_eq!(list_of_names(&header, body), Ok(vec!["a.b", "c.d"]));
        assert_eq!((header.destination, header.reply_to.unwrap().serial.get()), (Some(":1.2"), 7));

        let bytes = answer.error("AccessDenied", "no");
        let (header, body) = parse(&bytes);
        assert_eq!(header.error_name, Some("org.freedesktop.DBus.Error.AccessDenied"));
        assert_eq!(first_string(&header, body), Some("no"));
        assert_eq!(owner_change(&header, body), None);
        parse(&answer.value(&Body::boolean(false)));
        parse(&answer.value(&Body::none()));
    }
}
