//! What connections take: grants, event ports, and memory.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use crate::failure;
use crate::pattern::Pattern;
use rt::io::{Read, Result, Write};
use rt::kernel::{event, grant, mem};
use rt::net::{self, SocketAddr, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

/// What is taken at a time, without what the driver keeps for later connections: how many rings it
/// has ready changes with the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resources {
    grants: usize,
    ports: usize,
    /// Pages that are free, or that heap or driver keep.
    pages: usize,
}

impl Resources {
    fn now() -> Resources {
        let (kept_pages, kept_rings) = match net::stats() {
            Some(stats) => (
                stats.pooled_pages + stats.accept_pages,
                stats.pooled_rings + stats.accepts_out,
            ),
            None => (0, 0),
        };
        Resources {
            grants: grant::in_use() as usize - kept_pages,
            ports: event::in_use() - kept_rings,
            pages: mem::free_pages() + mem::heap_use().pages + kept_pages,
        }
    }

    /// Has memory mapped that has not been needed so far: its page tables stay, and would look
    /// like something lost.
    pub(crate) fn map_memory() {
        let runs: Vec<_> = (0..64).map_while(|_| mem::Pages::zeroed(512)).collect();
        drop(runs);
    }

    /// What is taken once connections that were dropped are closed: they close in the
    /// background. Waits until it is as `expected`; without that, until it stays the same.
    pub(crate) fn settled(expected: Option<Resources>) -> Result<Resources> {
        let start = Instant::now();
        let mut last = Resources::now();
        let mut same = 0;
        while start.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(50));
            let now = Resources::now();
            same = if now == last { same + 1 } else { 0 };
            last = now;
            match expected {
                Some(expected) if now == expected => return Ok(now),
                None if same == 10 => return Ok(now),
                _ => {}
            }
        }
        Err(failure(format!("expected {expected:?}, but {last:?}")))
    }
}

/// Many connections one after the other leave nothing behind.
pub(crate) fn many(echo: SocketAddr, count: usize) -> Result<()> {
    Resources::map_memory();
    // The first ones make the heap and the pools grow.
    (0..20).try_for_each(|number| one(echo, number))?;
    let before = Resources::settled(None)?;
    println!("before: {before:?}");

    let start = Instant::now();
    (0..count).try_for_each(|number| one(echo, number))?;
    let each_us = start.elapsed().as_micros() / count.max(1) as u128;
    println!("{count} connections, {each_us} us each");

    println!("after: {:?}", Resources::settled(Some(before))?);
    Ok(())
}

/// A connection that carries a few bytes to and fro.
pub(crate) fn one(echo: SocketAddr, number: usize) -> Result<()> {
    let mut bytes = [0; 64];
    let mut stream = TcpStream::connect(echo)?;
    Pattern::new(number).fill(&mut bytes);
    stream.write_all(&bytes)?;
    bytes.fill(0);
    stream.read_exact(&mut bytes)?;
    Pattern::new(number).check(&bytes)
}
