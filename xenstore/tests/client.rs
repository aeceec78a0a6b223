//! The client against a scripted server: ordinary conversations, and each way to break the protocol.

use xenstore::request::{Directory, Read, TransactionEnd, TransactionStart, Write};
use xenstore::wire::{HEADER_BYTES, Header, MessageType, PAYLOAD_MAX, XENBUS_DEVICE_PAYLOAD_MAX};
use xenstore::{Client, Errno, Error, Path, ProtocolError, SubmitError, TransactionId, WatchEvent};

fn path(text: &str) -> Path<'_> {
    Path::new(text).unwrap()
}

fn message(message_type: MessageType, request_id: u32, payload: &[u8]) -> Vec<u8> {
    let payload_bytes = u32::try_from(payload.len()).unwrap();
    let header = Header {
        message_type: message_type.number(),
        request_id,
        transaction_id: 0,
        payload_bytes,
    };
    [&header.to_bytes()[..], payload].concat()
}

/// Sends the next message byte by byte and returns its header and payload.
fn sent(client: &mut Client) -> (Header, Vec<u8>) {
    let mut bytes = Vec::new();
    for _ in 0..client.outgoing().len() {
        bytes.push(client.outgoing()[0]);
        client.consumed(1);
    }
    let header = Header::from_bytes(bytes[..HEADER_BYTES].try_into().unwrap());
    assert_eq!(header.payload_bytes as usize, bytes.len() - HEADER_BYTES);
    (header, bytes.split_off(HEADER_BYTES))
}

#[test]
fn replies_may_come_out_of_order_and_between_events() {
    let mut client = Client::new();
    let (token, watching) = client.watch(path("device")).unwrap();
    let read = client
        .submit(&Read(path("name")), TransactionId::NONE)
        .unwrap();
    let list = client
        .submit(&Directory(path("device")), TransactionId::NONE)
        .unwrap();
    let (watch_header, watch_payload) = sent(&mut client);
    let (read_header, _) = sent(&mut client);
    let (list_header, _) = sent(&mut client);
    assert!(client.outgoing().is_empty());
    assert_eq!(watch_payload, format!("device\0{token}\0").as_bytes());

    let event = message(
        MessageType::WatchEvent,
        77,
        format!("device\0{token}\0").as_bytes(),
    );
    let stream = [
        message(MessageType::Directory, list_header.request_id, b"pvcalls\0"),
        event.clone(),
        message(MessageType::Watch, watch_header.request_id, b"OK\0"),
        message(MessageType::Error, read_header.request_id, b"ENOENT\0"),
        event,
    ];
    client.incoming(&stream.concat()).unwrap();

    assert_eq!(client.take(&read), Some(Err(Error::Store(Errno::ENOENT))));
    assert_eq!(client.take(&list), Some(Ok(vec!["pvcalls".to_string()])));
    assert_eq!(client.take(&watching), Some(Ok(())));
    assert_eq!(client.watch_with_event(), Some(token));
    assert_eq!(
        client.take_event(token),
        Some(WatchEvent::Path("device".into()))
    );
    assert_eq!(client.take_event(token), None);
}

#[test]
fn requests_carry_their_transaction() {
    let mut client = Client::new();
    let start = client
        .submit(&TransactionStart, TransactionId::NONE)
        .unwrap();
    let (header, payload) = sent(&mut client);
    assert_eq!((header.transaction_id, &payload[..]), (0, &b"\0"[..]));
    client
        .incoming(&message(
            MessageType::TransactionStart,
            header.request_id,
            b"4711\0",
        ))
        .unwrap();
    let transaction = client.take(&start).unwrap().unwrap();

    let _write = client
        .submit(&Write(path("data/a"), b"1"), transaction)
        .unwrap();
    assert_eq!(sent(&mut client).0.transaction_id, 4711);
    let end = client
        .submit(&TransactionEnd { commit: true }, transaction)
        .unwrap();
    let (header, payload) = sent(&mut client);
    assert_eq!((header.transaction_id, &payload[..]), (4711, &b"T\0"[..]));
    client
        .incoming(&message(MessageType::Error, header.request_id, b"EAGAIN\0"))
        .unwrap();
    assert_eq!(
        client.take(&end).unwrap().unwrap_err().errno(),
        Some(Errno::EAGAIN)
    );
}

