//! What software centres are told of an app: AppStream's `metainfo`, of a package's own if it has one, else of the package's and the desktop
//! file's words. Always written anew, with what an installed app needs and nothing that a validator could find wrong.
//!
//! Pure: text in, text out.
//! Source: AppStream's specification, "Upstream Metadata".

use std::io::Write;

use super::desktop::DesktopFile;
use super::xml::{Content, Element};
use crate::rpm::Facts;

/// A package's own description of an app.
#[derive(Debug, Clone)]
pub(super) struct Metainfo {
    /// The id that it gives, without `.desktop`.
    pub id: String,
    /// The desktop files that it belongs to, without `.desktop`.
    pub launchables: Vec<String>,
    component: Element,
}

impl Metainfo {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no XML, or does not describe an app.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let component = Element::parse(text)?;
        // `application` is the old form.
        if !matches!(component.name.as_str(), "component" | "application") {
            return Err("it describes no component".into());
        }
        let kind = component.get("type").unwrap_or("desktop");
        if component.name == "component"
            && !matches!(kind, "desktop" | "desktop-application" | "console-application" | "web-application")
        {
            return Err(format!(
                "it describes no app but a component of the type '{}'",
                aril_model::printable(kind)
            ));
        }
        let id = component.text_of("id").ok_or("it has no id")?;
        let without_end = |text: &str| text.strip_suffix(".desktop").unwrap_or(text).to_owned();
        let launchables =
            component.elements("launchable").map(|element| without_end(&element.text())).collect();
        Ok(Self { id: without_end(&id), launchables, component })
    }

    /// Whether it belongs to a desktop file of this name.
    pub(super) fn belongs_to(&self, stem: &str) -> bool {
        self.id == stem || self.launchables.iter().any(|launchable| launchable == stem)
    }
}

/// What is known of an app that is described.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its package.
    pub facts: &'a Facts,
    /// Its main desktop file.
    pub desktop: &'a DesktopFile,
    /// What the package says of it.
    pub metainfo: Option<&'a Metainfo>,
}

/// The component of an app.
pub(super) fn component(app: Described<'_>) -> Element {
    let own = app.metainfo.map(|metainfo| &metainfo.component);
    let mut component =
        Element { name: "component".into(), ..Element::default() }.attribute("type", "desktop-application");
    component = component.child(Element::with_text("id", app.id));
    let license = own.and_then(|own| own.text_of("metadata_license")).filter(|text| is_permissive(text));
    component =
        component.child(Element::with_text("metadata_license", license.as_deref().unwrap_or("CC0-1.0")));
    if let Some(license) = own.and_then(|own| own.text_of("project_license")) {
        component = component.child(Element::with_text("project_license", &license));
    }
    let translated = |name| own.map(|own| copies(own, name)).filter(|found| !found.is_empty());
    let fallback = |name: &str, text: String| vec![Element::with_text(name, &text)];
    let names = translated("name").unwrap_or_else(|| {
        fallback("name", app.desktop.get("Name").unwrap_or_else(|| app.facts.nevra.name.clone()))
    });
    let summaries = translated("summary").unwrap_or_else(|| fallback("summary", summary(&app)));
    component.children.extend(names.into_iter().chain(summaries).map(Content::Element));
    let description =
        own.and_then(|own| own.elements("description").find(|element| element.get("xml:lang").is_none()));
    let description = description
        .and_then(description_copy)
        .unwrap_or_else(|| plain_description(&app.facts.description, &summary(&app)));
    component = component.child(description);
    component = component.child(
        Element::with_text("launchable", &format!("{}.desktop", app.id)).attribute("type", "desktop-id"),
    );
    if let Some(url) = homepage(own, &app.facts.url) {
        component = component.child(Element::with_text("url", &url).attribute("type", "homepage"));
    }
    if let Some(rating) = own.and_then(|own| own.elements("content_rating").next()).and_then(rating) {
        component = component.child(rating);
    }
    let release = Element { name: "release".into(), ..Element::default() }
        .attribute("version", &app.facts.nevra.version)
        .attribute("date", &date(app.facts.build_time));
    component.child(Element { name: "releases".into(), ..Element::default() }.child(release))
}

/// The catalogue from which Flatpak's programs take names for lists: `files/share/app-info/xmls/ID.xml.gz`.
///
/// # Errors
/// Never in practice: nothing is written but memory.
pub(super) fn catalogue(component: &Element) -> std::io::Result<Vec<u8>> {
    let root = Element { name: "components".into(), ..Element::default() }
        .attribute("version", "0.14")
        .child(component.clone());
    // No name and no time in it, so that the same app gives the same bytes.
    let mut packed = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(6));
    packed.write_all(root.to_document().as_bytes())?;
    packed.finish()
}

