//! Random servers: what they send may be anything, in any pieces. No panic, no growth, and
//! pieces never make a difference.

use proptest::collection::vec;
use proptest::prelude::*;
use xenstore::request::{Directory, GetPerms, Read, TransactionStart};
use xenstore::wire::{Header, MessageType};
use xenstore::{
    Client, Error, Path, Pending, ProtocolError, TransactionId, WatchEvent, WatchToken,
};

/// A message of a server that mostly keeps to the protocol and sometimes lies.
#[derive(Clone, Debug)]
struct Message {
    message_type: u32,
    request_id: u32,
    payload: Vec<u8>,
    /// The length in the header, if it is not that of the payload.
    lie: Option<u32>,
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        let honest = u32::try_from(self.payload.len()).unwrap();
        let header = Header {
            message_type: self.message_type,
            request_id: self.request_id,
            transaction_id: 0,
            payload_bytes: self.lie.unwrap_or(honest),
        };
        [&header.to_bytes()[..], &self.payload].concat()
    }
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![
            &b"OK\0"[..], b"device\x0000000001\0", b"device/a\x0000000001\0", b"x\0y\0", b"ENOENT\0", b"EWHAT\0", b"1\0",
            b"n0\0r1\0", b"", b"a\0\0", b"no nul",
        ]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..5000),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let message_type = prop_oneof![8 => prop::sample::select(vec![1u32, 2, 3, 4, 6, 15, 15, 15, 16]), 1 => any::<u32>()];
    let request_id = prop_oneof![8 => 0u32..7, 1 => any::<u32>()];
    let lie =
        prop_oneof![9 => Just(None), 1 => prop_oneof![0u32..5000, any::<u32>()].prop_map(Some)];
    (message_type, request_id, payload(), lie).prop_map(
        |(message_type, request_id, payload, lie)| Message {
            message_type,
            request_id,
            payload,
            lie,
        },
    )
}

/// All that a client lets its owner see.
#[derive(Debug, PartialEq)]
struct Outcome {
    incoming: Result<(), ProtocolError>,
    watch: Option<Result<(), Error>>,
    read: Option<Result<Vec<u8>, Error>>,
    list: Option<Result<Vec<String>, Error>>,
    perms: bool,
    start: bool,
    events: Vec<WatchEvent>,
}

struct Asked {
    client: Client,
    token: WatchToken,
    watch: Pending<()>,
}

fn asked() -> Asked {
    let mut client = Client::new();
    let (token, watch) = client.watch(Path::new("device").unwrap()).unwrap();
    Asked {
        client,
        token,
        watch,
    }
}

/// Feeds the stream in pieces of these sizes, over and over.
fn outcome(stream: &[u8], pieces: &[usize]) -> Outcome {
    let Asked {
        mut client,
        token,
        watch,
    } = asked();
    let path = Path::new("device").unwrap();
    let none = TransactionId::NONE;
    let read = client.submit(&Read(path), none).unwrap();
    let list = client.submit(&Directory(path), none).unwrap();
    let perms = client.submit(&GetPerms(path), none).unwrap();
    let start = client.submit(&TransactionStart, none).unwrap();

    let mut rest = stream;
    let mut incoming = Ok(());
    for size in pieces.iter().cycle() {
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        incoming = client.incoming(piece);
        if incoming.is_err() || rest.is_empty() {
            break;
        }
    }
    let events = core::iter::from_fn(|| client.take_event(token)).collect();
    Outcome {
        incoming,
        watch: client.take(&watch),
        read: client.take(&read),
        list: client.take(&list),
        perms: client.take(&perms).is_some_and(|reply| reply.is_ok()),
        start: client.take(&start).is_some_and(|reply| reply.is_ok()),
        events,
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(messages in vec(message(), 0..20), pieces in vec(1usize..400, 1..8)) {
        let stream: Vec<u8> = messages.iter().flat_map(Message::bytes).collect();
        prop_assert_eq!(outcome(&stream, &pieces), outcome(&stream, &[usize::MAX]));
        prop_assert_eq!(outcome(&stream, &[1]), outcome(&stream, &[usize::MAX]));
    }

    #[test]
    fn garbage_never_panics(stream in vec(any::<u8>(), 0..600), pieces in vec(1usize..50, 1..4)) {
        outcome(&stream, &pieces);
    }

    #[test]
    fn floods_of_events_stay_small(names in vec("[a-z]{1,8}", 200..400)) {
        let Asked { mut client, token, watch } = asked();
        for name in &names {
            let payload = format!("device/{name}\0{token}\0").into_bytes();
            let event = Message { message_type: MessageType::WatchEvent.number(), request_id: 0, payload, lie: None };
            client.incoming(&event.bytes()).unwrap();
        }
        let events = core::iter::from_fn(|| client.take_event(token)).count();
        prop_assert!(events <= 32);
        client.abandon(watch);
    }
}
