//! Published holes of `xdg-dbus-proxy` and what we thought of ourselves: each is tried through the filter, where it must fail, and on a
//! control without a filter, where it must succeed (or the control would prove nothing).
//!
//! Where a real bus has a wall of its own before the hole, the test plays the bus, and the control is the same proxy without rules.

use std::path::PathBuf;
use std::time::Duration;

use aril_proxy::{OwnNames, Rules};

use crate::client::{BUS, CALL, Client, ERROR, Field, Message, RETURN, SIGNAL};
use crate::policy::rules;
use crate::support::{Bus, FakeBus, Kind, is_silent};

/// CVE-2026-34080: white space before `=` passed a filter that looked for `eavesdrop=`.
#[test]
fn eavesdropping_in_any_spelling() {
    let spellings = [
        "type='method_call',eavesdrop=true",
        "type='method_call',eavesdrop='true'",
        "type='method_call',eavesdrop =true",
        "type='method_call',eavesdrop\t=true",
        "type='method_call',eavesdrop\n='true'",
        "type='method_call',eavesdrop  = true",
        "type='method_call', eavesdrop=true",
        "eavesdrop=true,type='method_call'",
        "eavesdrop=t'ru'e",
        "type='method_call',eaves'drop'=true",
    ];
    let mut controls = 0;
    Bus::each(|bus| {
        let mut victim = Client::connect(&bus.path());
        assert_eq!(victim.own("org.test.Victim"), "1");
        let proxy = bus.filtered(rules(&["talk org.test.Victim"]));
        for spelling in spellings {
            let hears = |mut app: Client| {
                let refusal = app.ask("AddMatch", spelling);
                let mut other = Client::connect(&bus.path());
                other.send(Message::call("org.test.Victim", "/", "org.test.I", "Secret"));
                other.call(Message::bus("GetId"));
                (refusal, app.drain().iter().any(|message| message.member() == "Secret"))
            };
            let (refusal, is_heard) = hears(Client::connect(&proxy.path()));
            assert!(
                !is_heard && ["!AccessDenied", "!MatchRuleInvalid"].contains(&&*refusal),
                "{spelling:?} {refusal}"
            );
            controls += usize::from(hears(Client::connect(&bus.path())).1);
        }
    });
    assert!(controls >= 4, "the control hears only {controls} of them");
}

/// CVE-2026-93676: with any broadcast rule, all broadcasts came in.
#[test]
fn a_broadcast_rule_lets_no_other_broadcasts_in() {
    Bus::each(|bus| {
        let mut one = Client::connect(&bus.path());
        let mut two = Client::connect(&bus.path());
        assert_eq!((one.own("org.test.One"), two.own("org.test.Two")), ("1".into(), "1".into()));
        let list = ["broadcast org.test.One org.test.I.Said@/a", "call org.test.Two *"];
        let proxy = bus.filtered(rules(&list));
        let mut heard = |path: PathBuf| {
            let mut app = Client::connect(&path);
            app.add_match("type='signal',interface='org.test.I'");
            app.add_match("type='signal',interface='org.test.J'");
            for (path, interface, member) in [
                ("/a", "org.test.I", "Said"),
                ("/b", "org.test.I", "Said"),
                ("/a", "org.test.I", "Other"),
                ("/a", "org.test.J", "Said"),
            ] {
                for service in [&mut one, &mut two] {
                    service.send(Message::signal(path, interface, member));
                    service.call(Message::bus("GetId"));
                }
            }
            app.drain().iter().filter(|message| message.kind == SIGNAL && message.sender() != BUS).count()
        };
        assert_eq!(heard(proxy.path()), 1);
        assert_eq!(heard(bus.path()), 8);
    });
}

/// An app, and the bus that the test plays, with a filter between or without rules; a peer `:1.7` has called the app.
fn called_app(rules: Rules) -> (Client, Client, u32, impl Sized) {
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules);
    let (mut app, mut bus) = fake.join(&proxy);
    bus.send(Message::call(":1.1", "/", "org.test.I", "Ask").from(":1.7"));
    let call = app.wait_for(|message| message.kind == CALL);
    (app, bus, call.serial, (fake, proxy))
}

