//! Prints GB/s of the guest's memory functions on this host: `cargo run --release -p kernel --example memops-bench`.

use std::time::Instant;

use kernel::memops::bench;

fn main() {
    let start = Instant::now();
    let now_ns = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut memory = vec![0; bench::MEMORY_BYTES];
    bench::run(&mut memory, now_ns, |sample| println!("{sample}"));
}
