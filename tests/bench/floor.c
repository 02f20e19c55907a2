/* The least that a sandbox can cost: the same namespaces, mounts, overlays, files and filters as the launcher makes, from a list, in C,
 * with nothing decided and nothing checked.
 *
 * `floor LIST PROGRAM [ARGUMENTS...]`; LIST has a line a mount: kind, tab, place, tab, what belongs to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) { fprintf(stderr, "floor: %s: %s\n", what, strerror(errno)); _exit(125); }
static int must(int value, const char *what) { if (value < 0) fail(what); return value; }

static void put(const char *path, const char *text) {
    int fd = must(open(path, O_WRONLY), path);
    if (write(fd, text, strlen(text)) < 0) fail(path);
    close(fd);
}

static int fs_open(const char *name) { return must(syscall(SYS_fsopen, name, 1), name); }
static void set(int fs, const char *key, const char *value) {
    must(syscall(SYS_fsconfig, fs, value ? 1 : 0, key, value, 0), key);
}
static int fs_mount(int fs, unsigned attributes) {
    if (syscall(SYS_fsconfig, fs, 6, 0, 0, 0) < 0) { char why[256] = ""; if (read(fs, why, 255) > 0) fputs(why, stderr); fail("create"); }
    int tree = must(syscall(SYS_fsmount, fs, 1, attributes), "fsmount");
    close(fs);
    return tree;
}
static int copy(const char *path, unsigned attributes) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return -1;
    int tree = must(syscall(SYS_open_tree, fd, "", 1 | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE), path);
    close(fd);
    struct mount_attr attr = {.attr_set = attributes};
    must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr), path);
    return tree;
}
static void attach(int tree, int at) {
    must(syscall(SYS_move_mount, tree, "", at, "", 4 | 0x40), "move_mount");
}
static int tmpfs(const char *mode) { int fs = fs_open("tmpfs"); set(fs, "mode", mode); return fs_mount(fs, 6); }

static int root;
static const char *below(const char *path) { return path[1] ? path + 1 : "."; }
static void parents_in(int dir, const char *path) {
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdirat(dir, part, 0755);
        *slash = '/';
    }
}
static void parents(const char *path) { parents_in(root, below(path)); }
static void place(int tree, const char *path) {
    struct stat s;
    fstat(tree, &s);
    int at = openat(root, below(path), O_PATH | O_CLOEXEC);
    if (at < 0) {
        parents(path);
        if (S_ISDIR(s.st_mode)) mkdirat(root, below(path), 0755);
        else close(openat(root, below(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
        at = must(openat(root, below(path), O_PATH | O_CLOEXEC), path);
    }
    attach(tree, at);
    close(at);
    close(tree);
}

struct line { char *kind, *at, *rest; int tree; };
static struct line lines[512];
static int count;

static int made_layer(char *files) {
    int made = tmpfs("755");
    char *save;
    for (char *file = strtok_r(files, ",", &save); file; file = strtok_r(NULL, ",", &save)) {
        parents_in(made, file);
        int out = openat(made, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (write(out, "text\n", 5) != 5) fail("write");
        close(out);
    }
    return made;
}

static int overlay(char *layers, const char *at) {
    /* Of one layer the kernel makes none. */
    if (!strchr(layers, '|')) return strncmp(layers, "made:", 5) ? copy(layers, 1 | 2 | 4) : made_layer(layers + 5);
    int fs = fs_open("overlay");
    for (char *layer = strtok(layers, "|"); layer; layer = strtok(NULL, "|")) {
        int fd;
        if (!strncmp(layer, "made:", 5)) {
            fd = made_layer(layer + 5);
            mkdirat(root, below(at), 0755);
            int to = must(openat(root, below(at), O_PATH), at);
            attach(fd, to);
            close(to);
        } else fd = must(open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC), layer);
        must(syscall(SYS_fsconfig, fs, 5, "lowerdir+", 0, fd), "lowerdir+");
        close(fd);
    }
    return fs_mount(fs, 1 | 2 | 4);
}

static void prepare(struct line *line) {
    char *kind = line->kind;
    line->tree = -1;
    if (!strcmp(kind, "read-only")) line->tree = copy(line->rest, 1 | 2 | 4);
    else if (!strcmp(kind, "writable")) line->tree = copy(line->rest, 2 | 4);
    else if (!strcmp(kind, "device")) line->tree = copy(line->rest, 2 | 8);
    else if (!strcmp(kind, "overlay")) line->tree = overlay(line->rest, line->at);
    else if (!strcmp(kind, "memory")) line->tree = tmpfs(line->rest);
    else if (!strcmp(kind, "processes")) {
        int fs = fs_open("proc");
        if (!strcmp(line->rest, "readable")) set(fs, "hidepid", "4");
        line->tree = fs_mount(fs, 2 | 4 | 8);
    } else if (!strcmp(kind, "terminals")) {
        int fs = fs_open("devpts");
        set(fs, "ptmxmode", "0666");
        set(fs, "mode", "620");
        line->tree = fs_mount(fs, 2 | 8);
    }
}

