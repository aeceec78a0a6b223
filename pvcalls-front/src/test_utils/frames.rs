//! The backend's end of a datagram socket's data ring: frames, well made or not.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::stream::FakeStream;
use crate::datagram::{HEADER_BYTES, Header, frame_bytes};
use crate::index::Index;
use crate::wire::{NAME_BYTES, encode_name};

/// A datagram as it lay in the out ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeDatagram {
    /// Whom it is for; `None` for the default peer.
    pub to: Option<SocketAddr>,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A frame with these words, and as many bytes as follow.
#[must_use]
pub fn frame(len: u32, flags: u32, name: &[u8; NAME_BYTES], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

impl FakeStream {
    /// Puts a datagram from that sender into the in ring; false if there is no room for all of it.
    pub fn send_datagram(&self, from: SocketAddr, payload: &[u8]) -> bool {
        let len = u32::try_from(payload.len()).expect("a datagram");
        self.send_frame(&frame(len, 0, &encode_name(Some(&from)), payload))
    }

    /// Puts bytes into the in ring, all of them or none.
    pub fn send_frame(&self, bytes: &[u8]) -> bool {
        let room = self.array_bytes() - self.queued_in();
        let fits = bytes.len() <= room as usize;
        if fits {
            assert_eq!(self.send(bytes), bytes.len());
        }
        fits
    }

    /// Writes bytes into the in ring, that far from its beginning, and moves no index.
    pub fn overwrite_in(&self, offset: u32, bytes: &[u8]) {
        self.write_in(Index::new(offset), bytes);
    }

    /// Takes the next datagram out of the out ring.
    ///
    /// # Panics
    /// If what lies there is not made of whole frames as the specification has them.
    #[must_use]
    #[track_caller]
    pub fn receive_datagram(&self) -> Option<FakeDatagram> {
        let queued = self.queued_out();
        if queued == 0 {
            return None;
        }
        assert!(queued >= HEADER_BYTES, "whole frames");
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes.copy_from_slice(&self.look_out(HEADER_BYTES as usize));
        assert_eq!(bytes[4..8], [0; 4], "no flags");
        assert_eq!(bytes[28..], [0; 4], "a word of zeroes");
        let header = Header::decode(&bytes);
        assert!(header.from.is_some() || bytes[8..28] == [0; NAME_BYTES]);
        let frame = frame_bytes(header.payload) as usize;
        assert!(frame <= queued as usize, "whole frames");
        let mut payload = self.receive(frame);
        payload.drain(..HEADER_BYTES as usize);
        let padding = payload.split_off(header.payload as usize);
        assert!(padding.iter().all(|&byte| byte == 0), "zeroes at the end");
        Some(FakeDatagram {
            to: header.from,
            payload,
        })
    }
}
