//! The ordinary user that tests run as: an account of its own when root runs them, else whoever runs them.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use rustix::fs::FlockOperation;

use crate::keeper;
use crate::repo::run::run;

/// The account's name where root runs the tests.
pub const ACCOUNT: &str = "aril-test";

/// An ordinary user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestUser {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// Where its files lie.
    pub home: PathBuf,
}

impl TestUser {
    /// The user. As root, makes the account the first time.
    pub fn get() -> Result<&'static Self> {
        static USER: OnceLock<Result<TestUser, String>> = OnceLock::new();
        let user = USER.get_or_init(|| Self::find_or_make().map_err(|why| format!("{why:#}")));
        user.as_ref().map_err(|why| anyhow::anyhow!("no ordinary user to run tests as: {why}"))
    }

    fn find_or_make() -> Result<Self> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            let home = PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?);
            let gid = rustix::process::getegid().as_raw();
            let name = account(|fields| fields[2] == uid.as_raw().to_string())?
                .map_or("user".to_owned(), |one| one.name);
            return Ok(Self { name, uid: uid.as_raw(), gid, home });
        }
        if let Some(user) = account(|fields| fields[0] == ACCOUNT)? {
            return Ok(user);
        }
        let lock = File::create("/run/aril-test-user.lock")?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)?;
        if account(|fields| fields[0] == ACCOUNT)?.is_none() {
            let home = format!("/home/{ACCOUNT}");
            let mut command = Command::new("useradd");
            command.args(["--system", "--user-group", "--create-home", "--home-dir", &home]);
            run(command.args(["--shell", "/bin/sh", "--comment", "tests of aril", ACCOUNT]))?;
            fs::set_permissions(&home, PermissionsExt::from_mode(0o755))?;
        }
        account(|fields| fields[0] == ACCOUNT)?.context("useradd made no account")
    }

    /// Whether it is somebody else than who runs the tests.
    pub fn is_other(&self) -> bool {
        self.uid != rustix::process::geteuid().as_raw()
    }

    /// A command that runs `program` as this user, with no other groups, killed when the test process ends; start it by
    /// [`keeper::spawn`]. The environment is empty.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = keeper::bound(program);
        command.env_clear();
        if self.is_other() {
            // With the user changed, std drops the supplementary groups, too.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives `path` and what is in it to this user.
    pub fn own(&self, path: &Path) -> Result<()> {
        if self.is_other() {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// Whether this user can run the program at `path`.
    pub fn can_run(&self, path: &Path) -> Result<bool> {
        let mut command = self.command(Path::new("/usr/bin/test"));
        command.arg("-x").arg(path);
        Ok(keeper::spawn(command)?.wait()?.success())
    }
}

/// The first account whose `passwd` line fits.
fn account(fits: impl Fn(&[&str]) -> bool) -> Result<Option<TestUser>> {
    let text = fs::read_to_string("/etc/passwd")?;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, uid, gid, _, home, ..] = fields[..]
            && fits(&fields)
        {
            ensure!(uid != "0", "the account '{name}' is root");
            let (uid, gid) = (uid.parse()?, gid.parse()?);
            return Ok(Some(TestUser { name: name.to_owned(), uid, gid, home: PathBuf::from(home) }));
        }
    }
    Ok(None)
}
