//! A guest that tests async code: tasks, sockets, the traits of other crates. Its argument names
//! the test; an assertion that fails ends it as crashed.
#![no_std]
#![no_main]

extern crate alloc;

mod executors;
mod streams;
mod tasks;
mod traits;

use rt::process::ExitCode;
use rt::{env, println};

#[rt::main]
fn main() -> ExitCode {
    let test = env::args().nth(1).unwrap_or_default();
    match test.as_str() {
        "executors" => executors::all(),
        "streams" => streams::all(),
        "tasks" => tasks::all(),
        "traits" => traits::all(),
        other => {
            println!("no such test: {other:?}");
            return ExitCode::from(2);
        }
    }
    println!("{test}: passed");
    ExitCode::SUCCESS
}
