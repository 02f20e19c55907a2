//! What each level of policy lets an app do and see, as it looks from the app.

use std::time::Duration;

use aril_model::Policy;
use aril_proxy::Rules;

use crate::client::{BUS, CALL, Client, ERROR, Message};
use crate::support::{Bus, Kind, is_silent};

/// Rules from a list like `talk org.x.Y`.
pub fn rules(list: &[&str]) -> Rules {
    let mut rules = Rules::new();
    for rule in list {
        let words: Vec<_> = rule.split(' ').collect();
        let name = words[1].parse().unwrap();
        match words[0] {
            "call" => rules.allow_calls(&name, words[2].parse().unwrap()),
            "broadcast" => rules.allow_broadcasts(&name, words[2].parse().unwrap()),
            level => rules.set_policy(&name, level.parse().unwrap()),
        }
    }
    rules
}

fn ping(name: &str) -> Message {
    Message::call(name, "/", "org.test.I", "Ping")
}

/// A service that owns names.
fn service(bus: &Bus, names: &[&str]) -> Client {
    let mut service = Client::connect(&bus.path());
    names.iter().for_each(|name| assert_eq!(service.own(name), "1"));
    service
}

#[test]
fn levels_are_none_see_talk_own() {
    Bus::each(|bus| {
        let mut service = service(bus, &["org.test.None", "org.test.See", "org.test.Talk"]);
        let proxy = bus.filtered(rules(&["see org.test.See", "talk org.test.Talk", "own org.test.Own"]));
        let mut app = Client::connect(&proxy.path());
        // name, NameHasOwner, GetNameOwner, a call, a call without starting it, RequestName, StartServiceByName
        let owner = service.name.clone();
        let table = [
            [
                "org.test.None",
                "0",
                "!NameHasNoOwner",
                "ServiceUnknown",
                "NameHasNoOwner",
                "ServiceUnknown",
                "ServiceUnknown",
            ],
            [
                "org.test.Absent",
                "0",
                "!NameHasNoOwner",
                "ServiceUnknown",
                "NameHasNoOwner",
                "ServiceUnknown",
                "ServiceUnknown",
            ],
            ["org.test.See", "1", &owner, "AccessDenied", "AccessDenied", "AccessDenied", "AccessDenied"],
            // To start what runs already is the bus's to refuse.
            ["org.test.Talk", "1", &owner, "", "", "AccessDenied", "ServiceUnknown"],
        ];
        for [name, has_owner, owner, called, called_without, requested, started] in table {
            assert_eq!(app.ask("NameHasOwner", name), has_owner, "{name}");
            assert_eq!(app.ask("GetNameOwner", name), owner, "{name}");
            for (flags, expected) in [(0, called), (2, called_without)] {
                let serial = app.send(ping(name).flags(flags));
                if expected.is_empty() {
                    service.serve();
                }
                let reply = app.wait_for(|message| message.reply_to() == Some(serial));
                assert_eq!(reply.error(), expected, "{name}");
            }
            assert_eq!(app.own(name), requested, "{name}");
            let reply = app.call(Message::bus("StartServiceByName").string(name).word_argument(0));
            assert_eq!(reply.error(), started, "{name}");
        }
        assert_eq!(app.own("org.test.Own"), "1");
        assert_eq!(app.ask("GetNameOwner", "org.test.Own"), app.name);
        assert_eq!(app.ask("ReleaseName", "org.test.Own"), "1");
    });
}

#[test]
fn services_are_started_by_whom_may_talk_to_them() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let start = || Message::bus("StartServiceByName").string("org.test.Activatable").word_argument(0);
    for (level, expected) in [
        ("none", "ServiceUnknown"),
        ("see", "AccessDenied"),
        ("talk", "Spawn.ChildExited"),
        ("own", "Spawn.ChildExited"),
    ] {
        let proxy = bus.filtered(rules(&[&format!("{level} org.test.Activatable")]));
        assert_eq!(Client::connect(&proxy.path()).call(start()).error(), expected, "{level}");
    }
}

