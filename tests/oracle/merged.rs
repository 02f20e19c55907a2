//! Apps and runtimes that were made of RPMs, in the eyes of stock flatpak: listed, described, and not started, in words.

use anyhow::{Context, Result, ensure};
use aril_tests::home::TestHome;
use aril_tests::test_repo::{State, TestRepo};

use crate::stock::Stock;

/// Adds the test repository, with the manifest of a runtime.
pub(crate) fn add_remote(home: &TestHome, runtime: &str) -> Result<()> {
    let repo = TestRepo::shared()?;
    home.set("ARIL_MANIFEST_DIR", home.manifests(&repo.manifest(runtime))?);
    let key = format!("--gpg-import={}", repo.key().display());
    home.run(["aril", "remote-add", &key, "test", &format!("rpm+{}", repo.url(State::First))])?.success()?;
    Ok(())
}

#[test]
fn flatpak_lists_and_describes_them_and_refuses_to_start_them_in_words() -> Result<()> {
    let Some(stock) = Stock::new()? else { return Ok(()) };
    add_remote(&stock.home, "min")?;
    stock.aril(&["install", "-y", "test", "units"])?.success()?;
    stock.share_installation();
    let columns = "--columns=application,arch,branch,origin,installation";
    let theirs = stock.flatpak(&["list", "--user", columns])?;
    let ours = stock.aril(&["list", columns])?;
    assert_eq!(sorted(theirs.success()?), sorted(ours.success()?));
    assert_eq!(sorted(theirs.success()?).len(), 2, "an app and its runtime: {}", theirs.stdout);
    for option in
        ["--show-ref", "--show-commit", "--show-origin", "--show-size", "--show-metadata", "--show-runtime"]
    {
        let theirs = stock.flatpak(&["info", "--user", option, "local.rpm.units"])?;
        let ours = stock.aril(&["info", option, "local.rpm.units"])?;
        assert_eq!(theirs.success()?.trim_end(), ours.success()?.trim_end(), "{option}");
    }
    let location = stock.flatpak(&["info", "--user", "--show-location", "org.aril.test.Min"])?;
    ensure!(location.success()?.contains("/.local/share/aril/runtime/"), "{}", location.stdout);
    stock.flatpak(&["repair", "--user", "--dry-run"])?.success()?;
    let refused = stock.flatpak(&["run", "--user", "local.rpm.units", "mile", "ft"])?;
    assert_eq!(
        refused.failure(1)?.lines().filter(|line| !line.starts_with("F: ")).collect::<Vec<_>>(),
        [
            "error: 'local.rpm.units' is laid over its runtime, which flatpak cannot do",
            "hint: start it with `aril run local.rpm.units`"
        ]
    );
    assert_eq!(stock.aril(&["run", "local.rpm.units", "--terse", "mile", "ft"])?.success()?, "5280\n");
    let repo = stock.home.path().join(".local/share/aril/repo");
    stock.home.run(["ostree", "fsck", &format!("--repo={}", repo.display())])?.success()?;
    Ok(())
}

#[test]
fn flatpak_refuses_to_install_them_in_words() -> Result<()> {
    let Some(stock) = Stock::new()? else { return Ok(()) };
    add_remote(&stock.home, "min")?;
    let built = stock.home.beside("built");
    stock.home.make_dir(&built)?;
    let built = built.display().to_string();
    let manifest = stock.home.beside("manifests/f42/platform.toml").display().to_string();
    stock.aril(&["build", "runtime", &manifest, "--from", "test", "--repo", &built])?.success()?;
    stock.aril(&["build", "app", "units", "--from", "test", "--repo", &built])?.success()?;
    stock.home.run(["ostree", "summary", "--update", &format!("--repo={built}")])?.success()?;
    let url = format!("file://{built}");
    stock.flatpak(&["remote-add", "--user", "--no-gpg-verify", "built", &url])?.success()?;
    let refused =
        stock.flatpak(&["install", "--user", "-y", "--noninteractive", "built", "local.rpm.units"])?;
    let said = refused.failure(1)?;
    ensure!(said.contains("local.rpm.units needs a later flatpak version"), "{said}");
    // The runtime is one like any other.
    stock
        .flatpak(&["install", "--user", "-y", "--noninteractive", "built", "org.aril.test.Min"])?
        .success()?;
    let said = stock.flatpak(&[
        "run",
        "--user",
        "--command=sh",
        "org.aril.test.Min",
        "-c",
        "grep ^ID= /etc/os-release",
    ])?;
    assert_eq!(said.success().context("the runtime does not run")?, "ID=fedora\n");
    Ok(())
}

/// The lines of a table that has no order.
pub(crate) fn sorted(text: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().map(words).collect();
    lines.sort();
    lines
}
