//! Bytes that wait for a reader.

use alloc::collections::VecDeque;

/// Memory that an empty buffer keeps, in bytes: the next messages of a dialogue need no
/// allocation, and a thousand idle streams cost little.
const KEPT_BYTES: usize = 8 * 1024;

/// A queue of bytes of bounded length, whose memory grows with what is in it.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: VecDeque<u8>,
}

/// There is no memory for more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

impl Buffer {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends as many bytes as it may hold; says how many.
    pub(crate) fn push(&mut self, from: &[u8], limit: usize) -> Result<usize, NoMemory> {
        let count = from.len().min(limit.saturating_sub(self.len()));
        self.bytes.try_reserve(count).map_err(|_| NoMemory)?;
        self.bytes.extend(&from[..count]);
        Ok(count)
    }

    /// Copies from the start; says how many bytes.
    pub(crate) fn peek(&self, into: &mut [u8]) -> usize {
        let (first, second) = self.bytes.as_slices();
        let head = first.len().min(into.len());
        into[..head].copy_from_slice(&first[..head]);
        let tail = second.len().min(into.len() - head);
        into[head..head + tail].copy_from_slice(&second[..tail]);
        head + tail
    }

    /// Moves from the start; says how many bytes.
    pub(crate) fn pop(&mut self, into: &mut [u8]) -> usize {
        let count = self.peek(into);
        self.bytes.drain(..count);
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            self.bytes = VecDeque::new();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_across_the_wrap() {
        let mut buffer = Buffer::default();
        let (mut next_in, mut next_out) = (0_u8, 0_u8);
        for round in 0..100_usize {
            let from: std::vec::Vec<u8> = (0..7).map(|at| next_in.wrapping_add(at)).collect();
            let count = buffer.push(&from, 16).expect("memory");
            next_in = next_in.wrapping_add(u8::try_from(count).expect("small"));
            let mut into = [0; 5];
            let peeked = buffer.peek(&mut into);
            let expected: std::vec::Vec<u8> = (0..5)
                .map(|at| next_out.wrapping_add(at))
                .take(peeked)
                .collect();
            assert_eq!(&into[..peeked], expected, "round {round}");
            assert_eq!(buffer.pop(&mut into), peeked);
            next_out = next_out.wrapping_add(u8::try_from(peeked).expect("small"));
            assert!(buffer.len() <= 16);
        }
    }

    #[test]
    fn an_empty_buffer_gives_back_what_a_burst_took() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.push(&[1; 60_000], 64 * 1024), Ok(60_000));
        let mut into = std::vec![0; 60_000];
        assert_eq!(buffer.pop(&mut into[..59_999]), 59_999);
        assert!(buffer.bytes.capacity() >= 60_000);
        assert_eq!(buffer.pop(&mut into), 1);
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[test]
    fn a_full_buffer_takes_nothing() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.push(&[1; 10], 4), Ok(4));
        assert_eq!(buffer.push(&[1; 10], 4), Ok(0));
        assert_eq!(buffer.push(&[1; 10], 3), Ok(0));
    }
}
