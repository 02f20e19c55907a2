/* Tries one thing that an app must not be able to do, and prints the name of the error, or `ok` if it worked.
 *
 * It runs outside the sandbox first: a probe that fails there, too, shows nothing. `probe NAME [ARGUMENT]`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TIOCSTI
#define TIOCSTI 0x5412
#endif

static const char *argument = "";

static int result(long value) { return value < 0 ? errno : 0; }

static int in_child(int (*probe)(void)) {
    pid_t child = fork();
    if (child == 0) _exit(probe());
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int stat_path(void) { struct stat s; return result(stat(argument, &s)); }
static int open_read(void) { return result(open(argument, O_RDONLY)); }
static int open_write(void) { return result(open(argument, O_WRONLY | O_CREAT, 0600)); }
static int make_dir(void) { return result(mkdir(argument, 0700)); }
static int signal_process(void) { return result(kill(atoi(argument), 0)); }
/* To all of the caller's process group but itself: whoever gets it is told to die. */
static int signal_group(void) { signal(SIGUSR1, SIG_IGN); return result(kill(0, SIGUSR1)); }
static int seize(void) { return result(ptrace(PTRACE_SEIZE, atoi(argument), 0, 0)); }
static int read_memory(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", atoi(argument));
    return result(open(path, O_RDONLY));
}
static int mount_in_own(void) { return result(mount("none", "/tmp", "tmpfs", 0, "")); }
static int new_user_and_mount(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return errno;
    return mount_in_own();
}
static int mount_tmpfs(void) { return in_child(new_user_and_mount); }
static int mount_here(void) { return in_child(mount_in_own); }
static int unshare_user_now(void) { return result(unshare(CLONE_NEWUSER)); }
static int unshare_user(void) { return in_child(unshare_user_now); }
static int clone_user(void) {
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, 0, 0);
    return result(child);
}
static int clone3_plain(void) {
    unsigned long args[11] = {0};
    args[4] = SIGCHLD;
    long child = syscall(435, args, sizeof args);
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, 0, 0);
    return result(child);
}
/* `own` as argument: in namespaces of one's own, where the right is there. */
static void enter_own(void) {
    if (!strcmp(argument, "own")) unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS);
}
static int join_namespace(void) {
    enter_own();
    int fd = open("/proc/self/ns/uts", O_RDONLY);
    if (fd < 0) return errno;
    return result(setns(fd, CLONE_NEWUTS));
}
static int new_mount_call(void) { enter_own(); return result(syscall(430, "tmpfs", 0)); /* fsopen */ }
static int open_tree_call(void) { return result(syscall(428, AT_FDCWD, "/", 0)); /* without cloning, anybody may */ }
static int bpf_call(void) { return result(syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, (unsigned[]){2, 4, 4, 1, 0}, 20)); }
static int bpf_unknown(void) { char none[20] = {0}; return result(syscall(SYS_bpf, 9999, none, sizeof none)); }
static int io_uring(void) { char params[256] = {0}; return result(syscall(425, 4, params)); }
static int userfault(void) { return result(syscall(SYS_userfaultfd, 1 /* user mode only */)); }
static int keyring(void) { return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1)); }
static int add_key_call(void) { return result(syscall(SYS_add_key, "user", "aril", "x", 1, KEY_SPEC_PROCESS_KEYRING)); }
static int perf(void) {
    char attributes[128] = {0};
    *(unsigned *)attributes = 1; /* software */
    *(unsigned *)(attributes + 4) = sizeof attributes;
    *(unsigned long *)(attributes + 40) = 0x60; /* not the kernel, not the hypervisor */
    return result(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
}

static int with_terminal(unsigned long request, void *value) {
    int controller = posix_openpt(O_RDWR | O_NOCTTY);
    if (controller < 0 || grantpt(controller) || unlockpt(controller)) return errno;
    setsid();
    int terminal = open(ptsname(controller), O_RDWR);
    if (terminal < 0) return errno;
    ioctl(terminal, TIOCSCTTY, 0);
    return result(syscall(SYS_ioctl, terminal, request, value));
}
static int type_into(void) { return with_terminal(TIOCSTI, "x"); }
static int type_into_high(void) { return with_terminal(TIOCSTI | 1UL << 32, "x"); }
static int line_discipline(void) { int number = 0; return with_terminal(TIOCSETD, &number); }
static int tiocsti(void) { return in_child(type_into); }
static int tiocsti_high(void) { return in_child(type_into_high); }
static int tiocsetd(void) { return in_child(line_discipline); }

static int socket_family(void) {
    int family, type, protocol = 0;
    sscanf(argument, "%d,%d,%d", &family, &type, &protocol);
    return result(socket(family, type, protocol));
}
static int connect_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argument)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&to, sizeof to));
}
static int connect_unix(int is_abstract) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path + is_abstract, argument, sizeof to.sun_path - 2);
    return result(connect(fd, (struct sockaddr *)&to, 2 + is_abstract + strlen(argument)));
}
static int connect_path(void) { return connect_unix(0); }
static int connect_abstract(void) { return connect_unix(1); }

