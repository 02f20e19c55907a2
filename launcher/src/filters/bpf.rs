//! Compiles rules into the program that the kernel runs before each system call.
//!
//! Own and not seccompiler's: that one knows one answer per filter and one architecture, and takes a chain of comparisons where this takes
//! a search. The program first looks at the architecture, because a number means nothing without it; then it searches the number in a tree
//! of ranges; and where a call is allowed for some arguments only, it compares those, as 32 bits, as the kernel takes them.

use libc::sock_filter;

use super::numbers::CallTable;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done.
    Allow,
    /// It fails with this number.
    Errno(u16),
    /// The process ends.
    Kill,
    /// The holder of the filter's listener decides.
    HandOver,
}

/// A comparison of the lower 32 bits of an argument, which is all the kernel looks at in the calls we compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Argument (from 0) is a value.
    Is(u8, u32),
    /// Argument, after `&` with the mask, is a value.
    Masked { argument: u8, mask: u32, value: u32 },
    /// Argument has one of the mask's bits.
    HasAny(u8, u32),
}

/// What becomes of a call whose arguments are compared: the first case of which all conditions hold decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) cases: Vec<(Vec<Condition>, Verdict)>,
    pub(crate) otherwise: Verdict,
}

impl From<Verdict> for Rule {
    fn from(verdict: Verdict) -> Self {
        Self { cases: Vec::new(), otherwise: verdict }
    }
}

/// The rules of one architecture, by number.
pub(crate) struct Section {
    pub(crate) table: CallTable,
    pub(crate) rules: Vec<(u32, Rule)>,
}

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_FROM: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP_ANY: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets in the kernel's `seccomp_data`.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;

/// The program; calls that no rule names get `otherwise`, those of an architecture without a section end the process.
pub(crate) fn compile(sections: &[Section], otherwise: Verdict) -> Vec<sock_filter> {
    let mut program = vec![load(ARCHITECTURE_AT)];
    for section in sections {
        let body = compile_section(section, otherwise);
        // The body is further away than a comparison can jump.
        program.push(instruction(JUMP_EQUAL, 1, 0, section.table.audit));
        program.push(jump(body.len()));
        program.extend(body);
    }
    program.push(answer(Verdict::Kill));
    program
}

fn compile_section(section: &Section, otherwise: Verdict) -> Vec<sock_filter> {
    let mut program = vec![load(NUMBER_AT)];
    if let Some(foreign) = CallTable::FOREIGN_FROM.filter(|_| section.table == CallTable::NATIVE) {
        program.push(instruction(JUMP_FROM, 0, 1, foreign));
        program.push(answer(Verdict::Errno(libc::ENOSYS as u16)));
    }
    program.extend(search(&ranges(&section.rules, &otherwise.into())));
    program
}

/// The rules as ranges without gaps: each holds from its number to the next one's.
fn ranges(rules: &[(u32, Rule)], otherwise: &Rule) -> Vec<(u32, Rule)> {
    let mut sorted: Vec<&(u32, Rule)> = rules.iter().collect();
    sorted.sort_by_key(|(number, _)| *number);
    let mut ranges: Vec<(u32, Rule)> = vec![(0, otherwise.clone())];
    let mut push = |from: u32, rule: &Rule| match ranges.last_mut() {
        Some((start, last)) if *start == from => *last = rule.clone(),
        Some((_, last)) if last == rule => {}
        _ => ranges.push((from, rule.clone())),
    };
    for (number, rule) in sorted {
        push(*number, rule);
        push(number + 1, otherwise);
    }
    merged(ranges)
}

/// Neighbours with the same rule as one range.
fn merged(ranges: Vec<(u32, Rule)>) -> Vec<(u32, Rule)> {
    let mut merged: Vec<(u32, Rule)> = Vec::with_capacity(ranges.len());
    for (from, rule) in ranges {
        if merged.last().is_none_or(|(_, last)| *last != rule) {
            merged.push((from, rule));
        }
    }
    merged
}

fn search(ranges: &[(u32, Rule)]) -> Vec<sock_filter> {
    match ranges {
        [] => vec![answer(Verdict::Kill)],
        [(_, rule)] => decide(rule),
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let (low, from) = (search(low), high[0].0);
            let mut program = match u8::try_from(low.len()) {
                Ok(length) => vec![instruction(JUMP_FROM, length, 0, from)],
                Err(_) => vec![instruction(JUMP_FROM, 0, 1, from), jump(low.len())],
            };
            program.extend(low);
            program.extend(search(high));
            program
        }
    }
}

fn decide(rule: &Rule) -> Vec<sock_filter> {
    let mut program = Vec::new();
    for (conditions, verdict) in &rule.cases {
        let mut case = vec![answer(*verdict)];
        for condition in conditions.iter().rev() {
            // A case is a few instructions long, so the jump over it always fits.
            let over = u8::try_from(case.len()).unwrap_or(u8::MAX);
            case.splice(0..0, compare(*condition, over));
        }
        program.extend(case);
    }
    program.push(answer(rule.otherwise));
    program
}

