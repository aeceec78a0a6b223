//! The extensions that are commands or names, with both halves and real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::task::Waker;

use pvcalls_front::{
    Call, CallId, Errno, HostError, How, ResolveFamily, SocketError, SocketId, SocketOption,
    TryError,
};

use crate::data;
use crate::device::Meeting;

/// A connection of the guest's, and its other end here.
fn pair(meeting: &mut Meeting, order: u8) -> (SocketId, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = meeting.connect(server.local_addr().unwrap(), order);
    let (peer, _) = server.accept().unwrap();
    (id, peer)
}

fn call(meeting: &mut Meeting, id: SocketId, call: Call) -> CallId {
    let now = meeting.now();
    meeting.frontend.call(id, call, now).unwrap()
}

/// What comes of a call.
fn outcome(meeting: &mut Meeting, call: CallId) -> Result<i64, SocketError> {
    let mut outcome = None;
    meeting.until("an answer", |meeting| {
        match meeting.frontend.try_call(call, Waker::noop()) {
            Err(TryError::WouldBlock) => {}
            Ok(value) => outcome = Some(Ok(value)),
            Err(TryError::Failed(error)) => outcome = Some(Err(error)),
        }
        outcome.is_some()
    });
    outcome.unwrap()
}

fn ask(meeting: &mut Meeting, id: SocketId, what: Call) -> Result<i64, SocketError> {
    let call = call(meeting, id, what);
    outcome(meeting, call)
}

/// Everything until the end, at the guest.
fn rest(meeting: &mut Meeting, id: SocketId) -> Vec<u8> {
    let mut got = Vec::new();
    meeting.until("the end", |meeting| match meeting.read(id, 100_000) {
        Some(bytes) => {
            got.extend(bytes);
            false
        }
        None => true,
    });
    got
}

/// Writes all of it, and gives a thread that reads at the other end until that ends.
fn write_all(
    meeting: &mut Meeting,
    id: SocketId,
    peer: &TcpStream,
    bytes: &[u8],
) -> std::thread::JoinHandle<Vec<u8>> {
    let mut reader = peer.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        got
    });
    let mut written = 0;
    meeting.until("room", |meeting| {
        written += meeting.write(id, &bytes[written..]);
        written == bytes.len()
    });
    thread
}

#[test]
fn a_guest_that_ends_its_way_out_is_answered_to_the_end() {
    for order in [1, 6] {
        let mut meeting = Meeting::new(true);
        let (id, mut peer) = pair(&mut meeting, order);
        let (request, reply) = (data(1, 2_000_000), data(2, 300_000));
        let reader = write_all(&mut meeting, id, &peer, &request);
        // Much of it is still in the ring.
        assert_eq!(ask(&mut meeting, id, Call::Shutdown(How::Write)), Ok(0));
        let now = meeting.now();
        let refused = Err(SocketError::WriteEnded.into());
        assert_eq!(meeting.frontend.try_write(id, b"x", now), refused);
        meeting.until("the end at the peer", |_| reader.is_finished());
        assert!(reader.join().unwrap() == request);
        let bytes = reply.clone();
        let writer = std::thread::spawn(move || peer.write_all(&bytes).unwrap());
        assert!(rest(&mut meeting, id) == reply);
        writer.join().unwrap();
        meeting.close(id);
        meeting.end();
    }
}

#[test]
fn a_close_right_behind_an_end_of_the_way_out_loses_nothing() {
    let mut meeting = Meeting::new(true);
    for how in [How::Write, How::Both] {
        let (id, peer) = pair(&mut meeting, 5);
        let all = data(3, 1_000_000);
        let reader = write_all(&mut meeting, id, &peer, &all);
        let shutdown = call(&mut meeting, id, Call::Shutdown(how));
        meeting.close(id);
        meeting.until("the end at the peer", |_| reader.is_finished());
        assert!(reader.join().unwrap() == all);
        assert_eq!(outcome(&mut meeting, shutdown), Ok(0));
    }
    meeting.end();
}

#[test]
fn a_guest_that_ends_its_way_in_reads_what_is_there_and_goes_on_writing() {
    let mut meeting = Meeting::new(true);
    let (id, mut peer) = pair(&mut meeting, 1);
    peer.write_all(b"in time").unwrap();
    meeting.until("bytes", |meeting| {
        let readiness = meeting.frontend.readiness(id).unwrap();
        readiness.contains(pvcalls_front::Readiness::READABLE)
    });
    assert_eq!(ask(&mut meeting, id, Call::Shutdown(How::Read)), Ok(0));
    assert_eq!(rest(&mut meeting, id), b"in time");
    assert_eq!(meeting.write(id, b"still here"), 10);
    let mut got = [0; 10];
    meeting.idle(std::time::Duration::ZERO);
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"still here");
    meeting.close(id);
    meeting.end();
}

