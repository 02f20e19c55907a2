//! Authentication, strictly and on both sides by ourselves: `EXTERNAL` only, and no byte of one side reaches the other.
//!
//! Who may use the app's socket was decided by who can reach it and by its peer's user, not by what is claimed here; numbers of users differ
//! between user namespaces. To the bus we say nothing, either: it asks the kernel.
//!
//! Source: D-Bus specification, "Authentication Protocol".

use crate::wire::Malformed;

/// The longest line. Honest ones have less than a hundred bytes.
const MAX_LINE: usize = 1024;
/// How many lines an app may send before it begins.
const MAX_LINES: usize = 32;

/// What we send to a bus at once: a zero byte, and to be taken for the user that the kernel says we are.
pub(crate) const GREETING: &[u8] = b"\0AUTH EXTERNAL\r\nDATA\r\n";
/// Asks the bus for messages with descriptors.
pub(crate) const NEGOTIATE_FDS: &[u8] = b"NEGOTIATE_UNIX_FD\r\n";
/// Ends the authentication; messages follow.
pub(crate) const BEGIN: &[u8] = b"BEGIN\r\n";

/// The next line without its end, and how many bytes it took; nothing if more bytes are needed.
fn line(bytes: &[u8]) -> Result<Option<(&str, usize)>, Malformed> {
    let Some(end) = bytes.windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n") else {
        return if bytes.len() > MAX_LINE { Err(Malformed("a line without end")) } else { Ok(None) };
    };
    let is_plain = bytes[..end].iter().all(|byte| (b' '..=b'~').contains(byte));
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) if is_plain => Ok(Some((text, end + 2))),
        _ => Err(Malformed("a line with other than printable characters")),
    }
}

/// The side of the app: we are the server.
#[derive(Debug, Default)]
pub(crate) struct AppAuth {
    state: AppState,
    lines: usize,
    /// Whether it asked for descriptors.
    pub(crate) takes_fds: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum AppState {
    #[default]
    Zero,
    Auth,
    Data,
    Authenticated,
}

/// What a step of the app's authentication means for the bus's side.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing; more bytes of the app are needed.
    More,
    /// The app wants descriptors.
    NegotiateFds,
    /// Messages follow.
    Begin,
}

impl AppAuth {
    /// Reads lines from `bytes` until there is something to be done, or no whole line. Returns the step and how many bytes it took; answers
    /// to the app go to `out`. `guid` is the bus's.
    pub(crate) fn advance(
        &mut self,
        bytes: &[u8],
        guid: &str,
        out: &mut Vec<u8>,
    ) -> Result<(Step, usize), Malformed> {
        let mut used = 0;
        if self.state == AppState::Zero {
            match bytes.first() {
                None => return Ok((Step::More, 0)),
                Some(0) => (self.state, used) = (AppState::Auth, 1),
                Some(_) => return Err(Malformed("no zero byte before the authentication")),
            }
        }
        while let Some((line, length)) = line(&bytes[used..])? {
            used += length;
            self.lines += 1;
            if self.lines > MAX_LINES {
                return Err(Malformed("an authentication without end"));
            }
            match self.read_line(line, guid, out)? {
                Step::More => {}
                step => return Ok((step, used)),
            }
        }
        Ok((Step::More, used))
    }

    fn read_line(&mut self, line: &str, guid: &str, out: &mut Vec<u8>) -> Result<Step, Malformed> {
        let mut words = line.splitn(3, ' ');
        let words = (words.next().unwrap_or_default(), words.next(), words.next());
        match (&self.state, words) {
            (AppState::Auth, ("AUTH", Some("EXTERNAL"), None)) => {
                self.state = AppState::Data;
                out.extend(b"DATA\r\n");
            }
            (AppState::Auth, ("AUTH", Some("EXTERNAL"), Some(identity))) => self.accept(identity, guid, out),
            (AppState::Data, ("DATA", identity, None)) => {
                self.accept(identity.unwrap_or_default(), guid, out)
            }
            (AppState::Authenticated, ("NEGOTIATE_UNIX_FD", None, None)) => {
                out.extend(b"AGREE_UNIX_FD\r\n");
                if !std::mem::replace(&mut self.takes_fds, true) {
                    return Ok(Step::NegotiateFds);
                }
            }
            (AppState::Authenticated, ("BEGIN", None, None)) => return Ok(Step::Begin),
            (_, ("BEGIN", ..)) => return Err(Malformed("a beginning without authentication")),
            (AppState::Auth, ("AUTH", ..)) | (AppState::Auth | AppState::Data, ("CANCEL" | "ERROR", ..)) => {
                self.reject(out);
            }
            _ => out.extend(b"ERROR \"not now\"\r\n"),
        }
        Ok(Step::More)
    }

    fn accept(&mut self, identity: &str, guid: &str, out: &mut Vec<u8>) {
        if is_user(identity) {
            self.state = AppState::Authenticated;
            out.extend(format!("OK {guid}\r\n").as_bytes());
        } else {
            self.reject(out);
        }
    }

    fn reject(&mut self, out: &mut Vec<u8>) {
        self.state = AppState::Auth;
        out.extend(b"REJECTED EXTERNAL\r\n");
    }
}

/// Whether an identity is none, or the number of a user in hexadecimal ASCII: pairs of digits, each pair 30 to 39.
fn is_user(identity: &str) -> bool {
    let pairs = identity.as_bytes().chunks(2);
    identity.len() <= 40 && pairs.into_iter().all(|pair| matches!(pair, [b'3', b'0'..=b'9']))
}

