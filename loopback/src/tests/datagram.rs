//! Datagrams: whole ones, in order, from whom they say.

use std::prelude::v1::*;
use std::vec;

use super::{address, watch, woken};
use crate::{DATAGRAM_BYTES, DATAGRAM_BYTES_V6, Error, Interest, Loopback, SocketId, TryError};

const BLOCKED: TryError = TryError::WouldBlock;

fn bind(net: &mut Loopback, at: &str) -> SocketId {
    net.bind_datagram(address(at), false).expect("a free port")
}

/// Receives; text, sender, and whether it was cut to five bytes.
#[track_caller]
fn receive(net: &mut Loopback, id: SocketId) -> Result<(String, String, bool), TryError> {
    let mut bytes = [0; 5];
    let got = net.try_receive_from(id, &mut bytes, true)?;
    let text = core::str::from_utf8(&bytes[..got.bytes]).expect("text");
    Ok((text.into(), got.from.to_string(), got.cut))
}

#[test]
fn datagrams_arrive_whole_in_order_and_with_their_sender() {
    let mut net = Loopback::new();
    let (one, two) = (bind(&mut net, "127.0.0.1:1"), bind(&mut net, "0.0.0.0:2"));
    assert_eq!(receive(&mut net, two), Err(BLOCKED));
    let reader = watch(&mut net, two, Interest::Read);
    for bytes in [&b"first"[..], b"", b"too long"] {
        let to = Some(address("127.9.9.9:2"));
        assert_eq!(net.try_send_to(one, bytes, to), Ok(()));
    }
    assert_eq!(reader.count(), 0, "nobody is woken inside of a call");
    assert_eq!(woken(&mut net, &reader), 1);
    let mut two_bytes = [0; 2];
    let peeked = net
        .try_receive_from(two, &mut two_bytes, false)
        .expect("one");
    assert_eq!((&two_bytes, peeked.cut), (b"fi", true));
    let from = "127.0.0.1:1".to_string();
    for (text, cut) in [("first", false), ("", false), ("too l", true)] {
        assert_eq!(receive(&mut net, two), Ok((text.into(), from.clone(), cut)));
    }
    assert_eq!(receive(&mut net, two), Err(BLOCKED));
    let to = Some(address("127.0.0.1:1"));
    assert_eq!(net.try_send_to(two, b"back", to), Ok(()));
    let back = ("back".into(), "127.0.0.1:2".into(), false);
    assert_eq!(receive(&mut net, one), Ok(back));
}

#[test]
fn a_default_peer_is_sent_to_and_is_the_only_one_heard() {
    let mut net = Loopback::new();
    let (one, two) = (bind(&mut net, "0.0.0.0:1"), bind(&mut net, "127.0.0.1:2"));
    let three = bind(&mut net, "127.0.0.1:3");
    assert_eq!(
        net.try_send_to(one, b"x", None),
        Err(Error::NoDestination.into())
    );
    assert_eq!(net.peer_addr(one), Err(Error::NotConnected));
    assert_eq!(net.local_addr(one), Ok(address("0.0.0.0:1")));
    net.set_peer(one, Some(address("0.0.0.0:2")))
        .expect("an address");
    assert_eq!(net.peer_addr(one), Ok(address("127.0.0.1:2")));
    assert_eq!(net.local_addr(one), Ok(address("127.0.0.1:1")));
    assert_eq!(net.try_send_to(one, b"x", None), Ok(()));
    assert!(receive(&mut net, two).is_ok());
    let to = Some(address("127.0.0.1:1"));
    assert_eq!(net.try_send_to(three, b"no", to), Ok(()));
    assert_eq!(net.try_send_to(two, b"yes", to), Ok(()));
    assert_eq!(receive(&mut net, one).map(|it| it.0), Ok("yes".into()));
    assert_eq!(receive(&mut net, one), Err(BLOCKED));
    net.set_peer(one, None).expect("a socket");
    assert_eq!(net.try_send_to(three, b"now", to), Ok(()));
    assert_eq!(receive(&mut net, one).map(|it| it.0), Ok("now".into()));
}

