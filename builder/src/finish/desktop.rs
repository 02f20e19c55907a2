//! Desktop files: read strictly, written anew with the keys of the specification, so that what is exported is valid whatever a package has.
//!
//! Pure: text in, text out. The program's path in `Exec` stays; `aril-change` puts the launcher in front of it.
//! Source: the Desktop Entry Specification 1.5 and the Desktop Menu Specification's register of categories.

use std::collections::BTreeMap;

use aril_model::Keyfile;

const GROUP: &str = "Desktop Entry";

/// A desktop file that was read.
#[derive(Debug, Clone)]
pub(super) struct DesktopFile {
    /// Its name without `.desktop`; parts of a path are joined by `-`.
    pub stem: String,
    file: Keyfile,
}

/// Keys that are kept, beside those that begin with `X-`.
const KEYS: &[&str] = &[
    "Type",
    "Version",
    "Name",
    "GenericName",
    "NoDisplay",
    "Comment",
    "Icon",
    "Hidden",
    "OnlyShowIn",
    "NotShowIn",
    "DBusActivatable",
    "Exec",
    "Path",
    "Terminal",
    "Actions",
    "MimeType",
    "Categories",
    "Implements",
    "Keywords",
    "StartupNotify",
    "StartupWMClass",
    "PrefersNonDefaultGPU",
    "SingleMainWindow",
];
const ACTION_KEYS: &[&str] = &["Name", "Icon", "Exec"];
const BOOLEANS: &[&str] = &[
    "NoDisplay",
    "Hidden",
    "DBusActivatable",
    "Terminal",
    "StartupNotify",
    "PrefersNonDefaultGPU",
    "SingleMainWindow",
];
/// Keys of `X-` that say what a host should run: never passed on.
const DANGEROUS: &[&str] = &[
    "X-Flatpak",
    "X-Flatpak-RenamedFrom",
    "X-Flatpak-RunOptions",
    "X-Flatpak-Tags",
    "X-GNOME-Bugzilla-ExtraInfoScript",
    "X-KDE-SubstituteUID",
    "X-KDE-Username",
    "X-GNOME-Autostart-enabled",
    "X-GNOME-AutoRestart",
    "X-Aril",
];
/// Registered categories.
const CATEGORIES: &[&str] = &[
    "AudioVideo",
    "Audio",
    "Video",
    "Development",
    "Education",
    "Game",
    "Graphics",
    "Network",
    "Office",
    "Science",
    "Settings",
    "System",
    "Utility",
    "Building",
    "Debugger",
    "IDE",
    "GUIDesigner",
    "Profiling",
    "RevisionControl",
    "Translation",
    "Calendar",
    "ContactManagement",
    "Database",
    "Dictionary",
    "Chart",
    "Email",
    "Finance",
    "FlowChart",
    "PDA",
    "ProjectManagement",
    "Presentation",
    "Spreadsheet",
    "WordProcessor",
    "2DGraphics",
    "VectorGraphics",
    "RasterGraphics",
    "3DGraphics",
    "Scanning",
    "OCR",
    "Photography",
    "Publishing",
    "Viewer",
    "TextTools",
    "DesktopSettings",
    "HardwareSettings",
    "Printing",
    "PackageManager",
    "Dialup",
    "InstantMessaging",
    "Chat",
    "IRCClient",
    "Feed",
    "FileTransfer",
    "HamRadio",
    "News",
    "P2P",
    "RemoteAccess",
    "Telephony",
    "TelephonyTools",
    "VideoConference",
    "WebBrowser",
    "WebDevelopment",
    "Midi",
    "Mixer",
    "Sequencer",
    "Tuner",
    "TV",
    "AudioVideoEditing",
    "Player",
    "Recorder",
    "DiscBurning",
    "ActionGame",
    "AdventureGame",
    "ArcadeGame",
    "BoardGame",
    "BlocksGame",
    "CardGame",
    "KidsGame",
    "LogicGame",
    "RolePlaying",
    "Shooter",
    "Simulation",
    "SportsGame",
    "StrategyGame",
    "Art",
    "Construction",
    "Music",
    "Languages",
    "ArtificialIntelligence",
    "Astronomy",
    "Biology",
    "Chemistry",
    "ComputerScience",
    "DataVisualization",
    "Economy",
    "Electricity",
    "Geography",
    "Geology",
    "Geoscience",
    "History",
    "Humanities",
    "ImageProcessing",
    "Literature",
    "Maps",
    "Math",
    "NumericalAnalysis",
    "MedicalSoftware",
    "Physics",
    "Robotics",
    "Spirituality",
    "Sports",
    "ParallelComputing",
    "Amusement",
    "Archiving",
    "Compression",
    "Electronics",
    "Emulator",
    "Engineering",
    "FileTools",
    "FileManager",
    "TerminalEmulator",
    "Filesystem",
    "Monitor",
    "Security",
    "Accessibility",
    "Calculator",
    "Clock",
    "TextEditor",
    "Documentation",
    "Adult",
    "Core",
    "KDE",
    "GNOME",
    "XFCE",
    "DDE",
    "GTK",
    "Qt",
    "Motif",
    "Java",
    "ConsoleOnly",
];
/// Categories of which one is needed beside an additional one; the validator demands them.
const AUDIO_VIDEO: &[&str] = &["Audio", "Video"];
const DESKTOPS: &[&str] = &[
    "GNOME",
    "GNOME-Classic",
    "GNOME-Flashback",
    "KDE",
    "LXDE",
    "LXQt",
    "MATE",
    "Razor",
    "ROX",
    "TDE",
    "Unity",
    "XFCE",
    "EDE",
    "Cinnamon",
    "Pantheon",
    "Budgie",
    "Enlightenment",
    "DDE",
    "Endless",
    "Old",
    "COSMIC",
    "Lomiri",
    "Phosh",
    "Hyprland",
    "sway",
];

