//! A guest that tests async code: tasks, sockets, the traits of other crates. Its argument names
//! the test; an assertion that fails ends it as crashed.
#![no_std]
#![no_main]

extern crate alloc;

mod streams;
mod tasks;

use rt::process::ExitCode;
use rt::{env, println};

#[rt::main]
fn main() -> ExitCode {
    let test = env::args().nth(1).unwrap_or_default();
    match test.as_str() {
        "streams" => streams::all(),
        "tasks" => tasks::all(),
        other => {
            println!("no such test: {other:?}");
            return ExitCode::from(2);
        }
    }
    println!("{test}: passed");
    ExitCode::SUCCESS
}
