//! Prints a greeting, and what the guest knows of itself.
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
    println!(
        "Xen {major}.{minor}, {mib} MiB of memory, {} pages free",
        mem::free_pages()
    );
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
