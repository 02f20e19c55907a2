//! Remotes of RPMs, with a real repository: for which release it is, who signs it, and what happens when the signature is gone or wrong.
// The kit works in directories of its own; no path in it is chosen by someone else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use aril_tests::home::TestHome;
use aril_tests::keeper::Running;
use aril_tests::outcome::Outcome;
use aril_tests::test_repo::{State, TestRepo};

/// A home, the repository, and a copy of its metadata that a test may spoil; the packages are links to the real ones.
struct Case {
    home: TestHome,
    repo: &'static TestRepo,
    dir: PathBuf,
}

impl Case {
    fn new() -> Result<Self> {
        let (home, repo) = (TestHome::new()?, TestRepo::shared()?);
        home.set("ARIL_MANIFEST_DIR", home.manifests(&repo.manifest("x11"))?);
        let dir = home.beside("repo");
        let case = Self { home, repo, dir };
        case.home.make_dir(&case.dir.join("repodata"))?;
        case.restore()?;
        std::os::unix::fs::symlink(repo.path(State::First).join("Packages"), case.dir.join("Packages"))?;
        Ok(case)
    }

    /// Makes the metadata what they were.
    fn restore(&self) -> Result<()> {
        for entry in fs::read_dir(self.repo.path(State::First).join("repodata"))? {
            let entry = entry?;
            fs::copy(entry.path(), self.dir.join("repodata").join(entry.file_name()))?;
        }
        Ok(())
    }

    fn signature(&self) -> PathBuf {
        self.dir.join("repodata/repomd.xml.asc")
    }

    fn url(&self) -> String {
        format!("rpm+file://{}", self.dir.display())
    }

    /// `--gpg-import` with the key of whoever made the repository.
    fn key(&self) -> String {
        format!("--gpg-import={}", self.repo.key().display())
    }

    fn add(&self, options: &[&str]) -> Result<Outcome> {
        self.home.run([&["aril", "remote-add"], options].concat())
    }

    /// What is written of the remote, if it was.
    fn written(&self, name: &str) -> Option<String> {
        self.home.read(&format!(".local/share/aril/rpm-remotes.d/{name}.conf")).ok()
    }

    /// What asking the remote for a package comes to.
    fn plan(&self) -> Result<Outcome> {
        self.home.run(["aril", "install", "--dry-run", "test", "galculator"])
    }
}

fn assert_says(outcome: &Outcome, words: &[&str]) -> Result<()> {
    let said = outcome.failure(1)?;
    for word in words {
        ensure!(said.contains(word), "`{}` says nothing of {word:?}:\n{said}", outcome.words);
    }
    Ok(())
}

#[test]
fn the_repository_says_its_release_and_that_it_is_signed() -> Result<()> {
    let case = Case::new()?;
    let added = case.add(&[&case.key(), "test", &case.url()])?;
    added.success()?;
    assert_eq!(
        added.stderr,
        "fetching primary\nreading primary\nadded the remote 'test'\nits packages are for the release 42\nits state is signed, and from now on has to be, as well as each package\n"
    );
    let written = case.written("test").context("no remote was written")?;
    for line in ["release=42", "verify-packages=true", "verify-metadata=true"] {
        assert!(written.lines().any(|own| own == line), "{line}: {written}");
    }
    // It leads to the manifest that fits.
    let plan = case.plan()?;
    let plan = plan.success()?;
    assert!(plan.contains("/f42-rpm") && plan.contains("galculator"), "{plan}");
    Ok(())
}

#[test]
fn a_signature_that_was_there_has_to_stay() -> Result<()> {
    let case = Case::new()?;
    case.add(&[&case.key(), "test", &case.url()])?.success()?;
    case.plan()?.success()?;
    fs::remove_file(case.signature())?;
    assert_says(&case.plan()?, &["is not believed", "there is none", "hint: it was signed when"])?;
    case.restore()?;
    case.plan()?.success()?;
    // Other metadata than what was signed: a word of it is another.
    let repomd = case.dir.join("repodata/repomd.xml");
    let text = fs::read_to_string(&repomd)?;
    fs::write(&repomd, text.replacen("<revision>", "<revision>9", 1))?;
    assert_says(&case.plan()?, &["is not believed", "it does not fit what it should sign", "hint: "])?;
    case.restore()?;
    fs::write(case.signature(), "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n")?;
    assert_says(&case.plan()?, &["is not believed", "it cannot be read"])?;
    case.restore()?;
    case.plan()?.success()?;
    Ok(())
}