#[test]
fn lists_show_what_is_seen() {
    Bus::each(|bus| {
        let _service = service(bus, &["org.test.None", "org.test.See"]);
        let other = service(bus, &["org.test.Other"]);
        let proxy = bus.filtered(rules(&["see org.test.See"]));
        let mut app = Client::connect(&proxy.path());
        let mut names = app.call(Message::bus("ListNames")).strings();
        names.sort();
        let mut expected = vec![app.name.clone(), _service.name.clone(), BUS.into(), "org.test.See".into()];
        expected.sort();
        assert_eq!(names, expected, "{:?} must not be there", other.name);
        assert_eq!(app.call(Message::bus("ListActivatableNames")).strings(), [BUS]);
        let proxy = bus.filtered(rules(&["see org.test.Activatable"]));
        let mut app = Client::connect(&proxy.path());
        let mut names = app.call(Message::bus("ListActivatableNames")).strings();
        names.sort();
        assert_eq!(names, [BUS, "org.test.Activatable"]);
    });
}

#[test]
fn unique_names_inherit_from_the_names_they_own() {
    Bus::each(|bus| {
        let mut talk = service(bus, &["org.test.Talk"]);
        let see = service(bus, &["org.test.See"]);
        let mut late = service(bus, &[]);
        let proxy = bus.filtered(rules(&["talk org.test.Talk", "see org.test.See", "talk org.test.Late"]));
        let mut app = Client::connect(&proxy.path());
        let call = |app: &mut Client, name: &str| app.call(ping(name)).error().to_owned();
        // The first message of the connection must already know them.
        assert_eq!(call(&mut app, &see.name), "AccessDenied");
        let name = talk.name.clone();
        let serial = app.send(ping(&name));
        talk.serve();
        assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).error(), "");
        assert_eq!(call(&mut app, &late.name), "NameHasNoOwner");
        assert_eq!(app.ask("GetConnectionUnixProcessID", &see.name), std::process::id().to_string());
        assert_eq!(app.ask("GetConnectionUnixProcessID", &late.name), "!NameHasNoOwner");
        assert_eq!(app.ask("GetConnectionUnixUser", &late.name), "!NameHasNoOwner");
        assert_eq!(app.ask("NameHasOwner", &late.name), "0");
        assert_eq!(late.own("org.test.Late"), "1");
        app.call(Message::bus("GetId"));
        let name = late.name.clone();
        let serial = app.send(ping(&name));
        late.serve();
        assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).error(), "");
        // Giving a name up takes nothing away until the connection leaves.
        assert_eq!(late.ask("ReleaseName", "org.test.Late"), "1");
        app.call(Message::bus("GetId"));
        let serial = app.send(ping(&name));
        late.serve();
        assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).error(), "");
        drop(late);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(call(&mut app, &name), "NameHasNoOwner");
    });
}

#[test]
fn owner_changes_are_told_of_seen_names() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&["see org.test.See.*"]));
        let mut app = Client::connect(&proxy.path());
        app.add_match("type='signal',member='NameOwnerChanged'");
        let mut service = service(bus, &["org.test.None", "org.test.See", "org.test.See.Below"]);
        assert_eq!(service.ask("ReleaseName", "org.test.See"), "1");
        assert_eq!(service.ask("ReleaseName", "org.test.None"), "1");
        let name = service.name.clone();
        drop(service);
        std::thread::sleep(Duration::from_millis(50));
        let changes: Vec<_> = app.drain().iter().map(Message::strings).collect();
        let expected = [
            ["org.test.See", "", &name],
            ["org.test.See.Below", "", &name],
            ["org.test.See", &name, ""],
            ["org.test.See.Below", &name, ""],
            [&name, &name, ""],
        ];
        assert_eq!(changes, expected);
    });
}

#[test]
fn sloppy_names_announce_every_connection() {
    Bus::each(|bus| {
        let mut rules = rules(&[]);
        rules.announce_unique_names();
        let proxy = bus.filtered(rules);
        let mut app = Client::connect(&proxy.path());
        app.add_match("type='signal',member='NameOwnerChanged'");
        let stranger = service(bus, &["org.test.None"]);
        let changes: Vec<_> = app.drain().iter().map(Message::strings).collect();
        assert_eq!(changes, [[&stranger.name, "", &stranger.name]]);
    });
}

#[test]
fn call_rules_allow_some_calls() {
    Bus::each(|bus| {
        let mut service = service(bus, &["org.test.A.B"]);
        let proxy =
            bus.filtered(rules(&["call org.test.A.* org.test.I.Do@/x/*", "call org.test.A.B org.test.J.*"]));
        let mut app = Client::connect(&proxy.path());
        let owner = service.name.clone();
        for name in ["org.test.A.B", &owner] {
            for (path, interface, member, expected) in [
                ("/x", "org.test.I", "Do", ""),
                ("/x/y", "org.test.I", "Do", ""),
                ("/xy", "org.test.I", "Do", "AccessDenied"),
                ("/x", "org.test.I", "Other", "AccessDenied"),
                ("/elsewhere", "org.test.J", "Any", ""),
                ("/x", "org.freedesktop.DBus.Properties", "Get", "AccessDenied"),
            ] {
                let serial = app.send(Message::call(name, path, interface, member));
                if expected.is_empty() {
                    assert_eq!(service.serve().member(), member);
                }
                let reply = app.wait_for(|message| message.reply_to() == Some(serial));
                assert_eq!(reply.error(), expected, "{name} {path} {interface}.{member}");
            }
        }
        assert!(service.drain().is_empty());
    });
}

