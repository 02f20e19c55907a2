//! From a specification to a filter: groups, and the calls of which arguments decide.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use super::bpf::{Condition, Rule, Section, Verdict, compile};
use super::groups::{ALLOWED, DEVEL, Group, LENIENT, MULTIARCH, NESTED, REFUSED, SUPERVISOR};
use super::numbers::CallTable;
use crate::spec::{CallFeature, Calls, Pretend};
use crate::sys;

const NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP)
    .cast_unsigned();

const REFUSE: Verdict = Verdict::Errno(libc::EPERM as u16);
const NOT_THERE: Verdict = Verdict::Errno(libc::ENOSYS as u16);
const NO_FAMILY: Verdict = Verdict::Errno(libc::EAFNOSUPPORT as u16);

/// Installs the filter for the rest of this process and its children; the descriptor is that of calls that are handed over.
pub(crate) fn install(calls: &Calls) -> std::io::Result<Option<OwnedFd>> {
    let listener = match calls.pretend {
        Pretend::No => sys::Listener::None,
        Pretend::Yes => sys::Listener::New,
    };
    sys::install_filter(&program(calls), listener)
}

fn program(calls: &Calls) -> Vec<libc::sock_filter> {
    let second = CallTable::SECOND.filter(|_| calls.features.contains(&CallFeature::Multiarch));
    let rules = rules(calls);
    let sections: Vec<Section> = [Some(CallTable::NATIVE), second]
        .into_iter()
        .flatten()
        .map(|table| {
            let numbered = rules.iter().filter_map(|(name, rule)| Some((table.number(name)?, rule.clone())));
            Section { table, rules: numbered.collect() }
        })
        .collect();
    compile(&sections, NOT_THERE)
}

/// Installs what the supervisor itself may call: buses, signals, its notes, a successor.
pub(crate) fn install_for_supervisor() -> std::io::Result<()> {
    let numbered = |calls: &[&str], rule: &Rule| -> Vec<(u32, Rule)> {
        calls.iter().filter_map(|call| Some((CallTable::NATIVE.number(call)?, rule.clone()))).collect()
    };
    let mut rules = numbered(SUPERVISOR.calls, &Verdict::Allow.into());
    let no_namespaces =
        only_if(vec![Condition::HasAny(clone_flags_argument(), NAMESPACES)], REFUSE, Verdict::Allow);
    rules.extend(numbered(&["clone"], &no_namespaces));
    let local = Condition::Is(0, libc::AF_UNIX.cast_unsigned());
    rules.extend(numbered(&["socket"], &only_if(vec![local], Verdict::Allow, NO_FAMILY)));
    let program = compile(&[Section { table: CallTable::NATIVE, rules }], REFUSE);
    sys::install_filter(&program, sys::Listener::None).map(drop)
}

/// The groups that hold for a specification: allowed, then refused.
pub(crate) fn groups(calls: &Calls) -> (Vec<&'static Group>, Vec<&'static Group>) {
    let mut allowed: Vec<&Group> = ALLOWED.iter().collect();
    for feature in &calls.features {
        match feature {
            CallFeature::Devel => allowed.push(&DEVEL),
            CallFeature::Multiarch => allowed.push(&MULTIARCH),
            CallFeature::Nested => allowed.push(&NESTED),
            CallFeature::Lenient => allowed.push(&LENIENT),
            CallFeature::Bluetooth | CallFeature::Canbus => {}
        }
    }
    (allowed, REFUSED.iter().collect())
}

fn rules(calls: &Calls) -> BTreeMap<&'static str, Rule> {
    let (allowed, refused) = groups(calls);
    let mut rules: BTreeMap<&str, Rule> = BTreeMap::new();
    for (groups, verdict) in [(refused, REFUSE), (allowed, Verdict::Allow)] {
        for group in groups {
            rules.extend(group.calls.iter().map(|call| (*call, Rule::from(verdict))));
        }
    }
    for (call, rule) in argument_rules(&calls.features) {
        rules.entry(call).or_insert(rule);
    }
    if !calls.features.iter().any(|f| matches!(f, CallFeature::Devel | CallFeature::Lenient)) {
        // Graphics drivers ask whether two descriptors are one open file; the other questions tell about kernel addresses.
        rules.insert("kcmp", only_if(vec![Condition::Is(2, 0)], Verdict::Allow, REFUSE));
    }
    if calls.pretend == Pretend::Yes {
        rules.extend(pretended());
    }
    rules
}

/// Calls that are allowed for some arguments.
fn argument_rules(features: &[CallFeature]) -> Vec<(&'static str, Rule)> {
    // `clone3` has its flags in memory, where a filter cannot look: C libraries go back to `clone` when it is not there.
    let no_namespaces =
        only_if(vec![Condition::HasAny(clone_flags_argument(), NAMESPACES)], REFUSE, Verdict::Allow);
    let mut rules = vec![
        ("clone", no_namespaces),
        ("ioctl", ioctl()),
        ("prctl", only_if(vec![Condition::Is(0, libc::PR_SET_MM.cast_unsigned())], REFUSE, Verdict::Allow)),
        ("personality", personality()),
    ];
    let lenient = features.contains(&CallFeature::Lenient);
    for call in ["socket", "socketpair"] {
        rules.push((call, families(features, lenient)));
    }
    rules
}

