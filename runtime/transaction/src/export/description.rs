//! MIME packages and AppStream files of an app, written anew.

use super::xml::{self, Take};

/// How much a pattern of an app counts at most against others': less than the system's own.
const GLOB_WEIGHT: u32 = 5;

/// Rewrites a MIME package: names and patterns; rules that look into files are the system's, not an app's.
///
/// Source: the shared-mime-info specification; `flatpak` leaves out `magic`, too.
pub(crate) fn mime_package(text: &str) -> Result<String, String> {
    let document = xml::parse(text).ok_or("it is not sound XML")?;
    if document.root_element().tag_name().name() != "mime-info" {
        return Err("it is not a MIME package".into());
    }
    let known = [
        "mime-info",
        "mime-type",
        "comment",
        "acronym",
        "expanded-acronym",
        "sub-class-of",
        "alias",
        "generic-icon",
        "icon",
    ];
    Ok(xml::write(&document, &|node| match node.tag_name().name() {
        "glob" => {
            let weight = node.attribute("weight").and_then(|text| text.parse().ok()).unwrap_or(GLOB_WEIGHT);
            let mut attributes = vec![
                ("pattern", node.attribute("pattern").unwrap_or_default().to_owned()),
                ("weight", weight.min(GLOB_WEIGHT).to_string()),
            ];
            let case = node.attribute("case-sensitive").map(|value| ("case-sensitive", value.to_owned()));
            attributes.extend(case);
            Take::With(attributes)
        }
        name if known.contains(&name) => Take::Whole,
        _ => Take::Nothing,
    }))
}

/// Rewrites an AppStream file: what the specification knows at its top.
///
/// Source: the AppStream specification, "Upstream metadata", "Releases".
pub(crate) fn metainfo(text: &str) -> Result<String, String> {
    let document = xml::parse(text).ok_or("it is not sound XML")?;
    let root = document.root_element().tag_name().name();
    if !["component", "application", "releases"].contains(&root) {
        return Err("it is not an AppStream file".into());
    }
    let known = [
        "id",
        "name",
        "name_variant_suffix",
        "summary",
        "description",
        "metadata_license",
        "project_license",
        "project_group",
        "developer",
        "developer_name",
        "url",
        "icon",
        "launchable",
        "releases",
        "release",
        "provides",
        "requires",
        "recommends",
        "supports",
        "suggests",
        "categories",
        "keywords",
        "kudos",
        "screenshots",
        "translation",
        "content_rating",
        "custom",
        "languages",
        "mimetypes",
        "branding",
        "extends",
        "replaces",
        "agreement",
        "tags",
        "compulsory_for_desktop",
        "update_contact",
        "pkgname",
        "bundle",
        "references",
    ];
    Ok(xml::write(&document, &|node| {
        let is_top = node.parent_element().is_some_and(|parent| parent == document.root_element());
        if is_top && !known.contains(&node.tag_name().name()) { Take::Nothing } else { Take::Whole }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mime_packages_without_magic() {
        let text = r#"<?xml version="1.0"?><mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info"><mime-type type="application/x-hello"><comment xml:lang="de">Hallo</comment><glob pattern="*.hello" weight="90"/><glob pattern="*"/><magic priority="50"><match value="h"/></magic><treemagic/></mime-type></mime-info>"#;
        assert_eq!(
            mime_package(text).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<mime-info xmlns=\"http://www.freedesktop.org/standards/shared-mime-info\"><mime-type type=\"application/x-hello\"><comment xml:lang=\"de\">Hallo</comment><glob pattern=\"*.hello\" weight=\"5\"></glob><glob pattern=\"*\" weight=\"5\"></glob></mime-type></mime-info>\n"
        );
        assert!(mime_package("<svg/>").is_err());
        assert!(mime_package("<!DOCTYPE mime-info SYSTEM \"file:///etc/passwd\"><mime-info/>").is_err());
    }

    #[test]
    fn metainfo_with_known_elements() {
        let text = "<component type='desktop-application'><id>a.b.c</id><script>x</script><description><p>Hi <em>you</em></p></description></component>";
        let out = metainfo(text).unwrap();
        assert!(out.ends_with("<component type=\"desktop-application\"><id>a.b.c</id><description><p>Hi <em>you</em></p></description></component>\n"), "{out}");
        assert!(metainfo("<html/>").is_err());
    }
}
