//! Frames: how datagrams lie in a data ring (docs/extensions.md, "Datagrams").
//!
//! A frame is a header of 32 bytes, the payload, and zeroes up to the next multiple of 8. Indexes move
//! by whole frames only. [`InRing`](crate::in_ring::InRing) and [`OutRing`](crate::out_ring::OutRing)
//! carry them; here is what a header says, and what only a datagram socket has.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::error::SocketError;
use crate::names::Names;
use crate::options::SocketOption;
use crate::socket::{Role, Slot, Socket, State};
use crate::wire::{NAME_BYTES, decode_name, encode_name};

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: u32 = 32;

/// The longest payload there is: a datagram of IPv4 without its headers.
pub(crate) const PAYLOAD_MAX: u32 = 65507;

/// The longest frame.
pub(crate) const LARGEST_FRAME: u32 = frame_bytes(PAYLOAD_MAX);

/// In ring, in `flags`: the payload was longer and was cut.
const CUT: u32 = 1;

// Where the words of a header lie.
const PAYLOAD: usize = 0;
const FLAGS: usize = 4;
const NAME: usize = 8;

const _: () = assert!(NAME + NAME_BYTES + 4 == HEADER_BYTES as usize);

/// What a payload of that length, at most [`PAYLOAD_MAX`], takes in a ring.
pub(crate) const fn frame_bytes(payload: u32) -> u32 {
    HEADER_BYTES + payload.next_multiple_of(8)
}

/// The longest payload that a ring with arrays of that length can carry.
pub(crate) const fn payload_limit(array_bytes: u32) -> u32 {
    let fits = array_bytes - HEADER_BYTES;
    if fits < PAYLOAD_MAX {
        fits
    } else {
        PAYLOAD_MAX
    }
}

/// The header of a frame that goes out. `to` is `None` for the default peer.
pub(crate) fn encode_header(payload: u32, to: Option<&SocketAddr>) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[PAYLOAD..FLAGS].copy_from_slice(&payload.to_le_bytes());
    bytes[NAME..NAME + NAME_BYTES].copy_from_slice(&encode_name(to));
    bytes
}

/// What the header of a frame that came in says. Only the fields are read: what a word means that this
/// driver does not know is nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of payload, as the backend says: not checked yet.
    pub(crate) payload: u32,
    /// There was more of it.
    pub(crate) cut: bool,
    /// The sender, unless its family is none or one that nobody knows.
    pub(crate) from: Option<SocketAddr>,
}

impl Header {
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES as usize]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(&bytes[NAME..NAME + NAME_BYTES]);
        Self {
            payload: word(PAYLOAD),
            cut: word(FLAGS) & CUT != 0,
            from: decode_name(&name),
        }
    }
}

/// What only a datagram socket has.
#[derive(Debug)]
pub(crate) struct Datagrams {
    /// Where it is bound, with the port that the host chose if it was told.
    pub(crate) at: SocketAddr,
    /// Where datagrams without a receiver go.
    pub(crate) peer: Option<SocketAddr>,
    /// It was open once: it is opened again if the device breaks and comes up again.
    pub(crate) survives: bool,
    /// What happened, to be told once.
    pub(crate) news: Option<SocketError>,
    /// Options that were set: another backend does not know of them.
    pub(crate) options: Vec<(SocketOption, i64)>,
}

impl Datagrams {
    pub(crate) fn new(at: SocketAddr) -> Self {
        Self {
            at,
            peer: None,
            survives: false,
            news: None,
            options: Vec::new(),
        }
    }

    /// An option was set.
    pub(crate) fn note_option(&mut self, option: SocketOption, value: i64) {
        self.options.retain(|(known, _)| *known != option);
        self.options.push((option, value));
    }

    /// BIND succeeded, and the backend told that name: the port that it chose is wanted again after
    /// an outage.
    fn bound(&mut self, told: Option<SocketAddr>) {
        if let (0, Some(told)) = (self.at.port(), told) {
            self.at.set_port(told.port());
        }
    }

    /// Whether it need not be bound.
    pub(crate) fn takes_any_address(&self) -> bool {
        self.at.ip().is_unspecified() && self.at.port() == 0
    }
}

impl Socket {
    /// The device broke: it begins anew when that is back, without a deadline until then.
    pub(crate) fn wait_for_device(&mut self) {
        self.slot = Slot::None;
        self.connect_out = false;
        self.deadline_ns = u64::MAX;
        self.set_state(State::Creating);
    }

    pub(crate) fn is_datagram(&self) -> bool {
        self.role.is_datagram()
    }

    pub(crate) fn datagrams_mut(&mut self) -> Option<&mut Datagrams> {
        match &mut self.role {
            Role::Datagrams(datagrams) => Some(datagrams),
            _ => None,
        }
    }

    /// BIND of a datagram socket succeeded.
    pub(crate) fn note_bound(&mut self, told: Option<(Option<SocketAddr>, Option<SocketAddr>)>) {
        let Role::Datagrams(datagrams) = &mut self.role else {
            return;
        };
        if let Some(told) = told {
            let any = datagrams.at.ip().is_unspecified();
            self.names = Names::told(told, Some(datagrams.at), None, any);
            datagrams.bound(self.names.local().ok());
        }
    }

    /// Whether there is an error to be told once.
    pub(crate) fn has_news(&self) -> bool {
        matches!(&self.role, Role::Datagrams(datagrams) if datagrams.news.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_its_header_and_a_multiple_of_eight() {
        let sizes = [(0, 32), (1, 40), (8, 40), (9, 48), (65507, 32 + 65512)];
        for (payload, bytes) in sizes {
            assert_eq!(frame_bytes(payload), bytes, "{payload}");
        }
        assert_eq!(LARGEST_FRAME, 65544);
    }

    #[test]
    fn a_ring_of_order_six_carries_every_datagram_and_a_smaller_one_less() {
        for (array_bytes, limit) in [(4096, 4064), (1 << 16, 65504), (1 << 17, 65507)] {
            assert_eq!(payload_limit(array_bytes), limit);
            assert!(frame_bytes(limit) <= array_bytes);
        }
    }

    #[test]
    fn a_header_has_the_layout_of_the_specification() {
        let to = "192.0.2.1:4660".parse().expect("an address");
        let bytes = encode_header(0x0102, Some(&to));
        assert_eq!(bytes[..8], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[8..16], [2, 0, 0x12, 0x34, 192, 0, 2, 1]);
        assert_eq!(bytes[16..], [0; 16]);
        let read = Header::decode(&bytes);
        let expected = Header {
            payload: 0x0102,
            cut: false,
            from: Some(to),
        };
        assert_eq!(read, expected);
        assert_eq!(encode_header(7, None)[8..], [0; 24]);
    }

    #[test]
    fn flags_and_families_that_nobody_knows_are_not_believed() {
        let mut bytes = [0xff; HEADER_BYTES as usize];
        bytes[4] = 0xfe;
        let header = Header::decode(&bytes);
        assert_eq!((header.cut, header.from), (false, None));
        bytes[4] = 0x03;
        assert!(Header::decode(&bytes).cut);
    }
}
