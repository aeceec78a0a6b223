//! More sockets than there are grants, ports, memory, or than the host permits.

use alloc::vec::Vec;

use crate::failure;
use crate::resources::{Resources, one};
use rt::io::Result;
use rt::net::{Options, RingOrder, SocketAddr, TcpStream};
use rt::println;

/// Opens streams until that fails; for each size of rings, the largest first. The error is one, not
/// a crash; a stream that was open works, and so does the next one when some are closed. In the end
/// the guest has what it had after the first round.
pub(crate) fn check(echo: SocketAddr, silent: SocketAddr) -> Result<()> {
    Resources::map_memory();
    (0..20).try_for_each(|number| one(echo, number))?;
    // What the first round makes grow, tables and the like, stays.
    let mut before = None;
    for order in [Some(6), Some(6), Some(1), None] {
        let mut options = Options::new();
        if let Some(order) = order.and_then(RingOrder::new) {
            options = options.ring_order(order);
        }
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
            "order {order:?}: {count} streams, then {:?}: {error}",
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
