//! An app and a runtime that flatpak's own tools built, from a signed repository: installed, started, described, overridden, updated and
//! removed by `aril` and by `flatpak`, each in its own installation, with the same results.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aril_tests::outcome::Outcome;

use crate::merged::sorted;
use crate::stock::Stock;

const APP: &str = "org.test.Hello";
const RUNTIME: &str = "org.test.Platform";

/// What the app prints: everything that a program sees of how it was started, one fact a line.
const PROGRAM: &str = r#"#!/bin/sh
echo "version VERSION"
echo "arguments $#: $*"
echo "id $FLATPAK_ID, container $container"
cat /app/share/greeting
cat /usr/share/from-runtime
ls -d /app/* /usr/bin/sh /run/host/container-manager /.flatpak-info
for name in HOME PATH XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_DATA_DIRS XDG_CONFIG_DIRS XDG_RUNTIME_DIR SHELL FROM_METADATA FROM_OVERRIDE; do
    eval "echo \"$name=\$$name\""
done
touch "$XDG_DATA_HOME/own" && echo "its data can be written"
(touch /app/x || touch /usr/x) 2>/dev/null || echo "its files cannot"
ls "$HOME/secret" 2>/dev/null || echo "the home is hidden"
grep -E '^(name|runtime|arch|branch|app-commit|runtime-commit|shared|sockets|devices|filesystems|org.test.Service)=' /.flatpak-info
exit 7
"#;

/// A repository that flatpak's tools filled, signed with a key of its own.
struct Built {
    stock: Stock,
    repo: PathBuf,
    key: PathBuf,
}

impl Built {
    fn new() -> Result<Option<Self>> {
        let Some(stock) = Stock::new()? else { return Ok(None) };
        let gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""];
        let generate = ["--quick-gen-key", "signer@test", "ed25519", "sign", "never"];
        stock.home.run([&gpg[..], &generate].concat())?.success()?;
        let path = stock.home.path().join("key.gpg");
        let line = [&gpg[..], &["--output", path.to_str().context("a path")?, "--export"]].concat();
        stock.home.run(line)?.success()?;
        let repo = stock.home.beside("served");
        let built = Self { stock, repo, key: path };
        built.make_runtime()?;
        built.make_app("1")?;
        Ok(Some(built))
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.stock.home.path().join("build").join(name)
    }

    fn write(&self, path: &Path, text: &str, mode: u32) -> Result<()> {
        let below = path.strip_prefix(self.stock.home.path())?;
        self.stock.home.write(&below.display().to_string(), text)?;
        Ok(fs::set_permissions(path, PermissionsExt::from_mode(mode))?)
    }

    /// A shell and a few programs of the host, each with its libraries where they are on the host.
    fn make_runtime(&self) -> Result<()> {
        let dir = self.dir("runtime");
        for (program, name) in [
            ("/bin/dash", "bin/sh"),
            ("/bin/cat", "bin/cat"),
            ("/bin/ls", "bin/ls"),
            ("/bin/grep", "bin/grep"),
            ("/bin/touch", "bin/touch"),
            ("/sbin/ldconfig", "bin/ldconfig"),
        ] {
            let linked = self.stock.home.run(["ldd", program])?;
            let libraries = linked.stdout.split_whitespace().filter(|word| word.starts_with('/'));
            for path in libraries {
                self.copy(
                    path,
                    &dir.join("usr").join(path.trim_start_matches('/').trim_start_matches("usr/")),
                )?;
            }
            self.copy(program, &dir.join("usr").join(name))?;
        }
        self.write(&dir.join("usr/share/from-runtime"), "of the runtime\n", 0o644)?;
        self.write(&dir.join("usr/etc/os-release"), "ID=test\n", 0o644)?;
        // Without these it is no directory of flatpak's tools.
        self.stock.home.make_dir(&dir.join("files"))?;
        self.stock.home.make_dir(&dir.join("var"))?;
        let arch = std::env::consts::ARCH;
        let metadata =
            format!("[Runtime]\nname={RUNTIME}\nruntime={RUNTIME}/{arch}/1\nsdk={RUNTIME}/{arch}/1\n");
        self.write(&dir.join("metadata"), &metadata, 0o644)?;
        self.export(&["--runtime"], &dir, "1")?;
        // What an app is built with has to be installed.
        self.stock
            .flatpak(&["remote-add", "--user", "--gpg-import", self.key()?, "served", &self.url()])?
            .success()?;
        self.stock.flatpak(&["install", "--user", "-y", "--noninteractive", "served", RUNTIME])?.success()?;
        Ok(())
    }

    fn make_app(&self, version: &str) -> Result<()> {
        let dir = self.dir(&format!("app{version}"));
        let at = dir.display().to_string();
        self.stock.flatpak(&["build-init", &at, APP, RUNTIME, RUNTIME, "1"])?.success()?;
        self.write(&dir.join("files/bin/hello"), &PROGRAM.replace("VERSION", version), 0o755)?;
        self.write(&dir.join("files/share/greeting"), "hello\n", 0o644)?;
        let desktop = format!("[Desktop Entry]\nType=Application\nName=Hello\nExec=hello %U\nIcon={APP}\n");
        self.write(&dir.join(format!("files/share/applications/{APP}.desktop")), &desktop, 0o644)?;
        let icon = "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>";
        self.write(&dir.join(format!("files/share/icons/hicolor/scalable/apps/{APP}.svg")), icon, 0o644)?;
        let finish = [
            "build-finish",
            "--command=hello",
            "--share=network",
            "--socket=x11",
            "--filesystem=xdg-music:ro",
            "--talk-name=org.test.Service",
            "--env=FROM_METADATA=yes",
            &at,
        ];
        self.stock.flatpak(&finish)?.success()?;
        self.export(&[], &dir, "stable")
    }

    fn export(&self, more: &[&str], dir: &Path, branch: &str) -> Result<()> {
        let (repo, dir) = (self.repo.display().to_string(), dir.display().to_string());
        let home = format!("--gpg-homedir={}", self.stock.home.run_dir().join("gpg").display());
        let sign = ["build-export", "--gpg-sign=signer@test", &home];
        self.stock.flatpak(&[&sign[..], more, &[&repo, &dir, branch]].concat())?.success()?;
        Ok(())
    }

    fn copy(&self, from: &str, to: &Path) -> Result<()> {
        self.stock.home.make_dir(to.parent().context("a path without a directory")?)?;
        fs::copy(from, to)?;
        self.stock.home.user().own(to)
    }

    fn url(&self) -> String {
        format!("file://{}", self.repo.display())
    }

    fn key(&self) -> Result<&str> {
        self.key.to_str().context("a path that is no text")
    }

    /// What both programs say to the same line.
    fn both(&self, line: &[&str]) -> Result<(Outcome, Outcome)> {
        let theirs = self.stock.flatpak(&[&line[..1], &["--user"], &line[1..]].concat())?;
        Ok((theirs, self.stock.aril(line)?))
    }

    /// Runs the app with both; what it prints, each with its exit code.
    fn run_both(&self) -> Result<[(i32, Vec<String>); 2]> {
        let (theirs, ours) = self.both(&["run", APP, "one", "two words"])?;
        let facts = |outcome: &Outcome| (outcome.code(), outcome.stdout.lines().map(str::to_owned).collect());
        println!("{}", ours.stderr);
        Ok([facts(&theirs), facts(&ours)])
    }

    /// Both say the same of what is installed.
    fn assert_described_alike(&self) -> Result<()> {
        let (theirs, ours) = self.both(&["list", "--columns=application,arch,branch,origin,active"])?;
        // flatpak shortens commits.
        let short = |text: &str| {
            let cut = |line: String| {
                line.split(' ')
                    .map(|word| word.get(..12).filter(|_| word.len() > 40).unwrap_or(word).to_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            sorted(text).into_iter().map(cut).collect::<Vec<_>>()
        };
        assert_eq!(short(theirs.success()?), short(ours.success()?));
        for option in [
            "--show-ref",
            "--show-commit",
            "--show-origin",
            "--show-size",
            "--show-metadata",
            "--show-runtime",
            "--show-sdk",
            "--show-permissions",
        ] {
            for name in [APP, RUNTIME] {
                if name == RUNTIME && matches!(option, "--show-runtime" | "--show-sdk") {
                    continue;
                }
                let (theirs, ours) = self.both(&["info", option, name])?;
                assert_eq!(sorted(theirs.success()?), sorted(ours.success()?), "{option} {name}");
            }
        }
        Ok(())
    }
}

#[test]
fn an_app_that_flatpak_built_lives_alike_in_both() -> Result<()> {
    let Some(built) = Built::new()? else { return Ok(()) };
    fs::write(built.stock.home.path().join("secret"), "x")?;
    built.stock.aril(&["remote-add", "--gpg-import", built.key()?, "served", &built.url()])?.success()?;
    built.stock.flatpak(&["install", "--user", "-y", "--noninteractive", "served", APP])?.success()?;
    built.stock.aril(&["install", "-y", "served", APP])?.success()?;
    built.assert_described_alike()?;
    let [theirs, ours] = built.run_both()?;
    assert_eq!(theirs, ours);
    assert_eq!(theirs.0, 7);
    assert!(theirs.1.contains(&"version 1".to_owned()), "{theirs:?}");
    // Overrides are written alike, and hold alike.
    let change = [
        "--env=FROM_OVERRIDE=yes",
        "--filesystem=xdg-documents",
        "--unshare=network",
        "--nosocket=x11",
        "--no-talk-name=org.test.Service",
    ];
    let (theirs, ours) = built.both(&[&["override"], &change[..], &[APP]].concat())?;
    theirs.success().and(ours.success())?;
    let written = |program: &str| built.stock.home.read(&format!(".local/share/{program}/overrides/{APP}"));
    assert_eq!(written("flatpak")?.trim_end(), written("aril")?.trim_end());
    built.assert_described_alike()?;
    let [theirs, ours] = built.run_both()?;
    assert_eq!(theirs, ours);
    assert!(ours.1.contains(&"FROM_OVERRIDE=yes".to_owned()), "{ours:?}");
    built.both(&["override", "--reset", APP])?.1.success()?;
    // Updated.
    built.make_app("2")?;
    built.stock.flatpak(&["update", "--user", "-y", "--noninteractive"])?.success()?;
    built.stock.aril(&["update", "-y"])?.success()?;
    built.assert_described_alike()?;
    let [theirs, ours] = built.run_both()?;
    assert_eq!(theirs, ours);
    assert!(ours.1.contains(&"version 2".to_owned()), "{ours:?}");
    // Removed.
    built.stock.flatpak(&["uninstall", "--user", "-y", "--noninteractive", APP])?.success()?;
    built.stock.aril(&["uninstall", "-y", APP])?.success()?;
    let (theirs, ours) = built.both(&["list", "--app", "--columns=application"])?;
    assert_eq!((theirs.success()?.trim(), ours.success()?.trim()), ("", ""));
    let (theirs, ours) = built.both(&["info", APP])?;
    assert_eq!((theirs.code(), ours.code()), (1, 1));
    Ok(())
}

#[test]
fn what_is_signed_by_a_stranger_is_refused_by_both() -> Result<()> {
    let Some(built) = Built::new()? else { return Ok(()) };
    built.stock.aril(&["remote-add", "--gpg-import", built.key()?, "served", &built.url()])?.success()?;
    // A commit without a signature, over the one that had one.
    let dir = built.dir("app1").display().to_string();
    fs::write(built.dir("app1").join("files/share/greeting"), "changed\n")?;
    let repo = built.repo.display().to_string();
    built.stock.flatpak(&["build-export", &repo, &dir, "stable"])?.success()?;
    let theirs = built.stock.flatpak(&["install", "--user", "-y", "--noninteractive", "served", APP])?;
    let ours = built.stock.aril(&["install", "-y", "served", APP])?;
    assert_eq!((theirs.code(), ours.code()), (1, 1), "{}{}", theirs.stderr, ours.stderr);
    ensure!(ours.stderr.contains("error: "), "{}", ours.stderr);
    let (theirs, ours) = built.both(&["list", "--app", "--columns=application"])?;
    assert_eq!((theirs.success()?.trim(), ours.success()?.trim()), ("", ""));
    Ok(())
}