static int proc_tree = -1;
static void put_in_place(struct line *line) {
    if (!strcmp(line->kind, "directory")) { parents(line->at); mkdirat(root, below(line->at), strtol(line->rest, 0, 8)); }
    else if (!strcmp(line->kind, "link")) { parents(line->at); symlinkat(line->rest, root, below(line->at)); }
    else if (!strcmp(line->kind, "file")) {
        parents(line->at);
        int out = openat(root, below(line->at), O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (write(out, "text\n", 5) != 5) fail(line->at);
        close(out);
    } else if (!strcmp(line->kind, "hidden")) {
        struct stat s;
        if (fstatat(root, below(line->at), &s, 0)) return;
        place(S_ISDIR(s.st_mode) ? tmpfs("555") : copy("/dev/null", 2 | 8), line->at);
    } else if (line->tree >= 0) {
        if (!strcmp(line->kind, "processes")) proc_tree = dup(line->tree);
        place(line->tree, line->at);
    }
}

static void landlock(int writable) {
    struct landlock_ruleset_attr attr = {.handled_access_fs = 0xfff2};
    int rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) return;
    for (int at = 0; at < count; at++) {
        struct line *line = &lines[at];
        int is_written = !strcmp(line->kind, "writable") || !strcmp(line->kind, "memory") || !strcmp(line->kind, "processes");
        if (!is_written || !writable--) continue;
        struct landlock_path_beneath_attr rule = {.allowed_access = 0xfff2, .parent_fd = open(line->at, O_PATH | O_CLOEXEC)};
        syscall(SYS_landlock_add_rule, rules, 1, &rule, 0);
        close(rule.parent_fd);
    }
    must(syscall(SYS_landlock_restrict_self, rules, 0), "landlock");
    close(rules);
}

/* As many instructions as the launcher's, all calls allowed. */
static void filter(void) {
    static struct sock_filter program[250];
    for (int at = 0; at < 250; at++) program[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    program[249] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog all = {250, program};
    must(syscall(SYS_seccomp, 1, 0, &all), "seccomp");
}

static void loopback(void) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
    close(fd);
}

static void read_list(const char *path) {
    static char text[1 << 20];
    int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    char *end = text + length, *at = text;
    while (at < end && count < 512) {
        char *newline = strchr(at, '\n');
        *newline = 0;
        struct line *line = &lines[count++];
        line->kind = at;
        line->at = strchr(at, '\t'); *line->at++ = 0;
        line->rest = strchr(line->at, '\t'); *line->rest++ = 0;
        at = newline + 1;
    }
}

int main(int words, char **word) {
    if (words < 3) return 2;
    read_list(word[1]);
    int net = strcmp(lines[0].kind, "network") != 0;
    int uid = geteuid(), gid = getegid();
    long child = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWUTS
        | (net ? CLONE_NEWNET : 0) | SIGCHLD, 0, 0, 0, 0);
    if (child > 0) {
        int status;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    must(child, "clone");
    char map[64];
    put("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %d 1", uid); put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %d 1", gid); put("/proc/self/gid_map", map);
    sethostname("sandbox", 7);
    if (net) loopback();
    root = tmpfs("755");
    int old = must(open("/", O_PATH | O_CLOEXEC), "/");
    attach(root, old);
    for (int at = 0; at < count; at++) prepare(&lines[at]);
    must(fchdir(root), "fchdir");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(fchdir(old), "fchdir");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir");
    close(old);
    for (int at = 0; at < count; at++) put_in_place(&lines[at]);
    struct mount_attr sealed = {.attr_set = 1};
    syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &sealed, sizeof sealed);
    put("/proc/sys/user/max_user_namespaces", "1");
    must(unshare(CLONE_NEWUSER), "unshare");
    snprintf(map, sizeof map, "%d 0 1", uid); put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%d 0 1", gid); put("/proc/self/gid_map", map);
    for (int capability = 0; capability < 41; capability++) prctl(PR_CAPBSET_DROP, capability);
    unsigned header[2] = {0x20080522, 0}, none[6] = {0};
    must(syscall(SYS_capset, header, none), "capset");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    landlock(8);
    filter();
    pid_t app = fork();
    if (app == 0) {
        setsid();
        execvp(word[2], word + 2);
        fail(word[2]);
    }
    int status, code = 0;
    for (pid_t ended; (ended = wait(&status)) > 0;)
        if (ended == app) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code;
}
