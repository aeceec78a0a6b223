//! Any operations, as sockets of one machine would do them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use proptest::prelude::*;
use pvcalls_front::{Call, How, SocketId};

use crate::data;
use crate::device::Meeting;

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Op {
    Connect(u8),
    GuestWrites(usize, usize),
    PeerWrites(usize, usize),
    GuestReads(usize, usize),
    PeerReads(usize, usize),
    PeerEnds(usize),
    /// Half-close, if both sides know it.
    GuestEnds(usize),
    GuestCloses(usize),
    Idle,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let len = || {
        prop_oneof![
            1usize..10,
            100usize..5000,
            4096usize..4097,
            20_000usize..100_000
        ]
    };
    let op = prop_oneof![
        2 => (1u8..=5).prop_map(Op::Connect),
        6 => (0usize..8, len()).prop_map(|(at, len)| Op::GuestWrites(at, len)),
        6 => (0usize..8, len()).prop_map(|(at, len)| Op::PeerWrites(at, len)),
        5 => (0usize..8, len()).prop_map(|(at, len)| Op::GuestReads(at, len)),
        5 => (0usize..8, len()).prop_map(|(at, len)| Op::PeerReads(at, len)),
        1 => (0usize..8).prop_map(Op::PeerEnds),
        1 => (0usize..8).prop_map(Op::GuestEnds),
        1 => (0usize..8).prop_map(Op::GuestCloses),
        2 => Just(Op::Idle),
    ];
    proptest::collection::vec(op, 1..80)
}

/// A connection, and what has gone through it so far.
struct Pair {
    id: SocketId,
    peer: TcpStream,
    /// Written by the guest, read by the peer, and the other way round.
    out: (Vec<u8>, Vec<u8>),
    back: (Vec<u8>, Vec<u8>),
    peer_ended: bool,
    guest_ended: bool,
    closed: bool,
}

fn read_peer(pair: &mut Pair, max: usize) -> bool {
    let mut bytes = vec![0; max];
    match pair.peer.read(&mut bytes) {
        Ok(0) => return true,
        Ok(count) => pair.out.1.extend_from_slice(&bytes[..count]),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
    }
    false
}

/// Plays operations as sockets of one machine would do them: the same bytes come out at the other
/// end, then the end, and never an error.
fn play(extended: bool, ops: &[Op]) {
    let mut meeting = Meeting::new(extended);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    let mut pairs: Vec<Pair> = Vec::new();
    let mut seed = 0;
    for op in ops {
        let pick = |at: &usize, len: usize| (len > 0).then(|| at % len);
        seed += 1;
        match op {
            Op::Connect(order) => {
                if pairs.len() < 8 {
                    let id = meeting.connect(at, *order);
                    let (peer, _) = server.accept().unwrap();
                    peer.set_nonblocking(true).unwrap();
                    pairs.push(Pair {
                        id,
                        peer,
                        out: Default::default(),
                        back: Default::default(),
                        peer_ended: false,
                        guest_ended: false,
                        closed: false,
                    });
                }
            }
            Op::GuestWrites(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                    && !pairs[at].guest_ended
                {
                    let bytes = data(seed, *len);
                    let count = meeting.write(pairs[at].id, &bytes);
                    pairs[at].out.0.extend_from_slice(&bytes[..count]);
                }
            }
            Op::PeerWrites(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].peer_ended
                    && !pairs[at].closed
                {
                    let bytes = data(seed, *len);
                    if let Ok(count) = pairs[at].peer.write(&bytes) {
                        pairs[at].back.0.extend_from_slice(&bytes[..count]);
                    }
                }
            }
            Op::GuestReads(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                {
                    let pair = &mut pairs[at];
                    match meeting.read(pair.id, *len) {
                        Some(bytes) => pair.back.1.extend(bytes),
                        None => assert!(pair.peer_ended && pair.back.0 == pair.back.1),
                    }
                }
            }
            Op::PeerReads(at, len) => {
                if let Some(at) = pick(at, pairs.len()) {
                    let ended = read_peer(&mut pairs[at], *len);
                    assert!(!ended || pairs[at].closed || pairs[at].guest_ended);
                    assert!(!ended || pairs[at].out.0 == pairs[at].out.1);
                }
            }
            Op::PeerEnds(at) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].peer_ended
                {
                    pairs[at].peer.shutdown(Shutdown::Write).unwrap();
                    pairs[at].peer_ended = true;
                }
            }
            Op::GuestEnds(at) => {
                if let Some(at) = pick(at, pairs.len())
                    && extended
                    && !pairs[at].closed
                {
                    let (id, now) = (pairs[at].id, meeting.now());
                    let call = meeting.frontend.call(id, Call::Shutdown(How::Write), now);
                    meeting.frontend.drop_call(call.unwrap());
                    pairs[at].guest_ended = true;
                }
            }
            Op::GuestCloses(at) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                    // Bytes on their way to a socket that is closed may make a reset of it, here
                    // as on any machine.
                    && pairs[at].back.0.len() == pairs[at].back.1.len()
                {
                    meeting.close(pairs[at].id);
                    pairs[at].closed = true;
                }
            }
            Op::Idle => meeting.idle(Duration::from_millis(1)),
        }
    }
    // The rest arrives, and then the ends.
    for pair in &mut pairs {
        if !pair.closed {
            if !pair.peer_ended {
                pair.peer.shutdown(Shutdown::Write).unwrap();
            }
            meeting.until("what the peer wrote", |meeting| {
                // The peer must read, or the guest's bytes keep nobody waiting but themselves.
                read_peer(pair, 100_000);
                match meeting.read(pair.id, 100_000) {
                    Some(bytes) => pair.back.1.extend(bytes),
                    None => return true,
                }
                false
            });
            assert!(pair.back.0 == pair.back.1);
            meeting.close(pair.id);
        }
        meeting.until("what the guest wrote", |_| read_peer(pair, 100_000));
        assert!(pair.out.0 == pair.out.1);
    }
    meeting.end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations_are_those_of_plain_sockets(extended in any::<bool>(), ops in ops()) {
        play(extended, &ops);
    }
}
