//! Calls of the kernel that no app needs, and by which others got out: each with the answer that programs expect.

use crate::installed::Installed;

#[test]
fn no_mounts() {
    let app = Installed::merged();
    app.refuses(&["mount"], "EPERM", "user.max_user_namespaces");
    assert_eq!(app.inside(&["mount-here"]), "EPERM");
    app.refuses_other(&["fsopen", "own"], &["fsopen"], "ENOSYS", "user.max_user_namespaces");
    app.refuses(&["open-tree"], "ENOSYS", "Linux 5.2");
}

#[test]
fn no_namespaces() {
    let app = Installed::merged();
    app.refuses(&["unshare-user"], "EPERM", "user.max_user_namespaces");
    app.refuses(&["clone-user"], "EPERM", "user.max_user_namespaces");
    // The flags of `clone3` cannot be looked at; programs go back to `clone`.
    app.refuses(&["clone3"], "ENOSYS", "Linux 5.3");
    app.refuses_other(&["setns", "own"], &["setns"], "EPERM", "user.max_user_namespaces");
}

/// The second wall: where the filter lets namespaces through, the namespace's own limit does not.
#[test]
fn no_namespaces_even_without_the_filter() {
    let app = Installed::merged();
    let limit = "cat /proc/sys/user/max_user_namespaces";
    assert_eq!(app.run(&format!("{limit}; cat /proc/self/uid_map")).stdout.lines().count(), 2);
    let touched = app.run("echo 100 > /proc/sys/user/max_user_namespaces");
    assert!(touched.stderr.contains("denied") || touched.stderr.contains("Read-only"), "{}", touched.stderr);
}

#[test]
fn no_programs_in_the_kernel() {
    let app = Installed::merged();
    app.refuses(&["bpf"], "EPERM", "kernel.unprivileged_bpf_disabled");
    // Where the kernel refuses it anyway, this tells its answer from ours: a command that there is not is no question of rights to newer kernels.
    let without = app.outside(&["bpf-unknown"]);
    if without != "EINVAL" {
        eprintln!(
            "skipped: the kernel's own answer is the same ({without}): kernel.unprivileged_bpf_disabled"
        );
    }
    assert_eq!(app.inside(&["bpf-unknown"]), "EPERM");
}

#[test]
fn no_io_uring() {
    Installed::merged().refuses(&["io-uring"], "ENOSYS", "kernel.io_uring_disabled");
}

#[test]
fn no_userfaultfd() {
    Installed::merged().refuses(&["userfaultfd"], "ENOSYS", "vm.unprivileged_userfaultfd");
}

#[test]
fn no_keyrings() {
    let app = Installed::merged();
    app.refuses(&["keyctl"], "EPERM", "CONFIG_KEYS");
    app.refuses(&["add-key"], "EPERM", "CONFIG_KEYS");
}

#[test]
fn no_performance_counters() {
    let app = Installed::merged();
    app.refuses(&["perf"], "EPERM", "kernel.perf_event_paranoid");
    // With the wall taken out, what answers is the machine's own setting.
    assert_eq!(app.inside_with(&["--allow=devel"], &["perf"]), app.outside(&["perf"]));
}

#[test]
fn no_odd_personalities_and_no_memory_maps() {
    let app = Installed::merged();
    app.refuses(&["no-randomness"], "EPERM", "none known");
    assert_eq!(app.inside_with(&["--allow=devel"], &["no-randomness"]), "ok");
    app.refuses(&["set-mm"], "EPERM", "CAP_SYS_RESOURCE");
}

#[test]
fn no_core_dumps() {
    Installed::merged().refuses(&["core-limit"], "EPERM", "ulimit -c");
}

#[test]
fn no_other_architectures() {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("skipped: only x86-64 has other ways to call its kernel");
        return;
    }
    let app = Installed::merged();
    app.refuses(&["int-0x80"], "killed", "CONFIG_IA32_EMULATION");
    app.refuses(&["x32"], "ENOSYS", "CONFIG_X86_X32_ABI");
    assert_eq!(app.inside_with(&["--allow=multiarch"], &["int-0x80"]), app.outside(&["int-0x80"]));
}

#[test]
fn no_odd_sockets() {
    let app = Installed::merged();
    // Family, type, protocol: AF_ALG, AF_VSOCK, AF_PACKET, netlink for audit and for the firewall.
    for family in ["38,5", "40,1", "17,3,0"] {
        app.refuses(
            &["socket", family],
            "EAFNOSUPPORT",
            "the family is not in this kernel, or needs a right",
        );
    }
    for protocol in ["16,3,9", "16,3,12"] {
        app.refuses(&["socket", protocol], "EAFNOSUPPORT", "the protocol is not in this kernel");
    }
    assert_eq!(app.inside(&["socket", "1,1"]), "ok");
    assert_eq!(app.inside(&["socket", "16,3,0"]), "ok");
}

#[test]
fn written_memory_is_code_only_where_the_app_needs_it() {
    let app = Installed::merged();
    assert_eq!(app.inside(&["write-then-run"]), "ok");
    let fixed = app.asking("fixed-code=true\n");
    fixed.refuses(&["write-then-run"], "EACCES", "Linux 6.3");
}
