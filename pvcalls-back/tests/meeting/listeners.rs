//! Our frontend's listeners, and connections from this machine.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use pvcalls_front::{Errno, Interest, ListenOptions, RingOrder, SocketId, TryError};

use crate::data;
use crate::device::Meeting;

impl Meeting {
    /// Listens somewhere on this machine.
    pub(crate) fn listen(&mut self, at: &str) -> (SocketId, SocketAddr) {
        let before = self.errors();
        let id = self.begin_listen(at);
        self.until("a listener", |meeting| {
            match meeting.frontend.try_listen(id) {
                Ok(()) => true,
                Err(TryError::WouldBlock) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
        // With names it asks for port 0, and what went wrong meanwhile was not a port.
        if !self.extended {
            self.ports_in_use += self.errors() - before;
        }
        (id, self.frontend.local_addr(id).unwrap())
    }

    fn begin_listen(&mut self, at: &str) -> SocketId {
        let options = ListenOptions {
            ring_order: RingOrder::new(1),
            ..ListenOptions::default()
        };
        let now = self.now();
        { self.frontend.listen(at.parse().unwrap(), options, now) }.unwrap()
    }

    /// Waits for a connection as a thread does.
    pub(crate) fn accept(&mut self, listener: SocketId) -> SocketId {
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
        let (listener, at) = meeting.listen("127.0.0.1:0");
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
                meeting.idle(Duration::from_millis(1));
            }
            assert!(reader.join().unwrap() == all);
        }
        let waiting = meeting.frontend.stats().accepts_out;
        assert_eq!(waiting, if extended { 7 } else { 1 });
        meeting.close(listener);
        meeting.end_after(waiting as u64);
    }
}

#[test]
fn a_crowd_is_served_by_one_who_never_waits_for_anyone() {
    const CLIENTS: usize = 80;
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let (listener, at) = meeting.listen("127.0.0.1:0");
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                std::thread::spawn(move || {
                    let mut peer = TcpStream::connect(at).unwrap();
                    let all = data(number as u64, 9000);
                    peer.write_all(&all).unwrap();
                    let mut back = vec![0; all.len()];
                    peer.read_exact(&mut back).unwrap();
                    assert!(back == all);
                })
            })
            .collect();
        // Streams, and what they have to send back.
        let mut streams: Vec<(SocketId, Vec<u8>)> = Vec::new();
        let (mut accepted, mut ended) = (0, 0);
        meeting.until("all to be served", |meeting| {
            let now = meeting.now();
            while let Ok(stream) = meeting.frontend.try_accept(listener, now) {
                streams.push((stream, Vec::new()));
                accepted += 1;
            }
            streams.retain_mut(|(stream, left)| {
                let open = match meeting.read(*stream, 5000) {
                    Some(bytes) => {
                        left.extend(bytes);
                        true
                    }
                    None => false,
                };
                let count = meeting.write(*stream, left);
                left.drain(..count);
                if !open {
                    meeting.close(*stream);
                    ended += 1;
                }
                open
            });
            ended == CLIENTS
        });
        assert_eq!(accepted, CLIENTS);
        for client in clients {
            client.join().unwrap();
        }
        let waiting = meeting.frontend.stats().accepts_out;
        meeting.close(listener);
        meeting.end_after(waiting as u64);
    }
}

#[test]
fn names_agree_at_both_ends() {
    let mut meeting = Meeting::new(true);
    let (listener, at) = meeting.listen("127.0.0.1:0");
    assert_ne!(at.port(), 0);
    let peer = TcpStream::connect(at).unwrap();
    let stream = meeting.accept(listener);
    let theirs = peer.local_addr().unwrap();
    assert_eq!(meeting.frontend.peer_addr(stream), Ok(theirs));
    assert_eq!(meeting.frontend.local_addr(stream), Ok(at));
    meeting.close(stream);
    let waiting = meeting.frontend.stats().accepts_out;
    meeting.close(listener);
    meeting.end_after(waiting as u64);
}

#[test]
fn a_port_in_use_is_said_and_one_that_was_closed_is_free_at_once() {
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = taken.local_addr().unwrap();
        let id = meeting.begin_listen(&at.to_string());
        let mut error = None;
        meeting.until("an error", |meeting| {
            match meeting.frontend.try_listen(id) {
                Err(TryError::Failed(reason)) => error = Some(reason.errno()),
                other => assert_eq!(other, Err(TryError::WouldBlock)),
            }
            error.is_some()
        });
        assert_eq!(error, Some(Errno::EADDRINUSE));
        meeting.close(id);
        drop(taken);
        let mut errors = 1;
        for _ in 0..3 {
            let (listener, at) = meeting.listen(&at.to_string());
            let peer = TcpStream::connect(at).unwrap();
            let stream = meeting.accept(listener);
            // The guest closes first: its port has a connection in TIME-WAIT.
            meeting.close(stream);
            errors += meeting.frontend.stats().accepts_out as u64;
            meeting.close(listener);
            drop(peer);
            meeting.until("the end of both", |meeting| {
                meeting.frontend.stats().sockets == 0
            });
        }
        meeting.end_after(errors);
    }
}

#[test]
fn who_was_not_taken_is_not_left_hanging() {
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let (listener, at) = meeting.listen("127.0.0.1:0");
        let mut peers: Vec<_> = (0..20).map(|_| TcpStream::connect(at).unwrap()).collect();
        meeting.until("some to be accepted", |meeting| {
            let stats = meeting.frontend.stats();
            stats.sockets == 9 && stats.accepts_out == 0
        });
        meeting.close(listener);
        meeting.until("the end of all", |meeting| {
            meeting.frontend.stats().sockets == 0
        });
        for peer in &mut peers {
            match peer.read(&mut [0]) {
                Ok(0) => {}
                Ok(_) => panic!("nobody sent anything"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
        meeting.end_after(0);
    }
}