impl DesktopFile {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no keyfile, or does not describe an application.
    pub(super) fn parse(stem: &str, text: &str) -> Result<Self, String> {
        let file = Keyfile::parse(text).map_err(|error| error.to_string())?;
        if file.get(GROUP, "Type").as_deref().map(str::trim) != Some("Application") {
            return Err("it describes no application".into());
        }
        if file.get(GROUP, "Name").is_none_or(|name| name.trim().is_empty()) {
            return Err("it has no name".into());
        }
        Ok(Self { stem: stem.to_owned(), file })
    }

    /// A value of the main group.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.file.get(GROUP, key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Whether a menu shows it.
    pub(super) fn is_shown(&self) -> bool {
        self.file.bool(GROUP, "NoDisplay") != Some(true) && self.file.bool(GROUP, "Hidden") != Some(true)
    }

    /// Its categories.
    pub(super) fn categories(&self) -> Vec<String> {
        self.file.list(GROUP, "Categories")
    }

    /// Whether it wants to be started by a call on the bus.
    pub(super) fn is_activatable(&self) -> bool {
        self.file.bool(GROUP, "DBusActivatable") == Some(true)
    }

    /// Whether it wants a terminal.
    pub(super) fn wants_terminal(&self) -> bool {
        self.file.bool(GROUP, "Terminal") == Some(true)
    }

    /// The program of `Exec`, without quotes; `env` and its assignments in front of it are passed over.
    pub(super) fn program(&self) -> Option<String> {
        let mut words = words(&self.get("Exec")?).into_iter().peekable();
        if words.peek().is_some_and(|word| word == "env" || word == "/usr/bin/env") {
            words.next();
            while words.peek().is_some_and(|word| word.contains('=') || word.starts_with('-')) {
                words.next();
            }
        }
        words.next().filter(|word| !word.is_empty() && !word.starts_with('-'))
    }

    /// The names of icons that it shows, the main one first.
    pub(super) fn icons(&self) -> Vec<String> {
        let groups = std::iter::once(GROUP.to_owned()).chain(self.actions().into_iter().map(action_group));
        groups
            .filter_map(|group| self.file.get(&group, "Icon"))
            .filter(|icon| !icon.trim().is_empty())
            .collect()
    }

    fn actions(&self) -> Vec<String> {
        let listed = self.file.list(GROUP, "Actions");
        let is_name = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        listed
            .into_iter()
            .filter(|name| is_name(name) && self.file.has_group(&action_group(name.clone())))
            .collect()
    }

