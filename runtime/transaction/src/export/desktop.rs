//! Desktop files, service files and search providers of an app, written anew for the host: known keys only, and commands that start the
//! sandbox.
//!
//! Source: the Desktop Entry Specification; the D-Bus Specification, "Message Bus Starting Services"; `flatpak`'s own rewriting for
//! `X-Flatpak` and `@@`.

use aril_model::{Keyfile, Ref};

use super::words;

/// Keys of a desktop file that say something to menus, and let nothing be started.
const TEXT_KEYS: &[&str] = &[
    "Type",
    "Version",
    "Name",
    "GenericName",
    "NoDisplay",
    "Comment",
    "Icon",
    "Hidden",
    "Terminal",
    "StartupNotify",
    "StartupWMClass",
    "PrefersNonDefaultGPU",
    "SingleMainWindow",
    "DBusActivatable",
    "X-GNOME-FullName",
    "X-GNOME-UsesNotifications",
    "X-GNOME-SingleWindow",
    "X-Purism-FormFactor",
    "X-KDE-FormFactor",
    "X-Flatpak-RenamedFrom",
];
/// The same, for lists.
const LIST_KEYS: &[&str] = &[
    "OnlyShowIn",
    "NotShowIn",
    "Actions",
    "MimeType",
    "Categories",
    "Keywords",
    "Implements",
    "X-Flatpak-Tags",
];
/// Keys of an action.
const ACTION_KEYS: &[&str] = &["Name", "Icon", "OnlyShowIn", "NotShowIn"];
const ENTRY: &str = "Desktop Entry";

/// How an exported file starts the app.
#[derive(Debug, Clone)]
pub(crate) struct Starter<'a> {
    /// The program and its first arguments: `/usr/bin/aril-launch`, `run`.
    pub(crate) program: &'a [String],
    /// What is started.
    pub(crate) reference: &'a Ref,
}

impl Starter<'_> {
    /// The words that start `command` inside; with `forwards` the files among its arguments are handed over.
    fn words(&self, command: Option<&str>, forwards: bool) -> Vec<String> {
        let mut words = self.program.to_vec();
        words.push(format!("--branch={}", self.reference.branch));
        words.push(format!("--arch={}", self.reference.arch));
        words.extend(command.map(|command| format!("--command={command}")));
        words.extend(forwards.then(|| "--file-forwarding".to_owned()));
        words.push(self.reference.id.to_string());
        words
    }

    /// The script that starts the app by its id.
    pub(crate) fn script(&self) -> String {
        format!("#!/bin/sh\nexec {} \"$@\"\n", words::join(&self.words(None, false)))
    }

    /// A command line of a desktop file, rewritten.
    fn exec(&self, line: &str) -> Result<String, String> {
        let given =
            words::split(line).filter(|words| !words.is_empty()).ok_or("its Exec line is not a command")?;
        if given.iter().any(|word| word.starts_with("@@")) {
            return Err("its Exec line would hand over files that nobody chose".into());
        }
        let forwards = given.iter().any(|word| matches!(word.as_str(), "%f" | "%F" | "%u" | "%U"));
        let mut words = self.words(Some(&given[0]), forwards);
        for word in &given[1..] {
            match word.as_str() {
                "%f" | "%F" => words.extend(["@@".to_owned(), word.clone(), "@@".to_owned()]),
                "%u" | "%U" => words.extend(["@@u".to_owned(), word.clone(), "@@".to_owned()]),
                // Withdrawn codes stand for nothing.
                "%d" | "%D" | "%n" | "%N" | "%v" | "%m" => {}
                _ => words.push(word.clone()),
            }
        }
        Ok(words::join(&words))
    }
}

