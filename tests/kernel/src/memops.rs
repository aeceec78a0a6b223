//! How fast memory is copied and set here, in the words of `kernel::memops::bench`.

use rt::kernel::memops::bench;
use rt::kernel::time::monotonic_ns;
use rt::println;

pub(crate) fn bench() {
    let mut memory = alloc::vec![0; bench::MEMORY_BYTES];
    bench::run(&mut memory, monotonic_ns, |row| println!("{row}"));
}