    /// Writes it anew for the host: `icons` says what each icon is called there, `activatable` whether its service is exported under its name.
    pub(super) fn rewrite(&self, icons: &BTreeMap<String, String>, activatable: bool) -> String {
        let mut out = Keyfile::new();
        self.copy_group(GROUP, KEYS, &mut out);
        let has_exec = out.raw(GROUP, "Exec").is_some();
        out.set(GROUP, "DBusActivatable", if activatable { "true" } else { "false" });
        if !activatable {
            out.remove(GROUP, "DBusActivatable");
        }
        let actions = self.actions();
        out.remove(GROUP, "Actions");
        for action in &actions {
            let group = action_group(action.clone());
            self.copy_group(&group, ACTION_KEYS, &mut out);
            // One without a name, or that nothing would start, is no action.
            if out.raw(&group, "Name").is_none() || out.raw(&group, "Exec").is_none() && !activatable {
                out.remove_group(&group);
            }
        }
        let kept: Vec<&String> =
            actions.iter().filter(|action| out.has_group(&action_group((*action).clone()))).collect();
        if !kept.is_empty() && has_exec {
            out.set_list(GROUP, "Actions", &kept);
        }
        for group in out.group_names().into_iter().map(str::to_owned).collect::<Vec<_>>() {
            rename_icon(&mut out, &group, icons);
        }
        out.to_string()
    }

    fn copy_group(&self, group: &str, keys: &[&str], out: &mut Keyfile) {
        for key in self.file.keys(group) {
            let (name, locale) = split_locale(key);
            let own = name.starts_with("X-") && keys == KEYS && !DANGEROUS.contains(&name);
            if !(keys.contains(&name) || own) || !is_key(name) {
                continue;
            }
            if locale.is_some() && !matches!(name, "Name" | "GenericName" | "Comment" | "Keywords") {
                continue;
            }
            match value(name, &self.file, group, key) {
                Some(Value::Text(text)) => out.set(group, key, &text),
                Some(Value::List(items)) => out.set_list(group, key, &items),
                None => {}
            }
        }
    }
}

enum Value {
    Text(String),
    List(Vec<String>),
}

/// The value of a key as it is exported; `None` when it would not be valid.
fn value(name: &str, file: &Keyfile, group: &str, key: &str) -> Option<Value> {
    let text = || file.get(group, key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let list = |keep: &dyn Fn(&String) -> bool| {
        let mut items: Vec<String> =
            file.list(group, key).into_iter().map(|item| item.trim().to_owned()).collect();
        items.retain(|item| !item.is_empty() && keep(item));
        let mut seen = std::collections::BTreeSet::new();
        items.retain(|item| seen.insert(item.clone()));
        (!items.is_empty()).then_some(Value::List(items))
    };
    match name {
        "Version" => text()
            .filter(|text| ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"].contains(&text.as_str()))
            .map(Value::Text),
        "Categories" => categories(file.list(group, key)),
        "MimeType" => list(&|item| is_mime_type(item)),
        "Keywords" | "Implements" => list(&|_| true),
        "OnlyShowIn" | "NotShowIn" => {
            list(&|item| DESKTOPS.contains(&item.as_str()) || item.starts_with("X-"))
        }
        "Exec" => text().and_then(|text| exec(&text)).map(Value::Text),
        key_name if BOOLEANS.contains(&key_name) => {
            file.bool(group, key).map(|flag| Value::Text(if flag { "true" } else { "false" }.into()))
        }
        // Foreign keys as they stand: nothing is known of their form.
        foreign if foreign.starts_with("X-") => file
            .raw(group, key)
            .map(|raw| Value::Text(raw.trim().to_owned()))
            .filter(|_| file.raw(group, key).is_some_and(|raw| !raw.contains('\\'))),
        _ => text().map(Value::Text),
    }
}

/// Registered ones and those of vendors, with what they demand beside them.
fn categories(listed: Vec<String>) -> Option<Value> {
    let mut kept: Vec<String> = Vec::new();
    for item in listed.into_iter().map(|item| item.trim().to_owned()) {
        if (CATEGORIES.contains(&item.as_str()) || item.starts_with("X-") && item.len() > 2)
            && !kept.contains(&item)
        {
            kept.push(item);
        }
    }
    if kept.iter().any(|item| AUDIO_VIDEO.contains(&item.as_str()))
        && !kept.iter().any(|item| item == "AudioVideo")
    {
        kept.push("AudioVideo".into());
    }
    (!kept.is_empty()).then_some(Value::List(kept))
}

/// A command line without field codes that no longer mean anything; `None` when its quotes are not closed.
fn exec(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(code @ ('f' | 'F' | 'u' | 'U' | 'i' | 'c' | 'k' | '%')) => out.extend(['%', code]),
            Some('d' | 'D' | 'n' | 'N' | 'v' | 'm') | None => {}
            Some(_) => return None,
        }
    }
    let quotes = out.replace("\\\"", "").matches('"').count();
    let out = out.trim().to_owned();
    (quotes.is_multiple_of(2) && !out.is_empty() && !out.contains("@@")).then_some(out)
}