/// Goes on with the next instruction if the condition holds, else jumps over `over` of them.
fn compare(condition: Condition, over: u8) -> Vec<sock_filter> {
    match condition {
        Condition::Is(argument, value) => {
            vec![load_argument(argument), instruction(JUMP_EQUAL, 0, over, value)]
        }
        Condition::Masked { argument, mask, value } => vec![
            load_argument(argument),
            instruction(AND, 0, 0, mask),
            instruction(JUMP_EQUAL, 0, over, value),
        ],
        Condition::HasAny(argument, mask) => {
            vec![load_argument(argument), instruction(JUMP_ANY, 0, over, mask)]
        }
    }
}

fn load_argument(argument: u8) -> sock_filter {
    let lower_half = if cfg!(target_endian = "big") { 4 } else { 0 };
    load(ARGUMENTS_AT + 8 * u32::from(argument) + lower_half)
}

fn load(offset: u32) -> sock_filter {
    instruction(LOAD_WORD, 0, 0, offset)
}

fn jump(over: usize) -> sock_filter {
    // The kernel takes no program of more than 4096 instructions, so this never cuts anything off.
    instruction(JUMP, 0, 0, u32::try_from(over).unwrap_or(u32::MAX))
}

fn answer(verdict: Verdict) -> sock_filter {
    let value = match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        Verdict::Kill => libc::SECCOMP_RET_KILL_PROCESS,
        Verdict::HandOver => libc::SECCOMP_RET_USER_NOTIF,
    };
    instruction(RETURN, 0, 0, value)
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Runs a program as the kernel does, for tests: the value it returns.
#[cfg(test)]
pub(crate) fn run(program: &[sock_filter], audit: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let word = |offset: u32| match offset {
        NUMBER_AT => number,
        ARCHITECTURE_AT => audit,
        _ => {
            let argument = arguments[((offset - ARGUMENTS_AT) / 8) as usize];
            if (offset - ARGUMENTS_AT).is_multiple_of(8) { argument as u32 } else { (argument >> 32) as u32 }
        }
    };
    let (mut at, mut value) = (0, 0);
    loop {
        let i = program[at];
        at += 1;
        let jump_if = |holds: bool| usize::from(if holds { i.jt } else { i.jf });
        match i.code {
            LOAD_WORD => value = word(i.k),
            AND => value &= i.k,
            JUMP => at += i.k as usize,
            JUMP_EQUAL => at += jump_if(value == i.k),
            JUMP_FROM => at += jump_if(value >= i.k),
            JUMP_ANY => at += jump_if(value & i.k != 0),
            RETURN => return i.k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

    fn native(rules: Vec<(u32, Rule)>) -> Vec<sock_filter> {
        let section = Section { table: CallTable::NATIVE, rules };
        compile(&[section], Verdict::Errno(libc::ENOSYS as u16))
    }

    #[test]
    fn each_number_gets_its_rule() {
        // Every third number, so that there are more ranges than one comparison can jump over.
        let rules = (0..500).map(|n| (n * 3, Rule::from(Verdict::Allow))).collect();
        let program = native(rules);
        let audit = CallTable::NATIVE.audit;
        for number in 0..1600 {
            let expected = if number % 3 == 0 && number < 1500 { ALLOW } else { ENOSYS };
            assert_eq!(run(&program, audit, number, [0; 6]), expected, "{number}");
        }
        assert!(program.len() < 4096);
    }

    #[test]
    fn foreign_architectures_end_the_process_and_x32_is_unknown() {
        let program = native(vec![(0, Verdict::Allow.into())]);
        assert_eq!(run(&program, 0x4000_0003, 0, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        if CallTable::FOREIGN_FROM.is_some() {
            assert_eq!(run(&program, CallTable::NATIVE.audit, 0x4000_0000, [0; 6]), ENOSYS);
        }
    }

    #[test]
    fn cases_are_tried_in_order_and_high_bits_do_not_count() {
        let rule = Rule {
            cases: vec![
                (vec![Condition::Is(1, 7)], Verdict::Errno(libc::EPERM as u16)),
                (
                    vec![
                        Condition::Masked { argument: 0, mask: 0xf0, value: 0x30 },
                        Condition::HasAny(2, 0b110),
                    ],
                    Verdict::Allow,
                ),
            ],
            otherwise: Verdict::Kill,
        };
        let program = native(vec![(5, rule)]);
        let run = |arguments| run(&program, CallTable::NATIVE.audit, 5, arguments);
        assert_eq!(run([0, 7, 0, 0, 0, 0]), EPERM);
        assert_eq!(run([0x35, 0xffff_ffff_0000_0007, 2, 0, 0, 0]), EPERM);
        assert_eq!(run([0x35, 0, 2, 0, 0, 0]), ALLOW);
        assert_eq!(run([0x35, 0, 1, 0, 0, 0]), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(run([0x45, 0, 2, 0, 0, 0]), libc::SECCOMP_RET_KILL_PROCESS);
    }
}
