//! The same scenarios through `xdg-dbus-proxy` and through `aril-dbus-proxy`: the same outcome, or a difference that stands here with its reason.
//!
//! Written against 0.1.4 with Debian's security patches. Where another version differs from it, the test says so.

use std::path::Path;
use std::time::Duration;

use crate::client::{BUS, CALL, Client, Field, Message, SIGNAL};
use crate::support::{Bus, Kind, ProxyProgram, wait_until};

const OURS: &str = env!("CARGO_BIN_EXE_aril-dbus-proxy");

/// What is wanted otherwise: scenario, the stock proxy's outcome (part of it, or several), ours, why.
const DIFFERENCES: &[[&str; 4]] = &[
    [
        "process of a hidden connection",
        "ServiceUnknown",
        "NameHasNoOwner",
        "the bus says so of a name that is not there; only so hidden and absent look alike",
    ],
    [
        "eavesdrop='false'",
        "AccessDenied",
        "",
        "it asks for nothing; what is refused is found by reading the rule, not by searching its text",
    ],
    [
        "ping the bus",
        "AccessDenied",
        "",
        "harmless, and clients do it to see whether they are still connected",
    ],
    [
        "owner changes without a match",
        "org.test.See",
        "",
        "who asked for no signals gets none: questions about owners begin with the first match",
    ],
    ["a header field of a later version", "closed", "", "left out; a newer bus may send some"],
    ["a type of a later version", "closed", "", "ignored, as the specification wants"],
    ["serials that decrease", "closed", "", "the specification does not forbid it; serials are ours anyway"],
    ["the highest serial", "closed", "", "the same"],
    ["a call that answers", "ServiceUnknown", "AccessDenied", "refused whatever its destination is"],
    [
        "seventeen descriptors",
        "closed|passed",
        "LimitsExceeded",
        "a message may have 16, as with dbus-daemon, which ends the connection",
    ],
    ["two destinations", "AccessDenied", "closed", "a header with two meanings is not read at all"],
];