#[test]
fn both_ends_at_once_and_twice() {
    let mut meeting = Meeting::new(true);
    let (id, peer) = pair(&mut meeting, 1);
    peer.shutdown(Shutdown::Write).unwrap();
    let reader = write_all(&mut meeting, id, &peer, b"last words");
    for _ in 0..2 {
        assert_eq!(ask(&mut meeting, id, Call::Shutdown(How::Both)), Ok(0));
    }
    assert_eq!(reader.join().unwrap(), b"last words");
    assert_eq!(meeting.read(id, 10), None);
    meeting.close(id);
    meeting.end();
}

#[test]
fn a_plain_backend_ends_both_by_itself() {
    let mut meeting = Meeting::new(false);
    let (id, mut peer) = pair(&mut meeting, 4);
    peer.write_all(b"in time").unwrap();
    meeting.until("bytes", |meeting| {
        let readiness = meeting.frontend.readiness(id).unwrap();
        readiness.contains(pvcalls_front::Readiness::READABLE)
    });
    let all = data(4, 500_000);
    let reader = write_all(&mut meeting, id, &peer, &all);
    assert_eq!(ask(&mut meeting, id, Call::Shutdown(How::Both)), Ok(0));
    meeting.until("the end at the peer", |_| reader.is_finished());
    assert!(reader.join().unwrap() == all);
    assert_eq!(rest(&mut meeting, id), b"in time");
    meeting.close(id);
    meeting.end();
}

#[test]
fn options_are_set_and_told() {
    use SocketOption as O;
    let mut meeting = Meeting::new(true);
    let (id, _peer) = pair(&mut meeting, 1);
    for (option, first, values) in [
        (O::NoDelay, 0, &[1, 0][..]),
        (O::KeepAlive, 0, &[1, 32767, 0]),
        (O::Ttl, 64, &[1, 255]),
        (O::Linger, -1, &[0, 1500, -1]),
    ] {
        let told = ask(&mut meeting, id, Call::GetOption(option));
        assert_eq!(told, Ok(first), "{option:?}");
        for &value in values {
            let set = ask(&mut meeting, id, Call::SetOption(option, value));
            assert_eq!(set, Ok(0), "{option:?} {value}");
            let told = ask(&mut meeting, id, Call::GetOption(option));
            assert_eq!(told, Ok(value), "{option:?}");
        }
    }
    // The default limits of the backend fix the sizes of buffers.
    for option in [O::SendBuffer, O::ReceiveBuffer] {
        let set = ask(&mut meeting, id, Call::SetOption(option, 50_000));
        assert_eq!(set, Err(SocketError::Remote(Errno::EPERM)));
        let told = ask(&mut meeting, id, Call::GetOption(option)).unwrap();
        assert!(told > 0, "{told}");
    }
    assert_eq!(ask(&mut meeting, id, Call::GetOption(O::Error)), Ok(0));
    meeting.close(id);
}

#[test]
fn a_close_with_a_linger_time_of_zero_resets() {
    let mut meeting = Meeting::new(true);
    let (id, mut peer) = pair(&mut meeting, 1);
    let linger = Call::SetOption(SocketOption::Linger, 0);
    assert_eq!(ask(&mut meeting, id, linger), Ok(0));
    let now = meeting.now();
    meeting.frontend.close(id, Some(0), now).unwrap();
    meeting.until("the release", |meeting| {
        meeting.frontend.stats().sockets == 0
    });
    let error = peer.read(&mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    meeting.end();
}

#[test]
fn both_ends_agree_on_their_names() {
    let mut meeting = Meeting::new(true);
    let mut servers: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap()];
    if TcpListener::bind("[::1]:0").is_ok() {
        servers.push("[::1]:0".parse().unwrap());
    }
    for at in servers {
        let server = TcpListener::bind(at).unwrap();
        let at = server.local_addr().unwrap();
        let id = meeting.connect(at, 1);
        let (peer, from) = server.accept().unwrap();
        assert_eq!(meeting.frontend.local_addr(id), Ok(from));
        assert_eq!(meeting.frontend.peer_addr(id), Ok(at));
        assert_eq!(meeting.write(id, b"hello"), 5);
        meeting.close(id);
        let mut got = Vec::new();
        meeting.until("the release", |meeting| {
            meeting.frontend.stats().sockets == 0
        });
        (&peer).read_to_end(&mut got).unwrap();
        assert_eq!(got, b"hello");
    }
    meeting.end();
}

