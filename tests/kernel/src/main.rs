//! A guest that tests the kernel it runs on: memory, threads, time, xenstore, grants, the
//! console. Its argument names the test; an assertion that fails ends it as crashed.
#![no_std]
#![no_main]

extern crate alloc;

mod console;
mod entropy;
mod fairness;
mod grants;
mod memops;
mod memory;
mod scopes;
mod std_names;
mod store;
mod sync;
mod threads;
mod time;

use rt::process::ExitCode;
use rt::{env, println};

#[rt::main]
fn main() -> ExitCode {
    let test = env::args().nth(1).unwrap_or_default();
    match test.as_str() {
        "memory" => memory::all_of_it(),
        "heap" => memory::heap(),
        "threads" => threads::all(),
        "thousand" => threads::thousand(),
        "fairness" => fairness::all(),
        "scopes" => scopes::all(),
        "sync" => sync::all(),
        "std" => std_names::all(),
        "time" => time::all(),
        "xenstore" => store::all(),
        "transaction" => store::contended_transaction(),
        "watch" => store::watch(),
        "grants" => grants::all(),
        "entropy" => entropy::all(),
        "console-read" => console::read(),
        "console-write" => console::write(),
        "memops" => memops::bench(),
        "sleep" => rt::thread::sleep(rt::time::Duration::from_secs(3600)),
        other => {
            println!("no such test: {other:?}");
            return ExitCode::from(2);
        }
    }
    println!("{test}: passed");
    ExitCode::SUCCESS
}
