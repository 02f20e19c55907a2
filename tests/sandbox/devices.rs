//! Only harmless devices, and those that were granted.

use crate::installed::Installed;

#[test]
fn devices_that_every_app_has() {
    let app = Installed::merged();
    let script = "cd /dev; ls; echo x > null; head -c 3 zero | cat -v; ls pts";
    assert_eq!(
        app.run(script).success().unwrap(),
        "core\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n^@^@^@ptmx\n"
    );
}

#[test]
fn devices_of_the_host_where_granted() {
    let app = Installed::merged();
    let host: Vec<String> =
        std::fs::read_dir("/dev").unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    for (device, name) in [("dri", "dri"), ("kvm", "kvm"), ("input", "input")] {
        let option = format!("--device={device}");
        let there = host.iter().any(|one| one == name);
        let expected = if there { "ok" } else { "ENOENT" };
        assert_eq!(app.inside(&["stat", &format!("/dev/{name}")]), "ENOENT");
        assert_eq!(app.inside_with(&[&option], &["stat", &format!("/dev/{name}")]), expected, "{device}");
    }
    let all = app.run_with(&["--device=all"], "ls /dev").stdout;
    assert_eq!(all.lines().count(), host.len(), "{all}");
}

#[test]
fn shared_memory_is_the_sandboxs_own() {
    let app = Installed::merged();
    let name = format!("aril-test-{}", std::process::id());
    std::fs::write(format!("/dev/shm/{name}"), "host").unwrap();
    let path = format!("/dev/shm/{name}");
    let (own, hosts) = (app.inside(&["stat", &path]), app.inside_with(&["--device=shm"], &["stat", &path]));
    std::fs::remove_file(&path).unwrap();
    assert_eq!((own.as_str(), hosts.as_str()), ("ENOENT", "ok"));
}