#[test]
fn a_failed_watch_leaves_nothing_behind() {
    let mut client = Client::new();
    let (token, pending) = client.watch(path("/tool")).unwrap();
    let (header, _) = sent(&mut client);
    client
        .incoming(&message(MessageType::Error, header.request_id, b"EACCES\0"))
        .unwrap();
    assert_eq!(
        client.take(&pending),
        Some(Err(Error::Store(Errno::EACCES)))
    );
    assert_eq!(client.watched_path(token), None);
    assert_eq!(client.unwatch(token).unwrap_err(), SubmitError::NoSuchWatch);
}

#[test]
fn unwatch_drops_queued_and_late_events() {
    let mut client = Client::new();
    let (token, watching) = client.watch(path("device")).unwrap();
    let (header, _) = sent(&mut client);
    let event = message(
        MessageType::WatchEvent,
        0,
        format!("device\0{token}\0").as_bytes(),
    );
    client
        .incoming(&message(MessageType::Watch, header.request_id, b"OK\0"))
        .unwrap();
    client.incoming(&event).unwrap();
    assert_eq!(client.take(&watching), Some(Ok(())));
    let _unwatching = client.unwatch(token).unwrap();
    client.incoming(&event).unwrap();
    assert_eq!(client.watch_with_event(), None);
    assert_eq!(sent(&mut client).1, format!("device\0{token}\0").as_bytes());
}

#[test]
fn a_transaction_that_nobody_waits_for_is_aborted() {
    for late in [false, true] {
        let mut client = Client::new();
        let start = client
            .submit(&TransactionStart, TransactionId::NONE)
            .unwrap();
        let id = sent(&mut client).0.request_id;
        let reply = message(MessageType::TransactionStart, id, b"12\0");
        if late {
            client.abandon(start);
            client.incoming(&reply).unwrap();
        } else {
            client.incoming(&reply).unwrap();
            client.abandon(start);
        }
        let (header, payload) = sent(&mut client);
        assert_eq!(header.message_type, MessageType::TransactionEnd.number());
        assert_eq!((header.transaction_id, &payload[..]), (12, &b"F\0"[..]));
        client
            .incoming(&message(
                MessageType::TransactionEnd,
                header.request_id,
                b"OK\0",
            ))
            .unwrap();
        assert_eq!(client.room(), xenstore::client::REQUESTS_MAX);
    }
}

#[test]
fn abandoned_replies_are_dropped() {
    let mut client = Client::new();
    let early = client
        .submit(&Read(path("a")), TransactionId::NONE)
        .unwrap();
    let late = client
        .submit(&Read(path("b")), TransactionId::NONE)
        .unwrap();
    let ids = [
        sent(&mut client).0.request_id,
        sent(&mut client).0.request_id,
    ];
    client.abandon(early);
    for id in ids {
        client
            .incoming(&message(MessageType::Read, id, b"x"))
            .unwrap();
    }
    client.abandon(late);
    // Both places are free again, and a second reply to either is against the protocol.
    let error = client
        .incoming(&message(MessageType::Read, ids[0], b"x"))
        .unwrap_err();
    assert_eq!(error, ProtocolError::UnknownRequest { request_id: ids[0] });
}

