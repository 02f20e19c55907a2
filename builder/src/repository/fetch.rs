//! Files by url: `file://`, `http://`, `https://`. From the first of several copies that has what was wanted; resumed; never longer than
//! announced; kept only if the digest is right.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use aril_beneath::Dir;
use aril_terminal::Bar;
use ureq::http::StatusCode;

use super::RepositoryError;
use super::repomd::Checksum;
use crate::rpm::{DigestAlgorithm, Hasher, from_hex};

/// How long a server may take to answer, or to send the next piece.
const PATIENCE: Duration = Duration::from_secs(30);
const TRIES: u32 = 3;

/// Fetches files.
#[derive(Debug, Clone)]
pub struct Fetcher {
    agent: ureq::Agent,
}

/// What a file must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What it is called in messages.
    pub what: &'a str,
    /// Its size, if it is known.
    pub size: Option<u64>,
    /// How large it may be if it is not.
    pub limit: u64,
    /// Its digest, if it is known.
    pub checksum: Option<&'a Checksum>,
}

/// Why one copy cannot be had.
#[derive(Debug)]
struct Trouble {
    text: String,
    /// That it is not there, said by whoever would have it.
    is_missing: bool,
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self { text, is_missing: false }
    }
}

impl Expected<'_> {
    fn limit(&self) -> u64 {
        self.size.unwrap_or(self.limit)
    }
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetcher {
    /// One that trusts the certificates that the system trusts.
    pub fn new() -> Self {
        let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .user_agent(concat!("aril/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// A small file, into memory.
    ///
    /// # Errors
    /// When no copy can be had, or none is what was expected; the last reason.
    pub fn read(&self, urls: &[String], expected: Expected<'_>) -> Result<Vec<u8>, RepositoryError> {
        self.first_copy(urls, expected, &mut |url| {
            let mut bytes = Vec::new();
            let mut reader = self.open(url, 0)?.1.take(expected.limit() + 1);
            reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            if bytes.len() as u64 > expected.limit() {
                return Err(too_large(expected).into());
            }
            check(expected, bytes.as_slice())?;
            Ok(bytes)
        })
    }

    /// A file of any size, kept in `dir` as `name`; one of this machine is opened where it lies. What is there already and right is not fetched
    /// again; what is there in part is continued.
    ///
    /// # Errors
    /// Like [`Self::read`], and when it cannot be written.
    pub fn download(
        &self,
        urls: &[String],
        expected: Expected<'_>,
        (dir, name): (&Dir, &str),
        bar: &Bar,
    ) -> Result<File, RepositoryError> {
        if let Ok(there) = dir.open_file(name) {
            if expected.checksum.is_some() && check(expected, &there).is_ok() {
                return rewound(there);
            }
            dir.remove_file(name)?;
        }
        if let Some(in_place) = in_place(urls, expected) {
            return Ok(in_place);
        }
        let partial = format!("{name}.part");
        self.first_copy(urls, expected, &mut |url| {
            self.continue_partial(url, expected, (dir, &partial), bar)
        })?;
        dir.rename(&partial, dir, name)?;
        rewound(dir.open_file(name)?)
    }

    /// Tries each copy, and again those that failed by accident.
    fn first_copy<T>(
        &self,
        urls: &[String],
        expected: Expected<'_>,
        fetch: &mut dyn FnMut(&str) -> Result<T, Trouble>,
    ) -> Result<T, RepositoryError> {
        let mut problem = "no copy of it is known".to_owned();
        let mut is_missing = false;
        for attempt in 0..TRIES {
            is_missing = !urls.is_empty();
            for url in urls {
                match fetch(url) {
                    Ok(fetched) => return Ok(fetched),
                    Err(error) => {
                        problem = format!("{}: {}", aril_model::printable(url), error.text);
                        is_missing &= error.is_missing;
                    }
                }
                tracing::debug!(%problem, "a copy cannot be had, trying the next");
            }
            // What is not there will not be there in a second either.
            if is_missing || urls.iter().all(|url| url.starts_with("file:")) {
                break;
            }
            std::thread::sleep(Duration::from_millis(200 << attempt));
        }
        Err(RepositoryError::Fetch { what: expected.what.to_owned(), problem, is_missing })
    }

    fn continue_partial(
        &self,
        url: &str,
        expected: Expected<'_>,
        (dir, partial): (&Dir, &str),
        bar: &Bar,
    ) -> Result<(), Trouble> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let mut file = dir.open_file_to_change(partial, 0o600).map_err(|error| text(&error))?;
        let there = file.seek(SeekFrom::End(0)).map_err(|error| text(&error))?;
        let (start, reader) = self.open(url, there)?;
        file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start))).map_err(|error| text(&error))?;
        let copied = copy_limited(reader, &mut file, expected.limit().saturating_sub(start), bar);
        let whole = copied.and_then(|fits| {
            file.seek(SeekFrom::Start(0)).map_err(|error| text(&error))?;
            if fits { check(expected, &file) } else { Err(too_large(expected)) }
        });
        if whole.is_err() && !is_cut_off(expected, &file) {
            // What is complete and wrong must not be continued.
            dir.remove_file(partial).map_err(|error| text(&error))?;
        }
        Ok(whole?)
    }

    /// Opens a file behind its first `skip` bytes, and says how many were skipped: 0 when the server cannot.
    fn open(&self, url: &str, skip: u64) -> Result<(u64, Box<dyn Read>), Trouble> {
        if let Some(path) = url.strip_prefix("file://") {
            let mut file = open_local(path)?;
            file.seek(SeekFrom::Start(skip)).map_err(|error| error.to_string())?;
            return Ok((skip, Box::new(file)));
        }
        let mut request = self.agent.get(url);
        if skip > 0 {
            request = request.header("Range", format!("bytes={skip}-"));
        }
        let response = request.call().map_err(|error| error.to_string())?;
        let status = response.status();
        let start = match status {
            StatusCode::PARTIAL_CONTENT if skip > 0 => skip,
            // All of it is there, or what is there is longer than it should be.
            StatusCode::RANGE_NOT_SATISFIABLE if skip > 0 => return self.open(url, 0),
            StatusCode::OK => 0,
            other => {
                // Stores of objects answer "forbidden" for what is not there.
                let gone = [StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::FORBIDDEN];
                let is_missing = gone.contains(&other);
                return Err(Trouble { text: format!("the server answers {other}"), is_missing });
            }
        };
        Ok((start, Box::new(response.into_body().into_reader())))
    }
}

