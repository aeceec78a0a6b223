//! Tests of the session and the handshake against a pretended backend, in the words of the protocol.

mod calls;
mod died;
mod fids;
mod flush;
mod handshake;
mod hostile;
mod notify;
mod outage;
mod props;

use alloc::vec;
use alloc::vec::Vec;

use crate::client::CallId;
use crate::test_utils::{Manner, Rig};
use crate::wire::{Fid, HEADER_LEN, Header, Kind, Request, Response, Tag};
use crate::{Config, Session};

/// The session sits behind a lock that any thread may take.
const _: () = {
    const fn may_change_threads<T: Send>() {}
    may_change_threads::<Session<xen_front::test_utils::FakePlatform>>();
};

/// Just before the indexes wrap.
const NEAR_WRAP: u32 = u32::MAX - 3000;

/// A rig with one ring of 8 KiB each way.
fn small() -> Rig {
    Rig::new(Config::default(), 1, 2, Manner::Qemu, NEAR_WRAP)
}

/// A rig with so many rings of 64 KiB each way.
fn rings(count: u32) -> Rig {
    Rig::new(Config::default(), count, 5, Manner::Qemu, NEAR_WRAP)
}

/// A request that uses no identifier and asks for little.
fn get(fid: Fid) -> Request<'static> {
    Request::Statfs { fid }
}

/// The next request of a ring, taken.
#[track_caller]
fn next(rig: &mut Rig, ring: usize) -> (Header, Vec<u8>) {
    let message = { rig.peer.ring(ring).take() }.expect("a request is waiting");
    (header(&message), message)
}

#[track_caller]
fn header(message: &[u8]) -> Header {
    Header::read(*message.first_chunk::<HEADER_LEN>().expect("whole"))
}

/// A message with that body.
fn message(kind: u8, tag: Tag, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 4];
    message.push(kind);
    message.extend_from_slice(&tag.0.to_le_bytes());
    message.extend_from_slice(body);
    let size = u32::try_from(message.len()).expect("short");
    message[..4].copy_from_slice(&size.to_le_bytes());
    message
}

/// An `Rlerror`.
fn refusal(tag: Tag, errno: u32) -> Vec<u8> {
    message(7, tag, &errno.to_le_bytes())
}

/// An answer without a body.
fn done(kind: Kind, tag: Tag) -> Vec<u8> {
    message(kind.answer(), tag, &[])
}

/// An `Rread`.
fn data(tag: Tag, bytes: &[u8]) -> Vec<u8> {
    let mut body = u32::try_from(bytes.len())
        .expect("short")
        .to_le_bytes()
        .to_vec();
    body.extend_from_slice(bytes);
    message(Kind::Read.answer(), tag, &body)
}

/// Puts an answer in and delivers its event.
#[track_caller]
fn reply(rig: &mut Rig, ring: usize, bytes: &[u8]) {
    rig.peer.ring(ring).put(bytes);
    rig.deliver();
}

#[track_caller]
fn submit(rig: &mut Rig, request: &Request<'_>) -> CallId {
    let id = rig.submit(request).expect("it is taken");
    rig.idle();
    id
}

#[track_caller]
fn fid(rig: &mut Rig) -> Fid {
    rig.session.new_fid().expect("there are numbers")
}

/// An identifier that the server knows, for scripts without a server.
#[track_caller]
fn known_fid(rig: &mut Rig) -> Fid {
    let fid = fid(rig);
    let request = Request::Attach {
        fid,
        user: b"",
        name: b"",
        uid: 0,
    };
    let id = submit(rig, &request);
    for ring in 0..rig.peer.rings() {
        if let Some(request) = rig.peer.ring(ring).take() {
            let answer = message(Kind::Attach.answer(), header(&request).tag, &[0; 13]);
            reply(rig, ring, &answer);
        }
    }
    assert!(matches!(rig.answer(id), Some(Ok(Response::Attached(_)))));
    fid
}

/// After everything: nothing under way, nothing lent out but the rings.
#[track_caller]
fn assert_idle(rig: &Rig) {
    let stats = rig.session.stats();
    assert_eq!(stats.in_flight, 0, "{stats:?}");
    assert_eq!(rig.platform.shared_pages(), stats.ring_pages);
    rig.platform.assert_graves_untouched();
}
