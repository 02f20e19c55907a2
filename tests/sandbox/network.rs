//! No network, nothing that listens on the host's loopback, no abstract sockets, unless granted.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::installed::Installed;

#[test]
fn the_hosts_loopback_is_not_reached_without_a_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let app = Installed::merged();
    app.refuses(&["connect-port", &port], "ECONNREFUSED", "none known");
    assert_eq!(app.inside_with(&["--share=network"], &["connect-port", &port]), "ok");
    // There is a loopback of its own.
    assert!(app.run("cat /proc/net/dev").stdout.contains("lo:"));
    assert_eq!(app.run("cat /etc/hosts").stdout, "127.0.0.1 localhost\n::1 localhost\n");
}

#[test]
fn abstract_sockets_are_not_reached_even_with_a_network() {
    let name = format!("aril-test-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let app = Installed::merged();
    app.refuses(&["connect-abstract", &name], "ECONNREFUSED", "none known");
    let shared = app.inside_with(&["--share=network"], &["connect-abstract", &name]);
    match landlock_version() {
        0..=5 => eprintln!("skipped: the kernel cannot scope abstract sockets (Linux 6.12): {shared}"),
        _ => assert_eq!(shared, "EPERM"),
    }
}

fn landlock_version() -> u32 {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    match (numbers.next(), numbers.next()) {
        (Some(6), Some(12..)) | (Some(7..), _) => 6,
        _ => 0,
    }
}
