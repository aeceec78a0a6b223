//! Our frontend's listeners, and connections from this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use pvcalls_front::{Interest, ListenOptions, SocketId, TryError};

use crate::data;
use crate::device::Meeting;

impl Meeting {
    /// Listens somewhere on this machine.
    fn listen(&mut self, at: &str) -> (SocketId, SocketAddr) {
        let at = at.parse().unwrap();
        let now = self.now();
        let options = ListenOptions::default();
        let id = self.frontend.listen(at, options, now).unwrap();
        self.until("a listener", |meeting| {
            match meeting.frontend.try_listen(id) {
                Ok(()) => true,
                Err(TryError::WouldBlock) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
        (id, at)
    }

    /// Waits for a connection as a thread does.
    fn accept(&mut self, listener: SocketId) -> SocketId {
        loop {
            let now = self.now();
            match self.frontend.try_accept(listener, now) {
                Ok(stream) => return stream,
                Err(TryError::WouldBlock) => self.sleep(listener, [Interest::Read]),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[test]
fn connections_come_in() {
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (listener, at) = meeting.listen(&format!("127.0.0.1:{port}"));
        for round in 0..30 {
            let mut peer = TcpStream::connect(at).unwrap();
            let stream = meeting.accept(listener);
            let all = data(round, 3000);
            peer.write_all(&all).unwrap();
            let mut got = Vec::new();
            meeting.until("what the peer wrote", |meeting| {
                got.extend(meeting.read(stream, 4000).expect("no end yet"));
                got.len() == all.len()
            });
            assert!(got == all);
            assert_eq!(meeting.write(stream, &all), all.len());
            meeting.close(stream);
            meeting.idle_until_something();
            let mut back = Vec::new();
            let reader = std::thread::spawn(move || {
                peer.read_to_end(&mut back).unwrap();
                back
            });
            while !reader.is_finished() {
                meeting.idle(std::time::Duration::from_millis(1));
            }
            assert!(reader.join().unwrap() == all);
        }
        let waiting = meeting.frontend.stats().accepts_out;
        assert_eq!(waiting, if extended { 8 } else { 1 });
        meeting.close(listener);
        meeting.end_after(waiting as u64);
    }
}
