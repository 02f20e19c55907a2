//! Real clients of every family through the filter: GLib (`gdbus`), libdbus (`dbus-send`, `dbus-monitor`), sd-bus (`busctl`) and zbus.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aril_proxy::{CallError, MethodCall, OwnNames, Rules, Session, Value};
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::zvariant;

use crate::client::{Client, Message};
use crate::policy::rules;
use crate::support::{Bus, FakeBus, Kind, address_of, wait_until};

struct Echo;

#[zbus::interface(name = "org.test.Echo")]
impl Echo {
    fn echo(&self, text: &str) -> String {
        text.into()
    }

    fn pass(&self, fd: zvariant::OwnedFd) -> zvariant::OwnedFd {
        fd
    }

    #[zbus(property)]
    fn level(&self) -> u32 {
        11
    }
}

fn connect(path: &Path) -> Connection {
    Builder::address(&*address_of(path)).unwrap().build().unwrap()
}

/// A service of zbus that owns a name, at `/echo`.
fn serve(path: &Path, name: &str) -> Connection {
    let builder = Builder::address(&*address_of(path)).unwrap().name(name).unwrap();
    builder.serve_at("/echo", Echo).unwrap().build().unwrap()
}

/// Runs a program with the bus at `path` as its session; its output, and what it complains of.
fn run(path: &Path, command: &[&str]) -> String {
    let output = program(path, command).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap().trim_end().into()
}

fn program(path: &Path, command: &[&str]) -> Command {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).env("DBUS_SESSION_BUS_ADDRESS", address_of(path)).stdin(Stdio::null());
    program
}

const ECHO_RULES: [&str; 2] = ["talk org.test.Echo", "own org.test.App"];

#[test]
fn glib() {
    Bus::each(|bus| {
        let echo = serve(&bus.path(), "org.test.Echo");
        let _hidden = serve(&bus.path(), "org.test.Hidden");
        let proxy = bus.filtered(rules(&ECHO_RULES));
        let call = |name, method, argument| {
            run(
                &proxy.path(),
                &["gdbus", "call", "--session", "-d", name, "-o", "/echo", "-m", method, argument],
            )
        };
        assert_eq!(call("org.test.Echo", "org.test.Echo.Echo", "hällo"), "('hällo',)");
        assert!(
            call("org.test.Hidden", "org.test.Echo.Echo", "x")
                .contains("org.freedesktop.DBus.Error.ServiceUnknown")
        );
        let introspected =
            run(&proxy.path(), &["gdbus", "introspect", "--session", "-d", "org.test.Echo", "-o", "/echo"]);
        assert!(introspected.contains("readonly u Level = 11"), "{introspected}");
        let monitor = ["gdbus", "monitor", "--session", "-d", "org.test.Echo"];
        let mut monitor = Lines::start(program(&proxy.path(), &monitor));
        monitor.wait_for("The name org.test.Echo is owned by");
        let _ = wait_for_signal(&echo, &mut monitor, "/echo: org.test.Echo.Said ('loud',)");
        let waiting = run(&proxy.path(), &["gdbus", "wait", "--session", "--timeout", "1", "org.test.Echo"]);
        assert_eq!(waiting, "");
    });
}

/// Sends a signal until a monitor, of which one does not know when it listens, prints it.
fn wait_for_signal(echo: &Connection, monitor: &mut Lines, line: &str) -> String {
    let echo = echo.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let sending = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(20))
            == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            echo.emit_signal(None::<&str>, "/echo", "org.test.Echo", "Said", &"loud").unwrap();
        }
    });
    let found = monitor.wait_for(line);
    drop(stop);
    sending.join().unwrap();
    found
}

