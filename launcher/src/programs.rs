//! Where the other programs of ours are.

use std::path::PathBuf;

use rustix::fs::Access;

/// Finds another program of ours: in `ARIL_BIN_DIR`, which tests set; beside this one; in `../libexec/aril`, where `make install` puts it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok().and_then(|path| path.parent().map(PathBuf::from));
    let named = std::env::var_os("ARIL_BIN_DIR").map(PathBuf::from);
    let installed = own.as_ref().and_then(|own| own.parent()).map(|above| above.join("libexec/aril"));
    let places = named.into_iter().chain(own).chain(installed);
    places.map(|place| place.join(name)).find(|path| rustix::fs::access(path, Access::EXEC_OK).is_ok())
}