/// Rewrites a desktop file; the error says why it is not exported.
pub(crate) fn desktop(text: &str, starter: &Starter<'_>) -> Result<String, String> {
    let file = read(text, ENTRY)?;
    if file.get(ENTRY, "Type").as_deref().map(str::trim_end) != Some("Application") {
        return Err("it is not that of an application".into());
    }
    let mut out = Keyfile::new();
    copy_keys(&file, &mut out, ENTRY, TEXT_KEYS, LIST_KEYS);
    if let Some(line) = file.get(ENTRY, "Exec") {
        out.set(ENTRY, "Exec", &starter.exec(&line)?);
    }
    out.set(ENTRY, "X-Flatpak", starter.reference.id.as_str());
    for action in file.list(ENTRY, "Actions") {
        let group = format!("Desktop Action {action}");
        let is_name =
            !action.is_empty() && action.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !is_name || !file.has_group(&group) {
            continue;
        }
        if file.has_duplicate_keys(&group) {
            return Err("a key is in it twice".into());
        }
        copy_keys(&file, &mut out, &group, ACTION_KEYS, &["OnlyShowIn", "NotShowIn"]);
        if let Some(line) = file.get(&group, "Exec") {
            out.set(&group, "Exec", &starter.exec(&line)?);
        }
    }
    Ok(out.to_string())
}

/// Rewrites a D-Bus service file, whose name must be the file's.
pub(crate) fn service(text: &str, name: &str, starter: &Starter<'_>) -> Result<String, String> {
    const GROUP: &str = "D-BUS Service";
    let file = read(text, GROUP)?;
    if file.get(GROUP, "Name").as_deref().map(str::trim_end) != Some(name) {
        return Err("the name in it is not that of the file".into());
    }
    let line = file.get(GROUP, "Exec").ok_or("it has no Exec line")?;
    let given =
        words::split(&line).filter(|words| !words.is_empty()).ok_or("its Exec line is not a command")?;
    let mut words = starter.words(Some(&given[0]), false);
    words.extend_from_slice(&given[1..]);
    let mut out = Keyfile::new();
    out.set(GROUP, "Name", name);
    out.set(GROUP, "Exec", &words::join(&words));
    Ok(out.to_string())
}

/// Rewrites the file of a search provider of GNOME Shell, which the user has to switch on.
pub(crate) fn search_provider(text: &str) -> Result<String, String> {
    const GROUP: &str = "Shell Search Provider";
    let file = read(text, GROUP)?;
    let mut out = Keyfile::new();
    copy_keys(&file, &mut out, GROUP, &["DesktopId", "BusName", "ObjectPath", "Version"], &[]);
    out.set(GROUP, "DefaultDisabled", "true");
    Ok(out.to_string())
}

/// Rewrites the description of a plugin of KRunner that speaks D-Bus.
pub(crate) fn krunner(text: &str) -> Result<String, String> {
    let file = read(text, ENTRY)?;
    let keys = [
        "Name",
        "Comment",
        "Type",
        "Icon",
        "X-KDE-ServiceTypes",
        "X-KDE-PluginInfo-Name",
        "X-KDE-PluginInfo-Version",
        "X-Plasma-API",
        "X-Plasma-DBusRunner-Service",
        "X-Plasma-DBusRunner-Path",
    ];
    let mut out = Keyfile::new();
    copy_keys(&file, &mut out, ENTRY, &keys, &[]);
    out.set(ENTRY, "X-KDE-PluginInfo-EnabledByDefault", "false");
    Ok(out.to_string())
}

/// Parses a keyfile that must have a group, in which no key is given twice: readers differ in which one they take.
fn read(text: &str, group: &str) -> Result<Keyfile, String> {
    let file = Keyfile::parse(text).map_err(|error| format!("it is not a keyfile: {error}"))?;
    if !file.has_group(group) {
        return Err(format!("it has no group [{group}]"));
    }
    if file.has_duplicate_keys(group) {
        return Err("a key is in it twice".into());
    }
    Ok(file)
}