/// The side of the bus: we are the client.
#[derive(Debug, Default)]
pub(crate) struct BusAuth {
    guid: Option<String>,
    has_challenge: bool,
    /// Answers to [`NEGOTIATE_FDS`] that have not come yet.
    pub(crate) awaits_fds: bool,
}

impl BusAuth {
    /// For a client that has sent [`NEGOTIATE_FDS`] already.
    pub(crate) fn with_fds() -> Self {
        Self { awaits_fds: true, ..Self::default() }
    }

    /// The bus's id, once it has accepted us.
    pub(crate) fn guid(&self) -> Option<&str> {
        self.guid.as_deref()
    }

    /// Reads one line, if there is a whole one. Returns how many bytes it took.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let Some((line, used)) = line(bytes)? else { return Ok(0) };
        match line.split_once(' ').unwrap_or((line, "")) {
            ("DATA", "") if !self.has_challenge && self.guid.is_none() => self.has_challenge = true,
            ("OK", guid) if self.guid.is_none() => {
                // A guid has 32 digits; what follows a space is to be ignored.
                let guid = guid.split(' ').next().unwrap_or_default();
                if guid.len() != 32 || !guid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(Malformed("the bus's id is not 32 hexadecimal digits"));
                }
                self.guid = Some(guid.into());
            }
            ("AGREE_UNIX_FD", "") if self.awaits_fds => self.awaits_fds = false,
            ("REJECTED", _) => return Err(Malformed("the bus does not accept us")),
            _ => return Err(Malformed("the bus answers what was not asked")),
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "0123456789abcdef0123456789abcdef";

    /// Feeds everything at once; returns the answers, the steps and what is left.
    fn run(bytes: &[u8]) -> Result<(String, Vec<Step>, usize), Malformed> {
        let (mut auth, mut out, mut at, mut steps) = (AppAuth::default(), Vec::new(), 0, Vec::new());
        loop {
            let (step, used) = auth.advance(&bytes[at..], GUID, &mut out)?;
            at += used;
            let is_last = matches!(step, Step::More | Step::Begin);
            steps.push(step);
            if is_last {
                return Ok((String::from_utf8(out).unwrap(), steps, bytes.len() - at));
            }
        }
    }

    #[test]
    fn clients_as_they_are() {
        let ok = format!("OK {GUID}\r\n");
        // libdbus and GLib ask line by line; sd-bus sends all at once, and messages behind it.
        let (out, steps, left) =
            run(b"\0AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01").unwrap();
        assert_eq!((out, left), (format!("{ok}AGREE_UNIX_FD\r\n"), 2));
        assert_eq!(steps, [Step::NegotiateFds, Step::Begin]);
        let (out, ..) = run(b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n").unwrap();
        assert_eq!(out, format!("DATA\r\n{ok}AGREE_UNIX_FD\r\n"));
        let (out, ..) = run(b"\0AUTH\r\nAUTH DBUS_COOKIE_SHA1 30\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n").unwrap();
        assert_eq!(out, format!("REJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\n{ok}"));
        let (out, ..) = run(b"\0AUTH EXTERNAL\r\nCANCEL\r\nAUTH EXTERNAL\r\nDATA 30\r\nFOO\r\n").unwrap();
        assert_eq!(out, format!("DATA\r\nREJECTED EXTERNAL\r\nDATA\r\n{ok}ERROR \"not now\"\r\n"));
    }

    #[test]
    fn apps_that_do_not_authenticate() {
        for bad in [
            &b"AUTH EXTERNAL\r\n"[..],
            b"\0BEGIN\r\n",
            b"\0AUTH EXTERNAL 30\nBEGIN\r\n",
            b"\0AUTH EXTERNAL\r\nBEGIN \r\n",
            b"\0AUTH EXTERNAL \xff\r\n",
            b"\0AUTH\0EXTERNAL\r\n",
        ] {
            assert!(run(bad).is_err(), "{:?}", bad.escape_ascii().to_string());
        }
        assert!(run(&[&b"\0"[..], &[b'A'; 2000]].concat()).is_err());
        assert!(run(&[&b"\0"[..], &b"AUTH\r\n".repeat(40)].concat()).is_err());
        for rejected in ["3", "gg", "2f30", "30303", "31 30", &"30".repeat(21)] {
            let (out, ..) = run(format!("\0AUTH EXTERNAL {rejected}\r\n").as_bytes()).unwrap();
            assert_eq!(out, "REJECTED EXTERNAL\r\n", "{rejected}");
        }
    }

    #[test]
    fn the_bus_answers_in_any_pieces() {
        let answers = format!("DATA\r\nOK {GUID}\r\nAGREE_UNIX_FD\r\n");
        let mut auth = BusAuth::with_fds();
        let (mut start, mut guids) = (0, 0);
        for end in 0..=answers.len() {
            start += auth.advance(&answers.as_bytes()[start..end]).unwrap();
            guids += usize::from(auth.guid() == Some(GUID));
        }
        assert!(guids > 0 && !auth.awaits_fds && start == answers.len());
        for bad in ["OK xyz\r\n", "REJECTED EXTERNAL\r\n", "AGREE_UNIX_FD\r\n", "ERROR\r\n", "OK\r\n"] {
            assert!(BusAuth::default().advance(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
