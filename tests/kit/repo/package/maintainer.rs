//! What Debian's maintainer scripts do that Fedora's packages do otherwise: users, owners, file capabilities, alternatives, services.
//! The scripts are read, never run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use regex::Regex;
use tar::Archive;

use super::paths::place;
use crate::repo::run;

/// The members of a .deb's control archive, as text.
#[derive(Debug, Default)]
pub struct Control(BTreeMap<String, String>);

/// What the scripts do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// System users that are made.
    pub users: Vec<String>,
    /// Owner, group and mode that are set after unpacking, by path.
    pub owners: BTreeMap<String, (String, String, u32)>,
    /// File capabilities, by path.
    pub capabilities: BTreeMap<String, String>,
    /// Names that several programs can have.
    pub alternatives: Vec<Alternative>,
}

/// One program that can stand for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The name's path.
    pub link: String,
    /// What the choice is called.
    pub name: String,
    /// The program.
    pub path: String,
    /// The highest one wins.
    pub priority: String,
}

impl Control {
    /// Reads the control archive of `deb`.
    pub fn read(deb: &Path) -> Result<Self> {
        let out = Command::new("dpkg-deb").arg("--ctrl-tarfile").arg(deb).output()?;
        anyhow::ensure!(out.status.success(), "dpkg-deb cannot read {}", deb.display());
        let mut members = BTreeMap::new();
        for member in Archive::new(out.stdout.as_slice()).entries()? {
            let mut member = member?;
            let name = String::from_utf8_lossy(&member.path_bytes()).trim_start_matches("./").to_owned();
            let mut text = Vec::new();
            std::io::copy(&mut member, &mut text)?;
            members.insert(name, String::from_utf8_lossy(&text).into_owned());
        }
        Ok(Self(members))
    }

    /// One member; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Files that an administrator edits, at Fedora's places.
    pub fn configuration(&self) -> Vec<String> {
        let lines = self.text("conffiles").lines().filter(|line| !line.starts_with("remove-on"));
        lines.filter(|line| !line.trim().is_empty()).map(|line| place(line.trim())).collect()
    }

    /// Sonames of the libraries within, from Debian's `shlibs`.
    pub fn sonames(&self) -> Vec<String> {
        let mut names = Vec::new();
        for line in self.text("shlibs").lines() {
            let mut words = line.split_whitespace();
            if let (Some(library), Some(version)) = (words.next(), words.next())
                && !library.ends_with(':')
            {
                names.push(format!("{library}.so.{version}"));
                names.push(format!("{library}-{version}.so"));
            }
        }
        names
    }

    /// What the scripts do.
    pub fn deeds(&self) -> Result<Deeds> {
        Deeds::read(self.text("postinst"))
    }
}

impl Deeds {
    fn read(postinst: &str) -> Result<Self> {
        let script = with_variables(&postinst.replace("\\\n", " "))?;
        Ok(Self {
            users: users(&script)?,
            owners: owners(&script)?,
            capabilities: capabilities(&script)?,
            alternatives: alternatives(&script)?,
        })
    }
}