fn summary(app: &Described<'_>) -> String {
    let text = app.desktop.get("Comment").unwrap_or_else(|| app.facts.summary.clone());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('.').to_owned()
}

/// The elements of a name with their languages, white space folded.
fn copies(own: &Element, name: &str) -> Vec<Element> {
    let copy = |element: &Element| {
        let text = element.text();
        let copy = Element::with_text(name, text.trim_end_matches('.'));
        match element.get("xml:lang") {
            Some(lang) => copy.attribute("xml:lang", lang),
            None => copy,
        }
    };
    let found: Vec<Element> =
        own.elements(name).filter(|element| !element.text().is_empty()).map(copy).collect();
    if found.iter().any(|element| element.get("xml:lang").is_none()) { found } else { Vec::new() }
}

/// Paragraphs and lists of the untranslated description; `None` when nothing is left.
fn description_copy(own: &Element) -> Option<Element> {
    let mut description = Element { name: "description".into(), ..Element::default() };
    for child in &own.children {
        let Content::Element(element) = child else { continue };
        if element.get("xml:lang").is_some() {
            continue;
        }
        match element.name.as_str() {
            "p" if !element.text().is_empty() => {
                description = description.child(Element::with_text("p", &without_urls(&element.text())))
            }
            "ul" | "ol" => {
                let items = element
                    .elements("li")
                    .filter(|item| item.get("xml:lang").is_none() && !item.text().is_empty());
                let mut list = Element { name: element.name.clone(), ..Element::default() };
                for item in items {
                    list = list.child(Element::with_text("li", &without_urls(&item.text())));
                }
                if !list.children.is_empty() {
                    description = description.child(list);
                }
            }
            _ => {}
        }
    }
    description.elements("p").next()?;
    Some(description)
}

fn plain_description(text: &str, summary: &str) -> Element {
    let mut description = Element { name: "description".into(), ..Element::default() };
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    for paragraph in paragraphs.filter(|paragraph| !paragraph.is_empty()).take(8) {
        description = description.child(Element::with_text("p", &without_urls(&paragraph)));
    }
    if description.children.is_empty() {
        description = description.child(Element::with_text("p", summary));
    }
    description
}

/// Validators want no addresses in prose.
fn without_urls(text: &str) -> String {
    let words = text
        .split(' ')
        .filter(|word| !word.contains("http://") && !word.contains("https://") && !word.contains("ftp://"));
    words.collect::<Vec<_>>().join(" ")
}

fn homepage(own: Option<&Element>, package: &str) -> Option<String> {
    let listed = own
        .and_then(|own| own.elements("url").find(|url| url.get("type") == Some("homepage")))
        .map(Element::text);
    let is_web = |url: &String| {
        (url.starts_with("https://") || url.starts_with("http://"))
            && !url.contains(char::is_whitespace)
            && url.len() < 500
    };
    listed.filter(is_web).or_else(|| Some(package.to_owned()).filter(is_web))
}

fn rating(own: &Element) -> Option<Element> {
    let kind = own.get("type").filter(|kind| matches!(*kind, "oars-1.0" | "oars-1.1"))?;
    let mut rating = Element { name: "content_rating".into(), ..Element::default() }.attribute("type", kind);
    for attribute in own.elements("content_attribute") {
        let id = attribute
            .get("id")
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))?;
        let text = attribute.text();
        if !matches!(text.as_str(), "none" | "mild" | "moderate" | "intense") {
            return None;
        }
        rating = rating.child(Element::with_text("content_attribute", &text).attribute("id", id));
    }
    Some(rating)
}

/// Licences that metadata may be collected under.
fn is_permissive(license: &str) -> bool {
    [
        "CC0-1.0",
        "FSFAP",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "GFDL-1.3",
        "MIT",
        "0BSD",
        "BSL-1.0",
    ]
    .contains(&license)
}

/// A day as `2025-03-18`.
///
/// Source: Howard Hinnant's `civil_from_days`.
fn date(seconds: u64) -> String {
    let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_old_and_new() {
        let new = "<component type=\"desktop-application\"><id>org.test.Maps.desktop</id><launchable type=\"desktop-id\">maps.desktop</launchable></component>";
        let metainfo = Metainfo::parse(new).unwrap();
        assert_eq!(metainfo.id, "org.test.Maps");
        assert!(
            metainfo.belongs_to("maps")
                && metainfo.belongs_to("org.test.Maps")
                && !metainfo.belongs_to("map")
        );
        assert!(Metainfo::parse("<application><id type=\"desktop\">x.desktop</id></application>").is_ok());
        for wrong in ["<component type=\"font\"><id>x</id></component>", "<component/>", "<x/>"] {
            assert!(Metainfo::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_742_256_000), "2025-03-18");
    }
}
