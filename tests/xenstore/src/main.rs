//! A guest that uses xenstore as workloads do, and as tools do that speak the protocol. The first
//! argument names the test; an assertion that fails ends it as crashed. The cases are dom0's part.
//!
//! | file | |
//! |---|---|
//! | `values.rs` | values, directories, permissions, errors |
//! | `storm.rs` | watches while dom0 writes without end |
//! | `counter.rs` | transactions that conflict |
//! | `quota.rs` | the server's limits, met and got back |
//! | `wire.rs` `raw.rs` | a tool that speaks the protocol, and what it tries |
#![no_std]
#![no_main]

extern crate alloc;

mod counter;
mod quota;
mod raw;
mod storm;
mod values;
mod wire;

use rt::process::ExitCode;
use rt::{env, println};

#[rt::main]
fn main() -> ExitCode {
    let test = env::args().nth(1).unwrap_or_default();
    match test.as_str() {
        "values" => values::all(),
        "storm" => storm::all(),
        "counter" => counter::all(),
        "quota" => quota::all(),
        "raw" => raw::all(),
        "raw-closes" => raw::closes(),
        other => {
            println!("no such test: {other:?}");
            return ExitCode::from(2);
        }
    }
    println!("{test}: passed");
    ExitCode::SUCCESS
}

/// Tells dom0 that `what` has been reached.
fn tell(what: &str) {
    rt::xenstore::write(alloc::format!("data/{what}"), "1").expect("tell dom0");
}

/// Waits until dom0 has reached `what`.
fn wait_for(what: &str) {
    let path = alloc::format!("data/{what}");
    for event in rt::xenstore::watch(&path).expect("watch") {
        event.expect("xenstored keeps to the protocol");
        if rt::xenstore::exists(&path).expect("look") {
            return;
        }
    }
}
