//! What hostile bytes do: at most end the connection that sent them, with nothing left behind; the other connections go on.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use aril_proxy::Rules;

use crate::client::{BUS, CALL, Client, Field, Message};
use crate::policy::rules;
use crate::support::{Bus, FakeBus, Kind, ProxyProgram, is_silent, wait_until};

const OURS: &str = env!("CARGO_BIN_EXE_aril-dbus-proxy");

/// How many descriptors a process has open.
fn open_fds(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// Memory that a process has written for itself, in KiB.
fn private_memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Private_Dirty:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn prefix(endian: u8, version: u8, body: u32, fields: u32) -> Vec<u8> {
    let mut bytes = vec![endian, 1, 0, version];
    [body, 1, fields].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    bytes
}

#[test]
fn nonsense_ends_the_connection_and_nothing_else() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let proxy = bus.filtered(rules(&[]));
    let mut bystander = Client::connect(&proxy.path());
    let valid = || Message { serial: 9, ..Message::bus("GetId") };
    let table = [
        ("neither byte order", vec![0xff; 64]),
        ("neither byte order", prefix(b'L', 1, 0, 0)),
        ("a version of the protocol that is not 1", prefix(b'l', 2, 0, 0)),
        ("a message over 128 MiB", prefix(b'l', 1, 1 << 31, 8)),
        ("a message over 128 MiB", prefix(b'l', 1, u32::MAX, u32::MAX)),
        ("a message over 128 MiB", prefix(b'l', 1, (128 << 20) - 16, 8)),
        ("a header over 64 KiB", prefix(b'l', 1, 0, 64 << 20)),
        ("a header over 64 KiB", prefix(b'l', 1, 0, 64 << 10)),
        ("a message of type 0", Message { kind: 0, ..valid() }.encode()),
        ("a serial that is zero", Message { serial: 0, ..valid() }.encode()),
        ("a field that is there twice", valid().to(":1.1").encode()),
        ("a field whose value is not a valid name", Message::bus("Get Id").encode()),
        ("a field of type 0", valid().with(0, Field::Word(1)).encode()),
        ("a field that is not of its type", valid().with(9, Field::Text("x".into())).encode()),
        (
            "a body without signature, or a signature without body",
            Message { body: vec![0; 4], ..valid() }.encode(),
        ),
        (
            "a message of the reserved interface org.freedesktop.DBus.Local",
            Message::signal("/x", "org.freedesktop.DBus.Local", "Disconnected").encode(),
        ),
        ("fewer descriptors than declared", valid().with(9, Field::Word(1)).encode()),
        ("an answer to serial zero", Message::answer(":1.1", 0).encode()),
    ];
    for (number, (words, mut bytes)) in table.into_iter().enumerate() {
        if bytes.len() > 12 && bytes[8..12] == [0; 4] && !words.contains("serial that is zero") {
            bytes[8] = 1;
        }
        let mut hostile = Client::connect(&proxy.path());
        hostile.send_bytes(&bytes, &[]);
        assert!(hostile.is_closed());
        let fault = proxy.wait_for_faults(number + 1).pop().unwrap();
        assert_eq!(fault, format!("a connection of the app was ended: {words}"));
        assert_eq!(bystander.call(Message::bus("GetId")).error(), "");
    }
}

#[test]
fn messages_of_later_versions_are_ignored() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let proxy = bus.filtered(rules(&[]));
    let mut app = Client::connect(&proxy.path());
    app.send(Message { kind: 5, ..Message::default() }.to(BUS));
    // An unknown field does not reach the bus, and the message works.
    assert_eq!(app.call(Message::bus("GetId").with(77, Field::Text("x".into()))).error(), "");
}

