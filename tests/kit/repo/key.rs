//! The key that signs the test repository: made once for a cache. gpg runs in a short directory, since its agent's socket has a short
//! path, and the agent ends with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::run::{output, run};

const PARAMETERS: &str = "%no-protection\nKey-Type: RSA\nKey-Length: 4096\nKey-Usage: sign\nExpire-Date: 0\n";

/// A key with its secret part, in a gpg home that lives as long as this.
#[derive(Debug)]
pub struct Key {
    home: TempDir,
    fingerprint: String,
    public: PathBuf,
}

impl Key {
    /// Takes the key named `name` from `dir`, making it first when it is not there.
    pub fn open(dir: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let home = tempfile::Builder::new().prefix("aril-gpg-").tempdir_in("/tmp")?;
        fs::set_permissions(home.path(), PermissionsExt::from_mode(0o700))?;
        let public = dir.join(format!("{name}.asc"));
        let mut key = Self { home, fingerprint: String::new(), public };
        let secret = dir.join(format!("{name}.secret"));
        if !key.public.exists() {
            key.generate(name, &secret)?;
        }
        run(key.gpg().arg("--import").arg(&secret))?;
        let listing = output(key.gpg().args(["--with-colons", "--list-secret-keys"]))?;
        let line = listing.lines().find(|line| line.starts_with("fpr:")).context("gpg lists no key")?;
        key.fingerprint = line.split(':').nth(9).context("gpg lists no fingerprint")?.to_owned();
        Ok(key)
    }

    fn generate(&self, name: &str, secret: &Path) -> Result<()> {
        let parameters = self.home.path().join("parameters");
        fs::write(
            &parameters,
            format!("{PARAMETERS}Name-Real: {name}\nName-Email: {name}@aril.invalid\n%commit\n"),
        )?;
        run(self.gpg().arg("--gen-key").arg(&parameters)).context("making a key")?;
        run(self.gpg().arg("--output").arg(secret).arg("--export-secret-keys"))?;
        fs::set_permissions(secret, PermissionsExt::from_mode(0o600))?;
        // The public key is written last: it says that the secret one is there.
        let partial = self.public.with_extension("partial");
        fs::write(&partial, output(self.gpg().args(["--armor", "--export"]))?)?;
        fs::rename(&partial, &self.public)?;
        Ok(())
    }

    /// 40 hex digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The armoured public key.
    pub fn public(&self) -> &Path {
        &self.public
    }

    /// Signs packages in place.
    pub fn sign_packages(&self, packages: &[PathBuf]) -> Result<()> {
        let mut command = Command::new("rpmsign");
        for (name, value) in [
            ("__gpg", "/usr/bin/gpg".to_owned()),
            ("_gpg_path", self.home.path().display().to_string()),
            ("_gpg_name", self.fingerprint.clone()),
            ("_gpg_digest_algo", "sha256".to_owned()),
            // Else a package would be signed by sequoia where rpm was built for it, which knows nothing of this home.
            ("_openpgp_sign", "gpg".to_owned()),
        ] {
            command.arg("--define").arg(format!("{name} {value}"));
        }
        run(command.arg("--addsign").args(packages).env("HOME", self.home.path())).context("signing packages")
    }

    /// Writes a detached, armoured signature of `file` beside it.
    pub fn sign_file(&self, file: &Path) -> Result<()> {
        run(self.gpg().args(["--armor", "--detach-sign"]).arg(file))
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--yes", "--quiet", "--homedir"]).arg(self.home.path());
        command.env_remove("DISPLAY").env_remove("GPG_TTY").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // Where the agent is gone already, there is nothing left to end.
        let _ =
            run(Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "gpg-agent"]));
    }
}
