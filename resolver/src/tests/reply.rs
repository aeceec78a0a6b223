//! Answers made byte by byte, so that they can be wrong.

use std::vec::Vec;

/// QTYPE and TYPE.
pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const AAAA: u16 = 28;

/// A message, without the length before it.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
}

impl Reply {
    /// A good answer so far: the id, the question, no records.
    pub(super) fn to(id: u16, name: &str, qtype: u16) -> Self {
        let mut bytes = Vec::new();
        for word in [id, 0x8180, 1, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(wire(name));
        bytes.extend(qtype.to_be_bytes());
        bytes.extend(1_u16.to_be_bytes());
        Self { bytes }
    }

    /// Sets bits of the flags.
    pub(super) fn flags(mut self, bits: u16) -> Self {
        self.bytes[2] |= bits.to_be_bytes()[0];
        self.bytes[3] |= bits.to_be_bytes()[1];
        self
    }

    /// Sets the number of questions (0), answers (1), authorities (2) or others (3).
    pub(super) fn count(mut self, section: usize, count: u16) -> Self {
        let at = 4 + 2 * section;
        self.bytes[at..at + 2].copy_from_slice(&count.to_be_bytes());
        self
    }

    /// Adds a record to the answer.
    pub(super) fn record(mut self, owner: &str, rtype: u16, data: &[u8]) -> Self {
        self.bytes.extend(wire(owner));
        for word in [rtype, 1, 0, 60, u16::try_from(data.len()).expect("short")] {
            self.bytes.extend(word.to_be_bytes());
        }
        self.bytes.extend(data);
        let count = u16::from_be_bytes([self.bytes[6], self.bytes[7]]);
        self.count(1, count + 1)
    }

    pub(super) fn alias(self, owner: &str, target: &str) -> Self {
        self.record(owner, CNAME, &wire(target))
    }

    pub(super) fn address(self, owner: &str, address: &str) -> Self {
        match address.parse().expect("an address") {
            core::net::IpAddr::V4(ip) => self.record(owner, A, &ip.octets()),
            core::net::IpAddr::V6(ip) => self.record(owner, AAAA, &ip.octets()),
        }
    }

    /// With the length before it, as it goes over TCP.
    pub(super) fn framed(&self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len()).expect("a message");
        [&length.to_be_bytes()[..], &self.bytes].concat()
    }
}

/// A name as it is in messages, uncompressed.
pub(super) fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
