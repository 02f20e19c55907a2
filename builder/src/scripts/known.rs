//! Commands of scriptlets that are known: what becomes of them, and why.

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It tests or prints, and changes nothing.
    Harmless,
    /// It is left out, for this reason.
    LeftOut(&'static str),
    /// It makes alternatives, which are made here.
    Alternatives,
    /// It makes a user or a group, which is noted here.
    User,
    /// It cannot be done without the host.
    NeedsHost(&'static str),
    /// It is not known: it has to be run.
    Unknown,
}

const CACHE: &str = "this cache is made of the whole tree";
const SERVICE: &str = "no service manager runs in a sandbox";
const SELINUX: &str = "files of an app have no SELinux labels";
const DEVICE: &str = "devices are the host's";
const MANUAL: &str = "this index is for manuals only";
const RUNNING: &str = "nothing of it runs yet";
const REGISTERED: &str = "nothing is registered on the host";
const EACH_START: &str = "such directories are made at each start, or are part of the tree";
const HOST_SERVICE: &str = "needs a service of the host";
const HOST_KERNEL: &str = "changes the host's kernel";
const HOST_BOOT: &str = "changes how the host boots";
const HOST_PACKAGES: &str = "changes the host's packages";
const HOST_FIREWALL: &str = "changes the host's firewall";
const HOST_POWER: &str = "stops the host";

const HARMLESS: &[&str] = &[
    "",
    ":",
    "[",
    "[[",
    "test",
    "true",
    "false",
    "exit",
    "return",
    "echo",
    "printf",
    "export",
    "set",
    "unset",
    "umask",
    "shift",
    "local",
    "cd",
    "getent",
    "grep",
    "egrep",
    "ls",
    "cat",
    "id",
    "uname",
    "which",
    "type",
    "command",
    "hash",
    "sleep",
    "wait",
    "rpm.interactive",
    "stat",
    "readlink",
    "basename",
    "dirname",
    "arch",
    "logger",
];

const LEFT_OUT: &[(&str, &str)] = &[
    ("ldconfig", CACHE),
    ("update-desktop-database", CACHE),
    ("gtk-update-icon-cache", CACHE),
    ("gtk4-update-icon-cache", CACHE),
    ("gtk-update-icon-cache-3.0", CACHE),
    ("update-icon-caches", CACHE),
    ("xdg-icon-resource", CACHE),
    ("xdg-desktop-menu", CACHE),
    ("xdg-mime", CACHE),
    ("update-mime-database", CACHE),
    ("glib-compile-schemas", CACHE),
    ("gio-querymodules", CACHE),
    ("gio-querymodules-32", CACHE),
    ("gio-querymodules-64", CACHE),
    ("gdk-pixbuf-query-loaders", CACHE),
    ("gdk-pixbuf-query-loaders-32", CACHE),
    ("gdk-pixbuf-query-loaders-64", CACHE),
    ("gtk-query-immodules-2.0", CACHE),
    ("gtk-query-immodules-2.0-64", CACHE),
    ("gtk-query-immodules-3.0", CACHE),
    ("gtk-query-immodules-3.0-64", CACHE),
    ("fc-cache", CACHE),
    ("mkfontscale", CACHE),
    ("mkfontdir", CACHE),
    ("iconvconfig", CACHE),
    ("iconvconfig.x86_64", CACHE),
    ("glibc_post_upgrade", CACHE),
    ("gconftool-2", REGISTERED),
    ("systemd-update-helper", SERVICE),
    ("systemd-tmpfiles", EACH_START),
    ("systemd-sysusers", "users that packages want are noted from their own lists"),
    ("systemd-sysctl", HOST_KERNEL),
    ("systemd-binfmt", HOST_KERNEL),
    ("systemd-hwdb", DEVICE),
    ("udevadm", DEVICE),
    ("journalctl", SERVICE),
    ("chkconfig", SERVICE),
    ("service", SERVICE),
    ("initctl", SERVICE),
    ("invoke-rc.d", SERVICE),
    ("update-rc.d", SERVICE),
    ("install-info", MANUAL),
    ("fix-info-dir", MANUAL),
    ("mandb", MANUAL),
    ("makewhatis", MANUAL),
    ("restorecon", SELINUX),
    ("semodule", SELINUX),
    ("semanage", SELINUX),
    ("chcon", SELINUX),
    ("fixfiles", SELINUX),
    ("load_policy", SELINUX),
    ("setsebool", SELINUX),
    ("selinuxenabled", SELINUX),
    ("matchpathcon", SELINUX),
    ("kill", RUNNING),
    ("killall", RUNNING),
    ("pkill", RUNNING),
    ("desktop-file-validate", REGISTERED),
    ("appstream-util", REGISTERED),
];

const NEEDS_HOST: &[(&str, &str)] = &[
    ("modprobe", HOST_KERNEL),
    ("insmod", HOST_KERNEL),
    ("rmmod", HOST_KERNEL),
    ("depmod", HOST_KERNEL),
    ("dkms", HOST_KERNEL),
    ("akmods", HOST_KERNEL),
    ("sysctl", HOST_KERNEL),
    ("mount", HOST_KERNEL),
    ("umount", HOST_KERNEL),
    ("dracut", HOST_BOOT),
    ("grub2-mkconfig", HOST_BOOT),
    ("grubby", HOST_BOOT),
    ("kernel-install", HOST_BOOT),
    ("new-kernel-pkg", HOST_BOOT),
    ("weak-modules", HOST_BOOT),
    ("plymouth-set-default-theme", HOST_BOOT),
    ("rpm", HOST_PACKAGES),
    ("dnf", HOST_PACKAGES),
    ("yum", HOST_PACKAGES),
    ("apt-get", HOST_PACKAGES),
    ("firewall-cmd", HOST_FIREWALL),
    ("iptables", HOST_FIREWALL),
    ("nft", HOST_FIREWALL),
    ("reboot", HOST_POWER),
    ("shutdown", HOST_POWER),
    ("poweroff", HOST_POWER),
];

/// What systemctl may be asked for without the host: what only prepares services.
const SYSTEMCTL_LEFT_OUT: &[&str] = &[
    "daemon-reload",
    "preset",
    "preset-all",
    "enable",
    "disable",
    "mask",
    "unmask",
    "is-active",
    "is-enabled",
    "try-restart",
    "condrestart",
    "try-reload-or-restart",
    "stop",
    "daemon-reexec",
    "reset-failed",
    "set-property",
    "kill",
];

/// Looks a command up by its words.
pub(super) fn look_up(words: &[String]) -> Known {
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    let Some((program, arguments)) = words.split_first() else { return Known::Harmless };
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "update-alternatives" | "alternatives" => return alternatives(arguments),
        "useradd" | "groupadd" | "adduser" | "addgroup" => return Known::User,
        "usermod" | "groupmod" | "passwd" | "chage" | "gpasswd" => {
            return Known::LeftOut("an app runs as the user who starts it");
        }
        "systemctl" => return systemctl(arguments),
        // A script that may end with a failure says what it is about only when it is run.
        "exit" | "return" if arguments.first().is_some_and(|code| *code != "0") => return Known::Unknown,
        "touch" if arguments.first() == Some(&"--no-create") => return Known::LeftOut(CACHE),
        "dbus-send" | "gdbus" | "busctl" => return Known::LeftOut("nothing of the host is told"),
        _ => {}
    }
    let in_table = |table: &[(&'static str, &'static str)]| {
        table.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
    };
    if let Some(reason) = in_table(LEFT_OUT) {
        return Known::LeftOut(reason);
    }
    if let Some(reason) = in_table(NEEDS_HOST) {
        return Known::NeedsHost(reason);
    }
    if HARMLESS.contains(&name) || *program == "[" { Known::Harmless } else { Known::Unknown }
}