fn rename_icon(out: &mut Keyfile, group: &str, icons: &BTreeMap<String, String>) {
    let Some(icon) = out.get(group, "Icon") else { return };
    match icons.get(&icon) {
        Some(name) => out.set(group, "Icon", name),
        // A name may be one of the host's theme; a path is none of the host's.
        None if icon.contains('/') => out.remove(group, "Icon"),
        None => out.set(
            group,
            "Icon",
            icon.trim_end_matches(".png").trim_end_matches(".svg").trim_end_matches(".xpm"),
        ),
    }
}

fn action_group(action: String) -> String {
    format!("Desktop Action {action}")
}

fn split_locale(key: &str) -> (&str, Option<&str>) {
    match key.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((name, locale)) => (name, Some(locale)),
        None => (key, None),
    }
}

fn is_key(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_mime_type(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype) && !text.contains('*'))
}

/// The words of a command line, quotes and escapes undone.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut in_word, mut quoted) = (false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => (quoted, in_word) = (!quoted, true),
            '\\' if quoted => word.extend(chars.next()),
            ' ' | '\t' if !quoted => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                }
                in_word = false;
            }
            other => {
                word.push(other);
                in_word = true;
            }
        }
    }
    if in_word {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "[Desktop Entry]\nEncoding=UTF-8\nType=Application\nName=Maps\nName[de]=Karten\nExec=env A=b \"/usr/bin/ma ps\" --x %U %m\nIcon=maps.png\nCategories=Network;Bogus;Audio;X-Own;\nMimeType=x-scheme-handler/geo;bad;\nActions=new;missing;\nTryExec=maps\nX-Flatpak-RunOptions=--evil\nX-Own=1\nDBusActivatable=true\nOnlyShowIn=GNOME;Mine;\n[Desktop Action new]\nName=New\nExec=maps --new\nTryExec=x\n[Foreign]\nA=b\n";

    #[test]
    fn reads() {
        let file = DesktopFile::parse("maps", SAMPLE).unwrap();
        assert_eq!(file.program().as_deref(), Some("/usr/bin/ma ps"));
        assert!(file.is_shown() && file.is_activatable() && !file.wants_terminal());
        assert_eq!(file.icons(), ["maps.png"]);
        for wrong in ["", "[Desktop Entry]\nType=Link\nName=x\n", "[Desktop Entry]\nType=Application\n", "x"]
        {
            assert!(DesktopFile::parse("x", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rewrites_to_what_is_valid() {
        let file = DesktopFile::parse("maps", SAMPLE).unwrap();
        let icons = BTreeMap::from([("maps.png".to_owned(), "org.test.Maps".to_owned())]);
        let expected = "[Desktop Entry]\nType=Application\nName=Maps\nName[de]=Karten\nExec=env A=b \"/usr/bin/ma ps\" --x %U\nIcon=org.test.Maps\nCategories=Network;Audio;X-Own;AudioVideo;\nMimeType=x-scheme-handler/geo;\nX-Own=1\nOnlyShowIn=GNOME;\nActions=new;\n\n[Desktop Action new]\nName=New\nExec=maps --new\n";
        assert_eq!(file.rewrite(&icons, false), expected);
        assert!(file.rewrite(&icons, true).contains("\nDBusActivatable=true\n"));
    }

    #[test]
    fn file_forwarding_and_broken_lines_are_dropped() {
        for line in ["maps @@ /etc/passwd @@", "maps \"x", "maps %z", "  "] {
            let file =
                DesktopFile::parse("m", &format!("[Desktop Entry]\nType=Application\nName=M\nExec={line}\n"))
                    .unwrap();
            assert!(!file.rewrite(&BTreeMap::new(), false).contains("Exec"), "{line}");
        }
        assert_eq!(words("a \"b \\\" c\" d"), ["a", "b \" c", "d"]);
    }
}