#[test]
fn big_endian_clients_work() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&["own org.test.App"]));
        let mut app = Client::connect(&proxy.path());
        let name = app.name.clone();
        assert_eq!(app.call(Message::bus("NameHasOwner").big_endian().string(&name)).error(), "");
        app.send(Message::call(&name, "/", "org.test.I", "Do").big_endian().string("text"));
        let call = app.wait_for(|message| message.kind == CALL);
        assert_eq!((call.strings(), call.big_endian), (vec!["text".into()], true));
        app.send(Message::answer(&name, call.serial).big_endian().string("back"));
        assert_eq!(app.wait_for(|message| message.reply_to().is_some()).strings(), ["back"]);
    });
}

#[test]
fn single_bytes_and_many_messages_at_once() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&[]));
        let mut app = Client::connect(&proxy.path());
        let mut bytes = Vec::new();
        for serial in 100..110 {
            bytes.extend(Message { serial, ..Message::bus("NameHasOwner") }.string("org.test.X").encode());
        }
        for byte in &bytes {
            app.stream.write_all(&[*byte]).unwrap();
        }
        let mut stream = app.stream.try_clone().unwrap();
        let many = std::thread::spawn(move || stream.write_all(&bytes.repeat(500)).unwrap());
        for round in 0..501 {
            for serial in 100..110 {
                let answer = app.wait_for(|message| message.reply_to().is_some());
                assert_eq!(answer.reply_to(), Some(serial), "{round}");
            }
        }
        many.join().unwrap();
    });
}

#[test]
fn large_messages_pass_whole() {
    Bus::each(|bus| {
        let mut service = Client::connect(&bus.path());
        assert_eq!(service.own("org.test.Talk"), "1");
        let proxy = bus.filtered(rules(&["talk org.test.Talk"]));
        let mut app = Client::connect(&proxy.path());
        for size in [1, 60 << 10, 128 << 10, 1 << 20, 20 << 20] {
            let message = Message::call("org.test.Talk", "/", "org.test.I", "Take").bytes(size);
            let (sent, body) = (message.clone(), message.body);
            std::thread::scope(|scope| {
                scope.spawn(|| app.send(sent));
                let call = service.wait_for(|message| message.kind == CALL);
                assert!(call.body == body, "{size} bytes arrive as {}", call.body.len());
                service.send(Message::answer(call.sender(), call.serial).bytes(size));
            });
            let reply = app.wait_for(|message| message.reply_to().is_some());
            assert!(reply.body == body, "{size}");
        }
    });
}

#[test]
fn descriptors_arrive_as_declared() {
    Bus::each(|bus| {
        let mut service = Client::connect(&bus.path());
        assert_eq!(service.own("org.test.Talk"), "1");
        let proxy = bus.filtered(rules(&["talk org.test.Talk"]));
        let mut app = Client::connect(&proxy.path());
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let take = || Message::call("org.test.Talk", "/", "org.test.I", "Take");
        for count in [1, 2, 16] {
            let fds = vec![theirs.as_fd(); count];
            app.send(take());
            app.send_with_fds(take().with(9, Field::Word(u32::try_from(count).unwrap())), &fds);
            app.send(take());
            (0..3).for_each(|_| _ = service.serve());
            assert_eq!(service.fds.len(), count);
            let fd = service.fds.drain(..).next_back().unwrap();
            std::os::unix::net::UnixStream::from(fd).write_all(b"x").unwrap();
            ours.read_exact(&mut [0]).unwrap();
        }
        drop(theirs);
        assert_eq!(ours.read(&mut [0]).unwrap(), 0, "the filter keeps none");
        // Seventeen are refused, with an answer; the connection goes on.
        let fds = vec![ours.as_fd(); 17];
        let serial = app.send_with_fds(take().with(9, Field::Word(17)), &fds);
        assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).error(), "LimitsExceeded");
        assert_eq!(app.call(Message::bus("GetId")).error(), "");
    });
}

