//! Prints a greeting, and what the guest knows of itself.
//!
//! ```text
//! $ cargo boot run hello -- GREETING='good day' first 'the second'
//! Hello from a Xen guest!
//! Xen 4.17, 64 MiB of memory, 15893 pages free
//! 1763712345 seconds since 1970
//! argument: first
//! argument: the second
//! variable: GREETING = good day
//! ```
//!
//! Arguments and variables are those of the domain's command line (`extra` in its
//! configuration), taken apart as a shell does it.
#![no_std]
#![no_main]

use rt::kernel::{hypercall, mem};
use rt::time::{SystemTime, UNIX_EPOCH};
use rt::{env, println};

#[rt::main]
fn main() {
    println!("Hello from a Xen guest!");

    let (major, minor) = hypercall::xen_version();
    let mib = mem::total_pages() * mem::PAGE_SIZE / (1024 * 1024);
    let free = mem::free_pages();
    println!("Xen {major}.{minor}, {mib} MiB of memory, {free} pages free");
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        println!("{} seconds since 1970", now.as_secs());
    }

    for argument in env::args().skip(1) {
        println!("argument: {argument}");
    }
    for (name, value) in env::vars() {
        println!("variable: {name} = {value}");
    }
}
