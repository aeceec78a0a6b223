//! The server side of iperf3: a stock `iperf3 -c` measures TCP with it, both ways.
//!
//! ```text
//! $ cargo boot run iperf3
//! iperf3: listening on 0.0.0.0:5201
//! 192.0.2.1:51704: received 123.4 MB in 10.0 s over 4 streams, 98.7 Mbit/s
//! ```
//!
//! Several streams (`-P`), the server as the sender (`-R`, with `-b` as well), amounts and times
//! (`-n`, `-k`, `-t`, `-O`), one test after the other; a client that comes while another one is
//! measured is told so. UDP and `--bidir` are answered with "not implemented".
//!
//! The port is 5201, or what `--port` says.
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
extern crate alloc;

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("iperf3 is a guest: cargo boot run iperf3");
    std::process::exit(2);
}
