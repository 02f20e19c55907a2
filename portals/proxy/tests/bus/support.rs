//! Private buses in directories of their own, and proxies before them, which end with the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{BUS, Client, Message};
use aril_proxy::{BusAddress, Proxy, Rules};
use rustix::event::{PollFd, PollFlags, poll};

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=BUS</listen><servicedir>SERVICES</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
<limit name="max_message_size">134217728</limit><limit name="max_incoming_bytes">1000000000</limit>
<limit name="max_outgoing_bytes">1000000000</limit></busconfig>
"#;

/// A directory that is removed at the end.
#[derive(Debug)]
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("aril-proxy-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Which program the bus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Daemon,
    Broker,
}

/// A private bus.
#[derive(Debug)]
pub struct Bus {
    pub dir: Dir,
    process: Child,
    _journal: Option<UnixDatagram>,
}

impl Bus {
    /// One of each kind that is installed, given to `test` in turn.
    pub fn each(mut test: impl FnMut(&Bus)) {
        Self::each_named(|_, bus| test(bus));
    }

    /// The same, with its kind.
    pub fn each_named(mut test: impl FnMut(Kind, &Bus)) {
        for kind in [Kind::Daemon, Kind::Broker] {
            match Self::start(kind) {
                Some(bus) => test(kind, &bus),
                None => eprintln!("skipped: {kind:?} is not installed"),
            }
        }
    }

    /// Nothing, if it is not installed. A `dbus-daemon` must be.
    pub fn start(kind: Kind) -> Option<Self> {
        let dir = Dir::new();
        let services = dir.join("services");
        fs::create_dir(&services).unwrap();
        let service = "[D-BUS Service]\nName=org.test.Activatable\nExec=/bin/false\n";
        fs::write(services.join("org.test.Activatable.service"), service).unwrap();
        let config = CONFIG.replace("BUS", dir.join("bus").to_str().unwrap());
        fs::write(dir.join("bus.conf"), config.replace("SERVICES", services.to_str().unwrap())).unwrap();
        let (process, journal) = match kind {
            Kind::Daemon => (Self::start_daemon(&dir), None),
            Kind::Broker => {
                let journal = UnixDatagram::bind(dir.join("journal")).unwrap();
                (Self::start_broker(&dir)?, Some(journal))
            }
        };
        let bus = Self { dir, process, _journal: journal };
        // A bus of which the first connection works.
        crate::client::Client::connect(&bus.path());
        Some(bus)
    }

