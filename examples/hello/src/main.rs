//! Prints a greeting and what the guest knows of itself.
#![no_std]
#![no_main]

use rt::println;

#[unsafe(no_mangle)]
extern "Rust" fn callisto_main() -> i32 {
    println!("Hello from a Xen guest!");
    0
}
