//! rt's files on servers in memory.

mod against_std;
mod files;
mod names;

use std::string::String;
use std::{format, println};

use p9_front::test_utils::Straight;

use super::{fake, mount};

/// A volume of its own for a test, and where it is mounted.
pub(super) struct Volume {
    pub(super) server: Straight,
    pub(super) at: String,
}

impl Volume {
    pub(super) fn new(test: &str) -> Volume {
        let server = fake::serve(test);
        let at = format!("/{test}");
        mount(test, &at).unwrap();
        Volume { server, at }
    }

    /// A path on it.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.at)
    }
}

impl Drop for Volume {
    /// Nothing is left behind, and nothing was asked that no client should.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{:?}", self.server.server().complaints());
            return;
        }
        assert_eq!(self.server.server().complaints(), [""; 0]);
        assert_eq!(self.server.calls(), 0, "calls are left");
        assert_eq!(self.server.fids().len(), 1, "only the root is left");
    }
}
