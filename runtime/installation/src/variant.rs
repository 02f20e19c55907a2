//! Just enough of the GVariant serialisation to read the record of a deploy and the metadata of a commit.
//!
//! A crate that reads all of GVariant would bring a dozen others into the launcher, for one file. Every slice is taken with a check; a wrong
//! one reads as nothing.
//! Source: "GVariant Specification", chapter 2, "Serialisation".

/// Serialised bytes and, for the sizes of offsets, their length.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    fn offset_size(self) -> usize {
        match self.0.len() {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        }
    }

    /// The offset that is stored `index` places before the end (0 is the last).
    fn offset_from_end(self, index: usize) -> Option<usize> {
        let size = self.offset_size();
        let end = self.0.len().checked_sub(size.checked_mul(index)?)?;
        let bytes = self.0.get(end.checked_sub(size)?..end)?;
        let mut value = [0; 8];
        value[..size].copy_from_slice(bytes);
        usize::try_from(u64::from_le_bytes(value)).ok().filter(|offset| *offset <= self.0.len())
    }

    fn slice(self, start: usize, end: usize) -> Option<Self> {
        self.0.get(start..end).map(Bytes)
    }

    /// A string: UTF-8 with a NUL at its end.
    pub(crate) fn string(self) -> Option<&'a str> {
        let (last, text) = self.0.split_last()?;
        (*last == 0 && !text.contains(&0)).then(|| std::str::from_utf8(text).ok()).flatten()
    }

    /// A 64-bit number in the order of this machine.
    pub(crate) fn number(self) -> Option<u64> {
        self.0.try_into().ok().map(u64::from_ne_bytes)
    }

    /// The elements of an array whose elements have no fixed size; `alignment` is theirs.
    pub(crate) fn elements(self, alignment: usize) -> Option<Vec<Self>> {
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let first_offset = self.offset_from_end(0)?;
        let count = self.0.len().checked_sub(first_offset)? / self.offset_size();
        let mut start: usize = 0;
        let mut elements = Vec::new();
        for index in (0..count).rev() {
            let end = self.offset_from_end(index)?;
            elements.push(self.slice(start.next_multiple_of(alignment), end)?);
            start = end;
        }
        Some(elements)
    }

    /// The elements of an `as`.
    pub(crate) fn strings(self) -> Option<Vec<String>> {
        self.elements(1)?.into_iter().map(|element| element.string().map(str::to_owned)).collect()
    }

    /// The first part of a tuple, if its size is not fixed.
    pub(crate) fn first_of_tuple(self) -> Option<Self> {
        self.slice(0, self.offset_from_end(0)?)
    }

    /// The parts of a `(ssasta{sv})`.
    pub(crate) fn deploy_tuple(self) -> Option<[Self; 5]> {
        let (first, second, third) =
            (self.offset_from_end(0)?, self.offset_from_end(1)?, self.offset_from_end(2)?);
        let number = third.next_multiple_of(8);
        let end = self.0.len().checked_sub(self.offset_size().checked_mul(3)?)?;
        Some([
            self.slice(0, first)?,
            self.slice(first, second)?,
            self.slice(second, third)?,
            self.slice(number, number.checked_add(8)?)?,
            self.slice(number.checked_add(8)?, end)?,
        ])
    }

    /// The key and the value of a `{sv}`: the value as its type and its bytes.
    pub(crate) fn dict_entry(self) -> Option<(&'a str, &'a str, Self)> {
        let key_end = self.offset_from_end(0)?;
        let end = self.0.len().checked_sub(self.offset_size())?;
        let value = self.slice(key_end.next_multiple_of(8), end)?;
        let nul = value.0.iter().rposition(|byte| *byte == 0)?;
        let kind = std::str::from_utf8(value.0.get(nul + 1..)?).ok()?;
        Some((self.slice(0, key_end)?.string()?, kind, value.slice(0, nul)?))
    }
}
