//! A web server on the loopback that serves a directory, and cuts connections as it is told. It ends with the value.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// How it treats those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// As it should be.
    Good,
    /// The first answer for each file ends in its middle.
    CutOnce,
    /// Each answer for a package ends in its middle.
    CutPackages,
}

/// What it has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Answers that ended early.
    pub(crate) cut: usize,
    /// Questions for the rest of a file.
    pub(crate) continued: usize,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    temper: Temper,
    asked: HashSet<String>,
    seen: Seen,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    inner: Arc<Mutex<Inner>>,
    ends: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(dir: &Path, temper: Temper) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let inner = Inner { dir: dir.to_owned(), temper, asked: HashSet::new(), seen: Seen::default() };
        let server = Self { port, inner: Arc::new(Mutex::new(inner)), ends: Arc::default() };
        let (inner, ends) = (server.inner.clone(), server.ends.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let inner = inner.clone();
                // Who hangs up is who asked, or we.
                std::thread::spawn(move || drop(answer_all(&stream, &inner)));
            }
        });
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on serves another directory in another way.
    pub(crate) fn serve(&self, dir: &Path, temper: Temper) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.dir, inner.temper) = (dir.to_owned(), temper);
        inner.asked.clear();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).seen
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It waits for somebody to come.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// One connection, with any number of questions.
fn answer_all(stream: &TcpStream, inner: &Mutex<Inner>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).context("no path")?.to_owned();
        let mut start = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(range) = header.to_ascii_lowercase().strip_prefix("range: bytes=") {
                start = range.trim().trim_end_matches('-').parse()?;
            }
        }
        if !answer(stream, &path, start, inner)? {
            return Ok(stream.shutdown(std::net::Shutdown::Both)?);
        }
    }
}

/// One answer; `false` when it was cut.
fn answer(mut stream: &TcpStream, path: &str, start: u64, inner: &Mutex<Inner>) -> Result<bool> {
    let (dir, temper, is_first) = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.seen.continued += usize::from(start > 0);
        (inner.dir.clone(), inner.temper, inner.asked.insert(path.to_owned()))
    };
    let Ok(mut file) = fs::File::open(dir.join(decoded(path).trim_start_matches('/'))) else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(true);
    };
    let size = file.metadata()?.len();
    let rest = size.saturating_sub(start);
    let head = if start > 0 {
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{size}\r\n", size - 1)
    } else {
        "HTTP/1.1 200 OK\r\n".to_owned()
    };
    let is_cut = rest > 1
        && match temper {
            Temper::Good => false,
            Temper::CutOnce => is_first,
            Temper::CutPackages => path.ends_with(".rpm"),
        };
    let sent = if is_cut { rest / 2 } else { rest };
    inner.lock().unwrap_or_else(PoisonError::into_inner).seen.cut += usize::from(is_cut);
    stream.write_all(format!("{head}Content-Length: {rest}\r\n\r\n").as_bytes())?;
    file.seek(SeekFrom::Start(start))?;
    std::io::copy(&mut file.take(sent), &mut stream)?;
    Ok(!is_cut)
}

/// `%2B` as `+`.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at(part.len().min(2));
        text.extend(u8::from_str_radix(hex, 16).ok().map(char::from));
        text.push_str(rest);
    }
    text
}