#[test]
fn descriptors_that_are_not_declared_end_the_connection() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let proxy = bus.filtered(rules(&[]));
    let fd = std::fs::File::open("/dev/null").unwrap();
    for (number, (declared, sent, words)) in [
        (0, 1, "descriptors that no message declares"),
        (1, 2, "descriptors that no message declares"),
        (2, 1, "fewer descriptors than declared"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut hostile = Client::connect(&proxy.path());
        let message = Message::call("org.test.X", "/", "org.test.I", "Do").with(9, Field::Word(declared));
        hostile.send_with_fds(message, &vec![fd.as_fd(); sent]);
        assert!(hostile.is_closed());
        assert!(proxy.wait_for_faults(number + 1)[number].ends_with(words));
    }
    // Not negotiated.
    let mut hostile = Client::silent(&proxy.path());
    hostile.send_bytes(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", &[]);
    assert_eq!((hostile.line(), &hostile.line()[..2]), ("DATA".into(), "OK"));
    hostile.send_with_fds(Message::bus("Hello").with(9, Field::Word(1)), &[fd.as_fd()]);
    assert!(hostile.is_closed());
    assert!(proxy.wait_for_faults(4)[3].ends_with("descriptors that were not negotiated"));
}

/// New in our own list of holes: descriptors of half-sent messages stayed with `xdg-dbus-proxy` after the client had gone.
#[test]
fn nothing_is_left_of_half_sent_messages() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let leave_behind = |path: &Path, times| {
        let fd = std::fs::File::open("/dev/null").unwrap();
        for _ in 0..times {
            let mut hostile = Client::connect(path);
            let message = Message { serial: 5, ..Message::call("org.test.X", "/", "org.test.I", "Do") };
            let bytes = message.with(9, Field::Word(16)).encode();
            hostile.send_bytes(&bytes[..20], &[fd.as_fd(); 16]);
            hostile.send_bytes(&bytes[20..24], &[fd.as_fd(); 16]);
        }
    };
    let ours = ProxyProgram::start(OURS, &bus, &["--filter"]).unwrap();
    drop(Client::connect(&ours.path()));
    let before = open_fds(ours.id());
    leave_behind(&ours.path(), 100);
    wait_until("its descriptors are closed", || open_fds(ours.id()) <= before);
    if let Some(stock) = ProxyProgram::start("xdg-dbus-proxy", &bus, &["--filter"]) {
        drop(Client::connect(&stock.path()));
        let before = open_fds(stock.id());
        // It keeps them all, and an ordinary user may have about a thousand.
        leave_behind(&stock.path(), 20);
        std::thread::sleep(Duration::from_millis(300));
        eprintln!("xdg-dbus-proxy keeps {} descriptors", open_fds(stock.id()).saturating_sub(before));
    }
}

/// New, too: `xdg-dbus-proxy` died of a message that claimed 2 GiB.
#[test]
fn a_claim_of_gigabytes_costs_nothing() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let mut ours = ProxyProgram::start(OURS, &bus, &["--filter"]).unwrap();
    drop(Client::connect(&ours.path()));
    let before = private_memory(ours.id());
    for body in [(128 << 20) - 1000, 1 << 31, u32::MAX] {
        let mut hostile = Client::connect(&ours.path());
        let claim = Message { serial: 5, ..Message::call("org.test.X", "/", "org.test.I", "Do") };
        let mut bytes = claim.add_to_signature("ay").encode();
        bytes[4..8].copy_from_slice(&u32::to_le_bytes(body));
        hostile.send_bytes(&bytes, &[]);
        hostile.send_bytes(&[0; 100], &[]);
    }
    assert_eq!(Client::connect(&ours.path()).call(Message::bus("GetId")).error(), "");
    assert!(ours.is_running());
    let after = private_memory(ours.id());
    assert!(after < before + 400, "{before} KiB before, {after} KiB after");
}