#[test]
fn signals_of_the_app_reach_whom_it_may_talk_to() {
    Bus::each(|bus| {
        let mut talk = service(bus, &["org.test.Talk"]);
        let mut none = service(bus, &["org.test.None"]);
        let proxy = bus.filtered(rules(&["talk org.test.Talk"]));
        let mut app = Client::connect(&proxy.path());
        none.add_match("type='signal',interface='org.test.I'");
        let signal = |member| Message::signal("/", "org.test.I", member);
        app.send(signal("ToTalk").to("org.test.Talk"));
        app.send(signal("ToNone").to("org.test.None"));
        app.send(signal("ToUnique").to(&none.name));
        app.send(signal("ToBus").to(BUS));
        app.send(signal("ToAll"));
        app.call(Message::bus("GetId"));
        let members =
            |messages: Vec<Message>| messages.iter().map(|m| m.member().to_owned()).collect::<Vec<_>>();
        assert_eq!(members(talk.drain()), ["ToTalk"]);
        assert_eq!(members(none.drain()), ["ToAll"]);
    });
}

#[test]
fn everyone_may_call_the_app_and_is_seen_then() {
    Bus::each(|bus| {
        let mut peer = Client::connect(&bus.path());
        let proxy = bus.filtered(rules(&["own org.test.App.*"]));
        let mut app = Client::connect(&proxy.path());
        assert_eq!(app.own("org.test.App.Main"), "1");
        assert_eq!(app.ask("GetConnectionUnixProcessID", &peer.name), "!NameHasNoOwner");
        let first = peer.send(ping("org.test.App.Main"));
        let call = app.serve();
        assert_eq!((call.sender(), call.member()), (&*peer.name, "Ping"));
        assert_eq!(peer.wait_for(|message| message.reply_to() == Some(first)).sender(), app.name);
        assert_eq!(app.ask("GetConnectionUnixProcessID", &peer.name), std::process::id().to_string());
        // Seen, but not called.
        assert_eq!(app.call(ping(&peer.name)).error(), "AccessDenied");
        let second = peer.send(ping(&app.name));
        assert_eq!(app.wait_for(|message| message.kind == CALL).sender(), peer.name);
        let _unanswered = second;
    });
}

#[test]
fn broadcasts_come_from_whom_rules_name() {
    Bus::each(|bus| {
        let mut talk = service(bus, &["org.test.Talk"]);
        let mut see = service(bus, &["org.test.See"]);
        let mut none = service(bus, &[]);
        let mut some = service(bus, &["org.test.Some"]);
        let mut calls = service(bus, &["org.test.Calls"]);
        let proxy = bus.filtered(rules(&[
            "talk org.test.Talk",
            "see org.test.See",
            "broadcast org.test.Some org.test.I.Yes@/x/*",
            "call org.test.Calls *",
            "talk org.test.Late",
        ]));
        let mut app = Client::connect(&proxy.path());
        app.add_match("type='signal'");
        for (service, name) in [
            (&mut talk, "Talk"),
            (&mut see, "See"),
            (&mut none, "None"),
            (&mut some, "Some"),
            (&mut calls, "Calls"),
        ] {
            service.send(Message::signal("/x", "org.test.I", name));
            service.call(Message::bus("GetId"));
        }
        some.send(Message::signal("/x/y", "org.test.I", "Yes"));
        some.send(Message::signal("/y", "org.test.I", "Yes"));
        some.call(Message::bus("GetId"));
        // A name that is taken counts from the next signal on.
        none.own("org.test.Late");
        none.send(Message::signal("/x", "org.test.I", "Late"));
        none.call(Message::bus("GetId"));
        let heard: Vec<_> = app.drain().into_iter().filter(|message| message.sender() != BUS).collect();
        let heard: Vec<_> =
            heard.iter().map(|message| (message.member(), message.field(1).unwrap())).collect();
        assert_eq!(heard, [("Talk", "/x"), ("Yes", "/x/y"), ("Late", "/x")]);
    });
}

