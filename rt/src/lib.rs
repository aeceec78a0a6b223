//! What a workload sees.
#![no_std]
extern crate alloc;
pub use kernel;
/// Prints to the console.
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => { $crate::kernel::console::print(core::format_args!($($arg)*)) };
}
/// Prints a line to the console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($arg:tt)*) => { $crate::kernel::console::print(core::format_args!("{}\n", core::format_args!($($arg)*))) };
}
