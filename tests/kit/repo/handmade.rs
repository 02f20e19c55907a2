//! The spec files written by hand: which there are, and with what each is built.

use std::path::PathBuf;

use anyhow::Result;

use super::cache::Cache;
use super::in_parallel;
use super::key::Key;
use super::package::rpmbuild::{BUILT, REBUILT};
use super::specs::{CONTROL_NAMES, SpecFile};
use super::states::Packages;

/// Below all others, which Debian has in another shape.
pub const BASE: &[(&str, &str)] = &[
    ("filesystem", include_str!("../base/filesystem.spec")),
    ("setup", include_str!("../base/setup.spec")),
    ("basesystem", include_str!("../base/basesystem.spec")),
    ("fedora-release-common", include_str!("../base/fedora-release-common.spec")),
    ("alternatives", include_str!("../base/alternatives.spec")),
];

/// What Debian's packages do not have. The file says what each is for.
const HARD: &[(&str, &str)] = &[
    ("alternatives", include_str!("../specs/alternatives.spec")),
    ("apps", include_str!("../specs/apps.spec")),
    ("config", include_str!("../specs/config.spec")),
    ("conflicts", include_str!("../specs/conflicts.spec")),
    ("conflicts-directory", include_str!("../specs/conflicts-directory.spec")),
    ("conflicts-right", include_str!("../specs/conflicts-right.spec")),
    ("dependencies", include_str!("../specs/dependencies.spec")),
    ("layout", include_str!("../specs/layout.spec")),
    ("layout-through", include_str!("../specs/layout-through.spec")),
    ("links", include_str!("../specs/links.spec")),
    ("names", include_str!("../specs/names.spec")),
    ("package-names", include_str!("../specs/package-names.spec")),
    ("privileged", include_str!("../specs/privileged.spec")),
    ("scriptlets", include_str!("../specs/scriptlets.spec")),
    ("triggers", include_str!("../specs/triggers.spec")),
    ("vendor", include_str!("../specs/vendor.spec")),
];

const CONTROL: &str = include_str!("../specs/control-names.spec");
const FOREIGN: &str = include_str!("../specs/foreign.spec");
const HUGE: &str = include_str!("../specs/huge.spec");
const VERSIONS: &str = include_str!("../specs/versions.spec");
const PAYLOAD: &str = include_str!("../specs/payload.spec");
const RETIRED: &str = include_str!("../base/broken-runtime.spec");

/// Name, epoch, version; several of a name are in one repository.
const EVERY_VERSION: &[(&str, &str, &str)] = &[
    ("hard-order", "0", "1.0~rc1"),
    ("hard-order", "0", "1.0"),
    ("hard-order", "0", "1.0^git1"),
    ("hard-epoch", "0", "9.0"),
    ("hard-epoch", "1", "1.0"),
    ("hard-leading", "0", "1.009"),
    ("hard-leading", "0", "1.10"),
];

/// A name and what rpm calls it.
const EVERY_PAYLOAD: &[(&str, &str)] = &[
    ("none", "w.ufdio"),
    ("gzip", "w9.gzdio"),
    ("bzip2", "w9.bzdio"),
    ("xz", "w2.xzdio"),
    ("zstd", "w19.zstdio"),
];

/// All handmade packages for the repository `hard`.
pub fn hard(cache: &Cache, key: &Key) -> Result<Packages> {
    let mut specs: Vec<SpecFile<'_>> = HARD.iter().map(|(name, text)| SpecFile::new(name, text)).collect();
    specs.push(control_names("hard-control-names", "'new!line' 'tab!tab'"));
    specs.push(SpecFile { arch: "i686", ..SpecFile::new("foreign", FOREIGN) });
    for (name, epoch, version) in EVERY_VERSION {
        specs.push(with_macros(
            "versions",
            VERSIONS,
            &[("hard_name", name), ("hard_epoch", epoch), ("hard_version", version)],
        ));
    }
    for (name, payload) in EVERY_PAYLOAD {
        specs.push(with_macros("payload", PAYLOAD, &[("hard_name", name), ("_binary_payload", payload)]));
    }
    make(&specs, cache, key)
}

/// Newer versions of some of them.
pub fn hard_newer(cache: &Cache, key: &Key) -> Result<Packages> {
    let newer = HARD.iter().filter(|(_, text)| text.contains("%{?bump}"));
    let specs: Vec<SpecFile<'_>> = newer
        .map(|(name, text)| SpecFile { bump: ".1", time: REBUILT, ..SpecFile::new(name, text) })
        .collect();
    make(&specs, cache, key)
}

/// The package that createrepo_c takes into no repository.
pub fn loose(cache: &Cache, key: &Key) -> Result<Packages> {
    make(&[control_names("hard-forbidden-names", "'bell!' 'escape!'")], cache, key)
}

fn control_names(name: &str, files: &str) -> SpecFile<'static> {
    let macros = [("hard_name", name), ("hard_files", files), ("_binary_payload", "w.ufdio")];
    with_macros(CONTROL_NAMES, CONTROL, &macros)
}

/// The package with a file of more than 4 GiB.
pub fn huge(cache: &Cache, key: &Key) -> Result<Packages> {
    make(&[with_macros("huge", HUGE, &[("_binary_payload", "w1.zstdio")])], cache, key)
}

/// The package that takes a library's place and does not have it.
pub fn retired(cache: &Cache, key: &Key) -> Result<Packages> {
    make(&[SpecFile { time: REBUILT, ..SpecFile::new("libXaw-retired", RETIRED) }], cache, key)
}

fn with_macros(name: &'static str, text: &'static str, macros: &[(&str, &str)]) -> SpecFile<'static> {
    let macros = macros.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    SpecFile { macros, time: BUILT, ..SpecFile::new(name, text) }
}

fn make(specs: &[SpecFile<'_>], cache: &Cache, key: &Key) -> Result<Packages> {
    let made: Vec<Vec<PathBuf>> = in_parallel(specs, |spec| spec.make(cache, key))?;
    let names = specs.iter().map(|spec| format!("{}{}.spec", spec.name, spec.macros_in_words()));
    Ok(names.zip(made).collect())
}
