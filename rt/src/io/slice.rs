//! Buffers for gathering and scattering: [`IoSlice`] and [`IoSliceMut`].

use core::mem;
use core::ops::{Deref, DerefMut};

/// A piece of what [`Write::write_vectored`](super::Write::write_vectored) writes.
#[derive(Clone, Copy, Debug)]
pub struct IoSlice<'a>(&'a [u8]);

impl<'a> IoSlice<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> IoSlice<'a> {
        IoSlice(bytes)
    }

    /// Leaves out the first `count` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.0.len(), "advancing IoSlice beyond its length");
        self.0 = &self.0[count..];
    }

    /// Leaves out the first `count` bytes of all pieces together.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn advance_slices(bufs: &mut &mut [IoSlice<'a>], count: usize) {
        let mut left = count;
        let whole = bufs
            .iter()
            .take_while(|buf| match left.checked_sub(buf.len()) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            });
        let whole = whole.count();
        *bufs = &mut mem::take(bufs)[whole..];
        match bufs.first_mut() {
            Some(first) => first.advance(left),
            None => assert_eq!(left, 0, "advancing io slices beyond their length"),
        }
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

/// A piece of where [`Read::read_vectored`](super::Read::read_vectored) reads to.
#[derive(Debug)]
pub struct IoSliceMut<'a>(&'a mut [u8]);

impl<'a> IoSliceMut<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> IoSliceMut<'a> {
        IoSliceMut(bytes)
    }

    /// Leaves out the first `count` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn advance(&mut self, count: usize) {
        assert!(
            count <= self.0.len(),
            "advancing IoSliceMut beyond its length"
        );
        self.0 = &mut mem::take(&mut self.0)[count..];
    }

    /// Leaves out the first `count` bytes of all pieces together.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn advance_slices(bufs: &mut &mut [IoSliceMut<'a>], count: usize) {
        let mut left = count;
        let whole = bufs
            .iter()
            .take_while(|buf| match left.checked_sub(buf.len()) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            });
        let whole = whole.count();
        *bufs = &mut mem::take(bufs)[whole..];
        match bufs.first_mut() {
            Some(first) => first.advance(left),
            None => assert_eq!(left, 0, "advancing io slices beyond their length"),
        }
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
    }
}
