//! Answers the calls that only root can do: says that they worked, and reports each.
//!
//! The program waits meanwhile. Paths are read from its memory for the report only: nothing is decided by them and nothing is opened, so it
//! does not matter that the program could change them under our eyes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use aril_model::printable;

use super::{Answer, answer_call, receive_call};

/// Longest path that is reported.
const LONGEST_PATH: usize = 4096;

/// Where the report goes.
pub(crate) struct Reporter(Option<File>);

impl Reporter {
    pub(crate) fn new(report: Option<OwnedFd>) -> Self {
        Self(report.map(File::from))
    }

    fn line(&mut self, what: &str, detail: &str, path: &str) -> io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        file.write_all(format!("{what}\t{detail}\t{}\n", printable(path)).as_bytes())
    }
}

/// Reads and answers one call.
pub(crate) fn answer_one(listener: &OwnedFd, reporter: &mut Reporter) -> io::Result<()> {
    let Some(call) = receive_call(listener.as_fd())? else { return Ok(()) };
    let process = Process { pid: call.pid };
    let answer = match process.understand(libc::c_long::from(call.data.nr), call.data.args) {
        Some(Pretended { what, detail, path, answer }) => {
            reporter.line(what, &detail, &path)?;
            answer
        }
        None => Answer::Continue,
    };
    answer_call(listener.as_fd(), call.id, answer)
}

/// What a call is in the report.
struct Pretended {
    what: &'static str,
    detail: String,
    path: String,
    answer: Answer,
}

/// The program that waits for an answer, by its number in our pid namespace.
struct Process {
    pid: u32,
}

impl Process {
    /// `None` for a call that the kernel should just do.
    fn understand(&self, number: libc::c_long, args: [u64; 6]) -> Option<Pretended> {
        let owner = |at: usize| {
            let id = |value: u64| {
                if value as u32 == u32::MAX { "-".to_owned() } else { (value as u32).to_string() }
            };
            format!("{}:{}", id(args[at]), id(args[at + 1]))
        };
        let mode = |at: usize| format!("{:04o}", args[at] & 0o7777);
        let pretended = |what, detail, path| Some(Pretended { what, detail, path, answer: Answer::Success });
        match number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chown | libc::SYS_lchown => pretended("chown", owner(1), self.path(None, args[0])),
            libc::SYS_fchown => pretended("chown", owner(1), self.descriptor(args[0])),
            libc::SYS_fchownat => pretended("chown", owner(2), self.path(Some(args[0]), args[1])),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mknod => pretended("mknod", device(args[1], args[2]), self.path(None, args[0])),
            libc::SYS_mknodat => {
                pretended("mknod", device(args[2], args[3]), self.path(Some(args[0]), args[1]))
            }
            // Set-id bits are the owner's to set: the kernel does it, so that the other bits are right, and they are taken away at the end.
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => Some(set_id(mode(1), self.path(None, args[0]))),
            libc::SYS_fchmod => Some(set_id(mode(1), self.descriptor(args[0]))),
            libc::SYS_fchmodat | libc::SYS_fchmodat2 => {
                Some(set_id(mode(2), self.path(Some(args[0]), args[1])))
            }
            libc::SYS_setxattr | libc::SYS_lsetxattr => self.attribute(args[1], || self.path(None, args[0])),
            libc::SYS_fsetxattr => self.attribute(args[1], || self.descriptor(args[0])),
            _ => None,
        }
    }

    /// Attributes that only root can set are said to be set; the others are.
    fn attribute(&self, name: u64, path: impl Fn() -> String) -> Option<Pretended> {
        let name = self.text(name)?;
        let (security, trusted) = (name.starts_with("security."), name.starts_with("trusted."));
        (security || trusted).then(|| Pretended {
            what: "setxattr",
            detail: printable(&name).into_owned(),
            path: path(),
            answer: Answer::Success,
        })
    }

    /// A path that the program gave, made whole by where it is if it is relative.
    fn path(&self, directory: Option<u64>, address: u64) -> String {
        let text = self.text(address).unwrap_or_default();
        if text.starts_with('/') {
            return text;
        }
        let base = match directory {
            Some(fd) if fd as i32 != libc::AT_FDCWD => self.descriptor(fd),
            _ => self.link("cwd"),
        };
        if text.is_empty() { base } else { format!("{}/{text}", base.trim_end_matches('/')) }
    }

    fn descriptor(&self, fd: u64) -> String {
        self.link(&format!("fd/{}", fd as i32))
    }

    fn link(&self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.pid);
        let target = rustix::fs::readlinkat(rustix::fs::CWD, path, Vec::new());
        target.map_or_else(|_| "?".to_owned(), |target| target.to_string_lossy().into_owned())
    }

    /// A text in the program's memory, up to its NUL.
    fn text(&self, address: u64) -> Option<String> {
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
        let path = format!("/proc/{}/mem", self.pid);
        let memory = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?);
        let mut bytes = vec![0; LONGEST_PATH];
        let mut filled = 0;
        // The text may end just before memory that is not there, so it is read up to the end of each page.
        while filled < bytes.len() && !bytes[..filled].contains(&0) {
            let from = address.checked_add(filled as u64)?;
            let to_page_end = 4096 - (from % 4096) as usize;
            let end = bytes.len().min(filled + to_page_end);
            match memory.read_at(&mut bytes[filled..end], from) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        let end = bytes[..filled].iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}

fn set_id(detail: String, path: String) -> Pretended {
    Pretended { what: "chmod", detail, path, answer: Answer::Continue }
}

fn device(mode: u64, number: u64) -> String {
    let kind = if mode as u32 & libc::S_IFMT == libc::S_IFBLK { 'b' } else { 'c' };
    format!("{kind}{}:{}", rustix::fs::major(number), rustix::fs::minor(number))
}