#[test]
fn chores_are_done_before_anything_else_however_busy_the_client_is() {
    let mut client = Client::new();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let (token, watching) = client.watch(path("device")).unwrap();
        let id = sent(&mut client).0.request_id;
        client
            .incoming(&message(MessageType::Watch, id, b"OK\0"))
            .unwrap();
        assert_eq!(client.take(&watching), Some(Ok(())));
        tokens.push(token);
    }
    let reads: Vec<_> = (0..xenstore::client::REQUESTS_MAX)
        .map(|_| {
            client
                .submit(&Read(path("a")), TransactionId::NONE)
                .unwrap()
        })
        .collect();
    let ids: Vec<u32> = reads
        .iter()
        .map(|_| sent(&mut client).0.request_id)
        .collect();
    for token in tokens {
        client.discard_watch(token);
        assert_eq!(client.watched_path(token), None);
    }
    let mut unwatched = Vec::new();
    let mut send_all = |client: &mut Client| {
        while !client.outgoing().is_empty() {
            let header = sent(client).0;
            assert_eq!(header.message_type, MessageType::Unwatch.number());
            unwatched.push(header.request_id);
        }
        unwatched.len()
    };
    // Two more than anybody else may have, so that chores never wait for replies to be taken.
    assert_eq!(send_all(&mut client), 2);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(client.room(), 0);
        client
            .incoming(&message(MessageType::Read, *id, b"x"))
            .unwrap();
        assert_eq!(send_all(&mut client), (3 + n).min(4));
    }
    assert!(reads.iter().all(|read| client.take(read).is_some()));
    assert_eq!(client.room(), xenstore::client::REQUESTS_MAX - 4);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut client = Client::with_payload_max(XENBUS_DEVICE_PAYLOAD_MAX);
    let value = [0; PAYLOAD_MAX];
    let write = client.submit(
        &Write(path("a"), &value[..XENBUS_DEVICE_PAYLOAD_MAX - 1]),
        TransactionId::NONE,
    );
    assert_eq!(
        write.unwrap_err(),
        SubmitError::TooLong {
            bytes: 4081,
            max_bytes: 4080
        }
    );
    let accepted = (0..100)
        .take_while(|_| client.submit(&Read(path("a")), TransactionId::NONE).is_ok())
        .count();
    assert_eq!(accepted, xenstore::client::REQUESTS_MAX);
    assert_eq!(
        client.watch(path("a")).unwrap_err(),
        SubmitError::TooManyRequests
    );
}

/// What a client with one READ under way, id 1, says to these bytes.
#[track_caller]
fn reaction(bytes: &[u8]) -> ProtocolError {
    let mut client = Client::new();
    let read = client
        .submit(&Read(path("a")), TransactionId::NONE)
        .unwrap();
    let error = client.incoming(bytes).unwrap_err();
    assert_eq!(client.take(&read), Some(Err(Error::Protocol(error))));
    assert_eq!(client.incoming(b""), Err(error));
    assert_eq!(
        client
            .submit(&TransactionStart, TransactionId::NONE)
            .unwrap_err(),
        SubmitError::Ended(error)
    );
    assert!(client.outgoing().is_empty());
    error
}

#[test]
fn the_first_violation_ends_the_connection() {
    let mut oversized = message(MessageType::Read, 1, b"");
    oversized[12..].copy_from_slice(&4097u32.to_le_bytes());
    assert_eq!(
        reaction(&oversized),
        ProtocolError::Oversized { bytes: 4097 }
    );
    let mut unknown_type = message(MessageType::Read, 1, b"");
    unknown_type[0] = 99;
    assert_eq!(
        reaction(&unknown_type),
        ProtocolError::UnknownType { message_type: 99 }
    );
    let stray = message(MessageType::Read, 2, b"");
    assert_eq!(
        reaction(&stray),
        ProtocolError::UnknownRequest { request_id: 2 }
    );
    let other = message(MessageType::Write, 1, b"OK\0");
    assert_eq!(
        reaction(&other),
        ProtocolError::WrongType {
            expected: 2,
            found: 11
        }
    );
    for bad in [&b""[..], b"ENOENT", b"\0", b"ENOENT\0EIO\0", b"\xff\0"] {
        assert_eq!(
            reaction(&message(MessageType::Error, 1, bad)),
            ProtocolError::BadReply { message_type: 16 }
        );
    }
    let event = message(MessageType::WatchEvent, 0, b"a\0b");
    assert_eq!(reaction(&event), ProtocolError::BadEvent);
}

#[test]
fn a_malformed_reply_ends_the_connection_when_it_is_read() {
    let mut client = Client::new();
    let list = client
        .submit(&Directory(path("a")), TransactionId::NONE)
        .unwrap();
    client
        .incoming(&message(MessageType::Directory, 1, b"no nul"))
        .unwrap();
    let error = ProtocolError::BadReply { message_type: 1 };
    assert_eq!(client.take(&list), Some(Err(Error::Protocol(error))));
    assert_eq!(client.ended(), Some(error));
}

#[test]
fn an_error_of_a_later_protocol_is_only_an_error() {
    let mut client = Client::new();
    let read = client
        .submit(&Read(path("a")), TransactionId::NONE)
        .unwrap();
    client
        .incoming(&message(MessageType::Error, 1, b"ENEWFANGLED\0"))
        .unwrap();
    assert_eq!(client.take(&read), Some(Err(Error::Store(Errno::EIO))));
    assert_eq!(client.ended(), None);
}
