//! Arguments of calls as values, for [`Session`](crate::Session): marshalled and read back by their signature, within limits.

use crate::name::complete_type;
use crate::wire::{Malformed, Reader, Writer};

/// How deep values may be nested.
const MAX_DEPTH: usize = 32;
/// How many values an answer may have.
const MAX_VALUES: usize = 64 << 10;

/// A value of one of the types that our own calls need.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `y`
    Byte(u8),
    /// `b`
    Bool(bool),
    /// `q`
    U16(u16),
    /// `n`
    I16(i16),
    /// `u`
    U32(u32),
    /// `i`
    I32(i32),
    /// `t`
    U64(u64),
    /// `x`
    I64(i64),
    /// `d`
    F64(f64),
    /// `s`
    String(String),
    /// `o`
    Path(String),
    /// `g`
    Signature(String),
    /// `h`: the place of a descriptor among those of the message.
    Fd(u32),
    /// `ay`
    Bytes(Vec<u8>),
    /// `a…`: the signature of an element, and the elements. Not for bytes.
    Array(String, Vec<Value>),
    /// `(…)`
    Struct(Vec<Value>),
    /// `{…}`, in arrays
    Entry(Box<(Value, Value)>),
    /// `v`
    Variant(Box<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl Value {
    /// The text of a string, an object path or a signature.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Path(text) | Self::Signature(text) => Some(text),
            _ => None,
        }
    }

    /// A variant that holds this.
    pub fn into_variant(self) -> Self {
        Self::Variant(Box::new(self))
    }

    /// A structure of a name and a variant, as systemd takes properties.
    pub fn property(name: &str, value: Value) -> Self {
        Self::Struct(vec![name.into(), value.into_variant()])
    }

    /// The type as D-Bus writes it.
    pub fn signature(&self) -> String {
        match self {
            Self::Byte(_) => "y".into(),
            Self::Bool(_) => "b".into(),
            Self::U16(_) => "q".into(),
            Self::I16(_) => "n".into(),
            Self::U32(_) => "u".into(),
            Self::I32(_) => "i".into(),
            Self::U64(_) => "t".into(),
            Self::I64(_) => "x".into(),
            Self::F64(_) => "d".into(),
            Self::String(_) => "s".into(),
            Self::Path(_) => "o".into(),
            Self::Signature(_) => "g".into(),
            Self::Fd(_) => "h".into(),
            Self::Bytes(_) => "ay".into(),
            Self::Array(element, _) => format!("a{element}"),
            Self::Struct(fields) => format!("({})", signature_of(fields)),
            Self::Entry(entry) => format!("{{{}{}}}", entry.0.signature(), entry.1.signature()),
            Self::Variant(_) => "v".into(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Byte(value) => writer.u8(*value),
            Self::Bool(value) => writer.u32((*value).into()),
            Self::U16(value) => writer.u16(*value),
            Self::I16(value) => writer.u16(value.cast_unsigned()),
            Self::U32(value) | Self::Fd(value) => writer.u32(*value),
            Self::I32(value) => writer.u32(value.cast_unsigned()),
            Self::U64(value) => writer.u64(*value),
            Self::I64(value) => writer.u64(value.cast_unsigned()),
            Self::F64(value) => writer.u64(value.to_bits()),
            Self::String(text) | Self::Path(text) => writer.string(text),
            Self::Signature(text) => writer.signature(text),
            Self::Bytes(bytes) => writer.elements(1, |array| array.raw(bytes)),
            Self::Array(element, values) => writer.elements(alignment(element.as_bytes()), |array| {
                values.iter().for_each(|value| value.write(array));
            }),
            Self::Struct(fields) => {
                writer.align(8);
                fields.iter().for_each(|field| field.write(writer));
            }
            Self::Entry(entry) => {
                writer.align(8);
                entry.0.write(writer);
                entry.1.write(writer);
            }
            Self::Variant(value) => {
                writer.signature(&value.signature());
                value.write(writer);
            }
        }
    }
}

/// The signature of several values.
pub(crate) fn signature_of(values: &[Value]) -> String {
    values.iter().map(Value::signature).collect()
}

/// Reads as many values as a valid signature has.
pub(crate) fn read_all(reader: &mut Reader<'_>, signature: &str) -> Result<Vec<Value>, Malformed> {
    let mut left = MAX_VALUES;
    read_several(reader, signature.as_bytes(), MAX_DEPTH, &mut left)
}

fn read_several(
    reader: &mut Reader<'_>,
    mut signature: &[u8],
    depth: usize,
    left: &mut usize,
) -> Result<Vec<Value>, Malformed> {
    let mut values = Vec::new();
    while !signature.is_empty() {
        let length = complete_type(signature, 0, 0).ok_or(Malformed("a signature that is not one"))?;
        let (first, rest) = signature.split_at(length);
        values.push(read(reader, first, depth, left)?);
        signature = rest;
    }
    Ok(values)
}

