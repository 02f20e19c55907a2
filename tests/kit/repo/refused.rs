//! Packages that nobody may accept: unsigned, signed by a stranger, changed after they were signed. They are in no repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::cache::{Cache, key_of};
use super::key::Key;
use super::run::run;
use super::states::Packages;

/// The name of the directory, and of the key that signed one of them.
pub const DIRECTORY: &str = "refused";
/// The directory of good packages that are in no repository.
pub const LOOSE: &str = "loose";

const STRANGER: &str = "RPM-GPG-KEY-stranger";

/// Writes the directory into `out`: each file is a good package with one thing wrong.
pub fn make(out: &Path, cache: &Cache, key: &Key, hard: &Packages) -> Result<()> {
    let good = find(hard, "hard-app-desktop-")?;
    let dir = out.join(DIRECTORY);
    fs::create_dir_all(&dir)?;
    let source = fs::read(good)?;
    let id = key_of(&[b"refused 1", &source, key.fingerprint().as_bytes()]);
    let files = match cache.packages(&id) {
        Some(files) => files,
        None => cache.keep(&id, &spoil(&source, cache)?)?,
    };
    for file in files {
        fs::copy(&file, dir.join(file.file_name().context("a file without a name")?))?;
    }
    Ok(())
}

/// Writes the good packages that are in no repository, each as `NAME.rpm`.
pub fn loose(out: &Path, packages: &Packages) -> Result<()> {
    fs::create_dir_all(out.join(LOOSE))?;
    for file in packages.values().flatten() {
        let name = file.file_name().and_then(|name| name.to_str()).context("a file without a name")?;
        let name = name.rsplitn(3, '-').nth(2).context("an odd file name")?;
        fs::copy(file, out.join(LOOSE).join(format!("{name}.rpm")))?;
    }
    Ok(())
}

fn spoil(good: &[u8], cache: &Cache) -> Result<Vec<PathBuf>> {
    let work = cache.work()?.keep();
    let write = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let path = work.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    };
    let stranger = Key::open(&cache.path("keys"), STRANGER)?;
    let unsigned = write("unsigned.rpm", good)?;
    run(Command::new("rpmsign").arg("--delsign").arg(&unsigned))?;
    let strange = write("signed-by-a-stranger.rpm", &fs::read(&unsigned)?)?;
    stranger.sign_packages(std::slice::from_ref(&strange))?;
    let key = write(&format!("{STRANGER}.asc"), &fs::read(stranger.public())?)?;
    let mut payload = good.to_vec();
    let last = payload.len() - 20;
    payload[last] ^= 1;
    let mut header = good.to_vec();
    // The name in the main header, which the signature covers; the lead has it, too, and is believed by nobody.
    let at = header.windows(9).rposition(|text| text == b"Has a des").context("no summary in the header")?;
    header[at] = b'W';
    Ok(vec![
        write("payload-changed.rpm", &payload)?,
        write("header-changed.rpm", &header)?,
        write("cut-short.rpm", &good[..good.len() / 2])?,
        write("empty.rpm", b"")?,
        write("no-package.rpm", b"this is text\n")?,
        unsigned,
        strange,
        key,
    ])
}

fn find<'a>(packages: &'a Packages, start: &str) -> Result<&'a PathBuf> {
    let starts =
        |file: &&PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    packages.values().flatten().find(starts).with_context(|| format!("no package {start}…"))
}