/// What reaches the bus of `attack` with a filter, and without rules.
fn reach(attack: impl Fn(&mut Client, u32)) -> [Vec<String>; 2] {
    [rules(&["own org.test.App"]), Rules::unfiltered()].map(|rules| {
        let (mut app, mut bus, serial, _kept) = called_app(rules);
        attack(&mut app, serial);
        app.send(Message::bus("GetId"));
        let mut reached = Vec::new();
        loop {
            let message = bus.next().unwrap();
            if message.member() == "GetId" {
                return reached;
            }
            reached.push(format!("{} {}", message.kind, message.field(6).unwrap_or_default()));
        }
    })
}

/// CVE-2026-94422: calls and signals that carried a reply serial passed as answers; answers reached others than who asked, or twice.
#[test]
fn only_answers_pass_as_answers() {
    let strings = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let answering = |message: Message, serial| message.with(5, Field::Word(serial));
    type Attack<'a> =
        (&'static str, &'static [&'static str], &'static [&'static str], &'a dyn Fn(&mut Client, u32));
    let table: [Attack<'_>; 7] = [
        ("reply_as_call", &[], &["1 org.test.Hidden"], &|app, serial| {
            app.send(answering(Message::call("org.test.Hidden", "/", "org.test.I", "Do"), serial));
        }),
        ("reply_call_elsewhere", &[], &["1 :1.8"], &|app, serial| {
            app.send(answering(Message::call(":1.8", "/", "org.test.I", "Do"), serial));
        }),
        ("reply_as_signal", &[], &["4 :1.7"], &|app, serial| {
            app.send(answering(Message::signal("/", "org.test.I", "Said").to(":1.7"), serial));
        }),
        ("reply_elsewhere", &[], &["2 :1.8"], &|app, serial| {
            app.send(Message::answer(":1.8", serial));
        }),
        ("reply_to_nobody", &[], &["2 "], &|app, serial| {
            let message = Message { kind: RETURN, ..Message::default() };
            app.send(message.with(5, Field::Word(serial)));
        }),
        ("reply_unsolicited", &[], &["2 :1.7"], &|app, serial| {
            app.send(Message::answer(":1.7", serial.wrapping_add(1)));
        }),
        ("reply_twice", &["2 :1.7"], &["2 :1.7", "2 :1.7"], &|app, serial| {
            app.send(Message::answer(":1.7", serial));
            app.send(Message::answer(":1.7", serial));
        }),
    ];
    for (name, filtered, unfiltered, attack) in table {
        assert_eq!(reach(attack), [strings(filtered), strings(unfiltered)], "{name}");
    }
}

/// The same from the other side: what claims to answer the app but does not.
#[test]
fn the_app_gets_only_answers_that_it_asked_for() {
    for (rules, expected) in [(rules(&["talk org.test.Talk"]), 1), (Rules::unfiltered(), 6)] {
        let fake = FakeBus::new();
        let proxy = fake.filtered(rules);
        let (mut app, mut bus) = fake.join(&proxy);
        app.send(Message::call("org.test.Talk", "/", "org.test.I", "Do"));
        let call = bus.next().unwrap();
        let to_bus = app.send(Message::bus("GetId"));
        let question = bus.next().unwrap();
        // Not asked at all; a question to the bus, answered by another; the right answer, once more; one to somebody else.
        bus.send(Message::answer(":1.1", call.serial + 100).from(":1.7"));
        bus.send(Message::answer(":1.1", question.serial).from(":1.7"));
        bus.send(Message::answer(":1.2", call.serial).from(":1.7"));
        bus.send(Message::answer(":1.1", call.serial).from(":1.7"));
        bus.send(Message::answer(":1.1", call.serial).from(":1.7"));
        bus.send(
            Message { kind: ERROR, ..Message::answer(":1.1", 0x7777).from(":1.7") }
                .with(4, Field::Text("a.b".into())),
        );
        bus.send(Message::answer(":1.1", question.serial).from(BUS).string("id"));
        let mut count = 0;
        while app.next().unwrap().reply_to() != Some(to_bus) || expected == 6 && count < 6 {
            count += 1;
        }
        assert_eq!(count, expected);
    }
}

/// Eavesdropped messages, should a bus ever deliver some, are for others.
#[test]
fn messages_to_others_do_not_reach_the_app() {
    for (rules, expected) in
        [(rules(&["own org.test.App.*", "talk org.test.Talk"]), 3), (Rules::unfiltered(), 6)]
    {
        let fake = FakeBus::new();
        let proxy = fake.filtered(rules);
        let (mut app, mut bus) = fake.join(&proxy);
        for destination in [":1.1", "org.test.App.Main", ":1.2", "org.test.Talk", "org.test.Other"] {
            bus.send(Message::call(destination, "/", "org.test.I", "Do").from(":1.7"));
        }
        bus.send(Message::signal("/", "org.test.I", "Said").from(":1.7").to(":1.1"));
        assert!((0..expected).all(|_| app.next().is_some()) && is_silent(&app, Duration::from_millis(50)));
    }
}

/// Issue 80 of xdg-dbus-proxy: talking to the Secret Service lists all secrets. Nothing of it is there by default.
#[test]
fn secrets_are_not_there_by_default() {
    Bus::each(|bus| {
        let mut secrets = Client::connect(&bus.path());
        assert_eq!(secrets.own("org.freedesktop.secrets"), "1");
        let search = Message::call(
            "org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service",
            "SearchItems",
        );
        let proxy = bus.filtered(Rules::session(&"org.test.App".parse().unwrap(), OwnNames::App));
        let mut app = Client::connect(&proxy.path());
        assert_eq!(app.call(search.clone()).error(), "ServiceUnknown");
        let owner = secrets.name.clone();
        let by_owner = Message::call(
            &owner,
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service",
            "SearchItems",
        );
        assert_eq!(app.call(by_owner).error(), "NameHasNoOwner");
        let mut control = Client::connect(&bus.path());
        control.send(search);
        assert_eq!(secrets.serve().member(), "SearchItems");
    });
}

#[test]
fn monitors_are_refused() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&[]));
        let become_monitor = |mut client: Client| {
            let mut message = Message::call(
                BUS,
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.Monitoring",
                "BecomeMonitor",
            );
            message.body = vec![0; 8];
            client.call(message.add_to_signature("asu")).error().to_owned()
        };
        assert_eq!(become_monitor(Client::connect(&proxy.path())), "AccessDenied");
        assert_eq!(become_monitor(Client::connect(&bus.path())), "");
    });
}

