//! More sockets than there is memory for.

use alloc::vec::Vec;

use crate::failure;
use crate::resources::{Resources, one};
use rt::io::Result;
use rt::net::{Options, RingOrder, SocketAddr, TcpStream};
use rt::println;

/// Opens streams until that fails. The error is one, not a crash; when some are closed, the next one
/// works. In the end the guest has what it had after the first round.
pub(crate) fn check(echo: SocketAddr, silent: SocketAddr) -> Result<()> {
    Resources::map_memory();
    (0..20).try_for_each(|number| one(echo, number))?;
    // What the first round makes grow, tables and the like, stays.
    let mut before = None;
    for round in 1..=2 {
        let order = RingOrder::new(6).expect("in range");
        let options = Options::new().ring_order(order);
        let mut streams = Vec::new();
        let error = loop {
            match TcpStream::connect_with(silent, &options) {
                Ok(stream) => streams.push(stream),
                Err(error) => break error,
            }
            if streams.len() > 5000 {
                return Err(failure("there is no end"));
            }
        };
        let count = streams.len();
        println!(
            "round {round}: {count} streams, then {:?}: {error}",
            error.kind()
        );
        if count < 10 {
            return Err(failure("that is too few"));
        }
        streams.truncate(count - 5);
        // What is dropped takes a moment to be closed.
        let mut works = Err(failure("not tried"));
        for _ in 0..100 {
            works = one(echo, count);
            if works.is_ok() {
                break;
            }
            rt::thread::sleep(core::time::Duration::from_millis(50));
        }
        works?;
        drop(streams);
        before = Some(Resources::settled(before)?);
    }
    println!("exhausted, and well");
    Ok(())
}
