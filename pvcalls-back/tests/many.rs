//! Ten thousand sockets in one process and one thread: data on each, both ways, and nothing left
//! in the end. It has a process of its own, since it counts file descriptors and threads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pvcalls_back::config::Limits;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, RawStream, request, settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sockets, where the limit of file descriptors permits: each needs two, one at either end.
const SOCKETS: u64 = 10_000;
/// Fewer would show nothing.
const AT_LEAST: u64 = 2_000;
/// Descriptors for everything else.
const OTHERS: u64 = 200;

fn count(path: &str) -> usize {
    std::fs::read_dir(path).unwrap().count()
}

fn sockets() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = 2 * SOCKETS + OTHERS;
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = Rlimit {
        current: Some(current),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let sockets = SOCKETS.min((current - OTHERS) / 2);
    assert!(
        sockets >= AT_LEAST,
        "the hard limit of descriptors is {current}"
    );
    sockets
}

fn ping(stream: &mut RawStream, peer: &mut TcpStream, bed: &mut Bed, id: u64) {
    let (out, back) = ((id * 3).to_le_bytes(), (id * 5).to_le_bytes());
    assert_eq!(stream.write(&out), 8);
    peer.write_all(&back).unwrap();
    let mut got = [0; 8];
    let mut count = 0;
    bed.until(|_| {
        count += peer.read(&mut got[count..]).unwrap_or(0);
        count == 8 && stream.unread() == 8
    });
    assert_eq!(got, out);
    assert_eq!(stream.read(8), back);
}

#[test]
fn ten_thousand_sockets() {
    let sockets = sockets();
    let (threads, files) = (count("/proc/self/task"), count("/proc/self/fd"));
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    let mut bed = Bed::new();
    let limits = Limits {
        sockets: u32::try_from(sockets).unwrap(),
        mapped_pages: 40_000,
        commands_per_second: u32::MAX,
        socket_buffer_bytes: Some(4096),
        ..Limits::default()
    };
    let features: Features = [Feature::EventIdx].into_iter().collect();
    let mut front = bed.serve(1, features, settings(limits));
    let mut all = Vec::new();
    for id in 0..sockets {
        let stream = bed.connect(&mut front, id, at, 1);
        let (peer, _) = server.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        all.push((stream, peer));
    }
    let full = bed.ask(&mut front, request::socket(sockets));
    assert_eq!(full.ret(), -24);
    let counters = bed.counters(front.device());
    assert_eq!(counters.sockets.get(), sockets);
    assert_eq!(counters.mapped_pages.get(), 1 + 3 * sockets);
    for (id, (stream, peer)) in (0..).zip(&mut all) {
        ping(stream, peer, &mut bed, id);
    }
    // All of them at once.
    for (stream, _) in &mut all {
        assert_eq!(stream.write(b"at once"), 7);
    }
    bed.settle();
    for (_, peer) in &mut all {
        let mut bytes = [0; 8];
        assert_eq!(peer.read(&mut bytes).unwrap(), 7);
    }
    // Nobody does anything.
    bed.settle();
    let turns = bed.busy_turns;
    let end = Instant::now() + Duration::from_millis(200);
    while Instant::now() < end {
        bed.turn_for(Duration::from_millis(10));
    }
    assert_eq!(bed.busy_turns, turns);
    assert_eq!(count("/proc/self/task"), threads, "no thread was started");
    // Half of them one by one, the rest with the session.
    for (id, (_, peer)) in (0..).zip(all.drain(..all.len() / 2)) {
        bed.ok(&mut front, request::release(id, false));
        drop(peer);
    }
    bed.end(&front, Ending::Linger);
    for (_, peer) in &mut all {
        assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0, "an end, and no reset");
    }
    drop((all, bed, front, server));
    assert_eq!(count("/proc/self/fd"), files);
}