/// Copies known keys with their translations, each value read and written anew.
fn copy_keys(file: &Keyfile, out: &mut Keyfile, group: &str, texts: &[&str], lists: &[&str]) {
    for key in file.keys(group) {
        let base = key.split('[').next().unwrap_or(key);
        if lists.contains(&base) {
            out.set_list(group, key, &file.list(group, key));
        } else if texts.contains(&base)
            && let Some(value) = file.get(group, key)
            // A path would be one of the host.
            && !(base == "Icon" && value.contains('/'))
        {
            out.set(group, key, value.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Ref {
        "app/org.test.Hello/x86_64/stable".parse().unwrap()
    }

    fn program() -> Vec<String> {
        vec!["/opt/my aril/aril-launch".into(), "run".into()]
    }

    fn rewrite(text: &str) -> Result<String, String> {
        desktop(text, &Starter { program: &program(), reference: &reference() })
    }

    const RUN: &str = "\"/opt/my aril/aril-launch\" run --branch=stable --arch=x86_64";

    #[test]
    fn a_whole_file() {
        let text = "# c\n[Desktop Entry]\nType=Application\nName=Hello\nName[de]=Hallo\nExec=hello --x \"a b\" %U\nTryExec=hello\nIcon=org.test.Hello\nMimeType=text/plain;\nX-KDE-SubstituteUID=true\nPath=/tmp\nActions=new;bad;\n\n[Desktop Action new]\nName=New\nExec=hello --new %f\n[Desktop Action other]\nExec=x\n[Other]\nx=1\n";
        let expected = format!(
            "[Desktop Entry]\nType=Application\nName=Hello\nName[de]=Hallo\nIcon=org.test.Hello\nMimeType=text/plain;\nActions=new;bad;\nExec={RUN} --command=hello --file-forwarding org.test.Hello --x \"a b\" @@u %U @@\nX-Flatpak=org.test.Hello\n\n[Desktop Action new]\nName=New\nExec={RUN} --command=hello --file-forwarding org.test.Hello --new @@ %f @@\n"
        );
        assert_eq!(rewrite(text).unwrap(), expected);
    }

    #[test]
    fn commands_cannot_break_out() {
        let exec = |line: &str| rewrite(&format!("[Desktop Entry]\nType=Application\nExec={line}\n"));
        let one = exec("sh -c \"rm -rf ~; echo \\\\$HOME\"").unwrap();
        assert!(one.contains("org.test.Hello -c \"rm -rf ~; echo \\\\$HOME\"\n"), "{one}");
        let line = exec("--bind / /\\nExec=evil").unwrap();
        assert_eq!(line.lines().filter(|line| line.starts_with("Exec=")).count(), 1, "{line}");
        assert!(line.contains("--command=--bind org.test.Hello / /"), "{line}");
        for bad in ["hello @@ /etc/passwd @@", "hello @@u %u @@", "hello \"@@\" x", "", "hello \"open"] {
            assert!(exec(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_application_is_refused() {
        for text in [
            "",
            "[Desktop Entry]\nType=Link\nURL=file:///\n",
            "[Desktop Entry]\nName=x\n",
            "[Desktop Entry]\nType=Application\nExec=a\nExec=b\n",
            "[Desktop Entry]\nType=Application\n[Desktop Entry]\nType=Link\n",
        ] {
            assert!(rewrite(text).is_err(), "{text}");
        }
        let icon = rewrite("[Desktop Entry]\nType=Application\nIcon=/home/u/secret.png\n").unwrap();
        assert!(!icon.contains("Icon"));
    }

    #[test]
    fn services_and_search_providers() {
        let program = program();
        let reference = reference();
        let starter = Starter { program: &program, reference: &reference };
        let text = "[D-BUS Service]\nName=org.test.Hello\nExec=/usr/bin/hello --service\nSystemdService=evil.service\nUser=root\n";
        assert_eq!(
            service(text, "org.test.Hello", &starter).unwrap(),
            format!(
                "[D-BUS Service]\nName=org.test.Hello\nExec={RUN} --command=/usr/bin/hello org.test.Hello --service\n"
            )
        );
        assert!(service(text, "org.test.Other", &starter).is_err());
        assert_eq!(
            search_provider("[Shell Search Provider]\nDesktopId=a.desktop\nDefaultDisabled=false\nEvil=1\n")
                .unwrap(),
            "[Shell Search Provider]\nDesktopId=a.desktop\nDefaultDisabled=true\n"
        );
        assert_eq!(starter.script(), format!("#!/bin/sh\nexec {RUN} org.test.Hello \"$@\"\n"));
    }
}
