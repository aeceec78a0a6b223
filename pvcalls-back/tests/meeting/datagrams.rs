//! Our frontend's datagram sockets, and those of this machine.

use std::net::{SocketAddr, UdpSocket};
use std::task::Waker;
use std::time::Duration;

use proptest::prelude::*;
use pvcalls_front::{
    Call, ConnectError, ConnectOptions, Errno, Features, Interest, Received, RingOrder,
    SocketError, SocketId, SocketOption, TryError,
};

use crate::data;
use crate::device::Meeting;

/// The longest datagram.
const LONGEST: usize = 65507;

impl Meeting {
    /// A datagram socket on this machine, and its address.
    fn bind(&mut self, at: &str, order: Option<u8>) -> (SocketId, SocketAddr) {
        let options = ConnectOptions {
            ring_order: order.and_then(RingOrder::new),
            deadline_ns: None,
        };
        let now = self.now();
        let at = at.parse().unwrap();
        let id = self.frontend.bind_datagram(at, options, now).unwrap();
        self.until("a bound socket", |meeting| {
            match meeting.frontend.try_bound(id) {
                Ok(()) => true,
                Err(TryError::WouldBlock) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
        let at = self.frontend.local_addr(id).unwrap();
        (id, at)
    }

    /// Sends a datagram as a thread does, waiting for room.
    fn send_to(&mut self, id: SocketId, bytes: &[u8], to: Option<SocketAddr>) {
        loop {
            let now = self.now();
            match self.frontend.try_send_to(id, bytes, to, now) {
                Ok(()) => return,
                Err(TryError::WouldBlock) => self.sleep(id, [Interest::Write]),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Waits for a datagram as a thread does.
    fn receive_from(&mut self, id: SocketId, into: &mut [u8]) -> Received {
        loop {
            match self.frontend.try_receive_from(id, into, true) {
                Ok(received) => return received,
                Err(TryError::WouldBlock) => self.sleep(id, [Interest::Read]),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn ask(&mut self, id: SocketId, call: Call) -> i64 {
        let now = self.now();
        let call = self.frontend.call(id, call, now).unwrap();
        let mut answer = None;
        self.until("an answer", |meeting| {
            match meeting.frontend.try_call(call, Waker::noop()) {
                Ok(value) => answer = Some(value),
                Err(TryError::WouldBlock) => {}
                Err(error) => panic!("{error:?}"),
            }
            answer.is_some()
        });
        answer.unwrap()
    }
}

/// A server that sends back what it gets.
fn echo() -> SocketAddr {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = vec![0; LONGEST];
        while let Ok((count, peer)) = server.recv_from(&mut bytes) {
            if server.send_to(&bytes[..count], peer).is_err() {
                break;
            }
        }
    });
    at
}

#[test]
fn datagrams_of_all_lengths_come_back() {
    let mut meeting = Meeting::new(true);
    let at = echo();
    let mut into = vec![0; LONGEST + 1];
    for (order, longest) in [(None, LONGEST), (Some(1), 4064), (Some(5), 65504)] {
        let (id, ours) = meeting.bind("127.0.0.1:0", order);
        assert_eq!(meeting.frontend.datagram_limit(id), Ok(longest));
        for len in [0, 1, 7, 8, 9, 1000, 4064, 20_000, 65_504, LONGEST] {
            if len > longest {
                let error = meeting.frontend.try_send_to(id, &into[..len], Some(at), 0);
                assert_eq!(error, Err(SocketError::MessageSize.into()));
                continue;
            }
            let all = data(len as u64, len);
            meeting.send_to(id, &all, Some(at));
            let received = meeting.receive_from(id, &mut into);
            let expected = Received {
                bytes: len,
                from: at,
                cut: false,
            };
            assert_eq!(received, expected);
            assert!(into[..len] == all);
        }
        assert!(ours.port() > 0 && ours.ip() == at.ip());
        meeting.close(id);
    }
    meeting.end();
}

/// A wake-up that gets lost costs more than a second here, or all patience.
#[test]
fn sleepers_are_woken() {
    for order in [1, 3] {
        let mut meeting = Meeting::new(true);
        let at = echo();
        let (id, _) = meeting.bind("127.0.0.1:0", Some(order));
        let mut into = vec![0; LONGEST];
        let mut slow = 0;
        for round in 0..500_u64 {
            let begun = std::time::Instant::now();
            // More than fits at once, so that the writer sleeps, too; not more than the machine's
            // sockets hold.
            let lens: Vec<usize> = (0..1 + round % 7)
                .map(|n| usize::try_from((round * 131 + n * 977) % 4000).unwrap())
                .collect();
            for (n, &len) in lens.iter().enumerate() {
                meeting.send_to(id, &data(round + n as u64, len), Some(at));
            }
            for (n, &len) in lens.iter().enumerate() {
                let received = meeting.receive_from(id, &mut into);
                assert_eq!(received.bytes, len);
                assert!(into[..len] == data(round + n as u64, len));
            }
            slow += u32::from(begun.elapsed() > Duration::from_millis(900));
        }
        assert!(slow <= 2, "{slow} rounds took as long as a timer");
        meeting.close(id);
        meeting.end();
    }
}

/// The guest serves: it answers whoever asks, and knows them apart.
#[test]
fn many_peers_are_answered_each() {
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("127.0.0.1:0", None);
    let peers: Vec<_> = (0..50)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    for round in 0..5_u8 {
        for (n, peer) in (0..).zip(&peers) {
            let question = [round, n];
            assert_eq!(peer.send_to(&question, at).unwrap(), 2);
        }
        let mut into = [0; 9];
        for _ in &peers {
            let received = meeting.receive_from(id, &mut into);
            let asker = peers[usize::from(into[1])].local_addr().unwrap();
            assert_eq!((received.bytes, received.from), (2, asker));
            meeting.send_to(id, &[into[1], round], Some(received.from));
        }
        let now = meeting.now();
        meeting.frontend.flush(now);
        for (n, peer) in (0..).zip(&peers) {
            peer.set_read_timeout(Some(crate::PATIENCE)).unwrap();
            let (count, from) = peer.recv_from(&mut into).unwrap();
            assert_eq!((&into[..count], from), (&[n, round][..], at));
        }
    }
    meeting.close(id);
    meeting.end();
}

/// What the ring could not hold is cut by the backend, what the buffer cannot hold by us.
#[test]
fn datagrams_that_are_too_long_are_cut() {
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("127.0.0.1:0", Some(1));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    for len in [4064, 4065, 10_000] {
        let all = data(3, len);
        peer.send_to(&all, at).unwrap();
        let mut into = vec![0; LONGEST];
        let received = meeting.receive_from(id, &mut into);
        assert_eq!((received.bytes, received.cut), (4064, len > 4064));
        assert!(into[..4064] == all[..4064]);
    }
    peer.send_to(b"a long one", at).unwrap();
    let mut into = [0; 6];
    let received = meeting.receive_from(id, &mut into);
    assert_eq!((received.bytes, received.cut), (6, true));
    assert_eq!(&into, b"a long");
    meeting.close(id);
    meeting.end();
}

/// A burst that the ring has no room for waits in the machine's socket.
#[test]
fn a_burst_waits_until_there_is_room() {
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("127.0.0.1:0", Some(1));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let lens = [3000, 100, 4000, 0, 2000, 2000, 2000, 4064, 1];
    for (n, len) in (0..).zip(lens) {
        peer.send_to(&data(n, len), at).unwrap();
    }
    // All there is room for has come; nothing moves any more.
    for _ in 0..20 {
        meeting.idle(Duration::from_millis(2));
    }
    let mut into = [0; 5000];
    for (n, len) in (0..).zip(lens) {
        let received = meeting.receive_from(id, &mut into);
        assert_eq!((received.bytes, received.cut), (len, false));
        assert!(into[..len] == data(n, len));
    }
    meeting.close(id);
    meeting.end();
}

#[test]
fn a_default_peer_takes_what_has_no_receiver_and_nobody_else_is_heard() {
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("127.0.0.1:0", None);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(crate::PATIENCE)).unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = peer.local_addr().unwrap();
    let error = meeting.frontend.try_send_to(id, b"x", None, 0);
    assert_eq!(error, Err(SocketError::NoPeer.into()));
    assert_eq!(
        meeting.frontend.peer_addr(id),
        Err(SocketError::NotConnected)
    );
    meeting.ask(id, Call::SetPeer(to));
    assert_eq!(meeting.frontend.peer_addr(id), Ok(to));
    assert_eq!(meeting.frontend.local_addr(id), Ok(at));
    meeting.send_to(id, b"hello", None);
    let now = meeting.now();
    meeting.frontend.flush(now);
    let mut into = [0; 9];
    assert_eq!(peer.recv_from(&mut into).unwrap(), (5, at));
    assert_eq!(&into[..5], b"hello");
    stranger.send_to(b"not for you", at).unwrap();
    peer.send_to(b"hi", at).unwrap();
    let received = meeting.receive_from(id, &mut into);
    assert_eq!((received.bytes, received.from), (2, to));
    // Another peer, the same ring.
    let other = stranger.local_addr().unwrap();
    meeting.ask(id, Call::SetPeer(other));
    stranger.send_to(b"now", at).unwrap();
    let received = meeting.receive_from(id, &mut into);
    assert_eq!((received.bytes, received.from), (3, other));
    meeting.close(id);
    meeting.end();
}

#[test]
fn what_nobody_takes_leaves_an_error_to_be_asked_for() {
    let mut meeting = Meeting::new(true);
    let (id, _) = meeting.bind("127.0.0.1:0", None);
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let error = Call::GetOption(SocketOption::Error);
    assert_eq!(meeting.ask(id, error), 0);
    meeting.ask(id, Call::SetPeer(nobody));
    meeting.send_to(id, b"anybody?", None);
    let mut last = 0;
    meeting.until("a refusal", |meeting| {
        last = meeting.ask(id, error);
        last != 0
    });
    assert_eq!(last, i64::from(Errno::ECONNREFUSED.number()));
    assert_eq!(meeting.ask(id, error), 0, "it was told");
    // And the socket goes on.
    let at = echo();
    meeting.send_to(id, b"you", Some(at));
    meeting.ask(id, Call::SetPeer(at));
    meeting.send_to(id, b"you", None);
    let received = meeting.receive_from(id, &mut [0; 9]);
    assert_eq!((received.bytes, received.from), (3, at));
    meeting.close(id);
    meeting.end();
}

#[test]
fn a_port_in_use_is_an_error() {
    let mut meeting = Meeting::new(true);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let now = meeting.now();
    let id = meeting
        .frontend
        .bind_datagram(taken.local_addr().unwrap(), ConnectOptions::default(), now)
        .unwrap();
    let mut outcome = Err(TryError::WouldBlock);
    meeting.until("an error", |meeting| {
        outcome = meeting.frontend.try_bound(id);
        outcome != Err(TryError::WouldBlock)
    });
    let error = SocketError::Remote(Errno::EADDRINUSE).into();
    assert_eq!(outcome, Err(error));
    meeting.close(id);
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    let mut meeting = Meeting::new(true);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(crate::PATIENCE)).unwrap();
    let to = peer.local_addr().unwrap();
    for round in 0..20 {
        let (id, _) = meeting.bind("127.0.0.1:0", Some(4));
        let now = meeting.now();
        for n in 0..8_u8 {
            let sent = meeting.frontend.try_send_to(id, &[n; 500], Some(to), now);
            assert_eq!(sent, Ok(()), "{round}");
        }
        meeting.close(id);
        meeting.until("the end", |meeting| meeting.frontend.stats().sockets == 0);
        let mut into = [0; 999];
        for n in 0..8 {
            let (count, _) = peer.recv_from(&mut into).unwrap();
            assert_eq!(into[..count], [n; 500]);
        }
    }
    meeting.end();
}

#[test]
fn addresses_of_ipv6_and_a_wildcard() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("this machine has no IPv6");
        return;
    }
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("[::]:0", None);
    assert_eq!(at.ip().to_string(), "::");
    let peer = UdpSocket::bind("[::1]:0").unwrap();
    peer.set_read_timeout(Some(crate::PATIENCE)).unwrap();
    peer.send_to(b"six", ("::1", at.port())).unwrap();
    let mut into = [0; 9];
    let received = meeting.receive_from(id, &mut into);
    assert_eq!(received.from, peer.local_addr().unwrap());
    meeting.send_to(id, b"back", Some(received.from));
    let now = meeting.now();
    meeting.frontend.flush(now);
    assert_eq!(peer.recv(&mut into).unwrap(), 4);
    meeting.close(id);
    meeting.end();
}

#[test]
fn without_the_extension_there_are_none() {
    let mut meeting = Meeting::new(false);
    let at = "127.0.0.1:0".parse().unwrap();
    let options = ConnectOptions::default();
    let error = meeting.frontend.bind_datagram(at, options, 0);
    assert_eq!(error, Err(ConnectError::Unsupported(Features::UDP)));
    meeting.end();
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Op {
    GuestSends(usize),
    PeerSends(usize),
    GuestReceives(usize),
    PeerReceives,
    Idle,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let len = || prop_oneof![0usize..20, 500usize..1500, 4000usize..4065];
    let op = prop_oneof![
        3 => len().prop_map(Op::GuestSends),
        3 => len().prop_map(Op::PeerSends),
        3 => len().prop_map(Op::GuestReceives),
        3 => Just(Op::PeerReceives),
        2 => Just(Op::Idle),
    ];
    // Not more at once than the machine's sockets hold: a datagram may be lost, and no more than
    // 30 of them are under way.
    proptest::collection::vec(op, 1..60)
}

/// Plays operations; every datagram comes out at the other end, whole and in order.
fn play(order: u8, ops: &[Op]) {
    let mut meeting = Meeting::new(true);
    let (id, at) = meeting.bind("127.0.0.1:0", Some(order));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_nonblocking(true).unwrap();
    let to = peer.local_addr().unwrap();
    let (mut out, mut back): (Vec<Vec<u8>>, Vec<Vec<u8>>) = Default::default();
    let (mut out_came, mut back_came) = (0, 0);
    let mut into = vec![0; LONGEST];
    let mut seed = 0;
    for op in ops {
        seed += 1;
        match op {
            Op::GuestSends(len) if out.len() - out_came < 15 => {
                let bytes = data(seed, *len);
                let now = meeting.now();
                match meeting.frontend.try_send_to(id, &bytes, Some(to), now) {
                    Ok(()) => out.push(bytes),
                    Err(error) => assert_eq!(error, TryError::WouldBlock),
                }
            }
            Op::PeerSends(len) if back.len() - back_came < 15 => {
                let bytes = data(seed, *len);
                peer.send_to(&bytes, at).unwrap();
                back.push(bytes);
            }
            Op::GuestReceives(most) => {
                if let Ok(received) =
                    meeting
                        .frontend
                        .try_receive_from(id, &mut into[..*most], true)
                {
                    let all = &back[back_came];
                    assert_eq!(received.cut, all.len() > *most);
                    assert!(into[..received.bytes] == all[..all.len().min(*most)]);
                    back_came += 1;
                }
            }
            Op::PeerReceives => {
                if let Ok((count, from)) = peer.recv_from(&mut into) {
                    assert_eq!(from, at);
                    assert!(into[..count] == out[out_came]);
                    out_came += 1;
                }
            }
            Op::Idle | Op::GuestSends(_) | Op::PeerSends(_) => {
                meeting.idle(Duration::from_millis(1));
            }
        }
    }
    while back_came < back.len() {
        let received = meeting.receive_from(id, &mut into);
        assert!(into[..received.bytes] == back[back_came]);
        back_came += 1;
    }
    meeting.close(id);
    meeting.until("what the guest sent", |_| {
        while let Ok((count, _)) = peer.recv_from(&mut into) {
            assert!(into[..count] == out[out_came]);
            out_came += 1;
        }
        out_came == out.len()
    });
    meeting.end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations_are_those_of_plain_sockets(order in 1u8..=3, ops in ops()) {
        play(order, &ops);
    }
}