#[test]
fn what_is_wrong_from_the_beginning_is_not_added() -> Result<()> {
    let case = Case::new()?;
    let key = case.key();
    let (with_key, no_key) = ([&*key, "test", &case.url()], ["test", &case.url()]);
    assert_says(&case.add(&no_key)?, &["the remote 'test' has no key", "hint: give its key"])?;
    let stranger = stranger_key(&case.home)?;
    let stranger = format!("--gpg-import={}", stranger.display());
    assert_says(
        &case.add(&[&stranger, "test", &case.url()])?,
        &["which was not imported", "hint: give the key"],
    )?;
    fs::write(case.dir.join("repodata/repomd.xml"), "<repomd/>")?;
    assert_says(&case.add(&with_key)?, &["it does not fit what it should sign"])?;
    assert_says(&case.add(&["--no-gpg-verify", "test", &case.url()])?, &["names no primary metadata"])?;
    fs::remove_dir_all(case.dir.join("repodata"))?;
    assert_says(&case.add(&with_key)?, &["cannot fetch the state of the repository 'test'"])?;
    assert_eq!(case.written("test"), None);
    let left: Vec<_> = fs::read_dir(case.home.path().join(".local/share/aril"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    assert!(left.iter().all(|name| [".lock", "repo"].contains(&&**name)), "{left:?}");
    assert_eq!(case.home.run(["aril", "remotes", "--columns=name"])?.success()?, "");
    Ok(())
}

#[test]
fn a_repository_that_is_not_signed_and_one_that_nobody_checks() -> Result<()> {
    let case = Case::new()?;
    fs::remove_file(case.signature())?;
    let added = case.add(&[&case.key(), "test", &case.url()])?;
    added.success()?;
    assert!(added.stderr.contains("each package has to be signed; its state is not"), "{}", added.stderr);
    assert!(case.written("test").is_some_and(|text| text.contains("verify-metadata=false")));
    case.add(&["--no-gpg-verify", "anything", &case.url()])?.success()?;
    let written = case.written("anything").context("no remote was written")?;
    for line in ["release=42", "verify-packages=false", "verify-metadata=false"] {
        assert!(written.lines().any(|own| own == line), "{line}: {written}");
    }
    Ok(())
}

#[test]
fn a_release_is_taken_from_marks_or_said() -> Result<()> {
    let case = Case::new()?;
    // The packages of specs/ are marked with `.fc42`, and nothing in such a repository provides `system-release`.
    let few = case.home.beside("few");
    case.home.make_dir(&few)?;
    fs::copy(case.repo.package(State::Hard, "7hard")?, few.join("7hard.rpm"))?;
    let status = std::process::Command::new("createrepo_c").arg("--quiet").arg(&few).status()?;
    ensure!(status.success(), "createrepo_c failed");
    let url = format!("rpm+file://{}", few.display());
    let added = case.add(&[&case.key(), "few", &url])?;
    added.success()?;
    assert!(added.stderr.contains("its packages are for the release 42"), "{}", added.stderr);
    let added = case.add(&[&case.key(), "--release=41", "other", &url])?;
    added.success()?;
    assert!(
        added.stderr.contains("for the release 42, as far as they say, and not for 41"),
        "{}",
        added.stderr
    );
    assert!(case.written("other").is_some_and(|text| text.contains("release=41")));
    assert_says(
        &case.home.run(["aril", "install", "--dry-run", "other", "7hard"])?,
        &["there is no runtime for apps of the remote 'other'", "hint: "],
    )
}

#[test]
fn described_by_a_repo_file() -> Result<()> {
    let case = Case::new()?;
    let above = case.dir.parent().context("a directory")?.to_owned();
    let arch = std::env::consts::ARCH;
    case.home.make_dir(&above.join("42"))?;
    std::os::unix::fs::symlink(&case.dir, above.join("42").join(arch))?;
    let file = |more: &str| -> Result<String> {
        let key = case.repo.key().display().to_string();
        let text = format!(
            "[off]\nname=Off\nbaseurl=file:///nowhere\nenabled=0\n\n[test]\nname=Test $releasever - $basearch\nenabled=1\ngpgcheck=1\n{}\n",
            more.replace("KEY", &format!("gpgkey=file://{key}"))
        );
        let text = text.replace("ABOVE", &above.display().to_string());
        Ok(case.home.write("test.repo", text)?.display().to_string())
    };
    // `$releasever` must be known, and so must the key.
    let described = file("baseurl=file://ABOVE/$releasever/$basearch/\nKEY")?;
    assert_says(
        &case.add(&["--from", &described])?,
        &["'file://", "has a variable without a value", "--release=42"],
    )?;
    let described = file("baseurl=file://ABOVE/$releasever/$basearch/")?;
    assert_says(&case.add(&["--from", &described, "--release=42"])?, &["has no key"])?;
    let described = file("baseurl=file://ABOVE/$releasever/$basearch/\nKEY\nrepo_gpgcheck=1")?;
    case.add(&["--from", &described, "--release=42"])?.success()?;
    let written = case.written("test").context("no remote was written")?;
    assert!(written.contains(&format!("title=Test 42 - {arch}\n")), "{written}");
    assert!(
        written.contains("/$releasever/$basearch/") && written.contains("verify-metadata=true"),
        "{written}"
    );
    case.plan()?.success()?;
    case.home.run(["aril", "remote-delete", "-y", "test"])?.success()?;
    // Where the file demands a signature, there must be one.
    fs::remove_file(case.signature())?;
    assert_says(&case.add(&["--from", &described, "--release=42"])?, &["is not believed", "there is none"])?;
    case.restore()?;
    // A mirror list in place of a url, and no word of the state's signature: there is one, so it is checked.
    let list = case.home.write("mirrors", format!("# a comment\nfile://{}\n", case.dir.display()))?;
    let described = file(&format!("metalink=file://{}\nKEY", metalink(&case, &case.dir)?.display()))?;
    case.add(&["--from", &described, "linked"])?.success()?;
    assert!(case.written("linked").is_some_and(|text| text.contains("verify-metadata=true")));
    let described = file(&format!("mirrorlist=file://{}\nKEY\nrepo_gpgcheck=0", list.display()))?;
    case.add(&["--from", &described, "listed"])?.success()?;
    assert!(case.written("listed").is_some_and(|text| text.contains("verify-metadata=false")));
    // A metalink says what `repomd.xml` is: no other is taken.
    let repomd = case.dir.join("repodata/repomd.xml");
    fs::write(&repomd, fs::read_to_string(&repomd)? + "\n")?;
    let described = file(&format!("metalink=file://{}\nKEY", case.home.path().join("metalink").display()))?;
    assert_says(&case.add(&["--from", &described, "changed"])?, &["its digest is not what"])
}

#[test]
fn keys_and_repositories_by_https_of_whom_the_host_trusts() -> Result<()> {
    let case = Case::new()?;
    if !Path::new("/usr/bin/openssl").exists() {
        println!("skipped: openssl is not installed, which stands in for a server");
        return Ok(());
    }
    let (port, _server) = tls_server(&case)?;
    let described = |gpgkey: &str| -> Result<String> {
        let text =
            format!("[test]\nbaseurl=https://127.0.0.1:{port}/first\ngpgkey={gpgkey}\nrepo_gpgcheck=1\n");
        Ok(case.home.write("test.repo", text)?.display().to_string())
    };
    let file = described(&format!("http://127.0.0.1:{port}/key"))?;
    assert_says(
        &case.add(&["--from", &file])?,
        &["keys and descriptions come by https:// or file:/// only"],
    )?;
    let file = described(&format!("https://127.0.0.1:{port}/key"))?;
    assert_says(&case.add(&["--from", &file])?, &["it cannot be fetched", "UnknownIssuer"])?;
    case.home.set("SSL_CERT_FILE", case.home.path().join("ca.pem"));
    // This server says "200" and tells of its trouble in words.
    let file = described(&format!("https://127.0.0.1:{port}/no-key"))?;
    assert_says(&case.add(&["--from", &file])?, &["what was given as its key is no OpenPGP key"])?;
    let file = described(&format!("https://127.0.0.1:{port}/key"))?;
    case.add(&["--from", &file])?.success()?;
    case.plan()?.success()?;
    assert!(case.written("test").is_some_and(|text| text.contains("verify-metadata=true")));
    Ok(())
}

#[test]
fn each_package_is_checked() -> Result<()> {
    let case = Case::new()?;
    case.home.manifests(&case.repo.manifest("min"))?;
    case.add(&[&case.key(), "test", &case.url()])?.success()?;
    let manifest = case.home.beside("manifests/f42/platform.toml").display().to_string();
    case.home.run(["aril", "build", "runtime", &manifest, "--from", "test", "-y"])?.success()?;
    for (name, words, hint) in [
        ("unsigned", "its signature is not believed: there is none", "hint: ask whoever built it to sign it"),
        ("signed-by-a-stranger", "which was not imported", "hint: import the key of whoever signs"),
        ("header-changed", "the header is not what the package says", "hint: fetch it again"),
        ("payload-changed", "the payload is damaged", "hint: fetch it again"),
        ("cut-short", "is damaged", "hint: fetch it again"),
        ("no-package", "it is not a package", "hint: fetch it again"),
    ] {
        let file = case.repo.refused(name).display().to_string();
        let refused = case.home.run(["aril", "install", "-y", "--remote", "test", &file])?;
        assert_says(&refused, &[words, hint])?;
    }
    assert_eq!(case.home.run(["aril", "list", "--app", "--columns=application"])?.success()?, "");
    Ok(())
}

/// A server with a certificate of an authority that only `ca.pem` knows: its port. It serves the home, and the repository as `first`.
fn tls_server(case: &Case) -> Result<(u16, Running)> {
    let home = &case.home;
    std::os::unix::fs::symlink(case.repo.path(State::First), home.path().join("first"))?;
    home.write("key", fs::read(case.repo.key())?)?;
    home.write("extensions", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")?;
    for line in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem",
    ] {
        home.run(std::iter::once("openssl").chain(line.split(' ')))?.success()?;
    }
    let mut command = home.command("openssl")?;
    command.args("s_server -accept 127.0.0.1:0 -WWW -cert server.pem -key server.key".split(' '));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running::start(command)?;
    let lines = BufReader::new(running.child().stdout.take().context("no pipe from the server")?).lines();
    for line in lines {
        if let Some(port) =
            line?.strip_prefix("ACCEPT ").and_then(|place| place.rsplit_once(':')?.1.parse().ok())
        {
            return Ok((port, running));
        }
    }
    anyhow::bail!("the server has ended")
}

/// Writes a metalink to a copy of a repository.
fn metalink(case: &Case, dir: &Path) -> Result<PathBuf> {
    let sum = Outcome::of(
        {
            let mut command = case.home.command("sha256sum")?;
            command.arg(dir.join("repodata/repomd.xml"));
            command
        },
        std::time::Duration::from_secs(60),
    )?;
    let sum = sum.success()?.split_whitespace().next().context("no sum")?.to_owned();
    let text = format!(
        "<?xml version='1.0'?><metalink version='3.0' xmlns='http://www.metalinker.org/'><files><file name='repomd.xml'><verification><hash type='sha256'>{sum}</hash></verification><resources><url protocol='file' preference='100'>file://{}/repodata/repomd.xml</url></resources></file></files></metalink>",
        dir.display()
    );
    case.home.write("metalink", text)
}

/// The public key of somebody who signed nothing.
fn stranger_key(home: &TestHome) -> Result<PathBuf> {
    let gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""];
    home.run(gpg.iter().copied().chain(["--quick-gen-key", "stranger@test", "ed25519", "sign", "never"]))?
        .success()?;
    let key = home.run(gpg.iter().copied().chain(["--armor", "--export"]))?;
    let path = home.write("stranger.asc", key.success()?)?;
    home.run(["gpgconf", "--kill", "all"])?.success()?;
    Ok(path)
}
