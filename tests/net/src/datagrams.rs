//! UDP: both ways with a peer in the host, and inside the guest.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use crate::streams::same;
use crate::{expect_error, failure};
use rt::io::{ErrorKind, Result};
use rt::net::{self, Options, RingOrder, SocketAddr, UdpSocket, aio};
use rt::time::Instant;
use rt::{println, task, thread};

/// The longest datagram there is.
const LONGEST: usize = 65507;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// All of it, with a peer that sends back what it gets, and a port where nobody is.
pub(crate) fn check(echo: SocketAddr, closed: SocketAddr) -> Result<()> {
    let socket = bound_for(echo)?;
    println!("{socket:?}, up to {} bytes", socket.datagram_limit()?);
    lengths(&socket, echo)?;
    names(&socket, echo)?;
    times(&socket)?;
    refusals(&socket, echo, closed)?;
    options(&socket)?;
    peers(echo)?;
    everywhere(echo)?;
    threads(echo)?;
    task::block_on(awaited(echo))?;
    let before = net::stats();
    for _ in 0..100 {
        let socket = bound_for(echo)?;
        socket.send_to(b"come and go", echo)?;
        socket.recv(&mut [0; 99])?;
    }
    // The rings that are kept are as many as before, or one more; nothing else is left.
    println!("before {before:?}");
    println!("after {:?}", net::stats());
    println!("datagrams come and go");
    Ok(())
}

/// A socket at any port of the address that the host's packets to `peer` come from: both are on one
/// host.
fn bound_for(peer: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(peer.ip(), 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn pattern(seed: usize, len: usize) -> Vec<u8> {
    let bytes = (seed..).map(|n| n.wrapping_mul(167).to_le_bytes()[0]);
    bytes.take(len).collect()
}

fn lengths(socket: &UdpSocket, echo: SocketAddr) -> Result<()> {
    let limit = socket.datagram_limit()?;
    let mut into = vec![0; LONGEST + 1];
    for len in [0, 1, 7, 8, 9, 1000, 1472, 1473, 9000, 65_000, LONGEST] {
        let bytes = pattern(len, len);
        if len > limit {
            let error = socket
                .send_to(&bytes, echo)
                .map_err(|error| error.raw_os_error());
            same("too long", error, Err(Some(90)))?;
            continue;
        }
        same("sent", socket.send_to(&bytes, echo)?, len)?;
        let (peeked, from) = socket.peek_from(&mut into)?;
        same("who sent it", (peeked, from), (len, echo))?;
        same("came", socket.recv_from(&mut into)?, (len, echo))?;
        same("the bytes", into[..len] == bytes, true)?;
    }
    let error = socket
        .send_to(&into, echo)
        .map_err(|error| error.raw_os_error());
    same("longer than datagrams are", error, Err(Some(90)))?;
    // What does not fit is lost, and the next one is whole.
    for text in [&b"a long one"[..], b"next"] {
        socket.send_to(text, echo)?;
    }
    let mut short = [0; 6];
    same("cut", socket.recv_from(&mut short)?, (6, echo))?;
    same("its begin", &short, b"a long")?;
    same("the next", socket.recv(&mut into)?, 4)
}

fn names(socket: &UdpSocket, echo: SocketAddr) -> Result<()> {
    let local = socket.local_addr()?;
    same("address", local.ip(), echo.ip())?;
    same("a port", local.port() > 0, true)?;
    expect_error("no peer", ErrorKind::NotConnected, socket.peer_addr())?;
    let error = socket.send(b"x").map_err(|error| error.raw_os_error());
    same("nobody to send to", error, Err(Some(89)))?;
    expect_error(
        "a port in use",
        ErrorKind::AddrInUse,
        UdpSocket::bind(local),
    )
}

fn times(socket: &UdpSocket) -> Result<()> {
    let begun = Instant::now();
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    same(
        "time-out",
        socket.read_timeout()?,
        Some(Duration::from_millis(200)),
    )?;
    let waited = socket.recv_from(&mut [0; 9]);
    expect_error("nothing in time", ErrorKind::WouldBlock, waited)?;
    same(
        "it waited",
        begun.elapsed() >= Duration::from_millis(200),
        true,
    )?;
    let zero = socket.set_read_timeout(Some(Duration::ZERO));
    expect_error("a time of zero", ErrorKind::InvalidInput, zero)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_nonblocking(true)?;
    expect_error(
        "nothing now",
        ErrorKind::WouldBlock,
        socket.recv(&mut [0; 9]),
    )?;
    socket.set_nonblocking(false)
}

/// What the network thinks of a datagram is told when it is asked for, and the socket goes on.
fn refusals(socket: &UdpSocket, echo: SocketAddr, closed: SocketAddr) -> Result<()> {
    same("no error yet", socket.take_error()?.is_none(), true)?;
    socket.connect(closed)?;
    same("the peer", socket.peer_addr()?, closed)?;
    same("sent", socket.send(b"anybody?")?, 8)?;
    let begun = Instant::now();
    let refused = loop {
        match socket.take_error()? {
            Some(error) => break error,
            None if begun.elapsed() > PATIENCE => return Err(failure("no refusal")),
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    expect_error::<()>("nobody there", ErrorKind::ConnectionRefused, Err(refused))?;
    same("told once", socket.take_error()?.is_none(), true)?;
    socket.connect(echo)?;
    same("sent", socket.send(b"you")?, 3)?;
    let mut into = [0; 9];
    same("peeked", socket.peek(&mut into)?, 3)?;
    same("came", socket.recv(&mut into)?, 3)?;
    let nowhere: SocketAddr = SocketAddr::new(echo.ip(), 0);
    expect_error(
        "port 0",
        ErrorKind::InvalidInput,
        socket.send_to(b"x", nowhere),
    )?;
    let six: SocketAddr = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 9);
    println!(
        "to IPv6: {:?}",
        socket.send_to(b"x", six).map_err(|error| error.kind())
    );
    // The host's loopback is not reached by accident.
    let own: SocketAddr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), echo.port());
    expect_error(
        "127.0.0.1",
        ErrorKind::InvalidInput,
        socket.send_to(b"x", own),
    )
}

fn options(socket: &UdpSocket) -> Result<()> {
    socket.set_ttl(7)?;
    same("ttl", socket.ttl()?, 7)?;
    for broadcast in [true, false] {
        socket.set_broadcast(broadcast)?;
        same("broadcast", socket.broadcast()?, broadcast)?;
    }
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let joined = socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED);
    expect_error("multicast", ErrorKind::Unsupported, joined)
}