static int write_then_run(void) {
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int no_randomness(void) { return result(personality(ADDR_NO_RANDOMIZE)); }
static int set_map(void) { return result(prctl(PR_SET_MM, PR_SET_MM_START_CODE, 0, 0, 0)); }
static int dump_limit(void) {
    struct { unsigned long now, most; } limit;
    syscall(SYS_prlimit64, 0, 4 /* RLIMIT_CORE */, 0, &limit);
    return limit.most ? 0 : EPERM;
}
#ifdef __x86_64__
static int x32_call(void) { return result(syscall(0x40000000 | SYS_getpid)); }
static int compat_now(void) {
    long value;
    __asm__ volatile("int $0x80" : "=a"(value) : "a"(20) : "memory");
    return value > 0 ? 0 : ENOSYS;
}
/* Ends the process where it is refused: 255. */
static int compat_call(void) { return in_child(compat_now); }
#endif

static const struct { const char *name; int (*probe)(void); } probes[] = {
    {"stat", stat_path}, {"open-read", open_read}, {"open-write", open_write}, {"mkdir", make_dir}, {"kill", signal_process},
    {"kill-group", signal_group}, {"ptrace", seize}, {"read-memory", read_memory}, {"mount", mount_tmpfs}, {"mount-here", mount_here},
    {"unshare-user", unshare_user}, {"clone-user", clone_user}, {"clone3", clone3_plain}, {"setns", join_namespace},
    {"fsopen", new_mount_call}, {"open-tree", open_tree_call}, {"bpf", bpf_call}, {"bpf-unknown", bpf_unknown}, {"io-uring", io_uring}, {"userfaultfd", userfault},
    {"keyctl", keyring}, {"add-key", add_key_call}, {"perf", perf}, {"tiocsti", tiocsti}, {"tiocsti-high-bits", tiocsti_high},
    {"tiocsetd", tiocsetd}, {"socket", socket_family}, {"connect-port", connect_port}, {"connect-path", connect_path},
    {"connect-abstract", connect_abstract}, {"write-then-run", write_then_run}, {"no-randomness", no_randomness}, {"set-mm", set_map},
    {"core-limit", dump_limit},
#ifdef __x86_64__
    {"x32", x32_call}, {"int-0x80", compat_call},
#endif
};

int main(int count, char **words) {
    if (count > 2) argument = words[2];
    for (unsigned at = 0; count > 1 && at < sizeof probes / sizeof *probes; at++) {
        if (strcmp(words[1], probes[at].name)) continue;
        int error = probes[at].probe();
        if (error == 255) puts("killed");
        else puts(error ? strerrorname_np(error) : "ok");
        return 0;
    }
    fputs("no such probe\n", stderr);
    return 2;
}
