//! The fuzz target that speaks both sides, on random scripts, with any compiler. A seed that fails is printed and can be given again.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[path = "../../../../tests/fuzz/src/bus.rs"]
mod target;

/// Marsaglia's xorshift: the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn run(scripts: u64) {
    let first = std::env::var("ARIL_FUZZ_SEED").map_or(1, |seed| seed.parse().unwrap());
    for seed in first..first + scripts {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let length = random.next() % 1500;
        // Most scripts begin with messages.
        let mut script: Vec<u8> = (0..length).map(|_| (random.next() >> 32) as u8).collect();
        if let Some(first) = script.first_mut().filter(|_| seed % 8 != 0) {
            *first |= 1;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| target::bus_both_sides(&script)));
        assert!(outcome.is_ok(), "ARIL_FUZZ_SEED={seed} fails");
    }
}

#[test]
fn anything_from_both_sides() {
    run(2_000);
}

#[test]
#[ignore = "takes minutes; part of the long set"]
fn anything_from_both_sides_for_long() {
    run(1_000_000);
}