#[test]
fn an_app_that_does_not_read_is_not_read() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let ours = ProxyProgram::start(OURS, &bus, &["--filter"]).unwrap();
    let mut app = Client::connect(&ours.path());
    let before = private_memory(ours.id());
    // Refused calls, each answered by the filter itself; nobody reads the answers.
    let mut bytes = Vec::new();
    for serial in 10..1010 {
        bytes.extend(Message { serial, ..Message::call("org.test.X", "/", "org.test.I", "Do") }.encode());
    }
    app.stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sent < 100 << 20 {
        match app.stream.write(&bytes[sent % bytes.len()..]) {
            Ok(count) => sent += count,
            Err(_) if is_full_for_a_while(&app) => break,
            Err(_) => {}
        }
    }
    assert!(sent < 20 << 20, "the filter took {sent} bytes");
    let after = private_memory(ours.id());
    assert!(after < before + 1024, "{before} KiB before, {after} KiB after");
    // Others are served, and it goes on when it reads again.
    assert_eq!(Client::connect(&ours.path()).call(Message::bus("GetId")).error(), "");
    app.stream.set_nonblocking(false).unwrap();
    for _ in 0..1000 {
        assert_eq!(app.wait_for(|message| message.reply_to().is_some()).error(), "ServiceUnknown");
    }
}

fn is_full_for_a_while(app: &Client) -> bool {
    let mut fds = [rustix::event::PollFd::new(app, rustix::event::PollFlags::OUT)];
    rustix::event::poll(&mut fds, Some(&Duration::from_millis(200).try_into().unwrap())).unwrap() == 0
}

/// A service that does not read makes the app wait, not the filter grow.
#[test]
fn a_bus_that_does_not_read_makes_the_app_wait() {
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules(&["talk org.test.Talk"]));
    let (mut app, mut bus) = fake.join(&proxy);
    app.stream.set_nonblocking(true).unwrap();
    let message = Message { serial: 7, ..Message::call("org.test.Talk", "/", "org.test.I", "Do") }
        .bytes(8 << 20)
        .encode();
    let mut sent = 0;
    while sent < message.len() {
        match app.stream.write(&message[sent..]) {
            Ok(count) => sent += count,
            Err(_) if is_full_for_a_while(&app) => break,
            Err(_) => {}
        }
    }
    assert!(sent < 2 << 20, "the filter took {sent} bytes");
    app.stream.set_nonblocking(false).unwrap();
    let rest = message[sent..].to_vec();
    std::thread::scope(|scope| {
        scope.spawn(|| app.stream.write_all(&rest).unwrap());
        assert_eq!(bus.wait_for(|message| message.member() == "Do").body.len(), (8 << 20) + 4);
    });
}

#[test]
fn what_an_app_sent_before_it_left_arrives() {
    Bus::each(|bus| {
        let mut service = Client::connect(&bus.path());
        assert_eq!(service.own("org.test.Talk"), "1");
        let proxy = bus.filtered(rules(&["talk org.test.Talk"]));
        let mut app = Client::connect(&proxy.path());
        for _ in 0..200 {
            app.send(Message::call("org.test.Talk", "/", "org.test.I", "Do").flags(1).bytes(5000));
            // Refused ones, too, whose answers cannot be delivered any more.
            app.send(Message::call("org.test.X", "/", "org.test.I", "Do"));
        }
        drop(app);
        for _ in 0..200 {
            service.wait_for(|message| message.kind == CALL);
        }
    });
}

#[test]
fn connections_end_with_either_side() {
    Bus::each(|bus| {
        let proxy = bus.filtered(rules(&[]));
        let connections = || proxy.connections.load(std::sync::atomic::Ordering::Relaxed);
        let app = Client::connect(&proxy.path());
        let name = app.name.clone();
        let mut watcher = Client::connect(&bus.path());
        assert_eq!((connections(), watcher.ask("NameHasOwner", &name)), (1, "1".into()));
        drop(app);
        wait_until("the bus notices", || watcher.ask("NameHasOwner", &name) == "0");
        wait_until("the proxy notices", || connections() == 0);
    });
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules(&[]));
    let (mut app, bus) = fake.join(&proxy);
    drop(bus);
    assert!(app.is_closed());
}

