//! What an app says of itself in AppStream data: name, summary, version, licence, for the record of its deploy.
//!
//! Source: the AppStream specification, "Upstream metadata"; the keys that flatpak 1.14 records.

use std::collections::BTreeMap;
use std::io::Read;

use aril_installation::DeployRecord;
use aril_model::AppId;
use aril_store::{Repo, Tree};
use roxmltree::Node;

use crate::Result;
use crate::export::{parse_xml, read};

/// Largest file that is read, packed and unpacked.
const LIMIT: u64 = 16 << 20;
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Adds what the app says of itself to the record. An app that says nothing, or nonsense, adds nothing.
///
/// # Errors
/// When the store is damaged.
pub(crate) fn describe(repo: &Repo, tree: &Tree, id: &AppId, record: &mut DeployRecord) -> Result<()> {
    let collections =
        ["files/share/app-info/xmls", "files/share/swcatalog/xml"].map(|dir| format!("{dir}/{id}.xml.gz"));
    let own = ["files/share", "files/usr/share", "export/share"].into_iter().flat_map(|dir| {
        [
            format!("{dir}/metainfo/{id}.metainfo.xml"),
            format!("{dir}/metainfo/{id}.appdata.xml"),
            format!("{dir}/appdata/{id}.appdata.xml"),
        ]
    });
    for path in collections.into_iter().chain(own) {
        let Some(file) = tree.file(&path) else { continue };
        let Some(bytes) = read(repo, file, LIMIT)? else { continue };
        let Some(text) = unpack(&path, bytes) else { continue };
        if add_facts(&text, id, record) {
            return Ok(());
        }
    }
    Ok(())
}

fn unpack(path: &str, bytes: Vec<u8>) -> Option<String> {
    if !path.ends_with(".gz") {
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).take(LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Reads the description of one app out of a file; `false` when it is not in it.
fn add_facts(text: &str, id: &AppId, record: &mut DeployRecord) -> bool {
    let Some(document) = parse_xml(text) else { return false };
    let is_own = |node: &Node<'_, '_>| {
        let named = child(*node, "id").and_then(|id| id.text()).unwrap_or_default().trim();
        matches!(node.tag_name().name(), "component" | "application")
            && named.strip_suffix(".desktop").unwrap_or(named) == id.as_str()
    };
    let Some(component) = document.descendants().filter(Node::is_element).find(is_own) else { return false };
    for (element, key) in [("name", "appdata-name"), ("summary", "appdata-summary")] {
        for node in children(component, element) {
            let key = node.attribute((XML, "lang")).map_or(key.to_owned(), |lang| format!("{key}@{lang}"));
            add_text(record, key, node.text());
        }
    }
    add_text(
        record,
        "appdata-license".into(),
        child(component, "project_license").and_then(|node| node.text()),
    );
    let release = child(component, "releases").and_then(|releases| child(releases, "release"));
    add_text(record, "appdata-version".into(), release.and_then(|release| release.attribute("version")));
    if let Some(rating) = child(component, "content_rating") {
        let values: BTreeMap<String, String> = children(rating, "content_attribute")
            .filter_map(|node| Some((node.attribute("id")?.to_owned(), node.text()?.to_owned())))
            .collect();
        record.content_rating = Some((rating.attribute("type").unwrap_or("oars-1.0").to_owned(), values));
    }
    true
}

/// One line, as short as a menu shows it; the first of several counts.
fn add_text(record: &mut DeployRecord, key: String, text: Option<&str>) {
    let text: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    let text: String = text.join(" ").chars().take(1024).collect();
    if !text.is_empty() && record.texts.len() < 1000 {
        record.texts.entry(key).or_insert(text);
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &'a str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name) || child.tag_name().name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Option<DeployRecord> {
        let mut record = DeployRecord::default();
        add_facts(text, &"org.test.Hello".parse().unwrap(), &mut record).then_some(record)
    }

    #[test]
    fn an_app_of_a_collection() {
        let text = "<components><component><id>org.test.Other</id><name>Other</name></component><component type='desktop-application'><id>org.test.Hello.desktop</id><name>Hello</name><name xml:lang='de'>Hallo\n du</name><summary>Says hello</summary><project_license>MIT</project_license><releases><release version='1.2'/><release version='1.1'/></releases><content_rating type='oars-1.1'><content_attribute id='social-chat'>mild</content_attribute></content_rating></component></components>";
        let record = facts(text).unwrap();
        let text = |key: &str| record.texts[key].as_str();
        assert_eq!((text("appdata-name"), text("appdata-name@de")), ("Hello", "Hallo du"));
        assert_eq!((text("appdata-version"), text("appdata-license")), ("1.2", "MIT"));
        let (scheme, values) = record.content_rating.unwrap();
        assert_eq!((scheme.as_str(), values["social-chat"].as_str()), ("oars-1.1", "mild"));
    }

    #[test]
    fn nonsense_adds_nothing() {
        for text in ["", "<component/>", "<component><id>org.test.Other</id></component>", "<a><!ENTITY></a>"]
        {
            assert!(facts(text).is_none(), "{text}");
        }
    }
}
