//! smoltcp's own examples `server` and `client`, with their imports changed: the host's sockets
//! behind smoltcp's names.
//!
//! ```text
//! $ cargo boot run smoltcp-sockets
//! $ cargo boot run smoltcp-sockets -- 192.0.2.1 7
//! ```
//!
//! Without arguments a server: port 6969 greets, 6970 sends lines back reversed, 6971 swallows
//! bytes, 6972 pours them out. With address and port a client that sends lines back reversed and
//! ends with its connection.
#![no_std]
#![no_main]

extern crate alloc;

mod client;
mod server;

use rt::env;
use rt::process::ExitCode;

#[rt::main]
fn main() -> ExitCode {
    match (env::args().nth(1), env::args().nth(2)) {
        (Some(address), Some(port)) => client::run(&address, &port),
        (None, None) => server::run(),
        _ => {
            rt::println!("usage: smoltcp-sockets [ADDRESS PORT]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
