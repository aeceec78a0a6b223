//! Raw streams, one promise after the other. Random orders are in `many_users.rs`.

use xenstore::raw::{Error, REPLIES_MAX, Stream};
use xenstore::request::Read;
use xenstore::test_utils::{Server, message};
use xenstore::wire::PAYLOAD_MAX;
use xenstore::{Client, Path, ProtocolError, TransactionId};

const READ: u32 = 2;
const WATCH: u32 = 4;
const WATCH_EVENT: u32 = 15;

/// One stream on a client, and its server.
#[derive(Default)]
struct Bed {
    client: Client,
    server: Server,
    stream: Stream,
}

impl Bed {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.stream.write(&mut self.client, bytes)
    }

    /// Everything goes to the server and comes back.
    fn exchange(&mut self) {
        loop {
            while !self.client.outgoing().is_empty() {
                let count = self.client.outgoing().len();
                self.server.receive(self.client.outgoing());
                self.client.consumed(count);
            }
            while self.server.serve() {}
            let bytes = self.server.sent(usize::MAX);
            if bytes.is_empty() {
                return;
            }
            let _ = self.client.incoming(&bytes);
            self.stream.advance(&mut self.client);
        }
    }

    /// All there is to read.
    fn read(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut piece = [0; 100];
        while let Ok(count) = self.stream.read(&mut self.client, &mut piece) {
            all.extend_from_slice(&piece[..count]);
        }
        all
    }

    /// Watches, and reads the reply and the first event.
    fn watch(&mut self, path: &str, token: &str) {
        let payload = format!("{path}\0{token}\0");
        let request = message(WATCH, 1, 0, payload.as_bytes());
        assert_eq!(self.write(&request), Ok(request.len()));
        self.exchange();
        let reply = message(WATCH, 1, 0, b"OK\0");
        let event = message(WATCH_EVENT, 0, 0, payload.as_bytes());
        assert_eq!(self.read(), [reply, event].concat());
    }
}

#[test]
fn replies_are_read_before_events() {
    let mut bed = Bed::default();
    bed.server.write("a", b"a value");
    bed.watch("a", "token");
    let request = message(READ, 7, 0, b"a\0");
    assert_eq!(bed.write(&request), Ok(request.len()));
    bed.server.write("a", b"another");
    bed.exchange();
    let reply = message(READ, 7, 0, b"another");
    let event = message(WATCH_EVENT, 0, 0, b"a\0token\0");
    assert_eq!(bed.read(), [reply, event].concat());
}

#[test]
fn too_many_events_become_one_with_the_path_that_is_watched() {
    let mut bed = Bed::default();
    bed.watch("a", "token");
    for n in 0..100 {
        bed.server.write(&format!("a/{n}"), b"x");
    }
    bed.exchange();
    assert_eq!(bed.read(), message(WATCH_EVENT, 0, 0, b"a\0token\0"));
}

#[test]
fn an_event_that_is_too_long_with_its_token_has_the_path_that_is_watched() {
    let mut bed = Bed::default();
    let token = "t".repeat(3000);
    bed.watch("a", &token);
    bed.server.write(&format!("a/{}", "b".repeat(2000)), b"x");
    bed.exchange();
    let payload = format!("a\0{token}\0");
    assert_eq!(bed.read(), message(WATCH_EVENT, 0, 0, payload.as_bytes()));
    // As long as can be.
    bed.server.write(&format!("a/{}", "b".repeat(1092)), b"x");
    bed.exchange();
    assert_eq!(bed.read().len(), 16 + PAYLOAD_MAX);
}

#[test]
fn a_header_that_announces_too_much_is_dropped_and_nothing_else() {
    let mut bed = Bed::default();
    bed.server.write("a", b"a value");
    let good = message(READ, 1, 0, b"a\0");
    let mut bad = message(READ, 2, 0, b"");
    bad[12..].copy_from_slice(&4097u32.to_le_bytes());
    // What is before it is taken; then the write begins with it and fails.
    let both = [&good[..], &bad, &good].concat();
    assert_eq!(bed.write(&both), Ok(good.len()));
    let error = Err(Error::TooLong { bytes: 4097 });
    assert_eq!(bed.write(&both[good.len()..]), error);
    // In pieces.
    assert_eq!(bed.write(&bad[..10]), Ok(10));
    assert_eq!(bed.write(&bad[10..]), error);
    assert_eq!(bed.write(&good), Ok(good.len()));
    bed.exchange();
    let reply = message(READ, 1, 0, b"a value");
    assert_eq!(bed.read(), [reply.clone(), reply].concat());
}

#[test]
fn a_stream_that_is_not_read_takes_no_more_and_harms_nobody() {
    let mut bed = Bed::default();
    bed.server.write("a", b"a value");
    let mut sent = 0;
    loop {
        let request = message(READ, sent, 0, b"a\0");
        match bed.write(&request) {
            Ok(count) => assert_eq!(count, request.len()),
            Err(error) => break assert_eq!(error, Error::WouldBlock),
        }
        bed.exchange();
        sent += 1;
    }
    assert_eq!(sent as usize, REPLIES_MAX + 1);
    assert!(!bed.stream.readiness(&bed.client).writable);
    let path = Path::new("a").unwrap();
    let read = bed
        .client
        .submit(&Read(path), TransactionId::NONE)
        .expect("others have room");
    bed.exchange();
    assert_eq!(bed.client.take(&read), Some(Ok(b"a value".to_vec())));
    // One reply is read to its end: there is room for the request that waited.
    let mut reply = [0; 16 + 7];
    assert_eq!(
        bed.stream.read(&mut bed.client, &mut reply),
        Ok(reply.len())
    );
    assert!(bed.stream.readiness(&bed.client).writable);
    bed.exchange();
    assert_eq!(bed.read().len(), REPLIES_MAX * reply.len());
}

#[test]
fn the_end_is_told_after_what_came_before_it() {
    let mut bed = Bed::default();
    bed.server.write("a", b"a value");
    let request = message(READ, 1, 0, b"a\0");
    assert_eq!(bed.write(&request), Ok(request.len()));
    assert_eq!(bed.write(&request), Ok(request.len()));
    bed.exchange();
    // Nobody asked for this.
    bed.server.send(&message(READ, 99, 0, b"x"));
    bed.exchange();
    let ended = ProtocolError::UnknownRequest { request_id: 99 };
    assert_eq!(bed.client.ended(), Some(ended));
    let readiness = bed.stream.readiness(&bed.client);
    assert!(readiness.readable && readiness.writable);
    assert_eq!(bed.write(&request), Err(Error::Ended(ended)));
    let reply = message(READ, 1, 0, b"a value");
    assert_eq!(bed.read(), [reply.clone(), reply].concat());
    let read = bed.stream.read(&mut bed.client, &mut [0]);
    assert_eq!(read, Err(Error::Ended(ended)));
    bed.stream.close(&mut bed.client);
}

#[test]
fn nothing_to_do_is_no_error() {
    let mut bed = Bed::default();
    assert_eq!(bed.write(b""), Ok(0));
    assert_eq!(bed.stream.read(&mut bed.client, &mut []), Ok(0));
    let read = bed.stream.read(&mut bed.client, &mut [0]);
    assert_eq!(read, Err(Error::WouldBlock));
    let readiness = bed.stream.readiness(&bed.client);
    assert!(!readiness.readable && readiness.writable);
}
