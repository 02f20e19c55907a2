//! Two calls of libostree that its binding gets wrong: each hands over an empty list or expects an answer where the library means none.
//!
//! Seen in `ostree` 0.20.5; when the binding is mended, this file goes.
#![allow(unsafe_code)]

use std::ptr::null_mut;

use ostree::glib::translate::{ToGlibPtr, from_glib_full};
use ostree::{ffi, gio, glib};

/// The summary of a remote; `None` where it has none. It was checked against its signature if the configuration asks for that.
///
/// The binding takes a summary that is not signed for a bug, and aborts.
pub(crate) fn fetch_summary(repo: &ostree::Repo, remote: &str) -> Result<Option<glib::Bytes>, glib::Error> {
    let (mut summary, mut signatures, mut error) = (null_mut(), null_mut(), null_mut());
    let name = remote.to_glib_none();
    // SAFETY: the repository and the name live through the call, which keeps neither. Each of the three results is null or a reference that
    // is ours to drop, and is taken exactly once.
    let (summary, _signatures, error): (Option<glib::Bytes>, Option<glib::Bytes>, Option<glib::Error>) = unsafe {
        ffi::ostree_repo_remote_fetch_summary_with_options(
            repo.to_glib_none().0,
            name.0,
            null_mut(),
            &mut summary,
            &mut signatures,
            null_mut(),
            &mut error,
        );
        (from_glib_full(summary), from_glib_full(signatures), from_glib_full(error))
    };
    error.map_or(Ok(summary), Err)
}

/// Adds all keys of a stream to those of a remote and returns how many were new.
///
/// The binding always hands over a list of wanted keys, and an empty one wants none.
pub(crate) fn import_keys(
    repo: &ostree::Repo,
    remote: &str,
    keys: &gio::InputStream,
) -> Result<u32, glib::Error> {
    let (mut imported, mut error) = (0, null_mut());
    let name = remote.to_glib_none();
    // SAFETY: repository, name and stream live through the call, which keeps none of them; `error` is null or ours to drop, taken once.
    let error: Option<glib::Error> = unsafe {
        ffi::ostree_repo_remote_gpg_import(
            repo.to_glib_none().0,
            name.0,
            keys.to_glib_none().0,
            null_mut(),
            &mut imported,
            null_mut(),
            &mut error,
        );
        from_glib_full(error)
    };
    error.map_or(Ok(imported), Err)
}