/// On s390 the first two arguments are the other way round.
const fn clone_flags_argument() -> u8 {
    if cfg!(target_arch = "s390x") { 1 } else { 0 }
}

fn only_if(conditions: Vec<Condition>, then: Verdict, otherwise: Verdict) -> Rule {
    Rule { cases: vec![(conditions, then)], otherwise }
}

/// What types into the caller's terminal, pastes into a console or loads a line discipline. The number of an ioctl is 32 bits wide: higher
/// bits, which the kernel ignores, must not hide one (CVE-2019-10063, CVE-2023-28100).
fn ioctl() -> Rule {
    let refused = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS];
    let cases = refused.iter().map(|request| (vec![Condition::Is(1, *request as u32)], REFUSE)).collect();
    Rule { cases, otherwise: Verdict::Allow }
}

/// Linux, Linux for 32-bit programs, and the question which it is.
fn personality() -> Rule {
    let cases = [0, 8, u32::MAX].map(|value| (vec![Condition::Is(0, value)], Verdict::Allow)).to_vec();
    Rule { cases, otherwise: REFUSE }
}

/// Families of sockets; those that are left out are seldom used and often broken.
fn families(features: &[CallFeature], lenient: bool) -> Rule {
    const KOBJECT_UEVENT: u32 = 15;
    let family = |number: libc::c_int| Condition::Is(0, number.cast_unsigned());
    let mut cases: Vec<(Vec<Condition>, Verdict)> =
        [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_UNSPEC]
            .map(|number| (vec![family(number)], Verdict::Allow))
            .to_vec();
    if lenient {
        cases.push((vec![family(libc::AF_NETLINK)], Verdict::Allow));
    }
    // Addresses and routes, and news of devices; the other protocols configure the machine.
    for protocol in [libc::NETLINK_ROUTE.cast_unsigned(), KOBJECT_UEVENT] {
        cases.push((vec![family(libc::AF_NETLINK), Condition::Is(2, protocol)], Verdict::Allow));
    }
    for (feature, number) in
        [(CallFeature::Bluetooth, libc::AF_BLUETOOTH), (CallFeature::Canbus, libc::AF_CAN)]
    {
        if features.contains(&feature) {
            cases.push((vec![family(number)], Verdict::Allow));
        }
    }
    Rule { cases, otherwise: NO_FAMILY }
}

