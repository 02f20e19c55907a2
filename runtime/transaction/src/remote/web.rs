//! Files by url: descriptions of remotes, and their keys. Only ways that nobody can change on the road: https, and this machine's files.

use std::path::Path;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};

use super::{FILE_LIMIT, not_a_remote, read_bytes};
use crate::Result;

/// How long one file may take in all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The contents of a file.
///
/// # Errors
/// When the url is of another kind, or nothing comes.
pub(super) fn fetch(url: &str) -> Result<Vec<u8>> {
    if let Some(path) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
        return read_bytes(Path::new(path));
    }
    if !url.starts_with("https://") {
        return Err(not_a_remote(
            url,
            "keys and descriptions come by https:// or file:/// only: others could be changed on the way",
        ));
    }
    // The certificates that the host trusts.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder()
        .https_only(true)
        .timeout_global(Some(PATIENCE))
        .tls_config(tls)
        .user_agent(concat!("aril/", env!("CARGO_PKG_VERSION")))
        .build();
    let answer = ureq::Agent::new_with_config(config).get(url).call();
    let mut answer = answer.map_err(|error| not_a_remote(url, &format!("it cannot be fetched: {error}")))?;
    answer
        .body_mut()
        .with_config()
        .limit(FILE_LIMIT)
        .read_to_vec()
        .map_err(|error| not_a_remote(url, &format!("it cannot be fetched: {error}")))
}

/// The same, for text.
///
/// # Errors
/// Also when it is no text.
pub(super) fn fetch_text(url: &str) -> Result<String> {
    String::from_utf8(fetch(url)?).map_err(|_| not_a_remote(url, "it is not text"))
}
