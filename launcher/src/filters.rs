//! What the kernel refuses the app although its files and namespaces would allow it: system calls and, by Landlock, writes, signals, ports.
pub(crate) mod bpf; // rules -> the program that the kernel runs before each call
pub(crate) mod groups; // the allowed calls, each group with its reason; the refused ones with the answer they get
pub(crate) mod landlock; // the mount plan once more, as rules; what was enforced, as a value
pub(crate) mod numbers; // names of calls -> numbers, by architecture
pub(crate) mod seccomp; // a specification -> rules -> installed