/// What a package's scripts do as root and nobody else could: handed over to the parent, which says that it worked.
fn pretended() -> Vec<(&'static str, Rule)> {
    let mut rules = Vec::new();
    for (call, user) in [
        ("chown", 1),
        ("lchown", 1),
        ("fchown", 1),
        ("chown32", 1),
        ("lchown32", 1),
        ("fchown32", 1),
        ("fchownat", 2),
    ] {
        // To user 0, or no change: the kernel can do that.
        let mut cases = Vec::new();
        for uid in [0, u32::MAX] {
            for gid in [0, u32::MAX] {
                cases.push((vec![Condition::Is(user, uid), Condition::Is(user + 1, gid)], Verdict::Allow));
            }
        }
        rules.push((call, Rule { cases, otherwise: Verdict::HandOver }));
    }
    for (call, mode) in [("mknod", 1), ("mknodat", 2)] {
        let device = |kind: u32| {
            (vec![Condition::Masked { argument: mode, mask: libc::S_IFMT, value: kind }], Verdict::HandOver)
        };
        rules.push((
            call,
            Rule { cases: vec![device(libc::S_IFCHR), device(libc::S_IFBLK)], otherwise: Verdict::Allow },
        ));
    }
    for (call, mode) in [("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2)] {
        let set_id = vec![Condition::HasAny(mode, libc::S_ISUID | libc::S_ISGID)];
        rules.push((call, only_if(set_id, Verdict::HandOver, Verdict::Allow)));
    }
    // File capabilities are such an attribute; its name is in memory, where only the parent can look.
    rules.extend(["setxattr", "lsetxattr", "fsetxattr"].map(|call| (call, Rule::from(Verdict::HandOver))));
    rules
}

#[cfg(test)]
mod tests {
    use super::super::bpf::run;
    use super::*;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const HAND_OVER: u32 = libc::SECCOMP_RET_USER_NOTIF;

    fn errno(number: i32) -> u32 {
        libc::SECCOMP_RET_ERRNO | number.cast_unsigned()
    }

    fn answer(features: &[CallFeature], pretend: Pretend, call: &str, arguments: &[u64]) -> u32 {
        let program = program(&Calls { features: features.to_vec(), pretend });
        assert!(program.len() < 2000, "{}", program.len());
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        run(&program, CallTable::NATIVE.audit, CallTable::NATIVE.number(call).unwrap(), all)
    }

    #[test]
    fn what_an_app_can_call() {
        let cases: &[(&str, &[u64], u32)] = &[
            ("openat", &[], ALLOW),
            ("execve", &[], ALLOW),
            ("mount", &[], errno(libc::EPERM)),
            ("unshare", &[], errno(libc::EPERM)),
            ("bpf", &[], errno(libc::EPERM)),
            ("keyctl", &[], errno(libc::EPERM)),
            ("ptrace", &[], errno(libc::EPERM)),
            ("io_uring_setup", &[], errno(libc::ENOSYS)),
            ("clone3", &[], errno(libc::ENOSYS)),
            ("open_tree", &[], errno(libc::ENOSYS)),
            ("userfaultfd", &[], errno(libc::ENOSYS)),
            ("clone", &[libc::SIGCHLD as u64], ALLOW),
            ("clone", &[libc::CLONE_NEWUSER as u64 | 17], errno(libc::EPERM)),
            ("ioctl", &[0, libc::TIOCSTI], errno(libc::EPERM)),
            ("ioctl", &[0, libc::TIOCSTI | 1 << 40], errno(libc::EPERM)),
            ("ioctl", &[0, libc::TIOCGWINSZ], ALLOW),
            ("socket", &[libc::AF_UNIX as u64, 1, 0], ALLOW),
            ("socket", &[libc::AF_ALG as u64], errno(libc::EAFNOSUPPORT)),
            ("socket", &[libc::AF_NETLINK as u64, 3, 0], ALLOW),
            ("socket", &[libc::AF_NETLINK as u64, 3, 12], errno(libc::EAFNOSUPPORT)),
            ("socket", &[libc::AF_BLUETOOTH as u64], errno(libc::EAFNOSUPPORT)),
            ("personality", &[0xffff_ffff], ALLOW),
            ("personality", &[0x0004_0000], errno(libc::EPERM)),
            ("prctl", &[libc::PR_SET_MM as u64], errno(libc::EPERM)),
            ("kcmp", &[1, 1, 0], ALLOW),
            ("kcmp", &[1, 1, 5], errno(libc::EPERM)),
        ];
        for (call, arguments, expected) in cases {
            assert_eq!(answer(&[], Pretend::No, call, arguments), *expected, "{call} {arguments:x?}");
        }
    }

    #[test]
    fn features_open_what_they_name() {
        use CallFeature::{Bluetooth, Devel, Lenient, Nested};
        assert_eq!(answer(&[Devel], Pretend::No, "ptrace", &[]), ALLOW);
        assert_eq!(answer(&[Devel], Pretend::No, "personality", &[0x0004_0000]), ALLOW);
        assert_eq!(answer(&[Nested], Pretend::No, "unshare", &[]), ALLOW);
        assert_eq!(answer(&[Nested], Pretend::No, "clone", &[libc::CLONE_NEWUSER as u64]), ALLOW);
        assert_eq!(answer(&[Bluetooth], Pretend::No, "socket", &[libc::AF_BLUETOOTH as u64]), ALLOW);
        assert_eq!(answer(&[Lenient], Pretend::No, "socket", &[libc::AF_NETLINK as u64, 3, 12]), ALLOW);
        assert_eq!(answer(&[Lenient], Pretend::No, "io_uring_setup", &[]), errno(libc::ENOSYS));
    }

    #[test]
    fn packaging_scripts_hand_over_what_only_root_can() {
        let answer = |call, arguments: &[u64]| answer(&[], Pretend::Yes, call, arguments);
        assert_eq!(answer("fchownat", &[0, 0, 0, 0]), ALLOW);
        assert_eq!(answer("fchownat", &[0, 0, 0, 0xffff_ffff]), ALLOW);
        assert_eq!(answer("fchownat", &[0, 0, 0, 5]), HAND_OVER);
        assert_eq!(answer("mknodat", &[0, 0, u64::from(libc::S_IFCHR) | 0o666]), HAND_OVER);
        assert_eq!(answer("mknodat", &[0, 0, u64::from(libc::S_IFIFO) | 0o666]), ALLOW);
        assert_eq!(answer("fchmodat", &[0, 0, 0o4755]), HAND_OVER);
        assert_eq!(answer("fchmodat", &[0, 0, 0o755]), ALLOW);
        assert_eq!(answer("mount", &[]), errno(libc::EPERM));
    }

    #[test]
    fn no_call_is_both_allowed_and_refused_and_each_exists_somewhere() {
        let tables: Vec<CallTable> =
            [Some(CallTable::NATIVE), CallTable::SECOND].into_iter().flatten().collect();
        for group in ALLOWED {
            for call in group.calls {
                let refused = REFUSED.iter().any(|refused| refused.calls.contains(call));
                assert!(!refused, "{call}");
                let elsewhere = call.starts_with("riscv") || ["fstatat64"].contains(call);
                let native_only = cfg!(target_arch = "x86_64") && !elsewhere;
                assert!(!native_only || tables.iter().any(|table| table.number(call).is_some()), "{call}");
            }
        }
    }
}