#[test]
fn methods_of_the_bus() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&[]));
        let mut app = Client::connect(&proxy.path());
        let call =
            |interface: &str, member: &str| Message::call(BUS, "/org/freedesktop/DBus", interface, member);
        let table = [
            (Message::bus("GetId"), ""),
            (Message::call(BUS, "/", BUS, "GetId"), ""),
            (call("org.freedesktop.DBus.Introspectable", "Introspect"), ""),
            (call("org.freedesktop.DBus.Peer", "Ping"), ""),
            (Message::bus("UpdateActivationEnvironment"), "AccessDenied"),
            // A second one is the bus's to refuse.
            (Message::bus("Hello"), "Failed"),
            (Message::bus("ReloadConfig"), "AccessDenied"),
            (Message::bus("BecomeMonitor"), "AccessDenied"),
            (Message::bus("NoSuchMethod"), "AccessDenied"),
            (call("org.freedesktop.DBus.Monitoring", "BecomeMonitor"), "AccessDenied"),
            (call("org.freedesktop.DBus.Debug.Stats", "GetStats"), "AccessDenied"),
            (call("org.freedesktop.DBus.Debug.Stats", "GetAllMatchRules"), "AccessDenied"),
            (call("org.freedesktop.DBus.Properties", "GetAll"), "AccessDenied"),
            (Message::bus("ListQueuedOwners").string("org.test.X"), "ServiceUnknown"),
            (Message::bus("GetConnectionCredentials").string("org.test.X"), "NameHasNoOwner"),
            (Message::bus("GetConnectionUnixUser").string(&app.name), ""),
            (Message::bus("GetConnectionUnixUser").string(BUS), ""),
            (Message::bus("AddMatch"), "InvalidArgs"),
            (Message::bus("AddMatch").string("nonsense"), "MatchRuleInvalid"),
            (Message::bus("RemoveMatch").string("member='X'"), "MatchRuleNotFound"),
            (Message::bus("NameHasOwner").word_argument(1), "InvalidArgs"),
            (Message::bus("NameHasOwner").string(&"x".repeat(5000)), "LimitsExceeded"),
        ];
        for (message, expected) in table {
            let reply = app.call(message.clone());
            assert_eq!(reply.error(), expected, "{message:?}");
            assert_eq!((reply.sender(), reply.field(6)), (BUS, Some(&*app.name)), "{message:?}");
        }
        // Who does not wait for an answer gets none.
        app.send(Message::bus("BecomeMonitor").flags(1));
        assert!(app.drain().is_empty());
    });
}

#[test]
fn a_match_of_the_app_never_removes_the_filters_own() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&["talk org.test.Late"]));
        let mut app = Client::connect(&proxy.path());
        app.add_match("interface='org.test.I'");
        let own = "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',\
                   member='NameOwnerChanged',path_namespace='/org/freedesktop/DBus'";
        assert_eq!(app.ask("RemoveMatch", own), "!MatchRuleNotFound");
        let mut late = service(bus, &["org.test.Late"]);
        late.send(Message::signal("/", "org.test.I", "Heard"));
        late.call(Message::bus("GetId"));
        assert_eq!(app.wait_for(|message| message.member() == "Heard").sender(), late.name);
    });
}

#[test]
fn denials_beat_permissions() {
    Bus::each(|bus| {
        let _service = service(bus, &["org.test.A", "org.test.B"]);
        let mut rules = rules(&["talk org.test.*"]);
        rules.set_policy(&"org.test.B".parse().unwrap(), Policy::None);
        let proxy = bus.filtered(rules);
        let mut app = Client::connect(&proxy.path());
        assert_eq!(
            (app.ask("NameHasOwner", "org.test.A"), app.ask("NameHasOwner", "org.test.B")),
            ("1".into(), "0".into())
        );
    });
}

#[test]
fn without_rules_everything_passes() {
    Bus::each(|bus| {
        let mut service = service(bus, &["org.test.None"]);
        let proxy = bus.filtered(Rules::unfiltered());
        let mut app = Client::connect(&proxy.path());
        let serial = app.send(ping("org.test.None"));
        service.serve();
        assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).kind, 2);
        assert!(app.call(Message::bus("ListNames")).strings().contains(&"org.test.None".into()));
        assert_eq!(app.call(Message::bus("NoSuchMethod")).kind, ERROR);
        assert!(is_silent(&app, Duration::from_millis(20)));
    });
}