/// The script with its own constants put in.
fn with_variables(script: &str) -> Result<String> {
    let assignment = Regex::new(r#"(?m)^\s*([A-Z_]+)="?([^"\n`]*)"?\s*$"#)?;
    let values: BTreeMap<&str, &str> = assignment
        .captures_iter(script)
        .map(|found| {
            let (_, [name, value]) = found.extract();
            (name, value)
        })
        .collect();
    let use_of = Regex::new(r"\$\{?([A-Z_]+)\}?")?;
    let mut text = script.to_owned();
    for _ in 0..3 {
        let put_in =
            |found: &regex::Captures<'_>| values.get(&found[1]).map_or(&found[0], |one| one).to_owned();
        text = use_of.replace_all(&text, put_in).into_owned();
    }
    Ok(text)
}

fn users(script: &str) -> Result<Vec<String>> {
    let call = Regex::new(r"\badduser\s+([^|;&>\n]*)")?;
    let valued = Regex::new(
        r#"--(home|ingroup|gecos|comment|shell|uid|gid|firstuid|lastuid|force-badname)[ =]("[^"]*"|'[^']*'|\S+)"#,
    )?;
    let name = Regex::new(r"^[a-z_][a-z0-9_-]*$")?;
    let mut users = Vec::new();
    for found in call.captures_iter(script) {
        let rest = valued.replace_all(&found[1], "").into_owned();
        let words: Vec<&str> = rest.split_whitespace().collect();
        let names: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
        if let [one] = names[..]
            && words.contains(&"--system")
            && name.is_match(one)
            && !users.contains(&(*one).to_string())
        {
            users.push((*one).to_string());
        }
    }
    Ok(users)
}

fn owners(script: &str) -> Result<BTreeMap<String, (String, String, u32)>> {
    let call = Regex::new(
        r#"dpkg-statoverride\s+--update\s+--add\s+(\S+)\s+"?([^\s"]+)"?\s+(\d+)\s+"?([^\s"]+)"?"#,
    )?;
    let mut owners = BTreeMap::new();
    for found in call.captures_iter(script) {
        let (_, [user, group, mode, path]) = found.extract();
        let mode = u32::from_str_radix(mode, 8).context("a mode in dpkg-statoverride")?;
        owners.insert(place(path), (user.to_owned(), group.to_owned(), mode));
    }
    Ok(owners)
}

fn capabilities(script: &str) -> Result<BTreeMap<String, String>> {
    let call = Regex::new(r#"setcap\s+"?([a-z_,]+[+=][eip]+)"?\s+"?(/[^\s";]+)"#)?;
    let found = call.captures_iter(script).map(|found| (place(&found[2]), found[1].replace('+', "=")));
    Ok(found.collect())
}

fn alternatives(script: &str) -> Result<Vec<Alternative>> {
    let call = Regex::new(r"update-alternatives\s+(?:--quiet\s+)?--install\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d+)")?;
    let mut all = Vec::new();
    for found in call.captures_iter(script) {
        let (_, [link, name, path, priority]) = found.extract();
        let plain = |text: &str| text.trim_matches(['"', '\'']).to_owned();
        if [link, name, path].iter().any(|word| word.contains('$')) {
            continue;
        }
        let (link, path) = (place(&plain(link)), place(&plain(path)));
        all.push(Alternative { link, name: plain(name), path, priority: priority.to_owned() });
    }
    Ok(all)
}

/// Sonames that the programs at `files` load.
pub fn needed_sonames(files: &[std::path::PathBuf]) -> Result<Vec<String>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let mut input = String::new();
    for file in files {
        input.push_str(file.to_str().context("a build root whose path is not UTF-8")?);
        input.push('\n');
    }
    let text =
        run::output_with_input(Command::new("/usr/lib/rpm/elfdeps").arg("--requires"), input.as_bytes())?;
    Ok(text.lines().filter_map(|line| line.split('(').next()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_not_run() {
        let script = r#"
USER=redis
LIB="/var/lib/redis"
adduser --system --home $LIB --quiet --group ${USER} || true
adduser --quiet someone group
dpkg-statoverride --update --add root messagebus 4754 /usr/lib/dbus-1.0/dbus-daemon-launch-helper
setcap cap_net_raw+ep /bin/ping
update-alternatives --quiet \
    --install /usr/bin/awk awk /usr/bin/gawk 10 --slave /usr/share/man/man1/awk.1.gz awk.1.gz x
update-alternatives --install /usr/bin/$x x /usr/bin/y 1
"#;
        let deeds = Deeds::read(script).unwrap();
        assert_eq!(deeds.users, ["redis"]);
        let helper = &deeds.owners["/usr/lib/dbus-1.0/dbus-daemon-launch-helper"];
        assert_eq!(helper, &("root".to_owned(), "messagebus".to_owned(), 0o4754));
        assert_eq!(deeds.capabilities["/usr/bin/ping"], "cap_net_raw=ep");
        assert_eq!(deeds.alternatives.len(), 1);
        assert_eq!(deeds.alternatives[0].link, "/usr/bin/awk");
    }

    #[test]
    fn sonames_come_from_shlibs() {
        let shlibs = "libz 1 zlib1g (>= 1)\nudeb: libz 1 x\nlibfoo 2.0 libfoo\n".to_owned();
        let control = Control(BTreeMap::from([("shlibs".to_owned(), shlibs)]));
        assert_eq!(control.sonames(), ["libz.so.1", "libz-1.so", "libfoo.so.2.0", "libfoo-2.0.so"]);
    }
}