#[test]
fn too_many_connections_wait() {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let proxy = bus.filtered(rules(&[]));
    let mut apps: Vec<_> = (0..256).map(|_| Client::connect(&proxy.path())).collect();
    let late = Client::silent(&proxy.path());
    let mut late = late;
    late.send_bytes(b"\0AUTH EXTERNAL\r\n", &[]);
    assert!(is_silent(&late, Duration::from_millis(100)));
    apps.pop();
    assert_eq!(late.line(), "DATA");
    assert_eq!(apps[0].call(Message::bus("GetId")).error(), "");
}

#[test]
fn unanswered_calls_have_a_limit() {
    let fake = FakeBus::new();
    let proxy = fake.filtered(rules(&["talk org.test.Talk"]));
    let (mut app, mut bus) = fake.join(&proxy);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| (0..8192).for_each(|_| assert_eq!(bus.next().unwrap().member(), "Do")));
        for _ in 0..8192 {
            app.send(Message::call("org.test.Talk", "/", "org.test.I", "Do"));
        }
        reader.join().unwrap();
    });
    let serial = app.send(Message::call("org.test.Talk", "/", "org.test.I", "Do"));
    assert_eq!(app.wait_for(|message| message.reply_to() == Some(serial)).error(), "LimitsExceeded");
}

/// A million messages, in `short` a few thousand: memory stays where it is after the first ones.
fn memory_is_flat(messages: usize) {
    let bus = Bus::start(Kind::Daemon).unwrap();
    let mut service = Client::connect(&bus.path());
    assert_eq!(service.own("org.test.Talk"), "1");
    let ours =
        ProxyProgram::start(OURS, &bus, &["--filter", "--talk=org.test.Talk", "--own=org.test.App"]).unwrap();
    let mut app = Client::connect(&ours.path());
    app.add_match("type='signal'");
    let mut round = |app: &mut Client, count: usize| {
        for number in 0..count {
            // Half of them are refused, each tenth comes from a connection that is new, each is of another kind than the one before.
            let hidden = app.call(Message::call("org.test.X", "/", "org.test.I", "Do").string("x"));
            assert_eq!(hidden.error(), "ServiceUnknown");
            let serial = app.send(Message::call("org.test.Talk", "/", "org.test.I", "Do").string("x"));
            service.serve();
            app.wait_for(|message| message.reply_to() == Some(serial));
            service.send(Message::signal("/", "org.test.I", "Said").string("x"));
            app.wait_for(|message| message.member() == "Said");
            if number % 50 == 0 {
                let mut peer = Client::connect(&bus.path());
                peer.send(Message::call(&app.name, "/", "org.test.I", "Ask"));
                app.wait_for(|message| message.member() == "Ask");
            }
        }
    };
    round(&mut app, 500);
    let before = private_memory(ours.id());
    // Each round is eight messages at the filter: a call and its refusal, a call and its answer on both sides, a signal on both.
    round(&mut app, messages / 8);
    let after = private_memory(ours.id());
    eprintln!("{before} KiB of private memory before, {after} KiB after {messages} messages");
    assert!(after <= before + 64, "{before} KiB before, {after} KiB after");
}

#[test]
fn memory_is_flat_over_some_messages() {
    memory_is_flat(20_000);
}

#[test]
#[ignore = "takes minutes; part of the long set"]
fn memory_is_flat_over_a_million_messages() {
    memory_is_flat(1_000_000);
}

#[test]
fn unfiltered_traffic_keeps_descriptors_with_their_messages() {
    Bus::each(|bus| {
        let mut service = Client::connect(&bus.path());
        assert_eq!(service.own("org.test.Talk"), "1");
        let proxy = bus.filtered(Rules::unfiltered());
        let mut app = Client::connect(&proxy.path());
        let fd = std::fs::File::open("/dev/null").unwrap();
        let take = || Message::call("org.test.Talk", "/", "org.test.I", "Take").bytes(3000);
        for _ in 0..50 {
            app.send(take());
            app.send_with_fds(take().with(9, Field::Word(2)), &[fd.as_fd(), fd.as_fd()]);
        }
        (0..100).for_each(|_| _ = service.serve());
        assert_eq!(service.fds.len(), 100);
    });
}