/// A scenario: its name, its rules, and what happens.
type Scenario = (&'static str, &'static [&'static str], fn(&Bus, &Path) -> String);

const RULES: &[&str] = &["--see=org.test.See", "--talk=org.test.Talk", "--own=org.test.App.*"];

const SCENARIOS: &[Scenario] = &[
    ("names", RULES, |bus, path| {
        let services = services(bus);
        let mut app = Client::connect(path);
        let own = app.name.clone();
        let mut names = app.call(Message::bus("ListNames")).strings();
        for name in &mut names {
            if *name == own {
                *name = "me".into();
            } else if let Some(at) = services.iter().position(|service| service.name == *name) {
                *name = format!("service {at}");
            }
        }
        names.sort();
        names.join(" ")
    }),
    ("calls", RULES, |bus, path| {
        let mut services = services(bus);
        let mut app = Client::connect(path);
        let unique: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
        let names = [
            "org.test.See",
            "org.test.None",
            "org.test.Absent",
            BUS,
            &unique[0],
            &unique[2],
            ":1.999",
            &app.name.clone(),
        ];
        let mut errors = Vec::new();
        for name in names {
            for flags in [0, 2] {
                app.send(ping(name).flags(flags));
                let answer =
                    app.wait_for(|message| message.reply_to().is_some() || message.member() == "Ping");
                errors.push(answer.error().to_owned());
            }
        }
        for name in ["org.test.Talk", &unique[1]] {
            let serial = app.send(ping(name));
            services[1].serve();
            errors.push(app.wait_for(|message| message.reply_to() == Some(serial)).error().to_owned());
        }
        errors.join(" ")
    }),
    ("questions about names", RULES, |bus, path| {
        let services = services(bus);
        let mut app = Client::connect(path);
        let mut answers = Vec::new();
        for name in ["org.test.See", "org.test.Talk", "org.test.None", "org.test.Absent", BUS, "not a name"] {
            for member in ["NameHasOwner", "GetNameOwner"] {
                let answer = app.ask(member, name);
                let at = services.iter().position(|service| service.name == answer);
                answers.push(at.map_or(answer, |at| format!("service {at}")));
            }
        }
        for member in ["GetConnectionUnixProcessID", "GetConnectionUnixUser", "GetConnectionCredentials"] {
            answers.push(app.ask(member, &services[0].name));
            answers.push(app.call(Message::bus(member).string(BUS)).error().into());
        }
        answers.push(app.ask("ListQueuedOwners", "org.test.See"));
        answers.push(app.ask("ListQueuedOwners", "org.test.None"));
        answers.join(" ")
    }),
    ("process of a hidden connection", RULES, |bus, path| {
        let services = services(bus);
        Client::connect(path)
            .ask("GetConnectionUnixProcessID", &services[2].name)
            .trim_start_matches('!')
            .into()
    }),
    ("owning", RULES, |_, path| {
        let mut app = Client::connect(path);
        let names = [
            "org.test.App",
            "org.test.App.Main.X",
            "org.test.AppX",
            "org.test.Talk",
            "org.test.See",
            "org.test.None",
            BUS,
        ];
        let owned: Vec<_> = names.iter().map(|name| app.own(name)).collect();
        format!(
            "{owned:?} {} {}",
            app.ask("ReleaseName", "org.test.App"),
            app.ask("ReleaseName", "org.test.None")
        )
    }),
    ("methods of the bus", RULES, |_, path| {
        let mut app = Client::connect(path);
        let of =
            |interface: &str, member: &str| Message::call(BUS, "/org/freedesktop/DBus", interface, member);
        let calls = [
            Message::bus("GetId"),
            Message::bus("ReloadConfig"),
            Message::bus("UpdateActivationEnvironment"),
            Message::bus("NoSuchMethod"),
            of("org.freedesktop.DBus.Introspectable", "Introspect"),
            of("org.freedesktop.DBus.Properties", "GetAll").string(BUS),
            of("org.freedesktop.DBus.Monitoring", "BecomeMonitor"),
            of("org.freedesktop.DBus.Debug.Stats", "GetStats"),
            Message { kind: CALL, ..Message::default() }.to(BUS).at("/").with(3, Field::Text("GetId".into())),
            Message::bus("AddMatch").string("type='signal'"),
            Message::bus("AddMatch").string("type='nonsense'"),
            Message::bus("AddMatch").string("eavesdrop='true'"),
            Message::bus("AddMatch").string("eavesdrop =true"),
            Message::bus("RemoveMatch").string("type='signal'"),
            Message::bus("RemoveMatch").string("type='signal'"),
            Message::bus("StartServiceByName").string("org.test.None").word_argument(0),
            Message::bus("StartServiceByName").string("org.test.See").word_argument(0),
        ];
        calls.map(|call| app.call(call).error().to_owned()).join(" ")
    }),
    ("eavesdrop='false'", RULES, |_, path| {
        Client::connect(path).ask("AddMatch", "eavesdrop='false'").trim_start_matches('!').into()
    }),
    ("ping the bus", RULES, |_, path| {
        let ping = Message::call(BUS, "/", "org.freedesktop.DBus.Peer", "Ping");
        Client::connect(path).call(ping).error().into()
    }),
    ("ping nobody", RULES, |_, path| {
        let ping =
            Message { kind: CALL, ..Message::default() }.at("/").of("org.freedesktop.DBus.Peer", "Ping");
        answer(&mut Client::connect(path), ping)
    }),
    ("signals to others", RULES, |bus, path| {
        let mut services = services(bus);
        let mut app = Client::connect(path);
        services.iter_mut().for_each(|service| service.add_match("interface='org.test.I'"));
        for name in ["org.test.See", "org.test.Talk", "org.test.None", BUS] {
            app.send(Message::signal("/", "org.test.I", "Said").to(name));
        }
        app.send(Message::signal("/", "org.test.I", "All"));
        app.call(Message::bus("GetId"));
        services.iter_mut().map(|service| members(service.drain())).collect::<Vec<_>>().join(" / ")
    }),
    ("broadcasts", RULES, |bus, path| {
        let mut services = services(bus);
        let mut app = Client::connect(path);
        app.add_match("interface='org.test.I'");
        for (at, service) in services.iter_mut().enumerate() {
            service.send(Message::signal("/", "org.test.I", &format!("From{at}")));
            service.send(Message::signal("/", "org.test.I", &format!("To{at}")).to(&app.name));
            service.call(Message::bus("GetId"));
        }
        members(app.drain().into_iter().filter(|message| message.sender() != BUS).collect())
    }),
    ("a call rule", &["--call=org.test.Talk=org.test.I.Ping@/x/*"], |bus, path| {
        let mut services = services(bus);
        let mut app = Client::connect(path);
        let mut answers = Vec::new();
        for (path, member) in [("/x/y", "Ping"), ("/", "Ping"), ("/x", "Pong"), ("/xy", "Ping")] {
            let serial = app.send(Message::call("org.test.Talk", path, "org.test.I", member));
            if path == "/x/y" {
                services[1].serve();
            }
            answers.push(app.wait_for(|message| message.reply_to() == Some(serial)).error().to_owned());
        }
        answers.push(app.ask("NameHasOwner", "org.test.Talk"));
        answers.join(" ")
    }),
    (
        "a broadcast rule",
        &["--talk=org.test.See", "--broadcast=org.test.Talk=org.test.I.Yes@/x/*"],
        |bus, path| {
            let mut services = services(bus);
            let mut app = Client::connect(path);
            app.add_match("interface='org.test.I'");
            for (path, member) in [("/x/y", "Yes"), ("/x", "No"), ("/", "Yes")] {
                services[1].send(Message::signal(path, "org.test.I", member));
            }
            services[1].call(Message::bus("GetId"));
            let heard = app.drain().into_iter().filter(|message| message.sender() != BUS);
            heard
                .map(|message| format!("{} {}", message.member(), message.field(1).unwrap()))
                .collect::<Vec<_>>()
                .join(", ")
        },
    ),
    ("owner changes", RULES, |bus, path| {
        let mut app = Client::connect(path);
        app.add_match("member='NameOwnerChanged'");
        owner_changes(bus, &mut app)
    }),
    ("owner changes with sloppy names", &["--sloppy-names", "--see=org.test.See"], |bus, path| {
        let mut app = Client::connect(path);
        app.add_match("member='NameOwnerChanged'");
        owner_changes(bus, &mut app)
    }),
    ("owner changes without a match", RULES, |bus, path| {
        let mut app = Client::connect(path);
        owner_changes(bus, &mut app)
    }),
    ("who calls is seen", RULES, |bus, path| {
        let mut peer = Client::connect(&bus.path());
        let mut app = Client::connect(path);
        let before = app.ask("NameHasOwner", &peer.name);
        let serial = peer.send(ping(&app.name));
        app.serve();
        let answered = peer.wait_for(|message| message.reply_to() == Some(serial)).error().to_owned();
        format!(
            "{before} {answered} {} {}",
            app.ask("NameHasOwner", &peer.name),
            app.call(ping(&peer.name)).error()
        )
    }),
    ("a name that was given up", RULES, |bus, path| {
        let mut services = services(bus);
        let mut app = Client::connect(path);
        app.add_match("interface='org.test.I'");
        assert_eq!(services[1].ask("ReleaseName", "org.test.Talk"), "1");
        services[1].send(Message::signal("/", "org.test.I", "Still"));
        services[1].call(Message::bus("GetId"));
        let name = services[1].name.clone();
        let heard = members(app.drain().into_iter().filter(|message| message.sender() != BUS).collect());
        app.send(ping(&name));
        format!("{heard} {}", services[1].serve().member())
    }),
    ("a header field of a later version", RULES, |_, path| {
        answer(&mut Client::connect(path), Message::bus("GetId").with(77, Field::Text("x".into())))
    }),
    ("a type of a later version", RULES, |_, path| {
        let mut app = Client::connect(path);
        app.send(Message { kind: 5, ..Message::default() }.to(BUS));
        answer(&mut app, Message::bus("GetId"))
    }),
    ("serials that decrease", RULES, |_, path| {
        let mut app = Client::connect(path);
        app.serial = 1000;
        app.call(Message::bus("GetId"));
        app.serial = 500;
        answer(&mut app, Message::bus("GetId"))
    }),
    ("the highest serial", RULES, |_, path| {
        let mut app = Client::connect(path);
        app.serial = u32::MAX - 1;
        answer(&mut app, Message::bus("GetId"))
    }),
    ("a call that answers", RULES, |bus, path| {
        let mut services = services(bus);
        let mut peer = Client::connect(&bus.path());
        let mut app = Client::connect(path);
        peer.send(ping(&app.name));
        let call = app.wait_for(|message| message.kind == CALL);
        let serial = app.send(ping("org.test.None").with(5, Field::Word(call.serial)));
        app.send(Message::bus("GetId"));
        match app.wait_for(|message| message.reply_to() >= Some(serial)) {
            refused if !refused.error().is_empty() => refused.error().into(),
            _ => services[2].wait_for(|message| message.kind == CALL).member().replace("Ping", "passed"),
        }
    }),
    ("seventeen descriptors", RULES, |bus, path| {
        let _services = services(bus);
        let mut app = Client::connect(path);
        let fd = std::fs::File::open("/dev/null").unwrap();
        let fds = vec![std::os::fd::AsFd::as_fd(&fd); 17];
        let serial = app.send_with_fds(ping("org.test.Talk").with(9, Field::Word(17)), &fds);
        let last = app.send(Message::bus("GetId"));
        loop {
            match app.next() {
                None => return "closed".into(),
                Some(message) if message.reply_to() == Some(serial) => return message.error().into(),
                Some(message) if message.reply_to() == Some(last) => return "passed".into(),
                Some(_) => {}
            }
        }
    }),
    ("two destinations", RULES, |_, path| {
        answer(&mut Client::connect(path), ping("org.test.Talk").to("org.test.See"))
    }),
];

fn ping(name: &str) -> Message {
    Message::call(name, "/", "org.test.I", "Ping")
}

/// `org.test.See`, `org.test.Talk`, `org.test.None`, in this order.
fn services(bus: &Bus) -> [Client; 3] {
    ["See", "Talk", "None"].map(|name| {
        let mut service = Client::connect(&bus.path());
        assert_eq!(service.own(&format!("org.test.{name}")), "1");
        service
    })
}

fn members(messages: Vec<Message>) -> String {
    let members = messages.iter().filter(|message| message.kind == SIGNAL).map(Message::member);
    members.collect::<Vec<_>>().join(" ")
}

/// The error of the answer to a call; `closed`, if there is none because the connection was closed.
fn answer(app: &mut Client, call: Message) -> String {
    let serial = app.send(call);
    loop {
        match app.next() {
            None => return "closed".into(),
            Some(message) if message.reply_to() == Some(serial) => return message.error().into(),
            Some(_) => {}
        }
    }
}

/// What a watcher is told of one connection that takes names and leaves.
fn owner_changes(bus: &Bus, app: &mut Client) -> String {
    let mut watcher = Client::connect(&bus.path());
    app.drain();
    let mut service = Client::connect(&bus.path());
    service.own("org.test.See");
    service.own("org.test.None");
    let name = service.name.clone();
    drop(service);
    wait_until("it has left", || watcher.ask("NameHasOwner", &name) == "0");
    let changes = app.drain().into_iter().filter(|message| message.member() == "NameOwnerChanged");
    let words = changes.map(|message| message.strings().join("-").replace(&name, "it"));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn as_xdg_dbus_proxy_or_better() {
    let (mut used, mut wrong) = (vec![false; DIFFERENCES.len()], Vec::new());
    Bus::each_named(|kind, bus| {
        for (name, rules, scenario) in SCENARIOS {
            let run = |program: &str| {
                let proxy = ProxyProgram::start(program, bus, &[&["--filter"], *rules].concat())?;
                eprintln!("{kind:?}, {program}: {name}");
                let outcome = scenario(bus, &proxy.path());
                drop(proxy);
                // What one leaves must not reach the next.
                let mut watcher = Client::connect(&bus.path());
                wait_until("all have left", || {
                    watcher.call(Message::bus("ListNames")).strings().len()
                        <= 2 + usize::from(kind == Kind::Broker)
                });
                Some(outcome)
            };
            let (Some(ours), Some(stock)) = (run(OURS), run("xdg-dbus-proxy")) else {
                eprintln!("skipped: xdg-dbus-proxy is not installed");
                return;
            };
            let difference = DIFFERENCES.iter().position(|difference| difference[0] == *name);
            let [_, as_stock, as_ours, _] =
                difference.map_or([name, &*stock, &*stock, ""], |at| DIFFERENCES[at]);
            difference.into_iter().for_each(|at| used[at] |= ours != stock);
            if ours != as_ours || !as_stock.split('|').any(|as_stock| stock.contains(as_stock)) {
                wrong.push(format!("{kind:?}, {name}:\n  stock {stock}\n  ours  {ours}"));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if used.contains(&true) {
        let unused: Vec<_> =
            DIFFERENCES.iter().zip(&used).filter(|(_, used)| !**used).map(|(row, _)| row[0]).collect();
        assert!(unused.is_empty(), "no difference any more: {unused:?}");
    }
}

/// `xdg-dbus-proxy` dies of it; only the connection that said it ends here.
#[test]
fn a_claim_of_two_gigabytes() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let survives = |program: &str| {
        let mut proxy = ProxyProgram::start(program, &bus, &["--filter"])?;
        let mut hostile = Client::connect(&proxy.path());
        let mut bytes = Message { serial: 5, ..ping(BUS) }.add_to_signature("ay").encode();
        bytes[4..8].copy_from_slice(&0x7fff_ff00_u32.to_le_bytes());
        hostile.send_bytes(&bytes, &[]);
        std::thread::sleep(Duration::from_millis(200));
        Some(proxy.is_running())
    };
    assert_eq!(survives(OURS), Some(true));
    eprintln!("xdg-dbus-proxy survives: {:?}", survives("xdg-dbus-proxy"));
}