#[test]
fn only_a_default_peer_that_is_not_there_is_told() {
    let mut net = Loopback::new();
    let one = bind(&mut net, "127.0.0.1:1");
    let nobody = Some(address("127.0.0.1:9"));
    assert_eq!(net.try_send_to(one, b"x", nobody), Ok(()));
    assert_eq!(receive(&mut net, one), Err(BLOCKED));
    net.set_peer(one, nobody).expect("an address");
    let reader = watch(&mut net, one, Interest::Read);
    assert_eq!(net.try_send_to(one, b"x", None), Ok(()));
    assert_eq!(woken(&mut net, &reader), 1);
    let refused = Error::ConnectionRefused;
    assert_eq!(receive(&mut net, one), Err(refused.into()));
    assert_eq!(receive(&mut net, one), Err(BLOCKED));
    assert_eq!(net.try_send_to(one, b"x", None), Ok(()));
    assert_eq!(net.take_error(one), Ok(Some(refused)));
    assert_eq!(net.try_send_to(one, b"x", None), Ok(()));
    assert_eq!(net.try_send_to(one, b"x", None), Err(refused.into()));
}

#[test]
fn a_full_queue_drops() {
    let mut net = Loopback::new();
    let (one, two) = (bind(&mut net, "127.0.0.1:1"), bind(&mut net, "127.0.0.1:2"));
    let to = Some(address("127.0.0.1:2"));
    for _ in 0..10_000 {
        assert_eq!(net.try_send_to(one, b"", to), Ok(()));
    }
    let dropped = net.stats().dropped_datagrams;
    assert!((1..10_000).contains(&dropped), "{dropped}");
    let arrived = core::iter::from_fn(|| receive(&mut net, two).ok()).count();
    assert_eq!(arrived as u64 + dropped, 10_000);
    // What was read makes room again.
    assert_eq!(net.try_send_to(one, b"again", to), Ok(()));
    assert_eq!(receive(&mut net, two).map(|it| it.0), Ok("again".into()));
}

#[test]
fn what_cannot_be_sent() {
    let mut net = Loopback::new();
    let four = bind(&mut net, "127.0.0.1:1");
    let six = bind(&mut net, "[::1]:1");
    let all = bind(&mut net, "[::]:2");
    let mut error = |id: SocketId, bytes: &[u8], to: &str| {
        let result = net.try_send_to(id, bytes, Some(address(to)));
        match result {
            Ok(()) => None,
            Err(TryError::Failed(error)) => Some(error),
            Err(TryError::WouldBlock) => unreachable!("sending never waits"),
        }
    };
    let long = vec![0; DATAGRAM_BYTES_V6 + 1];
    let too_long = Some(Error::MessageTooLong);
    let other_family = Some(Error::AddressFamily);
    assert_eq!(error(four, &long[..DATAGRAM_BYTES], "127.0.0.1:2"), None);
    assert_eq!(
        error(four, &long[..=DATAGRAM_BYTES], "127.0.0.1:2"),
        too_long
    );
    assert_eq!(error(six, &long[..DATAGRAM_BYTES_V6], "[::1]:2"), None);
    assert_eq!(error(six, &long, "[::1]:2"), too_long);
    assert_eq!(error(four, b"", "[::1]:2"), other_family);
    assert_eq!(error(six, b"", "127.0.0.1:2"), other_family);
    assert_eq!(error(six, b"", "[::ffff:127.0.0.1]:2"), other_family);
    assert_eq!(error(all, b"", "[::ffff:127.0.0.1]:1"), None);
    assert_eq!(error(four, b"", "192.0.2.1:2"), Some(Error::InvalidInput));
    assert_eq!(error(four, b"", "127.0.0.1:0"), Some(Error::InvalidInput));
    let mapped = net.bind_datagram(address("127.0.0.1:2"), false);
    assert_eq!(mapped, Err(Error::AddrInUse));
    assert_eq!(net.try_read(four, &mut [0]), Err(Error::WrongKind.into()));
}

#[test]
fn ipv6_sockets_see_ipv4_mapped_unless_they_want_none() {
    let mut net = Loopback::new();
    let four = bind(&mut net, "127.0.0.1:1");
    let all = bind(&mut net, "[::]:2");
    let to = Some(address("127.0.0.1:2"));
    assert_eq!(net.try_send_to(four, b"x", to), Ok(()));
    let (_, from, _) = receive(&mut net, all).expect("a datagram");
    assert_eq!(from, "[::ffff:127.0.0.1]:1");
    let only = net.bind_datagram(address("[::]:3"), true).expect("free");
    let to = Some(address("127.0.0.1:3"));
    assert_eq!(net.try_send_to(four, b"x", to), Ok(()));
    assert_eq!(receive(&mut net, only), Err(BLOCKED));
    let mapped = Some(address("[::ffff:127.0.0.1]:1"));
    let family = Error::AddressFamily;
    assert_eq!(net.try_send_to(only, b"x", mapped), Err(family.into()));
    // Streams and datagrams have ports of their own.
    super::listen(&mut net, "127.0.0.1:1");
}
