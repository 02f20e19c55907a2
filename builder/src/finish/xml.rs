//! Small XML documents as values: read with limits, written anew. Entities that a document defines are refused.

use std::fmt::Write;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 20_000;

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name, with prefix.
    pub name: String,
    /// Its attributes in their order.
    pub attributes: Vec<(String, String)>,
    /// What is in it.
    pub children: Vec<Content>,
}

/// What can be in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Another.
    Element(Element),
    /// Text.
    Text(String),
}

impl Element {
    /// One with a text in it.
    pub(super) fn with_text(name: &str, text: &str) -> Self {
        Self { name: name.into(), attributes: Vec::new(), children: vec![Content::Text(text.into())] }
    }

    /// The same with one more attribute.
    #[must_use]
    pub(super) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// The same with one more element in it.
    #[must_use]
    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(Content::Element(child));
        self
    }

    /// Reads a document's root element.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut count = 0;
        loop {
            let event = reader.read_event().map_err(|error| format!("it is not XML: {error}"))?;
            match event {
                Event::Start(start) => {
                    count += 1;
                    if open.len() >= MAX_DEPTH || count > MAX_ELEMENTS {
                        return Err("it has too many elements".into());
                    }
                    open.push(begin(&start)?);
                }
                Event::Empty(start) => {
                    let element = begin(&start)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(Content::Element(element)),
                        None => return Ok(element),
                    }
                }
                Event::End(_) => {
                    let element = open.pop().ok_or("an element ends that did not begin")?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(Content::Element(element)),
                        None => return Ok(element),
                    }
                }
                Event::Text(part) => add_text(&mut open, &part),
                Event::CData(part) => add_text(&mut open, &part),
                Event::GeneralRef(name) => {
                    let text = match name.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        _ => quick_xml::escape::resolve_predefined_entity(&name)
                            .ok_or("it uses an entity that it defines itself")?
                            .to_owned(),
                    };
                    add_text(&mut open, &text);
                }
                Event::Eof => return Err("it is cut off".into()),
                _ => {}
            }
        }
    }

    /// The elements of a name right in it.
    pub(super) fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter_map(move |child| match child {
            Content::Element(element) if element.name == name => Some(element),
            _ => None,
        })
    }

    /// The text of the first element of a name right in it, trimmed; `None` if there is none.
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        self.elements(name)
            .find(|element| element.get("xml:lang").is_none())
            .map(Self::text)
            .filter(|text| !text.is_empty())
    }

    /// All text in it, white space folded.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn collect_text(&self, text: &mut String) {
        for child in &self.children {
            match child {
                Content::Text(part) => text.push_str(part),
                Content::Element(element) => element.collect_text(text),
            }
        }
    }

    /// An attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The document with this root.
    pub(super) fn to_document(&self) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        let _ = write!(out, "{indent}<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{}\"", escape(value));
        }
        let has_text =
            self.children.iter().any(|child| matches!(child, Content::Text(text) if !text.trim().is_empty()));
        if self.children.is_empty() {
            out.push_str("/>\n");
        } else if has_text {
            out.push('>');
            self.write_inline(out);
            let _ = writeln!(out, "</{}>", self.name);
        } else {
            out.push_str(">\n");
            for child in &self.children {
                if let Content::Element(element) = child {
                    element.write(out, depth + 1);
                }
            }
            let _ = writeln!(out, "{indent}</{}>", self.name);
        }
    }

    /// Where there is text, white space is a part of it.
    fn write_inline(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Content::Text(text) => out.push_str(&escape(text)),
                Content::Element(element) => {
                    let _ = write!(out, "<{}>", element.name);
                    element.write_inline(out);
                    let _ = write!(out, "</{}>", element.name);
                }
            }
        }
    }
}

fn begin(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: start.name().as_ref().to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
        element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(element)
}

fn add_text(open: &mut [Element], part: &str) {
    let Some(element) = open.last_mut() else { return };
    match element.children.last_mut() {
        Some(Content::Text(text)) => text.push_str(part),
        _ => element.children.push(Content::Text(part.to_owned())),
    }
}

/// Text for a document; characters that no document may hold are dropped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x=\"1 &amp; 2\">\n  <b>one &lt;two&gt; <em>three</em>!</b>\n  <c/>\n</a>\n";
        let element = Element::parse(text).unwrap();
        assert_eq!(element.to_document(), text);
        assert_eq!(element.text_of("b").unwrap(), "one <two> three!");
        assert_eq!(Element::parse("<a>&#65;<![CDATA[<]]></a>").unwrap().text(), "A<");
    }

    #[test]
    fn refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>";
        for text in ["", "<a>", "<a></b>", "x", bomb, &"<a>".repeat(100), "<a b=c/>"] {
            assert!(Element::parse(text).is_err(), "{text}");
        }
    }
}
