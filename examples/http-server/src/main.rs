//! An HTTP/1.1 server with a few pages of its own, a thread for each client.
//!
//! ```text
//! $ cargo boot run http-server -- --port 8080
//! http-server: listening on 0.0.0.0:8080
//! ```
//!
//! `/` is a page, `/hello` a line of text, `/bytes/N` a body of N bytes that is made as it is sent,
//! `/state` what the server has done so far.
//!
//! | option | |
//! |---|---|
//! | `--port N` | listen there; 8080 if not given |
//! | `--clients N` | how many may be connected; 512 if not given. Others get 503 |
//! | `--patience S` | seconds for a request's head to arrive, for a silent connection to be kept, and for 64 KiB of an answer to be taken; 10 if not given |
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("http-server is a guest: cargo boot run http-server");
    std::process::exit(2);
}