fn alternatives(arguments: &[&str]) -> Known {
    match arguments.iter().find(|argument| {
        matches!(
            **argument,
            "--install"
                | "--remove"
                | "--remove-all"
                | "--auto"
                | "--display"
                | "--list"
                | "--set"
                | "--query"
        )
    }) {
        Some(&"--install") => Known::Alternatives,
        Some(&"--set") => Known::Unknown,
        Some(_) => Known::LeftOut("there is nothing to remove yet"),
        None => Known::Unknown,
    }
}

fn systemctl(arguments: &[&str]) -> Known {
    let verb = arguments.iter().find(|argument| !argument.starts_with('-'));
    let starts = arguments.contains(&"--now");
    match verb {
        Some(verb) if SYSTEMCTL_LEFT_OUT.contains(verb) && !starts => Known::LeftOut(SERVICE),
        Some(_) => Known::NeedsHost(HOST_SERVICE),
        None => Known::LeftOut(SERVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(line: &str) -> Known {
        look_up(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn cases() {
        let table = [
            ("/sbin/ldconfig", Known::LeftOut(CACHE)),
            (
                "/usr/lib/systemd/systemd-update-helper install-system-units x.service",
                Known::LeftOut(SERVICE),
            ),
            ("systemctl --no-reload preset x.service", Known::LeftOut(SERVICE)),
            ("systemctl start x.service", Known::NeedsHost(HOST_SERVICE)),
            ("systemctl enable --now x", Known::NeedsHost(HOST_SERVICE)),
            ("/usr/sbin/update-alternatives --install /usr/bin/x x /usr/bin/y 10", Known::Alternatives),
            ("alternatives --remove x /usr/bin/y", Known::LeftOut("there is nothing to remove yet")),
            ("useradd -r x", Known::User),
            ("[ -x /bin/x ]", Known::Harmless),
            ("touch --no-create /usr/share/icons/hicolor", Known::LeftOut(CACHE)),
            ("touch /var/log/x", Known::Unknown),
            ("modprobe x", Known::NeedsHost(HOST_KERNEL)),
            ("/opt/vendor/setup", Known::Unknown),
        ];
        for (line, expected) in table {
            assert_eq!(known(line), expected, "{line}");
        }
    }
}
