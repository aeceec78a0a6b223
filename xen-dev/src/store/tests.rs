//! The client against a scripted server at the other end of a socket pair.

use std::io::{Read as _, Write as _};
use std::thread::{self, JoinHandle};

use xenstore::wire::{HEADER_BYTES, Header, MessageType};

use super::*;

/// What the server does when a request comes: its type, transaction and payload with `|` for
/// NUL, and what it sends.
type Step = (MessageType, u32, &'static str, &'static [Answer]);

#[derive(Clone, Copy)]
enum Answer {
    /// The reply.
    Reply(&'static str),
    /// An error instead.
    Error(&'static str),
    /// An event of the first watch, for this path.
    Event(&'static str),
    /// The reply, in pieces of one byte.
    Slow(&'static str),
}
use Answer::{Error, Event, Reply, Slow};

/// Starts a server; it ends when the script does.
fn server(script: &'static [Step]) -> (Store, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut store = Store::over_socket(ours).unwrap();
    store.set_deadline(Duration::from_secs(20));
    (store, thread::spawn(move || serve(theirs, script)))
}

fn serve(mut stream: UnixStream, script: &[Step]) {
    for (message_type, transaction, payload, answers) in script {
        let mut header = [0; HEADER_BYTES];
        stream.read_exact(&mut header).unwrap();
        let header = Header::from_bytes(header);
        let mut asked = vec![0; header.payload_bytes as usize];
        stream.read_exact(&mut asked).unwrap();
        let asked = String::from_utf8(asked).unwrap().replace('\0', "|");
        assert_eq!(header.message_type, message_type.number(), "{asked}");
        assert_eq!(header.transaction_id, *transaction, "{asked}");
        assert_eq!(asked, *payload);
        for answer in *answers {
            let (answer_type, text) = match answer {
                Reply(text) | Slow(text) => (*message_type, (*text).to_owned()),
                Error(name) => (MessageType::Error, format!("{name}|")),
                Event(path) => (MessageType::WatchEvent, format!("{path}|00000001|")),
            };
            let payload = text.replace('|', "\0");
            let answer_header = Header {
                message_type: answer_type.number(),
                // Linux's device leaves the id of events uninitialised.
                request_id: if answer_type == MessageType::WatchEvent {
                    0xdead_beef
                } else {
                    header.request_id
                },
                transaction_id: 0,
                payload_bytes: u32::try_from(payload.len()).unwrap(),
            };
            let mut bytes = answer_header.to_bytes().to_vec();
            bytes.extend_from_slice(payload.as_bytes());
            let piece = if matches!(answer, Slow(_)) {
                1
            } else {
                bytes.len()
            };
            for piece in bytes.chunks(piece) {
                stream.write_all(piece).unwrap();
            }
        }
    }
}

#[test]
fn nodes_are_read_written_listed_and_removed() {
    let (mut store, server) = server(&[
        (MessageType::Read, 0, "domid|", &[Slow("3")]),
        (MessageType::Read, 0, "a|", &[Error("ENOENT")]),
        (MessageType::Read, 0, "b|", &[Error("EACCES")]),
        (MessageType::Write, 0, "a/b|value", &[Reply("OK|")]),
        (MessageType::Directory, 0, "a|", &[Reply("b|c|")]),
        (MessageType::Directory, 0, "b|", &[Error("ENOENT")]),
        (MessageType::Rm, 0, "a|", &[Reply("OK|")]),
        (MessageType::Rm, 0, "b|", &[Error("ENOENT")]),
        (MessageType::IsDomainIntroduced, 0, "7|", &[Reply("F|")]),
    ]);
    assert_eq!(store.read("domid").unwrap().as_deref(), Some(&b"3"[..]));
    assert!(!store.exists("a").unwrap());
    assert!(!store.exists("b").unwrap());
    store.write("a/b", b"value").unwrap();
    assert_eq!(store.directory("a").unwrap(), ["b", "c"]);
    assert!(store.directory("b").unwrap().is_empty());
    store.remove("a").unwrap();
    store.remove("b").unwrap();
    assert!(!store.is_domain_introduced(7).unwrap());
    server.join().unwrap();
}

#[test]
fn long_directories_come_in_parts_and_are_begun_anew_when_they_change() {
    let (mut store, server) = server(&[
        (MessageType::Directory, 0, "d|", &[Error("E2BIG")]),
        (MessageType::DirectoryPart, 0, "d|0|", &[Reply("1|aa|b|")]),
        (MessageType::DirectoryPart, 0, "d|5|", &[Reply("2|c||")]),
        (MessageType::DirectoryPart, 0, "d|0|", &[Reply("2|aa|c|")]),
        (MessageType::DirectoryPart, 0, "d|5|", &[Reply("2|dd||")]),
    ]);
    assert_eq!(store.directory("d").unwrap(), ["aa", "c", "dd"]);
    server.join().unwrap();
}

#[test]
fn a_transaction_that_lost_a_race_is_done_again() {
    let (mut store, server) = server(&[
        (MessageType::TransactionStart, 0, "|", &[Reply("11|")]),
        (MessageType::Read, 11, "n|", &[Reply("1")]),
        (MessageType::Write, 11, "n|2", &[Reply("OK|")]),
        (MessageType::TransactionEnd, 11, "T|", &[Error("EAGAIN")]),
        (MessageType::TransactionStart, 0, "|", &[Reply("12|")]),
        (MessageType::Read, 12, "n|", &[Reply("5")]),
        (MessageType::Write, 12, "n|6", &[Reply("OK|")]),
        (MessageType::TransactionEnd, 12, "T|", &[Reply("OK|")]),
    ]);
    let value = store.transaction(|transaction| {
        let value = transaction.read("n")?.unwrap_or_default();
        let value = [value[0] + 1];
        transaction.write("n", &value)?;
        Ok(value)
    });
    assert_eq!(value.unwrap(), *b"6");
    server.join().unwrap();
}

#[test]
fn a_transaction_whose_work_fails_is_given_up() {
    let (mut store, server) = server(&[
        (MessageType::TransactionStart, 0, "|", &[Reply("11|")]),
        (MessageType::Write, 11, "n|2", &[Error("EACCES")]),
        (MessageType::TransactionEnd, 11, "F|", &[Reply("OK|")]),
    ]);
    let result = store.transaction(|transaction| transaction.write("n", b"2"));
    let error = result.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EACCES));
    assert_eq!(
        error.to_string(),
        "xenstore, write n: EACCES: permission denied"
    );
    server.join().unwrap();
}

#[test]
fn events_between_request_and_reply_are_kept() {
    let (mut store, server) = server(&[
        (
            MessageType::Watch,
            0,
            "w|00000001|",
            &[Reply("OK|"), Event("w")],
        ),
        (MessageType::Read, 0, "w|", &[Event("w/a"), Reply("x")]),
        (
            MessageType::Unwatch,
            0,
            "w|00000001|",
            &[Event("w/b"), Reply("OK|")],
        ),
    ]);
    let token = store.watch("w").unwrap();
    assert_eq!(store.read("w").unwrap().as_deref(), Some(&b"x"[..]));
    let mut events = Vec::new();
    while let Some((of, event)) = store.next_event().unwrap() {
        assert_eq!(of, token);
        events.push(event);
    }
    let path = |path: &str| WatchEvent::Path(path.to_owned());
    assert_eq!(events, [path("w"), path("w/a")]);
    store.unwatch(token).unwrap();
    server.join().unwrap();
    // The server has hung up: nothing more can come, and that is an error, not silence.
    assert!(store.next_event().unwrap_err().is_fatal());
}

#[test]
fn a_refused_watch_is_an_error() {
    let (mut store, server) = server(&[(MessageType::Watch, 0, "w|00000001|", &[Error("E2BIG")])]);
    let error = store.watch("w").unwrap_err();
    assert_eq!(error.errno(), Some(Errno::E2BIG));
    assert!(!error.is_fatal());
    server.join().unwrap();
}

#[test]
fn a_server_that_does_not_answer_costs_the_deadline_and_no_more() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut store = Store::over_socket(ours).unwrap();
    store.set_deadline(Duration::from_millis(30));
    let error = store.read("/local/domain/1/name").unwrap_err();
    assert!(matches!(error.reason(), Reason::TimedOut(_)), "{error}");
    assert!(error.to_string().contains("read /local/domain/1/name"));
    assert!(!error.is_fatal());
    // The late answer is dropped, and the next request gets its own.
    let late = b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0late";
    let next = b"\x02\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0next";
    theirs.write_all(&[&late[..], next].concat()).unwrap();
    store.set_deadline(Duration::from_secs(20));
    // The answer may be there before the request: the request id is what counts.
    let error = store.read("x").unwrap();
    assert_eq!(error.as_deref(), Some(&b"next"[..]));
}

#[test]
fn what_the_client_cannot_send_is_refused_with_its_path() {
    let (mut store, server) = server(&[]);
    let error = store.write("a b", b"").unwrap_err().to_string();
    assert_eq!(
        error,
        "xenstore, write: bad xenstore path \"a b\": character not allowed at byte 1"
    );
    let error = store.write("a", &[b'x'; 5000]).unwrap_err().to_string();
    assert_eq!(
        error,
        "xenstore, write a: xenstore request of 5002 bytes, the limit is 4096"
    );
    server.join().unwrap();
}
