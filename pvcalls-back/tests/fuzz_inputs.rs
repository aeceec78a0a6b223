//! The fuzz target's function over inputs that are the same each time: some at random, and
//! changes of those. Finds less than the fuzzer, but everywhere.

use pvcalls_back::testbed::fuzz;

/// xorshift64*, to be the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 56) as u8).collect()
    }
}

/// Some input, or a change of the one before.
fn change(input: &mut Vec<u8>, random: &mut Random) {
    match random.below(5) {
        0 => {
            let len = random.below(600);
            *input = random.bytes(len);
        }
        1 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] ^= 1 << random.below(8);
        }
        2 if !input.is_empty() => {
            let at = random.below(input.len());
            input.truncate(at);
        }
        3 if !input.is_empty() && input.len() < 1000 => {
            let from = random.below(input.len());
            let piece = input[from..].to_vec();
            input.extend(piece);
        }
        _ => {
            let more = random.bytes(40);
            let at = random.below(input.len() + 1);
            input.splice(at..at, more);
        }
    }
}

#[test]
fn no_input_does_harm() {
    // More by hand: FUZZ_INPUTS=1000000 FUZZ_SEED=7.
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let inputs = number("FUZZ_INPUTS").unwrap_or(2_000);
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let mut random = Random(seed * 2 + 1);
    let mut input = Vec::new();
    for count in 0..inputs {
        change(&mut input, &mut random);
        let result = std::panic::catch_unwind(|| fuzz(&input));
        if let Err(panic) = result {
            println!("input {count} of seed {seed}: {input:?}");
            std::panic::resume_unwind(panic);
        }
    }
}
