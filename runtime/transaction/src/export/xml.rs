//! XML files of an app, read strictly and written anew: no comments, no processing instructions, no document types.

use roxmltree::{Document, Node, NodeType, ParsingOptions};

/// Most nodes that a file may have.
const NODE_LIMIT: u32 = 200_000;
/// Deepest nesting that is written.
const DEPTH_LIMIT: usize = 64;

/// Reads a file; `None` when it is no sound XML, names a document type, or is too large.
pub(crate) fn parse(text: &str) -> Option<Document<'_>> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODE_LIMIT, ..ParsingOptions::default() };
    // A byte order mark is no part of the text.
    Document::parse_with_options(text.trim_start_matches('\u{feff}'), options).ok()
}

/// What becomes of an element.
pub(crate) enum Take {
    /// It is written with its attributes, and what is inside is asked about.
    Whole,
    /// It is written with these attributes in place of its own.
    With(Vec<(&'static str, String)>),
    /// It is left out with all that is inside.
    Nothing,
}

/// Writes the root element and what `take` lets through of what is inside it.
pub(crate) fn write(document: &Document<'_>, take: &dyn Fn(Node<'_, '_>) -> Take) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_node(&mut out, document.root_element(), take, 0);
    out.push('\n');
    out
}

fn write_node(out: &mut String, node: Node<'_, '_>, take: &dyn Fn(Node<'_, '_>) -> Take, depth: usize) {
    match node.node_type() {
        NodeType::Text => escape(out, node.text().unwrap_or_default()),
        NodeType::Element if depth < DEPTH_LIMIT => write_element(out, node, take, depth),
        _ => {}
    }
}

fn write_element(out: &mut String, node: Node<'_, '_>, take: &dyn Fn(Node<'_, '_>) -> Take, depth: usize) {
    let attributes = match take(node) {
        Take::Nothing => return,
        Take::With(attributes) => {
            attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        }
        Take::Whole => {
            let own = node
                .attributes()
                .filter_map(|a| Some((prefixed(a.namespace(), a.name())?, a.value().to_owned())));
            own.collect::<Vec<_>>()
        }
    };
    let name = node.tag_name().name();
    out.push_str(&format!("<{name}"));
    let inherited = node.parent_element().and_then(|parent| parent.tag_name().namespace());
    let own = node.tag_name().namespace();
    if let Some(namespace) = own.filter(|_| own != inherited || depth == 0) {
        attribute(out, "xmlns", namespace);
    }
    for (name, value) in &attributes {
        attribute(out, name, value);
    }
    out.push('>');
    for child in node.children() {
        write_node(out, child, take, depth + 1);
    }
    out.push_str(&format!("</{name}>"));
}

/// An attribute's name as it is written; those of unknown namespaces are left out.
fn prefixed(namespace: Option<&str>, name: &str) -> Option<String> {
    match namespace {
        None => Some(name.to_owned()),
        Some("http://www.w3.org/XML/1998/namespace") => Some(format!("xml:{name}")),
        Some(_) => None,
    }
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push_str(&format!(" {name}=\""));
    escape(out, value);
    out.push('"');
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        write(&parse(text).unwrap(), &|node| {
            if node.tag_name().name() == "bad" { Take::Nothing } else { Take::Whole }
        })
    }

    #[test]
    fn written_anew() {
        assert_eq!(
            round("<!-- c --><a x='1&amp;&lt;\"' xml:lang='de'><?pi x?><b>t &lt; u</b><bad><b/></bad></a>"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x=\"1&amp;&lt;&quot;\" xml:lang=\"de\"><b>t &lt; u</b></a>\n"
        );
        assert!(round("<a xmlns='urn:x'><b/></a>").contains("<a xmlns=\"urn:x\"><b></b></a>"));
    }

    #[test]
    fn refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>";
        for text in ["", "<a>", "<a></b>", "text", bomb, "<a>&x;</a>", "<a b='1' b='2'/>"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
