//! The system calls that no crate we use has; the only unsafe code of the launcher.
//!
//! One function is one call, with typed arguments and descriptors that own themselves. Nothing here decides anything.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_long, c_uint};
use rustix::process::Pid;

/// Which process a call that forks returned in.
pub(crate) enum Forked {
    /// The new process.
    Child,
    /// The old one, with the child's number and handle.
    Parent {
        /// The number, in the caller's pid namespace.
        pid: Pid,
        /// The handle.
        pidfd: OwnedFd,
    },
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: c_long) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(check(result)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us; nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Makes a child, in new namespaces if `flags` has any. The child has its own copy of the memory.
///
/// The caller must have a single thread: locks that another thread holds would stay locked in the child. By `clone` and not `clone3`, which
/// the sandbox's own filter knows nothing of.
pub(crate) fn fork(flags: c_int) -> io::Result<Forked> {
    let mut pidfd: c_int = -1;
    let flags = u64::from(flags.cast_unsigned()) | libc::CLONE_PIDFD as u64 | libc::SIGCHLD as u64;
    let none = std::ptr::null_mut::<libc::c_void>();
    #[cfg(not(target_arch = "s390x"))]
    let (first, second) = (flags, none.addr() as u64);
    #[cfg(target_arch = "s390x")]
    let (first, second) = (none.addr() as u64, flags);
    // SAFETY: neither CLONE_VM nor a stack is asked for, so the child runs on its own copy of this stack, as after fork(2); `pidfd` lives
    // through the call.
    match check(unsafe { libc::syscall(libc::SYS_clone, first, second, &raw mut pidfd, none, none) })? {
        0 => Ok(Forked::Child),
        child => {
            let pid = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
            // SAFETY: CLONE_PIDFD made this descriptor for the parent.
            Ok(Forked::Parent { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
        }
    }
}

/// Moves the process into new namespaces.
pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: changes namespaces only; CLONE_FILES, which could surprise owners of descriptors, is not used here.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// Enters the namespaces of the process that a pidfd stands for.
pub(crate) fn setns(pidfd: BorrowedFd<'_>, flags: c_int) -> io::Result<()> {
    // SAFETY: takes two numbers; the descriptor is open.
    check(unsafe { libc::setns(pidfd.as_raw_fd(), flags) }.into()).map(drop)
}

/// Changes properties of a mount, or of all below it.
pub(crate) fn mount_setattr(mount: BorrowedFd<'_>, at_flags: c_int, set: u64, clear: u64) -> io::Result<()> {
    let attr = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is empty and ends in NUL, the struct lives through the call and its true size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | at_flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    check(result).map(drop)
}

/// A descriptor that becomes readable when one of these signals is pending; they are blocked, too.
pub(crate) fn signal_fd(signals: &[c_int]) -> io::Result<OwnedFd> {
    let set = signal_set(signals);
    // SAFETY: `set` is initialised and lives through both calls.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) }.into())?;
    // SAFETY: as above; -1 asks for a new descriptor.
    owned(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) }.into())
}

/// The number and the origin of a pending signal of [`signal_fd`]; `None` if there is none.
pub(crate) fn read_signal(fd: BorrowedFd<'_>) -> io::Result<Option<(c_int, c_int)>> {
    // SAFETY: all-zero is a valid value of this plain struct of numbers.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the buffer is ours and has `size` bytes, any of which the kernel may write.
    let read = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) };
    match check(read as c_long) {
        Ok(_) => Ok(Some((info.ssi_signo.cast_signed(), info.ssi_code))),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Blocks no signal any more, and gives SIGPIPE, which Rust's runtime ignores, its meaning back.
pub(crate) fn restore_signals() -> io::Result<()> {
    let none = signal_set(&[]);
    // SAFETY: `none` is initialised and lives through the call; SIG_DFL is a valid disposition.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()).into()).map(drop)
    }
}

fn signal_set(signals: &[c_int]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set before it is read; sigaddset refuses numbers that are no signals.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Closes all descriptors from `first` on, or marks them to be closed by the next program.
pub(crate) fn close_range(first: c_uint, flags: c_uint) -> io::Result<()> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC nothing is closed now; without it the caller owns none of them any more.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, flags) }).map(drop)
}

