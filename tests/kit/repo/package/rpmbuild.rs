//! Runs rpmbuild, so that its result depends on the spec file alone and not on the host's or the user's settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::repo::run::run;

/// When packages of the first state were built: 1 June 2025.
pub const BUILT: i64 = 1_748_736_000;

/// When those of the second state were.
pub const REBUILT: i64 = BUILT + 30 * 86_400;

/// How a spec file is built.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The spec file.
    pub spec: &'a Path,
    /// A directory of its own, used up.
    pub work: &'a Path,
    /// The time that the packages say they were built at.
    pub time: i64,
    /// More macros.
    pub macros: &'a [(String, String)],
    /// For which machines.
    pub arch: &'a str,
}

/// Builds binary packages and gives their files, which lie in the work directory.
pub fn rpmbuild(build: Build<'_>) -> Result<Vec<PathBuf>> {
    let out = build.work.join("rpms");
    fs::create_dir_all(&out)?;
    let work = build.work.to_str().context("the cache's path is not UTF-8")?;
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--quiet", "--target", build.arch]);
    command.env("HOME", build.work).env("LC_ALL", "C.UTF-8").env("SOURCE_DATE_EPOCH", build.time.to_string());
    for (name, value) in places(work).iter().chain(&settings()).chain(build.macros) {
        command.arg("--define").arg(format!("{name} {value}"));
    }
    run(command.arg(build.spec)).with_context(|| format!("building {}", build.spec.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&out)? {
        files.push(entry?.path());
    }
    files.sort();
    ensure!(!files.is_empty(), "{} made no package", build.spec.display());
    Ok(files)
}

fn places(work: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("_topdir", format!("{work}/top")),
        pair("_rpmdir", format!("{work}/rpms")),
        pair("_tmppath", format!("{work}/tmp")),
        pair("_dbpath", format!("{work}/db")),
        pair("_build_name_fmt", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm".to_owned()),
    ]
}

fn settings() -> Vec<(String, String)> {
    let nothing = [
        "debug_package",
        "__spec_install_post",
        "__check_files",
        "__font_provides",
        "__font_requires",
        "__perl_requires",
        "__perl_provides",
        "__perllib_provides",
        "__perllib_requires",
        "__pythondist_provides",
        "__pythondist_requires",
    ];
    let fixed = [
        ("dist", super::depends::DIST),
        ("_build_id_links", "none"),
        ("_unpackaged_files_terminate_build", "0"),
        ("_binaries_in_noarch_packages_terminate_build", "0"),
        ("_invalid_encoding_terminates_build", "0"),
        ("_missing_doc_files_terminate_build", "0"),
        ("_binary_payload", "w6.zstdio"),
        ("_prefix", "/usr"),
        ("_libdir", "/usr/lib64"),
        ("_buildhost", "tests.aril.invalid"),
        ("use_source_date_epoch_as_buildtime", "1"),
        // Times of files are set already, and compiled Python holds them.
        ("clamp_mtime_to_source_date_epoch", "0"),
        ("build_mtime_policy", "%{nil}"),
        ("_vendor", "redhat"),
        ("_host_vendor", "redhat"),
    ];
    let nothing = nothing.into_iter().map(|name| (name, "%{nil}"));
    nothing.chain(fixed).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
