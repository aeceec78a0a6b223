//! Answers, before anybody has checked them.

use core::mem::{offset_of, size_of};
use core::net::SocketAddr;

use xen_sys::xen_pvcalls_response;

use super::address::{NAME_BYTES, decode_name};

/// Bytes of a slot that are read: the answer of version 1, and what extensions add behind it.
pub(crate) const RESPONSE_BYTES: usize = 64;

const REQ_ID: usize = offset_of!(xen_pvcalls_response, req_id);
const CMD: usize = offset_of!(xen_pvcalls_response, cmd);
const RET: usize = offset_of!(xen_pvcalls_response, ret);
const ID: usize = offset_of!(xen_pvcalls_response, u);
/// Where the answer of version 1 ends. What lies behind it is left over from an older request, unless an
/// extension that is in force says otherwise.
const EXTRA: usize = size_of::<xen_pvcalls_response>();

const _: () = assert!(REQ_ID == 0 && CMD == 4 && RET == 8 && ID == 16 && EXTRA == 24);

/// A response as it lay in its slot, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) req_id: u32,
    pub(crate) cmd: u32,
    pub(crate) ret: i32,
    pub(crate) id: u64,
    pub(crate) extra: Extra,
}

impl Response {
    pub(crate) fn decode(bytes: &[u8; RESPONSE_BYTES]) -> Self {
        let mut extra = [0; RESPONSE_BYTES - EXTRA];
        extra.copy_from_slice(&bytes[EXTRA..]);
        Self {
            req_id: u32::from_ne_bytes(piece(bytes, REQ_ID)),
            cmd: u32::from_ne_bytes(piece(bytes, CMD)),
            ret: i32::from_ne_bytes(piece(bytes, RET)),
            id: u64::from_ne_bytes(piece(bytes, ID)),
            extra: Extra(extra),
        }
    }
}

/// What an extension may have added to a successful answer: only to be read if that extension is in
/// force, and never to be believed more than the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extra([u8; RESPONSE_BYTES - EXTRA]);

impl Extra {
    /// Nothing was added.
    pub(crate) const NONE: Self = Self([0; RESPONSE_BYTES - EXTRA]);

    /// `feature-names`: the local name and the peer's, of CONNECT, ACCEPT, BIND and NAMES.
    pub(crate) fn names(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let name = |at| decode_name(&piece(&self.0, at));
        (name(0), name(NAME_BYTES))
    }

    /// `feature-options`: the value, of GETOPT.
    pub(crate) fn value(&self) -> i64 {
        i64::from_ne_bytes(piece(&self.0, 0))
    }

    /// `feature-resolve`: how many names lie in the page, of RESOLVE.
    pub(crate) fn count(&self) -> u32 {
        u32::from_ne_bytes(piece(&self.0, 0))
    }
}

impl core::fmt::Debug for Extra {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("..")
    }
}

/// The bytes at an offset.
fn piece<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut piece = [0; N];
    piece.copy_from_slice(&bytes[at..at + N]);
    piece
}