/// Who is not the peer is not heard.
fn peers(echo: SocketAddr) -> Result<()> {
    let (one, other) = (bound_for(echo)?, bound_for(echo)?);
    one.connect(echo)?;
    other.send_to(b"not for you", one.local_addr()?)?;
    one.send(b"for me")?;
    let mut into = [0; 99];
    same("the peer's", one.recv_from(&mut into)?, (6, echo))?;
    // Small rings: a burst waits in the host.
    let small = Options::new().ring_order(RingOrder::MIN);
    let socket = UdpSocket::bind_with(SocketAddr::new(echo.ip(), 0), &small)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    same("limit", socket.datagram_limit()?, 4064)?;
    for n in 0..20 {
        socket.send_to(&pattern(n, 3000), echo)?;
    }
    let mut into = vec![0; 5000];
    for n in 0..20 {
        same("in order", socket.recv(&mut into)?, 3000)?;
        same("whole", into[..3000] == pattern(n, 3000), true)?;
    }
    Ok(())
}

/// A socket at all addresses hears this guest and the host, and answers each where it is.
fn everywhere(echo: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let port = socket.local_addr()?.port();
    let here = UdpSocket::bind("127.0.0.1:0")?;
    here.set_read_timeout(Some(PATIENCE))?;
    let here_at = here.local_addr()?;
    let itself = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let mut into = [0; 99];
    for _ in 0..3 {
        here.send_to(b"inside", itself)?;
        socket.send_to(b"from outside", echo)?;
        let mut came = [socket.recv_from(&mut into)?, socket.recv_from(&mut into)?];
        came.sort_unstable();
        same("from both", came, [(6, here_at), (12, echo)])?;
        socket.send_to(b"to the inside", here_at)?;
        same("an answer", here.recv_from(&mut into)?, (13, itself))?;
    }
    // A peer decides which of them is heard.
    socket.connect(here_at)?;
    same("its name then", socket.local_addr()?, itself)?;
    same("the peer", socket.peer_addr()?, here_at)?;
    socket.send_to(b"is not heard", echo)?;
    thread::sleep(Duration::from_millis(100));
    here.send_to(b"is", itself)?;
    same("the peer's", socket.recv_from(&mut into)?, (2, here_at))?;
    socket.send(b"both are")?;
    same("the peer hears", here.recv(&mut into)?, 8)
}

/// One that sends and one that receives, with clones of one socket.
fn threads(echo: SocketAddr) -> Result<()> {
    /// How many there are, and how many of them may be under way: the host's buffers are not without
    /// end, and what is too much is lost.
    const ALL: usize = 2000;
    const UNDER_WAY: usize = 16;
    let socket = bound_for(echo)?;
    socket.connect(echo)?;
    let sender = socket.try_clone()?;
    let begun = Instant::now();
    let came = Arc::new(AtomicUsize::new(0));
    let seen = came.clone();
    let sending = thread::spawn(move || -> Result<()> {
        for n in 0..ALL {
            while n - seen.load(Ordering::Relaxed) >= UNDER_WAY {
                if begun.elapsed() > 3 * PATIENCE {
                    return Err(failure(format!("waited in vain after {n}")));
                }
                thread::sleep(Duration::from_millis(1));
            }
            sender.send(&pattern(n, n % 1400))?;
        }
        Ok(())
    });
    let mut into = [0; 2000];
    for n in 0..ALL {
        let count = socket.recv(&mut into)?;
        same(
            "in order, whole",
            into[..count] == pattern(n, n % 1400),
            true,
        )?;
        came.store(n + 1, Ordering::Relaxed);
    }
    sending.join().expect("no panic")?;
    println!("{ALL} datagrams came back in {:?}", begun.elapsed());
    Ok(())
}

