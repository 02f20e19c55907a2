//! Debian's packages through an apt directory of our own: the host's lists, locks and installed packages stay untouched, and no
//! privileges are needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::control::Paragraph;
use super::run::{output, run};

/// Whose packages they are: the generation of Fedora 42 (glibc 2.41, GTK 4.18, GNOME 48, Python 3.13).
pub const SUITE: &str = "trixie";

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR: &str = "http://deb.debian.org/debian/";

/// A private apt directory with the lists of [`SUITE`].
#[derive(Debug)]
pub struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// Opens the directory, making it and its lists when they are not there.
    pub fn open(dir: &Path) -> Result<Self> {
        let apt = Self { dir: dir.to_owned() };
        for part in ["lists/partial", "archives/partial", "none", "state"] {
            fs::create_dir_all(dir.join(part))?;
        }
        fs::write(dir.join("status"), "")?;
        fs::write(dir.join("apt.conf"), apt.settings()?)?;
        let stamp = dir.join("updated");
        if !stamp.exists() {
            apt.update()?;
        }
        Ok(apt)
    }

    /// Fetches the lists anew.
    pub fn update(&self) -> Result<()> {
        let sources = format!("deb [signed-by={KEYRING} arch=amd64] {} {SUITE} main\n", mirror());
        fs::write(self.dir.join("sources.list"), sources)?;
        run(self.command("apt-get").args(["update", "-qq"]))
            .context("Debian's package lists cannot be had")?;
        fs::write(self.dir.join("updated"), "")?;
        Ok(())
    }

    /// All that apt would install for `roots` on an empty system, with each package's fields.
    pub fn closure(&self, roots: &[String]) -> Result<Vec<Paragraph>> {
        let text = output(
            self.command("apt-get")
                .args(["-y", "-qq", "--no-install-recommends", "--print-uris", "install"])
                .args(roots),
        )?;
        let wanted: Vec<String> = text.lines().filter_map(name_and_version).collect();
        ensure!(!wanted.is_empty(), "apt resolved nothing for {roots:?}");
        self.show(&wanted)
    }

    fn show(&self, wanted: &[String]) -> Result<Vec<Paragraph>> {
        let text = output(self.command("apt-cache").args(["show", "--no-all-versions"]).args(wanted))?;
        let by_name: BTreeMap<String, Paragraph> = Paragraph::parse_all(&text)
            .into_iter()
            .map(|paragraph| (paragraph.get("Package").to_owned(), paragraph))
            .collect();
        ensure!(
            by_name.len() == wanted.len(),
            "apt-cache showed {} of {} packages",
            by_name.len(),
            wanted.len()
        );
        Ok(by_name.into_values().collect())
    }

    /// Downloads `packages` into `dir`, named as [`file_name`] says; apt checks size and hash.
    pub fn download(&self, packages: &[&Paragraph], dir: &Path) -> Result<()> {
        fs::create_dir_all(dir)?;
        let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(dir)?;
        for some in packages.chunks(200) {
            let names = some.iter().map(|one| format!("{}={}", one.get("Package"), one.get("Version")));
            run(self.command("apt-get").args(["-qq", "download"]).args(names).current_dir(partial.path()))
                .context("Debian's packages cannot be downloaded")?;
        }
        for one in packages {
            let name = file_name(one);
            fs::rename(partial.path().join(&name), dir.join(&name))
                .with_context(|| format!("apt left no {name}"))?;
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.dir.join("apt.conf")).env("LC_ALL", "C").env_remove("LANGUAGE");
        command
    }

    fn settings(&self) -> Result<String> {
        let dir = self.dir.to_str().context("the cache's path is not UTF-8")?;
        let mut text = format!(
            r#"Dir::Etc::main "/dev/null";
Dir::Etc::parts "{dir}/none";
Dir::Etc::sourcelist "{dir}/sources.list";
Dir::Etc::sourceparts "{dir}/none";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{dir}/none";
Dir::State "{dir}/state";
Dir::State::lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}";
Dir::Log "{dir}/none";
Debug::NoLocking "1";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Retries "3";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
"#
        );
        text.push_str(&host_proxies());
        Ok(text)
    }
}

/// The name of a package's file, as `apt-get download` gives it.
pub fn file_name(package: &Paragraph) -> String {
    let version = package.get("Version").replace(':', "%3a");
    format!("{}_{version}_{}.deb", package.get("Package"), package.get("Architecture"))
}

/// The mirror: named by the environment, else the host's own for Debian, else the usual one.
fn mirror() -> String {
    if let Ok(mirror) = std::env::var("ARIL_TEST_MIRROR") {
        return mirror;
    }
    let targets =
        output(Command::new("apt-get").args(["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"]));
    let hosts = targets.unwrap_or_default();
    hosts.lines().find_map(|line| line.strip_prefix("Debian Debian ")).unwrap_or(MIRROR).to_owned()
}

/// The host's own settings are not read, since they may run programs; what it needs to reach the network is.
fn host_proxies() -> String {
    let settings = output(Command::new("apt-config").arg("dump")).unwrap_or_default();
    let of_network = |line: &&str| line.starts_with("Acquire::http") && line.ends_with("\";");
    settings.lines().filter(of_network).map(|line| format!("{line}\n")).collect()
}

/// `'URI' NAME_VERSION_ARCH.deb SIZE HASH` as `NAME=VERSION`.
fn name_and_version(line: &str) -> Option<String> {
    let file = line.strip_prefix('\'')?.split_once("' ")?.1.split(' ').next()?;
    let mut parts = file.strip_suffix(".deb")?.splitn(3, '_');
    let (name, version) = (parts.next()?, parts.next()?);
    Some(format!("{name}={}", version.replace("%3a", ":")))
}

/// Says what is missing on this host, before anything is begun.
pub fn check_host() -> Result<()> {
    let needed = [
        ("apt-get", "apt", "apt"),
        ("dpkg-deb", "dpkg", "dpkg"),
        ("rpmbuild", "rpm", "rpm-build"),
        ("rpmsign", "rpm", "rpm-sign"),
        ("createrepo_c", "createrepo-c", "createrepo_c"),
        ("gpg", "gnupg", "gnupg2"),
        // rpm's own generator of `pkgconfig(…)` dependencies asks it.
        ("pkg-config", "pkgconf", "pkgconf-pkg-config"),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    let missing: Vec<String> = needed
        .iter()
        .filter(|(program, ..)| !has(program))
        .map(|(program, debian, fedora)| format!("{program} (Debian: {debian}; Fedora: {fedora})"))
        .collect();
    if !missing.is_empty() {
        bail!("the test repository cannot be made without {}", missing.join(", "));
    }
    ensure!(
        Path::new(KEYRING).exists(),
        "{KEYRING} is missing (Debian: debian-archive-keyring; Fedora: debian-keyring)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_name_package_and_version() {
        let line = "'http://x/pool/zlib1g_1%3a1.3-1_amd64.deb' zlib1g_1%3a1.3-1_amd64.deb 88 MD5Sum:0";
        assert_eq!(name_and_version(line).as_deref(), Some("zlib1g=1:1.3-1"));
        assert_eq!(name_and_version("NOTE: nothing"), None);
    }
}
