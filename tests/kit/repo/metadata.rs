//! Repository metadata: createrepo_c's, with groups and advisories, signed, compressed with gzip or as Fedora does it now with zstd.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use regex::{Captures, Regex};
use sha2::{Digest, Sha256};

use super::key::Key;
use super::run::run;

/// A group of packages for `comps.xml`.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub id: String,
    /// In a line.
    pub about: String,
    /// Fedora's names.
    pub packages: Vec<String>,
}

/// An advisory for `updateinfo.xml`.
#[derive(Debug)]
pub struct Advisory {
    /// As Fedora counts them.
    pub id: String,
    /// In a line.
    pub title: String,
    /// `security`, `bugfix` or `enhancement`.
    pub kind: String,
    /// Name, version, release, file name.
    pub package: [String; 4],
    /// Of the package.
    pub epoch: u32,
}

/// Makes `repodata` in `repo`, compressed with gzip.
pub fn create(repo: &Path, groups: &[Group], advisories: &[Advisory], time: i64) -> Result<()> {
    let beside = tempfile::tempdir_in(repo)?;
    let comps = beside.path().join("comps.xml");
    fs::write(&comps, comps_text(groups))?;
    let mut command = Command::new("createrepo_c");
    command.args(["--quiet", "--no-database", "--general-compress-type=gz", "--set-timestamp-to-revision"]);
    command.arg("--revision").arg(time.to_string()).arg("--workers").arg(super::jobs().to_string());
    command.arg("--groupfile").arg(&comps).arg("--excludes").arg(".tmp*");
    run(command.arg(repo).env("SOURCE_DATE_EPOCH", time.to_string()))?;
    if !advisories.is_empty() {
        let info = beside.path().join("updateinfo.xml");
        fs::write(&info, updateinfo_text(advisories))?;
        let mut command = Command::new("modifyrepo_c");
        run(command
            .args(["--compress-type=gz", "--mdtype=updateinfo"])
            .arg(&info)
            .arg(repo.join("repodata")))?;
    }
    Ok(())
}

/// Signs `repomd.xml`, after which nothing in the metadata may change.
pub fn sign(repo: &Path, key: &Key) -> Result<()> {
    key.sign_file(&repo.join("repodata/repomd.xml"))
}

/// Copies the gzip metadata of `from` to `to` with zstd in place of gzip; older createrepo_c cannot write that.
pub fn recompress(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.join("repodata"))?;
    let text = fs::read_to_string(from.join("repodata/repomd.xml"))?;
    let block = Regex::new(r#"(?s)<data type="[^"]+">.*?</data>"#)?;
    let mut blocks = Vec::new();
    for found in block.find_iter(&text) {
        blocks.push(recompress_one(found.as_str(), from, to)?);
    }
    let mut blocks = blocks.into_iter();
    let text = block.replace_all(&text, |_: &Captures<'_>| blocks.next().unwrap_or_default());
    fs::write(to.join("repodata/repomd.xml"), text.as_bytes())?;
    Ok(())
}

fn recompress_one(block: &str, from: &Path, to: &Path) -> Result<String> {
    let href = Regex::new(r#"href="(repodata/([^"]+))""#)?;
    let found = href.captures(block).context("metadata without a place")?;
    let content = fs::read(from.join(&found[1]))?;
    let Some(plain) = found[2].strip_suffix(".gz") else {
        fs::write(to.join(&found[1]), content)?;
        return Ok(block.to_owned());
    };
    let mut open = Vec::new();
    GzDecoder::new(content.as_slice()).read_to_end(&mut open)?;
    let packed = zstd::bulk::compress(&open, 10)?;
    let sum: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = plain.split_once('-').map_or(plain, |(_, name)| name);
    let place = format!("repodata/{sum}-{name}.zst");
    fs::write(to.join(&place), &packed)?;
    let text = block.replace(&found[1], &place).replace("\"group_gz\"", "\"group_zst\"");
    let text = Regex::new(r#"(<checksum type="sha256">)[0-9a-f]+"#)?.replace(&text, format!("${{1}}{sum}"));
    let size = format!("<size>{}</size>", packed.len());
    Ok(Regex::new(r"<size>\d+</size>")?.replace(&text, size).into_owned())
}

fn comps_text(groups: &[Group]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE comps PUBLIC \"-//Red Hat, Inc.//DTD Comps info//EN\" \"comps.dtd\">\n<comps>\n",
    );
    for group in groups {
        let (id, about) = (escape(&group.id), escape(&group.about));
        let _ = write!(
            text,
            " <group>\n  <id>{id}</id>\n  <name>{id}</name>\n  <description>{about}</description>\n  \
             <default>false</default>\n  <uservisible>true</uservisible>\n  <packagelist>\n"
        );
        for package in &group.packages {
            let _ = writeln!(text, "   <packagereq type=\"mandatory\">{}</packagereq>", escape(package));
        }
        text.push_str("  </packagelist>\n </group>\n");
    }
    text.push_str("</comps>\n");
    text
}

fn updateinfo_text(advisories: &[Advisory]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>\n");
    for one in advisories {
        let [name, version, release, file] = one.package.each_ref().map(|part| escape(part));
        let arch = if file.ends_with(".noarch.rpm") { "noarch" } else { "x86_64" };
        let (id, title, kind, epoch) = (escape(&one.id), escape(&one.title), escape(&one.kind), one.epoch);
        let severity = if kind == "security" { "Moderate" } else { "None" };
        let _ = write!(
            text,
            " <update from=\"updates@fedoraproject.org\" status=\"stable\" type=\"{kind}\" version=\"2.0\">\n  \
             <id>{id}</id>\n  <title>{title}</title>\n  <issued date=\"2025-07-01 00:00:00\"/>\n  \
             <severity>{severity}</severity>\n  <summary>{title}</summary>\n  <description>{title}</description>\n  \
             <references/>\n  <pkglist>\n   <collection short=\"F42\">\n    <name>Fedora 42</name>\n    \
             <package name=\"{name}\" version=\"{version}\" release=\"{release}\" epoch=\"{epoch}\" arch=\"{arch}\">\n     \
             <filename>{file}</filename>\n    </package>\n   </collection>\n  </pkglist>\n </update>\n"
        );
    }
    text.push_str("</updates>\n");
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
