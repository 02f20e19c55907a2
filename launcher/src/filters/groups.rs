//! Which system calls an app can make: groups with a reason each. What is in no group does not exist for the app.
//!
//! Three answers are told apart, because programs do: a call that works; a call that is refused (`EPERM`), as to somebody without the right;
//! a call that is not there (`ENOSYS`), as on an older kernel, so that programs fall back to an older call. Calls that this file does not
//! name are not there.

/// Calls that are allowed together, for one reason.
#[derive(Debug)]
pub(crate) struct Group {
    /// What they are for.
    pub(crate) name: &'static str,
    /// Why an app may make them.
    pub(crate) reason: &'static str,
    /// Their names on any of the architectures.
    pub(crate) calls: &'static [&'static str],
}

/// What every app may do.
#[rustfmt::skip]
pub(crate) const ALLOWED: &[Group] = &[
    Group {
        name: "descriptors",
        reason: "work on what is open already; opening was decided by the file system",
        calls: &[
            "_llseek", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3", "fadvise64", "fadvise64_64", "fallocate", "fcntl",
            "fcntl64", "fdatasync", "flock", "fsync", "ftruncate", "ftruncate64", "lseek", "pipe", "pipe2", "pread64", "preadv", "preadv2",
            "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readv", "sendfile", "sendfile64", "splice", "sync_file_range",
            "syncfs", "tee", "vmsplice", "write", "writev", "cachestat",
        ],
    },
    Group {
        name: "files",
        reason: "open and change files, which mounts, modes and Landlock rule",
        calls: &[
            "access", "chdir", "chmod", "creat", "faccessat", "faccessat2", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fstat", "fstat64",
            "fstatat64", "fstatfs", "fstatfs64", "futimesat", "getcwd", "getdents", "getdents64", "link", "linkat", "lstat", "lstat64",
            "mkdir", "mkdirat", "newfstatat", "oldfstat", "oldlstat", "oldstat", "open", "openat", "openat2", "readdir", "readlink",
            "readlinkat", "rename", "renameat", "renameat2", "rmdir", "stat", "stat64", "statfs", "statfs64", "statx", "symlink",
            "symlinkat", "sync", "truncate", "truncate64", "umask", "unlink", "unlinkat", "ustat", "utime", "utimensat",
            "utimensat_time64", "utimes", "name_to_handle_at", "sysfs", "file_getattr",
        ],
    },
    Group {
        name: "owners",
        reason: "succeed only for the one user and group there is",
        calls: &["chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "lchown32"],
    },
    Group {
        name: "special files",
        reason: "named pipes and sockets; device nodes need a capability that nobody has",
        calls: &["mknod", "mknodat"],
    },
    Group {
        name: "extended attributes",
        reason: "notes on the app's own files",
        calls: &[
            "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "getxattrat", "lgetxattr", "listxattr", "listxattrat",
            "llistxattr", "lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr", "setxattrat",
        ],
    },
    Group {
        name: "watching",
        reason: "wait for descriptors, files and times",
        calls: &[
            "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
            "epoll_wait_old", "eventfd", "eventfd2", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "poll",
            "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select", "signalfd", "signalfd4", "timerfd_create",
            "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64",
        ],
    },
    Group {
        name: "older asynchronous input and output",
        reason: "databases use it; unlike io_uring, each operation is a call that this filter sees",
        calls: &[
            "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit",
        ],
    },
    Group {
        name: "memory",
        reason: "the process's own; what may become code is ruled by the option for fixed code",
        calls: &[
            "brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect",
            "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
            "remap_file_pages", "map_shadow_stack",
        ],
    },
    Group {
        name: "processes",
        reason: "start, wait for and end processes of the sandbox's own pid namespace",
        calls: &[
            "execve", "execveat", "exit", "exit_group", "fork", "getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid", "kill",
            "pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setpgid", "setsid", "tgkill", "tkill", "vfork",
            "wait4", "waitid", "waitpid", "process_mrelease",
        ],
    },
    Group {
        name: "signals",
        reason: "the process's own handling of them",
        calls: &[
            "alarm", "getitimer", "pause", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
            "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "setitimer", "sgetmask", "sigaction", "sigaltstack", "signal",
            "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ssetmask",
        ],
    },
    Group {
        name: "threads",
        reason: "locks and thread-local storage",
        calls: &[
            "arch_prctl", "futex", "futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list",
            "get_thread_area", "rseq", "set_robust_list", "set_thread_area", "set_tid_address", "riscv_flush_icache", "riscv_hwprobe",
        ],
    },
    Group {
        name: "scheduling",
        reason: "the app's own share of the processor; raising it needs a limit or a capability",
        calls: &[
            "getcpu", "getpriority", "ioprio_get", "ioprio_set", "nice", "sched_get_priority_max", "sched_get_priority_min",
            "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
            "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield",
            "setpriority",
        ],
    },
    Group {
        name: "clocks",
        reason: "read them and sleep; setting them is refused",
        calls: &[
            "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
            "gettimeofday", "nanosleep", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64",
            "timer_settime", "timer_settime64", "times",
        ],
    },
    Group {
        name: "users and rights",
        reason: "ask for them, and give up what is not there",
        calls: &[
            "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32",
            "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "setfsgid", "setfsgid32", "setfsuid",
            "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid", "setresgid32",
            "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
        ],
    },
    Group {
        name: "more walls",
        reason: "an app may restrict itself further",
        calls: &["landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp"],
    },
    Group {
        name: "the system",
        reason: "ask for names, limits and use of resources",
        calls: &[
            "getrandom", "getrlimit", "getrusage", "olduname", "oldolduname", "prlimit64", "setrlimit", "sysinfo", "ugetrlimit", "uname",
        ],
    },
    Group {
        name: "sockets",
        reason: "talk; which families there are is ruled by `socket`, where they lead by the network namespace",
        calls: &[
            "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
            "recvmmsg_time64", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
        ],
    },
    Group {
        name: "System V IPC and message queues",
        reason: "reach no further than the IPC namespace",
        calls: &[
            "ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
            "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop",
            "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
        ],
    },
];

/// For programs that inspect others: the feature `devel`.
#[rustfmt::skip]
pub(crate) const DEVEL: Group = Group {
    name: "debugging",
    reason: "the app has the feature `devel`; other users' and pid 1's memory stay closed",
    calls: &["perf_event_open", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "personality", "kcmp"],
};

/// What stock Flatpak allows its apps and we do not allow ours.
#[rustfmt::skip]
pub(crate) const LENIENT: Group = Group {
    name: "as stock Flatpak allows",
    reason: "the app is in Flatpak's layout and was tried with these",
    calls: &["process_vm_readv", "process_vm_writev", "kcmp", "process_madvise", "pidfd_getfd", "adjtimex", "clock_adjtime"],
};

/// For 32-bit programs: the feature `multiarch`.
#[rustfmt::skip]
pub(crate) const MULTIARCH: Group = Group {
    name: "32-bit programs",
    reason: "the app has the feature `multiarch`; old C libraries make sockets by one call for all",
    calls: &["modify_ldt", "socketcall", "vm86", "vm86old"],
};

/// For sandboxes inside the sandbox.
#[rustfmt::skip]
pub(crate) const NESTED: Group = Group {
    name: "namespaces",
    reason: "the app makes sandboxes of its own, as browsers do",
    calls: &[
        "chroot", "clone", "clone3", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
        "pivot_root", "setns", "umount", "umount2", "unshare", "sethostname",
    ],
};

/// What the supervisor calls after it has confined itself.
#[rustfmt::skip]
pub(crate) const SUPERVISOR: Group = Group {
    name: "the supervisor",
    reason: "filters buses, passes signals on, removes its notes, and may leave a successor",
    calls: &[
        "accept4", "brk", "clock_gettime", "close", "close_range", "connect", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait",
        "epoll_pwait2", "epoll_wait", "exit", "exit_group", "fchmod", "fcntl", "fstat", "fstatfs", "futex", "getdents64", "getpid",
        "getppid", "getrandom", "getsockname", "getsockopt", "gettid", "ioctl", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap",
        "newfstatat", "openat", "openat2", "pidfd_send_signal", "poll", "ppoll", "pread64", "read", "readv", "recvfrom", "recvmsg",
        "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield", "sendmsg", "sendto", "set_robust_list", "setsid",
        "setsockopt", "shutdown", "sigaltstack", "statx", "tgkill", "unlinkat", "wait4", "waitid", "write", "writev", "sched_getaffinity",
        "faccessat", "chmod", "fchmodat", "prctl",
    ],
};

/// What is refused by name: programs take this for a missing right. Everything else that no group names is not there.
#[rustfmt::skip]
pub(crate) const REFUSED: &[Group] = &[
    Group {
        name: "namespaces and mounts",
        reason: "the way out of sandboxes of which most holes in the kernel were used",
        calls: &["chroot", "mount", "pivot_root", "setns", "umount", "umount2", "unshare"],
    },
    Group {
        name: "other processes' memory",
        reason: "only debuggers need it: the feature `devel`",
        calls: &["kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace", "perf_event_open"],
    },
    Group {
        name: "keyrings",
        reason: "they are not namespaced: the app would reach the user's",
        calls: &["add_key", "keyctl", "request_key"],
    },
    Group {
        name: "programs in the kernel",
        reason: "no app needs them, and many holes were there",
        calls: &["bpf", "delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load"],
    },
    Group {
        name: "the machine",
        reason: "needs a capability that nobody has",
        calls: &[
            "acct", "adjtimex", "clock_adjtime", "clock_settime", "clock_settime64", "fanotify_init", "fanotify_mark", "ioperm", "iopl",
            "lookup_dcookie", "nfsservctl", "open_by_handle_at", "quotactl", "quotactl_fd", "reboot", "setdomainname", "sethostname",
            "settimeofday", "stime", "swapoff", "swapon", "syslog", "uselib", "vhangup", "file_setattr",
        ],
    },
    Group {
        name: "memory of certain nodes",
        reason: "tells about the machine, and had holes; programs go on without",
        calls: &[
            "get_mempolicy", "mbind", "migrate_pages", "move_pages", "set_mempolicy", "set_mempolicy_home_node",
        ],
    },
    Group {
        name: "segments",
        reason: "only old 32-bit programs need them: the feature `multiarch`",
        calls: &["modify_ldt", "vm86", "vm86old"],
    },
];
