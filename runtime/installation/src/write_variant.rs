//! Just enough of the GVariant serialisation to write the record of a deploy; the other half of `variant`.
//!
//! Source: "GVariant Specification", chapter 2, "Serialisation".

/// A container that is being written: its contents so far, and where its parts of no fixed size end.
#[derive(Default)]
pub(crate) struct Container {
    body: Vec<u8>,
    ends: Vec<usize>,
}

impl Container {
    /// Adds a part of no fixed size, whose end is noted behind the contents.
    pub(crate) fn add(&mut self, part: &[u8], alignment: usize) {
        self.add_last(part, alignment);
        self.ends.push(self.body.len());
    }

    /// Adds a part whose end needs no note: one of fixed size, or the last of a tuple.
    pub(crate) fn add_last(&mut self, part: &[u8], alignment: usize) {
        self.body.resize(self.body.len().next_multiple_of(alignment), 0);
        self.body.extend(part);
    }

    /// The finished array: the ends in their order.
    pub(crate) fn array(self) -> Vec<u8> {
        let ends = self.ends.clone();
        self.finish(&ends)
    }

    /// The finished tuple or dictionary entry: the ends in reverse order.
    pub(crate) fn tuple(self) -> Vec<u8> {
        let ends: Vec<usize> = self.ends.iter().rev().copied().collect();
        self.finish(&ends)
    }

    fn finish(mut self, ends: &[usize]) -> Vec<u8> {
        // Notes are as wide as the whole needs, notes included.
        let fits = |size: &usize| {
            let whole = self.body.len() + ends.len() * size;
            whole < 1_usize.checked_shl(8 * *size as u32).unwrap_or(usize::MAX)
        };
        let size = [1, 2, 4].into_iter().find(fits).unwrap_or(8);
        for end in ends {
            self.body.extend(&(*end as u64).to_le_bytes()[..size]);
        }
        self.body
    }
}

/// A string: with a NUL at its end. One inside would end it early, so it is left out.
pub(crate) fn string(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte != 0).chain([0]).collect()
}

/// An array of strings.
pub(crate) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut array = Container::default();
    for text in texts {
        array.add(&string(text), 1);
    }
    array.array()
}

/// A value with its type.
pub(crate) fn value(bytes: &[u8], kind: &str) -> Vec<u8> {
    [bytes, b"\0", kind.as_bytes()].concat()
}

/// An entry `{sv}` of a dictionary.
pub(crate) fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    let mut entry = Container::default();
    entry.add(&string(key), 1);
    entry.add_last(value, 8);
    entry.tuple()
}