    fn start_daemon(dir: &Dir) -> Child {
        let mut child = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address", "--config-file"])
            .arg(dir.join("bus.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        child
    }

    /// The broker's launcher wants a socket and systemd's journal; it gets both, in a mount namespace.
    fn start_broker(dir: &Dir) -> Option<Child> {
        let listener = UnixListener::bind(dir.join("bus")).unwrap();
        let script = "command -v dbus-broker-launch >/dev/null || exit 99
            mount -t tmpfs none /run/systemd && mkdir /run/systemd/journal && : > /run/systemd/journal/socket
            mount --bind \"$0/journal\" /run/systemd/journal/socket
            export LISTEN_PID=$$ LISTEN_FDS=1 DBUS_SESSION_BUS_ADDRESS=unix:path=$0/bus; exec 3<&0 </dev/null
            exec dbus-broker-launch --scope user --config-file \"$0/bus.conf\"";
        let is_installed = Command::new("sh").args(["-c", "command -v dbus-broker-launch"]).output().unwrap();
        if !is_installed.status.success() {
            return None;
        }
        let child = Command::new("unshare")
            .args(["--user", "--map-current-user", "--mount", "--keep-caps", "sh", "-ec", script])
            .arg(&dir.0)
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("unshare is installed");
        Some(child)
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("bus")
    }

    pub fn address(&self) -> BusAddress {
        address_of(&self.path()).parse().unwrap()
    }

    /// Our filter before this bus.
    pub fn filtered(&self, rules: Rules) -> Filtered {
        Filtered::start(self.address(), rules)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn address_of(path: &Path) -> String {
    format!("unix:path={}", path.display())
}

/// A filter of ours, in a thread of the test.
#[derive(Debug)]
pub struct Filtered {
    dir: Dir,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    /// Why connections ended.
    pub faults: Arc<Mutex<Vec<String>>>,
    /// How many connections there were after the last event.
    pub connections: Arc<AtomicU32>,
}

impl Filtered {
    fn start(address: BusAddress, rules: Rules) -> Self {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.join("proxy")).unwrap();
        let mut proxy = Proxy::new().unwrap();
        let bus = proxy.add_bus(Some(listener.into()), move || address.connect(), rules).unwrap();
        let (faults, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU32::new(0)));
        let (stop, stopped) = UnixStream::pair().unwrap();
        let noted = Arc::clone(&faults);
        proxy.on_fault(move |fault| noted.lock().unwrap().push(fault.into()));
        if std::env::var_os("PROXY_LOG").is_some() {
            proxy.observe(bus, |message| eprintln!("{message}"));
        }
        let counted = Arc::clone(&connections);
        let thread = std::thread::spawn(move || {
            loop {
                let mut fds = [PollFd::new(&proxy, PollFlags::IN), PollFd::new(&stopped, PollFlags::IN)];
                poll(&mut fds, None).unwrap();
                if !fds[1].revents().is_empty() {
                    return;
                }
                proxy.dispatch().unwrap();
                counted.store(proxy.connection_count().try_into().unwrap(), Ordering::Relaxed);
            }
        });
        Self { dir, stop: Some(stop), thread: Some(thread), faults, connections }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("proxy")
    }

    /// The reasons for which connections ended, once there are so many.
    pub fn wait_for_faults(&self, count: usize) -> Vec<String> {
        wait_until("a connection ends", || self.faults.lock().unwrap().len() >= count);
        self.faults.lock().unwrap().clone()
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.expect("the proxy does not panic");
        }
    }
}

/// A bus that the test plays itself, to see exactly what reaches it and to say anything.
#[derive(Debug)]
pub struct FakeBus {
    dir: Dir,
    listener: UnixListener,
}

impl FakeBus {
    pub fn new() -> Self {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.join("bus")).unwrap();
        Self { dir, listener }
    }

    pub fn filtered(&self, rules: Rules) -> Filtered {
        Filtered::start(address_of(&self.dir.join("bus")).parse().unwrap(), rules)
    }

    pub fn accept(&self) -> Client {
        Client::from(self.listener.accept().unwrap().0)
    }

    /// An app and this bus, joined by a filter; the app's name is `:1.1`.
    pub fn join(&self, proxy: &Filtered) -> (Client, Client) {
        let path = proxy.path();
        let connecting = std::thread::spawn(move || Client::connect(&path));
        let mut bus = self.accept();
        let lines: Vec<_> = std::iter::repeat_with(|| {
            let line = bus.line();
            match &*line {
                "\0AUTH EXTERNAL" => bus.send_bytes(b"DATA\r\n", &[]),
                "DATA" => bus.send_bytes(b"OK 0123456789abcdef0123456789abcdef\r\n", &[]),
                "NEGOTIATE_UNIX_FD" => bus.send_bytes(b"AGREE_UNIX_FD\r\n", &[]),
                _ => {}
            }
            line
        })
        .take(4)
        .collect();
        assert_eq!(lines, ["\0AUTH EXTERNAL", "DATA", "NEGOTIATE_UNIX_FD", "BEGIN"]);
        let hello = bus.next().unwrap();
        assert_eq!(hello.member(), "Hello");
        bus.name = BUS.into();
        bus.send(Message::answer(":1.1", hello.serial).from(BUS).string(":1.1"));
        (connecting.join().unwrap(), bus)
    }
}

/// A program that listens at a path in a directory of its own: `xdg-dbus-proxy`, or ours.
#[derive(Debug)]
pub struct ProxyProgram {
    dir: Dir,
    process: Child,
}

impl ProxyProgram {
    /// Nothing, if it is not installed.
    pub fn start(program: &str, bus: &Bus, options: &[&str]) -> Option<Self> {
        let dir = Dir::new();
        let process = Command::new(program)
            .arg(bus.address().to_string())
            .arg(dir.join("proxy"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let program = Self { dir, process };
        wait_until("the proxy listens", || UnixStream::connect(program.path()).is_ok());
        Some(program)
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("proxy")
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for ProxyProgram {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "waited for ten seconds until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether nothing can be read from a socket for a while.
pub fn is_silent(socket: impl AsFd, time: Duration) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut fds, Some(&time.try_into().unwrap())).unwrap() == 0
}