/// The lines that a program prints, until it is dropped.
struct Lines {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Lines {
    fn start(mut program: Command) -> Self {
        let mut process = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn wait_for(&mut self, text: &str) -> String {
        self.lines.by_ref().map(Result::unwrap).find(|line| line.contains(text)).expect(text)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn libdbus() {
    Bus::each(|bus| {
        let _echo = serve(&bus.path(), "org.test.Echo");
        let proxy = bus.filtered(rules(&ECHO_RULES));
        let send = |name: &str, method, argument| {
            let destination = format!("--dest={name}");
            let command =
                ["dbus-send", "--session", "--print-reply=literal", &destination, "/echo", method, argument];
            run(&proxy.path(), &command)
        };
        assert_eq!(send("org.test.Echo", "org.test.Echo.Echo", "string:hello").trim(), "hello");
        let property =
            send("org.test.Echo", "org.freedesktop.DBus.Properties.GetAll", "string:org.test.Echo");
        assert!(property.contains("uint32 11"), "{property}");
        let refusal = send("org.test.Hidden", "org.test.Echo.Echo", "string:x");
        assert!(refusal.starts_with("Error org.freedesktop.DBus.Error.ServiceUnknown"), "{refusal}");
        // A signal from a program that ends at once arrives all the same.
        let mut listener = Client::connect(&bus.path());
        listener.add_match("type='signal',interface='org.test.I'");
        assert_eq!(
            run(&proxy.path(), &["dbus-send", "--session", "/x", "org.test.I.Said", "string:bye"]),
            ""
        );
        assert_eq!(listener.wait_for(|message| message.member() == "Said").strings(), ["bye"]);
        // Monitoring is refused; it falls back to matches, of which eavesdropping ones are refused, too.
        let monitored = run(&proxy.path(), &["timeout", "1", "dbus-monitor", "--session", "type='signal'"]);
        assert!(monitored.contains("AccessDenied"), "{monitored}");
    });
}

#[test]
fn sd_bus() {
    Bus::each(|bus| {
        let _echo = serve(&bus.path(), "org.test.Echo");
        let _hidden = serve(&bus.path(), "org.test.Hidden");
        let proxy = bus.filtered(rules(&ECHO_RULES));
        let address = format!("--address={}", address_of(&proxy.path()));
        let busctl = |words: &[&str]| run(&proxy.path(), &[&["busctl", &address], words].concat());
        assert_eq!(
            busctl(&["call", "org.test.Echo", "/echo", "org.test.Echo", "Echo", "s", "hello"]),
            "s \"hello\""
        );
        assert_eq!(busctl(&["get-property", "org.test.Echo", "/echo", "org.test.Echo", "Level"]), "u 11");
        let listed = busctl(&["list", "--no-legend"]);
        assert!(listed.contains("org.test.Echo") && !listed.contains("org.test.Hidden"), "{listed}");
        assert!(busctl(&["introspect", "org.test.Echo", "/echo"]).contains(".Level"));
        let refusal = busctl(&["call", "org.test.Hidden", "/echo", "org.test.Echo", "Echo", "s", "x"]);
        assert!(refusal.contains("org.test.Hidden was not provided by any .service files"), "{refusal}");
        let monitored = busctl(&["monitor"]);
        assert!(monitored.ends_with("BecomeMonitor failed: Access denied"), "{monitored}");
    });
}

#[test]
fn zbus_client_and_service() {
    Bus::each(|bus| {
        let echo = serve(&bus.path(), "org.test.Echo");
        let proxy = bus.filtered(rules(&ECHO_RULES));
        let app = connect(&proxy.path());
        let object = Proxy::new(&app, "org.test.Echo", "/echo", "org.test.Echo").unwrap();
        assert_eq!(object.call::<_, _, String>("Echo", &"hello").unwrap(), "hello");
        assert_eq!(object.get_property::<u32>("Level").unwrap(), 11);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let back: zvariant::OwnedFd =
            object.call("Pass", &zvariant::OwnedFd::from(OwnedFd::from(theirs))).unwrap();
        UnixStream::from(OwnedFd::from(back)).write_all(b"x").unwrap();
        ours.read_exact(&mut [0]).unwrap();
        let mut signals = object.receive_signal("Said").unwrap();
        echo.emit_signal(None::<&str>, "/echo", "org.test.Echo", "Said", &"loud").unwrap();
        assert_eq!(signals.next().unwrap().body().deserialize::<String>().unwrap(), "loud");
        // The same with the service inside.
        let _service = serve(&proxy.path(), "org.test.App");
        let outside = connect(&bus.path());
        let object = Proxy::new(&outside, "org.test.App", "/echo", "org.test.Echo").unwrap();
        assert_eq!(object.call::<_, _, String>("Echo", &"inside").unwrap(), "inside");
        assert!(serve_refused(&proxy.path()));
    });
}

fn serve_refused(path: &Path) -> bool {
    Builder::address(&*address_of(path)).unwrap().name("org.test.Other").unwrap().build().is_err()
}

/// The way that apps use portals: a call to the portal's name, its answer by a signal to the caller alone, and a setting that is broadcast.
#[test]
fn portals_as_apps_use_them() {
    Bus::each(|bus| {
        let mut portal = Client::connect(&bus.path());
        assert_eq!(portal.own("org.freedesktop.portal.Desktop"), "1");
        let proxy = bus.filtered(Rules::session(&"org.test.App".parse().unwrap(), OwnNames::App));
        let mut app = Client::connect(&proxy.path());
        let path = "/org/freedesktop/portal/desktop";
        app.add_match("type='signal',sender='org.freedesktop.portal.Desktop'");
        app.send(Message::call(
            "org.freedesktop.portal.Desktop",
            path,
            "org.freedesktop.portal.FileChooser",
            "OpenFile",
        ));
        let call = portal.serve();
        let request = format!("{path}/request/1_1/t");
        portal
            .send(Message::signal(&request, "org.freedesktop.portal.Request", "Response").to(call.sender()));
        portal.send(Message::signal(path, "org.freedesktop.portal.Settings", "SettingChanged"));
        portal.send(Message::signal("/elsewhere", "org.freedesktop.portal.Settings", "Private"));
        portal.call(Message::bus("GetId"));
        let members: Vec<_> = app.drain().iter().map(|message| message.member().to_owned()).collect();
        assert_eq!(members, ["", "Response", "SettingChanged"]);
    });
}

/// The launcher's own questions.
#[test]
fn calls_of_our_own() {
    Bus::each(|bus| {
        let _echo = serve(&bus.path(), "org.test.Echo");
        let open =
            |time| Session::open(bus.address().connect().unwrap(), Duration::from_millis(time)).unwrap();
        let call = |member, arguments| MethodCall {
            destination: "org.test.Echo",
            path: "/echo",
            interface: "org.test.Echo",
            member,
            arguments,
        };
        let mut session = open(5000);
        let text = [Value::from("hello")];
        let (one, two) =
            (session.send(&call("Echo", &text)).unwrap(), session.send(&call("Nothing", &[])).unwrap());
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let fd = [Value::Fd(0)];
        let three = session.send_with_fds(&call("Pass", &fd), vec![theirs.into()]).unwrap();
        let mut reply = session.receive(three).unwrap();
        assert_eq!(reply.values, [Value::Fd(0)]);
        UnixStream::from(reply.fds.remove(0)).write_all(b"x").unwrap();
        ours.read_exact(&mut [0]).unwrap();
        assert_eq!(session.receive(one).unwrap().values, text);
        let error = session.receive(two).unwrap_err();
        assert!(
            matches!(&error, CallError::Refused { name, .. } if name.ends_with("UnknownMethod")),
            "{error}"
        );
        // Who does not answer costs the deadline, once for all.
        let mut silent = Client::connect(&bus.path());
        assert_eq!(silent.own("org.test.Silent"), "1");
        let start = std::time::Instant::now();
        let mut session = open(100);
        let asked =
            session.send(&MethodCall { destination: "org.test.Silent", ..call("Echo", &text) }).unwrap();
        assert!(matches!(session.receive(asked), Err(CallError::Deadline)));
        assert!(matches!(session.receive(asked), Err(CallError::Deadline)));
        assert!(start.elapsed() >= Duration::from_millis(100));
    });
    // A bus that goes away, or talks nonsense.
    for answer in [
        &b""[..],
        b"REJECTED\r\n",
        b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\nnonsense nonsense",
    ] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut session = Session::open(ours.into(), Duration::from_secs(5)).unwrap();
        let asked = session.send(&MethodCall {
            destination: "a.b",
            path: "/",
            interface: "a.b",
            member: "C",
            arguments: &[],
        });
        theirs.write_all(answer).unwrap();
        let _ = theirs.shutdown(std::net::Shutdown::Write);
        let error = session.receive(asked.unwrap()).unwrap_err();
        assert!(matches!(error, CallError::Closed | CallError::Malformed(_)), "{error}");
    }
}

/// `aril-dbus-proxy` with `xdg-dbus-proxy`'s way of being started and stopped.
#[test]
fn the_program_tells_when_it_listens_and_ends_with_its_caller() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let socket = bus.dir.join("proxy");
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let script =
        "exec 7<&0; printf -- '--talk=org.test.Echo\\0--filter\\0' | \"$0\" --fd=7 \"$1\" \"$2\" --args=0";
    let mut process = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_aril-dbus-proxy"), &bus.address().to_string()])
        .arg(&socket)
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    let mut byte = [0];
    ours.read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"x");
    let _echo = serve(&bus.path(), "org.test.Echo");
    let app = connect(&socket);
    let object = Proxy::new(&app, "org.test.Echo", "/echo", "org.test.Echo").unwrap();
    assert_eq!(object.call::<_, _, String>("Echo", &"hello").unwrap(), "hello");
    drop(ours);
    assert!(process.wait().unwrap().success());
    wait_until("the socket is removed", || !socket.exists());
}

/// A bus that closes, or was never there.
#[test]
fn without_a_bus_connections_end() {
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules(&[]));
    drop(fake);
    let mut app = Client::silent(&proxy.path());
    assert!(app.is_closed());
    assert!(proxy.wait_for_faults(1)[0].starts_with("cannot connect to the bus: "));
}