/// Closes all descriptors but the standard ones and the two that are given. Whoever owns the others must never let go of them again.
pub(crate) fn close_all_but(kept: [BorrowedFd<'_>; 2]) -> io::Result<()> {
    let mut numbers = kept.map(|fd| fd.as_raw_fd() as c_uint);
    numbers.sort_unstable();
    let mut first = 3;
    for last in numbers.map(|number| number - 1).into_iter().chain([c_uint::MAX]) {
        if first <= last {
            // SAFETY: the caller sees to it that nobody uses or closes what is closed here.
            check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
        first = last.wrapping_add(2);
    }
    Ok(())
}

/// The version of Landlock that the kernel has; 0 if it has none.
pub(crate) fn landlock_version() -> u32 {
    // SAFETY: with this flag the kernel looks at neither pointer nor size.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, 1_u32) };
    u32::try_from(version).unwrap_or(0)
}

/// Marks all descriptors from `first` on to be closed by the next program.
pub(crate) fn close_on_exec_from(first: c_uint) -> io::Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

/// Becomes another program. Returns only if that fails.
pub(crate) fn execve(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end in a null pointer, and they and their strings live until the call returns, if it does.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Leaves the keyrings of the session behind: whatever the host's session keyring holds is out of reach.
pub(crate) fn new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: a null name asks for a new, anonymous keyring.
    let result = unsafe {
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>())
    };
    check(result).map(drop)
}

/// Switches the network interface `lo` on, in the network namespace of the process.
pub(crate) fn loopback_up() -> io::Result<()> {
    // SAFETY: takes three numbers.
    let socket =
        owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }.into())?;
    // SAFETY: all-zero is a valid value of this plain struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request names an interface and its flags, as SIOCSIFFLAGS reads it, and lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into()).map(drop)
}

/// Forbids memory that was writable to become executable, for the rest of the process and its children.
pub(crate) fn refuse_executable_gain() -> io::Result<()> {
    const PR_SET_MDWE: c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: c_uint = 1;
    // SAFETY: takes numbers; the unused ones must be zero.
    check(unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) }.into()).map(drop)
}

/// What a system-call filter's program is told to do besides filtering.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    None,
    /// A descriptor on which the calls that the filter hands over are read and answered.
    New,
}

/// Puts a filter before all later system calls of the process.
pub(crate) fn install_filter(
    program: &[libc::sock_filter],
    listener: Listener,
) -> io::Result<Option<OwnedFd>> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let flags = match listener {
        Listener::None => 0,
        Listener::New => libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
    };
    // SAFETY: the kernel only reads the program, whose length is the slice's, and which lives through the call.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    match listener {
        Listener::None => check(result).map(|_| None),
        Listener::New => owned(result).map(Some),
    }
}

/// Waits for the next call that a filter handed over. `None` when its caller has gone meanwhile.
pub(crate) fn receive_call(listener: BorrowedFd<'_>) -> io::Result<Option<libc::seccomp_notif>> {
    // SAFETY: all-zero is what the kernel asks for here.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    let request = notification_request(0, size_of::<libc::seccomp_notif>(), 3);
    // SAFETY: the struct is the one that this request writes, and lives through the call.
    match check(unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw mut call) }.into()) {
        Ok(_) => Ok(Some(call)),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What becomes of a call that a filter handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It returns 0 without having been done.
    Success,
    /// The kernel does it.
    Continue,
}

/// Answers a call of [`receive_call`]. That its caller has gone meanwhile is no error.
pub(crate) fn answer_call(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> io::Result<()> {
    const CONTINUE: u32 = 1;
    let flags = if answer == Answer::Continue { CONTINUE } else { 0 };
    let response = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
    let request = notification_request(1, size_of::<libc::seccomp_notif_resp>(), 3);
    // SAFETY: the struct is the one that this request reads, and lives through the call.
    match check(unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw const response) }.into()) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

/// The number of an ioctl of seccomp listeners: `_IOC(direction, '!', number, size)`.
fn notification_request(number: u64, size: usize, direction: u64) -> libc::Ioctl {
    ((direction << 30) | ((size as u64) << 16) | (u64::from(b'!') << 8) | number) as libc::Ioctl
}

/// Whether the process was started with more rights than its caller has (set-user-ID, file capabilities).
pub(crate) fn started_with_gained_rights() -> bool {
    // SAFETY: reads a number that the kernel gave the process at its start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Ends the process at once, without what a program does at its end: buffers and locks are the parent's.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: ends this process; nothing is read or written.
    unsafe { libc::_exit(code.into()) }
}

/// Puts an open file in the place of standard input, output or error.
pub(crate) fn replace_standard(number: RawFd, file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes two numbers; the standard descriptors are owned by nobody in this program.
    check(unsafe { libc::dup2(file.as_raw_fd(), number) }.into()).map(drop)
}

/// Takes over a descriptor that the caller of the program left open under this number; `None` if there is none or it is one of the
/// standard three.
pub(crate) fn inherited(number: RawFd) -> Option<OwnedFd> {
    if number < 3 {
        return None;
    }
    // SAFETY: asks whether the number is open, and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    // SAFETY: it is open, and nothing in this program has opened a descriptor and given it this number: the callers ask at the start, for
    // numbers that stand on the command line, once each.
    (flags >= 0).then(|| unsafe { OwnedFd::from_raw_fd(number) })
}