/// A file of this machine whose digest is right.
fn in_place(urls: &[String], expected: Expected<'_>) -> Option<File> {
    let url = urls.first().filter(|_| expected.checksum.is_some())?;
    let file = open_local(url.strip_prefix("file://")?).ok()?;
    check(expected, &file).ok()?;
    rewound(file).ok()
}

fn open_local(path: &str) -> Result<File, Trouble> {
    let path = decode_percent(path);
    let dir = path.parent().ok_or_else(|| "it is no file".to_owned())?;
    let name = path.file_name().unwrap_or_default();
    Dir::open(dir)
        .and_then(|dir| dir.open_file_in_root(name))
        .map_err(|error| Trouble { is_missing: error.is_not_found(), text: error.to_string() })
}

/// Whether there may be more to come for what is there.
fn is_cut_off(expected: Expected<'_>, file: &File) -> bool {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    expected.size.is_some_and(|size| length < size)
}

fn copy_limited(mut reader: impl Read, file: &mut File, limit: u64, bar: &Bar) -> Result<bool, String> {
    let mut piece = vec![0; 256 << 10];
    let mut left = limit;
    loop {
        let read = match reader.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.to_string()),
        };
        if read as u64 > left {
            return Ok(false);
        }
        file.write_all(&piece[..read]).map_err(|error| error.to_string())?;
        left -= read as u64;
        bar.advance(read as u64);
    }
}

fn too_large(expected: Expected<'_>) -> String {
    format!("it is larger than {} bytes", expected.limit())
}

fn check(expected: Expected<'_>, mut contents: impl Read) -> Result<(), String> {
    let Some(checksum) = expected.checksum else { return Ok(()) };
    let algorithm = algorithm(&checksum.function).ok_or_else(|| {
        format!(
            "its digest is of the kind '{}', which is not trusted",
            aril_model::printable(&checksum.function)
        )
    })?;
    let mut hasher = Hasher::new(algorithm);
    let mut piece = vec![0; 256 << 10];
    loop {
        match contents.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => hasher.update(&piece[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    match from_hex(checksum.value.as_bytes()) {
        Some(value) if value == hasher.finish() => Ok(()),
        _ => Err("its digest is not what the repository says".into()),
    }
}

fn algorithm(function: &str) -> Option<DigestAlgorithm> {
    match function {
        "sha256" => Some(DigestAlgorithm::Sha2(256)),
        "sha384" => Some(DigestAlgorithm::Sha2(384)),
        "sha512" => Some(DigestAlgorithm::Sha2(512)),
        _ => None,
    }
}

fn rewound(mut file: File) -> Result<File, RepositoryError> {
    file.seek(SeekFrom::Start(0)).map_err(RepositoryError::Cache)?;
    Ok(file)
}

/// A path as a url writes it.
fn decode_percent(text: &str) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(from_hex);
        match escaped {
            Some(byte) => {
                out.extend(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(out).into()
}
