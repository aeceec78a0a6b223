//! The data side over real sockets of this machine, one worker turned by hand: what is promised,
//! row by row.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers in tests are small, or meant to lose bits"
)]

mod connect;
mod datagrams;
mod extensions;
mod flow;
mod listener;
mod release;
mod session;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use pvcalls_back::features::{Feature, Features};
use pvcalls_back::testbed::{Bed, RawFront, RawStream, open_settings};

/// Plain version 1.
const PLAIN: Features = Features::NONE;

/// Linux's error numbers, as answers carry them.
mod ret {
    pub(crate) const EPERM: i32 = -1;
    pub(crate) const ENOENT: i32 = -2;
    pub(crate) const EBADF: i32 = -9;
    pub(crate) const EACCES: i32 = -13;
    pub(crate) const EFAULT: i32 = -14;
    pub(crate) const EEXIST: i32 = -17;
    pub(crate) const EINVAL: i32 = -22;
    pub(crate) const EMFILE: i32 = -24;
    pub(crate) const EPIPE: i32 = -32;
    pub(crate) const EDESTADDRREQ: i32 = -89;
    pub(crate) const ENOPROTOOPT: i32 = -92;
    pub(crate) const EPROTONOSUPPORT: i32 = -93;
    pub(crate) const ESOCKTNOSUPPORT: i32 = -94;
    pub(crate) const EOPNOTSUPP: i32 = -95;
    pub(crate) const EAFNOSUPPORT: i32 = -97;
    pub(crate) const EADDRINUSE: i32 = -98;
    pub(crate) const ECONNRESET: i32 = -104;
    pub(crate) const ENOBUFS: i32 = -105;
    pub(crate) const EISCONN: i32 = -106;
    pub(crate) const ENOTCONN: i32 = -107;
    pub(crate) const ECONNREFUSED: i32 = -111;
    pub(crate) const EALREADY: i32 = -114;
    pub(crate) const ECANCELED: i32 = -125;
    pub(crate) const ENOTSUPP: i32 = -524;
}

fn with(features: &[Feature]) -> Features {
    features.iter().copied().collect()
}

/// A bed with one frontend in domain 1.
fn bed(features: Features) -> (Bed, RawFront) {
    let mut bed = Bed::new();
    let front = bed.serve(1, features, open_settings());
    (bed, front)
}

/// A server of the host's.
fn server() -> (TcpListener, SocketAddr) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    (server, at)
}

/// A connected socket: the guest's ring and the host's end, which does not block.
fn pair(bed: &mut Bed, front: &mut RawFront, id: u64, order: u32) -> (RawStream, TcpStream) {
    let (server, at) = server();
    let stream = bed.connect(front, id, at, order);
    let (peer, _) = server.accept().unwrap();
    peer.set_nonblocking(true).unwrap();
    (stream, peer)
}

/// The byte at this place of everything that is sent.
fn pattern(at: usize) -> u8 {
    let at = at as u64;
    (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u8
}

fn patterned(start: usize, len: usize) -> Vec<u8> {
    (start..start + len).map(pattern).collect()
}

/// What a socket has now; `None` at its end.
fn read_some(peer: &mut TcpStream, max: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; max];
    match peer.read(&mut bytes) {
        Ok(0) => Ok(None),
        Ok(count) => {
            bytes.truncate(count);
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

fn write_some(peer: &mut TcpStream, bytes: &[u8]) -> usize {
    match peer.write(bytes) {
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("the peer cannot write: {error}"),
    }
}

/// Reads what the peer gets until it ends, turning the bed. The bytes, and how it ended.
fn drain(bed: &mut Bed, peer: &mut TcpStream) -> (Vec<u8>, std::io::Result<()>) {
    let mut all = Vec::new();
    let mut end = Ok(());
    bed.until(|_| {
        loop {
            match read_some(peer, 1 << 16) {
                Ok(None) => return true,
                Ok(Some(bytes)) if bytes.is_empty() => return false,
                Ok(Some(bytes)) => all.extend(bytes),
                Err(error) => {
                    end = Err(error);
                    return true;
                }
            }
        }
    });
    (all, end)
}

/// Makes the close of a socket a reset.
fn reset(peer: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&peer, Some(std::time::Duration::ZERO)).unwrap();
    drop(peer);
}