#[test]
fn an_ipv4_address_in_an_ipv6_socket_reaches_its_server() {
    let mut meeting = Meeting::new(true);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let mapped: Ipv6Addr = "::ffff:127.0.0.1".parse().unwrap();
    let at = SocketAddr::new(IpAddr::V6(mapped), port);
    let id = meeting.begin(at, 1);
    let mut outcome = None;
    meeting.until("an outcome", |meeting| {
        match meeting.frontend.try_connect(id) {
            Err(TryError::WouldBlock) => {}
            other => outcome = Some(other),
        }
        outcome.is_some()
    });
    assert_eq!(outcome, Some(Ok(())));
    let (_peer, from) = server.accept().unwrap();
    assert_eq!(meeting.frontend.peer_addr(id), Ok(at));
    let local = meeting.frontend.local_addr(id).unwrap();
    assert_eq!(
        (local.ip().to_canonical(), local.port()),
        (from.ip(), from.port())
    );
    meeting.close(id);
    meeting.end();
}

#[test]
fn names_of_hosts_are_resolved() {
    let mut meeting = Meeting::new(true);
    let mut resolve = |name: &str, family| {
        let now = meeting.now();
        let call = meeting.frontend.resolve(name, family, now).unwrap();
        let mut outcome = None;
        meeting.until("an answer", |meeting| {
            match meeting.frontend.try_resolve(call, Waker::noop()) {
                Err(TryError::WouldBlock) => {}
                Ok(found) => outcome = Some(Ok(found)),
                Err(TryError::Failed(error)) => outcome = Some(Err(error)),
            }
            outcome.is_some()
        });
        outcome.unwrap()
    };
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    let found = resolve("localhost", ResolveFamily::V4).unwrap();
    assert!(found.contains(&local) && found.iter().all(IpAddr::is_ipv4));
    let found = resolve("192.0.2.7", ResolveFamily::Any).unwrap();
    assert_eq!(found, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    // An address of the other family is no answer.
    let none = resolve("192.0.2.7", ResolveFamily::V6);
    assert_eq!(none, Err(SocketError::Host(HostError::NotFound)));
    // Letters that may stand in a name, but not like this.
    let bad = resolve("-.-", ResolveFamily::Any).unwrap_err();
    assert_eq!(bad, SocketError::Host(HostError::Name));
    assert_eq!(bad.errno(), Errno::EINVAL);
    assert_eq!(meeting.frontend.stats().calls, 0);
}

#[test]
fn a_guest_that_serves_reads_to_the_end_answers_and_ends() {
    let mut meeting = Meeting::new(true);
    let mut cancelled = 0;
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let (listener, at) = meeting.listen(at);
        // Who comes later has it from the listener.
        let nodelay = Call::SetOption(SocketOption::NoDelay, 1);
        assert_eq!(ask(&mut meeting, listener, nodelay), Ok(0));
        let (request, reply) = (data(5, 400_000), data(6, 400_000));
        let (sent, expected) = (request.clone(), reply.clone());
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(at).unwrap();
            let names = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert!(got == expected);
            names
        });
        let id = meeting.accept(listener);
        let nodelay = Call::GetOption(SocketOption::NoDelay);
        assert_eq!(ask(&mut meeting, id, nodelay), Ok(1));
        assert!(rest(&mut meeting, id) == request);
        let mut written = 0;
        meeting.until("room", |meeting| {
            written += meeting.write(id, &reply[written..]);
            written == reply.len()
        });
        assert_eq!(ask(&mut meeting, id, Call::Shutdown(How::Write)), Ok(0));
        meeting.until("the client", |_| client.is_finished());
        let (theirs, ours) = client.join().unwrap();
        assert_eq!(meeting.frontend.peer_addr(id), Ok(theirs));
        assert_eq!(meeting.frontend.local_addr(id), Ok(ours));
        meeting.close(id);
        // Those that nobody came for are cancelled.
        cancelled += meeting.frontend.stats().accepts_out;
        meeting.close(listener);
    }
    meeting.end_after(u64::try_from(cancelled).unwrap());
}
