//! Services of the session bus, and search providers of the shell that use them.

use std::collections::BTreeSet;

use aril_model::{BusName, Keyfile};
use aril_store::Result;

use crate::report::Topic;

use super::{Finishing, icon, requested_files, text};

const SERVICE: &str = "D-BUS Service";
const PROVIDER: &str = "Shell Search Provider";

/// Exports the services whose names the id covers, with search providers, and gives their names.
pub(super) fn services(app: &mut Finishing<'_>) -> Result<BTreeSet<String>> {
    let mut exported = BTreeSet::new();
    for (path, name, exec) in all(app)? {
        if !app.id.covers(&name) {
            let text = format!("/{path} is not exported: the app's id does not cover the name {name}");
            app.note(Topic::Export, text);
            continue;
        }
        let mut file = Keyfile::new();
        file.set(SERVICE, "Name", &name);
        file.set(SERVICE, "Exec", &exec);
        app.put_text(&format!("share/dbus-1/services/{name}.service"), &file.to_string())?;
        exported.insert(name);
    }
    search_providers(app, &exported)?;
    Ok(exported)
}

/// Names that the app's services take and that its id does not cover.
pub(super) fn foreign_names(app: &Finishing<'_>) -> Result<BTreeSet<String>> {
    let names = all(app)?.into_iter().map(|(_, name, _)| name);
    Ok(names.filter(|name| !app.id.covers(name)).collect())
}

/// Path, name and command of each service.
fn all(app: &Finishing<'_>) -> Result<Vec<(String, String, String)>> {
    let mut found = Vec::new();
    for (path, file) in requested_files(&app.app) {
        if !(path.starts_with("usr/share/dbus-1/services/") && path.ends_with(".service")) {
            continue;
        }
        let Ok(service) = Keyfile::parse(&text(app.app.repo, &file)?) else { continue };
        let (name, exec) = (service.get(SERVICE, "Name"), service.get(SERVICE, "Exec"));
        if let (Some(name), Some(exec)) = (name, exec)
            && name.parse::<BusName>().is_ok()
            && !name.ends_with('*')
        {
            found.push((path, name, exec));
        }
    }
    Ok(found)
}

fn search_providers(app: &mut Finishing<'_>, services: &BTreeSet<String>) -> Result<()> {
    for (path, file) in requested_files(&app.app) {
        if !(path.starts_with("usr/share/gnome-shell/search-providers/") && path.ends_with(".ini")) {
            continue;
        }
        let Ok(provider) = Keyfile::parse(&text(app.app.repo, &file)?) else { continue };
        let (name, object) = (provider.get(PROVIDER, "BusName"), provider.get(PROVIDER, "ObjectPath"));
        let (Some(name), Some(object)) = (name, object) else { continue };
        if !services.contains(&name) {
            continue;
        }
        let mut file = Keyfile::new();
        file.set(PROVIDER, "DesktopId", &format!("{}.desktop", app.id));
        file.set(PROVIDER, "BusName", &name);
        file.set(PROVIDER, "ObjectPath", &object);
        file.set(PROVIDER, "Version", "2");
        let stem = icon::plain(path.trim_end_matches(".ini"));
        let name = if app.id.covers(&stem) { stem } else { app.id.to_string() };
        app.put_text(&format!("share/gnome-shell/search-providers/{name}.ini"), &file.to_string())?;
    }
    Ok(())
}
