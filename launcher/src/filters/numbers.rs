//! The numbers of system calls, by architecture.
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod generic;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// An architecture whose calls a filter can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallTable {
    /// What the kernel calls it in filters (`AUDIT_ARCH_…`).
    pub(crate) audit: u32,
    numbers: &'static [(&'static str, u32)],
}

impl CallTable {
    /// The machine's own.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const NATIVE: Self = Self { audit: 0xc000_003e, numbers: x86_64::NUMBERS };
    /// The machine's own.
    #[cfg(target_arch = "aarch64")]
    pub(crate) const NATIVE: Self = Self { audit: 0xc000_00b7, numbers: generic::NUMBERS };
    /// The machine's own.
    #[cfg(target_arch = "riscv64")]
    pub(crate) const NATIVE: Self = Self { audit: 0xc000_00f3, numbers: generic::NUMBERS };

    /// The 32-bit one that the machine runs, too, for the feature `multiarch`.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const SECOND: Option<Self> = Some(Self { audit: 0x4000_0003, numbers: x86::NUMBERS });
    /// There is none that we know the numbers of.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) const SECOND: Option<Self> = None;

    /// The first number that belongs to another way of calling this architecture: x32 shares x86-64's name.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const FOREIGN_FROM: Option<u32> = Some(0x4000_0000);
    /// There is no such way.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) const FOREIGN_FROM: Option<u32> = None;

    /// The number of a call; `None` where the architecture does not have it.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let at = self.numbers.binary_search_by(|(known, _)| known.cmp(&name)).ok()?;
        self.numbers.get(at).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_right() {
        for table in [Some(CallTable::NATIVE), CallTable::SECOND].into_iter().flatten() {
            assert!(table.numbers.is_sorted_by(|a, b| a.0 < b.0));
        }
        for (name, number) in [
            ("read", libc::SYS_read),
            ("openat2", libc::SYS_openat2),
            ("seccomp", libc::SYS_seccomp),
            ("clone", libc::SYS_clone),
            ("mount_setattr", libc::SYS_mount_setattr),
        ] {
            assert_eq!(CallTable::NATIVE.number(name).map(i64::from), Some(number), "{name}");
        }
        assert_eq!(CallTable::NATIVE.number("no_such_call"), None);
    }
}