async fn awaited(echo: SocketAddr) -> Result<()> {
    let socket = aio::UdpSocket::bind(SocketAddr::new(echo.ip(), 0)).await?;
    let mut into = [0; 99];
    let nothing = task::timeout(Duration::from_millis(50), socket.recv(&mut into)).await;
    same("nothing comes of itself", nothing.is_err(), true)?;
    socket.send_to(b"awaited", echo).await?;
    socket.readable().await?;
    same("came", socket.recv_from(&mut into).await?, (7, echo))?;
    socket.connect(echo).await?;
    socket.send(b"again").await?;
    same("came", socket.recv(&mut into).await?, 5)?;
    same("no error", socket.take_error().await?.is_none(), true)
}

/// Sends back that many datagrams of a length other than 14, from everybody, whatever happens to
/// the backend meanwhile.
pub(crate) fn serve(at: SocketAddr, count: usize) -> Result<()> {
    let socket = UdpSocket::bind(at)?;
    println!("serving at {}", socket.local_addr()?);
    let mut bytes = vec![0; LONGEST];
    let mut served = 0;
    while served < count {
        match socket.recv_from(&mut bytes) {
            Ok((len, peer)) => {
                served += usize::from(len != b"are you there?".len());
                if let Err(error) = socket.send_to(&bytes[..len], peer) {
                    println!("to {peer}: {:?}: {error}", error.kind());
                }
            }
            Err(error) => println!("received: {:?}: {error}", error.kind()),
        }
    }
    // The last answers are sent although the socket is closed.
    drop(socket);
    println!("served {served}");
    Ok(())
}

/// Asks a DNS server over UDP for the IPv4 address of a host.
pub(crate) fn query(server: SocketAddr, name: &str) -> Result<()> {
    let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).map_err(|_| failure("a long label"))?);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&question)?;
    let mut answer = [0; 512];
    let count = socket.recv(&mut answer)?;
    let answer = &answer[..count];
    if count < question.len() + 16 || answer[..2] != question[..2] || answer[3] & 0xf != 0 {
        return Err(failure(format!("{answer:02x?}")));
    }
    let [.., a, b, c, d] = answer else {
        return Err(failure("no address"));
    };
    println!("{name} is {}", Ipv4Addr::new(*a, *b, *c, *d));
    Ok(())
}

/// Inside the guest, without a device.
pub(crate) fn inside() -> Result<()> {
    let before = net::loopback_stats();
    {
        let (one, other) = (
            UdpSocket::bind("127.0.0.1:0")?,
            UdpSocket::bind("127.0.0.1:0")?,
        );
        let (one_at, other_at) = (one.local_addr()?, other.local_addr()?);
        let echo = thread::spawn(move || -> Result<()> {
            let mut into = vec![0; LONGEST];
            for _ in 0..50 {
                let (count, peer) = other.recv_from(&mut into)?;
                other.send_to(&into[..count], peer)?;
            }
            Ok(())
        });
        let mut into = vec![0; LONGEST];
        for n in 0..50 {
            let bytes = pattern(n, n * 1300);
            one.send_to(&bytes, other_at)?;
            same("came", one.recv_from(&mut into)?, (bytes.len(), other_at))?;
            same("the bytes", into[..bytes.len()] == bytes, true)?;
        }
        echo.join().expect("no panic")?;
        one.connect(other_at)?;
        same("local", one.local_addr()?, one_at)?;
        same("peer", one.peer_addr()?, other_at)?;
        one.send(b"nobody is there any more")?;
        let refused = one.take_error()?;
        let refused = refused.ok_or_else(|| failure("no refusal"))?;
        expect_error::<()>("nobody", ErrorKind::ConnectionRefused, Err(refused))?;
    }
    same("nothing is left", net::loopback_stats(), before)?;
    match net::stats() {
        Some(_) => Err(failure("the device was brought up")),
        None => {
            println!("datagrams inside the guest");
            Ok(())
        }
    }
}

/// With version 1 of the protocol there are datagrams inside the guest only.
pub(crate) fn unsupported(at: SocketAddr) -> Result<()> {
    for at in [at, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)] {
        expect_error("a bind", ErrorKind::Unsupported, UdpSocket::bind(at))?;
    }
    println!("no datagrams");
    Ok(())
}
