//! What names of hosts mean.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rt::io::Result;
use rt::net::ToSocketAddrs;
use rt::println;
use rt::task;
use rt::time::Instant;

/// Prints the addresses of each name, or why there are none; the blocking way and the async way,
/// which must agree.
pub(crate) fn look_up(names: &[&str]) -> Result<()> {
    for name in names {
        let start = Instant::now();
        let blocking = text((*name, 80).to_socket_addrs().map(Iterator::collect));
        let ms = start.elapsed().as_millis();
        println!("{name}: {blocking}, {ms} ms");
        let other = text(task::block_on(rt::net::aio::lookup_host(name, 80)));
        if other != blocking {
            return Err(crate::failure(format!("{name} is {other} to async code")));
        }
    }
    Ok(())
}

fn text(found: Result<Vec<rt::net::SocketAddr>>) -> String {
    match found {
        Ok(addresses) => {
            let shown: Vec<String> = addresses.iter().map(|it| format!("{}", it.ip())).collect();
            shown.join(" ")
        }
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}