fn read(
    reader: &mut Reader<'_>,
    signature: &[u8],
    depth: usize,
    left: &mut usize,
) -> Result<Value, Malformed> {
    *left = left.checked_sub(1).ok_or(Malformed("more values than an answer may have"))?;
    let depth = depth.checked_sub(1).ok_or(Malformed("values nested too deep"))?;
    Ok(match signature {
        b"y" => Value::Byte(reader.u8()?),
        b"b" => match reader.u32()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return Err(Malformed("a boolean that is neither true nor false")),
        },
        b"q" => Value::U16(reader.u16()?),
        b"n" => Value::I16(reader.u16()?.cast_signed()),
        b"u" => Value::U32(reader.u32()?),
        b"h" => Value::Fd(reader.u32()?),
        b"i" => Value::I32(reader.u32()?.cast_signed()),
        b"t" => Value::U64(reader.u64()?),
        b"x" => Value::I64(reader.u64()?.cast_signed()),
        b"d" => Value::F64(f64::from_bits(reader.u64()?)),
        b"s" => Value::String(reader.string()?.into()),
        b"o" => Value::Path(reader.string()?.into()),
        b"g" => Value::Signature(reader.signature()?.into()),
        b"v" => {
            let inner = reader.signature()?.as_bytes();
            if complete_type(inner, 0, 0) != Some(inner.len()) {
                return Err(Malformed("a variant that is not of one type"));
            }
            Value::Variant(Box::new(read(reader, inner, depth, left)?))
        }
        b"ay" => Value::Bytes(reader.elements(1)?.rest().to_vec()),
        [b'a', element @ ..] => {
            let mut elements = reader.elements(alignment(element))?;
            let mut values = Vec::new();
            while !elements.is_at_end() {
                values.push(read(&mut elements, element, depth, left)?);
            }
            Value::Array(String::from_utf8_lossy(element).into_owned(), values)
        }
        [b'(', fields @ .., b')'] => {
            reader.align(8)?;
            Value::Struct(read_several(reader, fields, depth, left)?)
        }
        [b'{', key, value @ .., b'}'] => {
            reader.align(8)?;
            let key = read(reader, &[*key], depth, left)?;
            Value::Entry(Box::new((key, read(reader, value, depth, left)?)))
        }
        _ => return Err(Malformed("a signature that is not one")),
    })
}

/// What the values of a type are aligned to.
fn alignment(signature: &[u8]) -> usize {
    match signature.first() {
        Some(b'y' | b'g' | b'v') => 1,
        Some(b'n' | b'q') => 2,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Endian;

    fn round_trip(values: &[Value], endian: Endian) -> Result<Vec<Value>, Malformed> {
        let mut writer = Writer::new(endian);
        values.iter().for_each(|value| value.write(&mut writer));
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes, endian);
        let read = read_all(&mut reader, &signature_of(values))?;
        assert!(reader.is_at_end());
        Ok(read)
    }

    #[test]
    fn what_is_written_is_read() {
        let pids = Value::Array("u".into(), vec![Value::U32(42)]);
        let unit = [
            "app.scope".into(),
            "fail".into(),
            Value::Array(
                "(sv)".into(),
                vec![Value::property("PIDs", pids), Value::property("Delegate", Value::Bool(true))],
            ),
            Value::Array("(sa(sv))".into(), vec![]),
        ];
        assert_eq!(signature_of(&unit), "ssa(sv)a(sa(sv))");
        let entry = Value::Entry(Box::new(("key".into(), Value::I64(-5).into_variant())));
        let others = [
            Value::Byte(1),
            Value::U16(2),
            Value::I16(-3),
            Value::I32(-4),
            Value::F64(0.5),
            Value::Path("/a".into()),
            Value::Signature("a{sv}".into()),
            Value::Bytes(b"/run/doc\0".to_vec()),
            Value::Array("{sv}".into(), vec![entry]),
            Value::Fd(0),
        ];
        for endian in [Endian::Little, Endian::Big] {
            assert_eq!(round_trip(&unit, endian), Ok(unit.to_vec()));
            assert_eq!(round_trip(&others, endian), Ok(others.to_vec()));
        }
    }

    #[test]
    fn hostile_values_end() {
        let deep = (0..100).fold(Value::Byte(0), |value, _| value.into_variant());
        assert_eq!(round_trip(&[deep], Endian::Little), Err(Malformed("values nested too deep")));
        let many = Value::Array("b".into(), vec![Value::Bool(true); MAX_VALUES + 1]);
        assert_eq!(
            round_trip(&[many], Endian::Little),
            Err(Malformed("more values than an answer may have"))
        );
        for (signature, bytes) in
            [("v", &b"\x02ss\0"[..]), ("b", b"\x02\0\0\0"), ("v", b"\0\0"), ("as", b"\xff\xff\xff\x7f")]
        {
            assert!(read_all(&mut Reader::new(bytes, Endian::Little), signature).is_err(), "{signature}");
        }
    }
}
