//! The marshalling of D-Bus: reading and writing aligned values of either byte order, from and into plain bytes.
//!
//! Knows no messages, only their building blocks. Reading never panics and never allocates more than what it was given.
//!
//! Source: D-Bus specification, "Marshaling (Wire Format)".

/// The longest array, in bytes.
pub(crate) const MAX_ARRAY: usize = 64 << 20;
/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 128 << 20;

/// The byte order of a message; its first byte says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The order that a message's first byte names.
    pub(crate) fn from_mark(mark: u8) -> Option<Self> {
        match mark {
            b'l' => Some(Self::Little),
            b'B' => Some(Self::Big),
            _ => None,
        }
    }

    /// The byte that stands first in a message of this order.
    pub(crate) fn mark(self) -> u8 {
        match self {
            Self::Little => b'l',
            Self::Big => b'B',
        }
    }

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32_bytes(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u16_bytes(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u64_bytes(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// Bytes that are not what the wire format says; what is wrong with them, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Walks over marshalled values. Alignment counts from the first byte that it was given.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    endian: Endian,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, whose first byte lies on a multiple of 8 in the message.
    pub(crate) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { bytes, at: 0, endian }
    }

    /// Where it stands, from the beginning.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Steps over padding, which must be zero, to a multiple of `alignment`, a power of two.
    pub(crate) fn align(&mut self, alignment: usize) -> Result<(), Malformed> {
        let padding = self.at.wrapping_neg() & (alignment - 1);
        match self.take(padding)?.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(Malformed("padding that is not zero")),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(Malformed("a value that does not end within the message"))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.align(2)?;
        Ok(self.endian.u16(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        Ok(self.endian.u32(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.align(8)?;
        Ok(self.endian.u64(self.array()?))
    }

    /// A string or an object path: its bytes are UTF-8 without NUL.
    pub(crate) fn string(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u32()? as usize;
        self.text(length)
    }

    /// A signature: a string whose length is one byte.
    pub(crate) fn signature(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u8()?);
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let bytes = self.take(length)?;
        if self.u8()? != 0 || bytes.contains(&0) {
            return Err(Malformed("a string that does not end at its NUL"));
        }
        std::str::from_utf8(bytes).map_err(|_| Malformed("a string that is not UTF-8"))
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The elements of an array, as a reader that ends with the array; this one stands behind it then.
    pub(crate) fn elements(&mut self, alignment: usize) -> Result<Reader<'a>, Malformed> {
        let length = self.u32()? as usize;
        if length > MAX_ARRAY {
            return Err(Malformed("an array over 64 MiB"));
        }
        self.align(alignment)?;
        let start = self.at;
        self.take(length)?;
        Ok(Reader { bytes: &self.bytes[..start + length], at: start, endian: self.endian })
    }
}

/// Writes marshalled values. Alignment counts from the first byte that it wrote.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    endian: Endian,
}

impl Writer {
    pub(crate) fn new(endian: Endian) -> Self {
        Self { bytes: Vec::with_capacity(256), endian }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn align(&mut self, alignment: usize) {
        let padding = self.bytes.len().wrapping_neg() & (alignment - 1);
        self.bytes.extend(std::iter::repeat_n(0, padding));
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.align(2);
        self.bytes.extend(self.endian.u16_bytes(value));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes.extend(self.endian.u32_bytes(value));
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes.extend(self.endian.u64_bytes(value));
    }

    /// A string or an object path. Ours are short: a longer one than 4 GiB would be cut.
    pub(crate) fn string(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend(text.as_bytes());
        self.u8(0);
    }

    /// A signature, of at most 255 bytes.
    pub(crate) fn signature(&mut self, signature: &str) {
        self.u8(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        self.bytes.extend(signature.as_bytes());
        self.u8(0);
    }

    /// Bytes that are marshalled already.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// An array, whose elements `write` writes.
    pub(crate) fn elements(&mut self, alignment: usize, write: impl FnOnce(&mut Self)) {
        self.u32(0);
        let length_at = self.bytes.len() - 4;
        self.align(alignment);
        let start = self.bytes.len();
        write(self);
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.bytes[length_at..length_at + 4].copy_from_slice(&self.endian.u32_bytes(length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for endian in [Endian::Little, Endian::Big] {
            let mut writer = Writer::new(endian);
            writer.u8(7);
            writer.string("ä");
            writer.u64(1 << 40);
            writer.signature("a{sv}");
            writer.elements(8, |array| array.u64(5));
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes, endian);
            assert_eq!(reader.u8(), Ok(7));
            assert_eq!(reader.string(), Ok("ä"));
            assert_eq!(reader.u64(), Ok(1 << 40));
            assert_eq!(reader.signature(), Ok("a{sv}"));
            let mut elements = reader.elements(8).unwrap();
            assert_eq!(elements.u64(), Ok(5));
            assert!(elements.is_at_end() && reader.is_at_end());
        }
    }

    #[test]
    fn lies_are_found() {
        let reader = |bytes: &'static [u8]| Reader::new(bytes, Endian::Little);
        assert_eq!(
            reader(b"\xff\xff\xff\xffabc\0").string().unwrap_err().0,
            "a value that does not end within the message"
        );
        assert_eq!(
            reader(b"\x03\0\0\0abcd").string().unwrap_err().0,
            "a string that does not end at its NUL"
        );
        assert_eq!(
            reader(b"\x03\0\0\0a\0c\0").string().unwrap_err().0,
            "a string that does not end at its NUL"
        );
        assert_eq!(reader(b"\x01\0\0\0\xff\0").string().unwrap_err().0, "a string that is not UTF-8");
        assert_eq!(reader(b"\x01\0\0\x08").elements(8).unwrap_err().0, "an array over 64 MiB");
        let mut padded = reader(b"\x01\x01\0\0\x05\0\0\0");
        assert_eq!(padded.u8(), Ok(1));
        assert_eq!(padded.u32().unwrap_err().0, "padding that is not zero");
    }
}