#[test]
fn the_activation_environment_is_not_changed() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let proxy = bus.filtered(rules(&[]));
    let update = |mut client: Client| {
        let mut message = Message::bus("UpdateActivationEnvironment");
        message.body = vec![0; 8];
        client.call(message.add_to_signature("a{ss}")).error().to_owned()
    };
    assert_eq!(update(Client::connect(&proxy.path())), "AccessDenied");
    assert_eq!(update(Client::connect(&bus.path())), "");
}

/// CVE-2018-6560: lines of the authentication that one parser takes for its end and the other does not. (The control is every relay, which
/// passes these bytes on: the greeting that the bus reads here is not the app's.)
#[test]
fn no_byte_of_the_authentication_reaches_the_bus() {
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules(&[]));
    let hidden = Message { serial: 1, ..Message::call("org.test.Hidden", "/", "org.test.I", "Do") }.encode();
    for attempt in [
        &b"\0AUTH EXTERNAL\r\nDATA\r\n BEGIN\r\n"[..],
        b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\t\r\n",
        b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN x\r\n",
        b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\n\r\n",
        b"\0AUTH EXTERNAL\r\nDATA\r\nbegin\r\n",
        b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD \r\n",
        b"\0AUTH ANONYMOUS\r\nBEGIN\r\n",
        b"\0BEGIN\r\n",
        b"BEGIN\r\n",
        b"\0AUTH EXTERNAL\r\nDATA\r\n\0BEGIN\r\n",
    ] {
        let mut app = Client::silent(&proxy.path());
        app.send_bytes(attempt, &[]);
        app.send_bytes(&hidden, &[]);
        let mut bus = fake.accept();
        assert_eq!((bus.line(), bus.line()), ("\0AUTH EXTERNAL".into(), "DATA".into()));
        bus.send_bytes(b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n", &[]);
        std::thread::sleep(Duration::from_millis(20));
        drop(app);
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut bus.stream, &mut rest).unwrap();
        assert_eq!(rest.escape_ascii().to_string(), "", "{}", attempt.escape_ascii());
    }
}
