//! The client against the server in memory: a path, a file or a listing at a time.
//!
//! Every [`Bed`] checks at its end that nothing is left: no call, no identifier but the root's, and
//! no complaint of the server's.

mod against_std;
mod cancel;
mod listing;
mod operations;
mod paths;
mod reading;
mod tamper;
mod tampered;
mod threads;
mod writing;

use core::cell::RefMut;
use core::future::Future;

use super::{Client, Connection, Create, File, Limits, OpenHow, Options, PathError};
use crate::test_utils::server::Server;
use crate::test_utils::tree::Tree;
use crate::test_utils::{Order, Straight};
use crate::wire::Kind;
use crate::{Errno, Error};

/// Messages in these tests, bytes.
const MSIZE: u32 = 256 << 10;
/// All orders in which requests may be carried out.
const ORDERS: [Order; 4] = [
    Order::AtOnce,
    Order::Late,
    Order::Backwards,
    Order::Shuffled(1),
];

/// An attached volume.
struct Bed {
    straight: Straight,
    client: Option<Client<Straight>>,
}

impl Bed {
    /// With these files.
    #[track_caller]
    fn new(fill: impl FnOnce(&mut Tree)) -> Self {
        Self::with(Limits::default(), fill)
    }

    #[track_caller]
    fn with(limits: Limits, fill: impl FnOnce(&mut Tree)) -> Self {
        let mut server = Server::new();
        fill(&mut server.tree);
        let straight = Straight::new(server);
        straight.set_msize(MSIZE);
        let options = Options {
            limits,
            ..Options::default()
        };
        let client = straight
            .run(Client::attach(straight.clone(), &options))
            .expect("an answer")
            .expect("a volume");
        let client = Some(client);
        Self { straight, client }
    }

    fn client(&self) -> &Client<Straight> {
        self.client.as_ref().expect("attached")
    }

    /// Runs to the end.
    #[track_caller]
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.straight.run(future).expect("it does not end")
    }

    fn tree(&self) -> RefMut<'_, Tree> {
        RefMut::map(self.straight.server(), |server| &mut server.tree)
    }

    fn count(&self, kind: Kind) -> u64 {
        self.straight.server().count(kind)
    }

    /// All requests but clunks.
    fn requests(&self) -> u64 {
        let kinds = Kind::ALL.iter().filter(|&&kind| kind != Kind::Clunk);
        kinds.map(|&kind| self.count(kind)).sum()
    }

    #[track_caller]
    fn open(&self, path: &str, how: &OpenHow) -> File<Straight> {
        self.run(self.client().open(path.as_bytes(), how, 0))
            .expect("a file")
    }

    #[track_caller]
    fn reading(&self, path: &str) -> File<Straight> {
        self.open(path, &OpenHow::reading())
    }

    #[track_caller]
    fn writing(&self, path: &str) -> File<Straight> {
        self.open(path, &writing())
    }

    /// That nobody has anything open.
    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(self.straight.fids().len(), 1, "the root alone");
        assert_eq!(self.straight.calls(), 0);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.assert_clean();
        self.client = None;
        assert!(self.straight.fids().is_empty());
        let server = self.straight.server();
        assert_eq!(server.fids().count(), 0);
        assert!(server.complaints().is_empty(), "{:?}", server.complaints());
    }
}

/// A file that is made if it is missing, for reading and writing.
fn writing() -> OpenHow {
    OpenHow {
        read: true,
        write: true,
        create: Create::IfMissing,
        mode: 0o644,
        ..OpenHow::default()
    }
}

/// Bytes that differ from place to place.
fn pattern(len: usize) -> std::vec::Vec<u8> {
    (0..len)
        .map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ (i >> 16)).to_le_bytes()[0])
        .collect()
}

/// The number of a path's error.
#[track_caller]
fn errno<T>(result: Result<T, PathError>) -> Errno {
    match result {
        Err(PathError::Failed(Error::Server(errno))) => errno,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it is there"),
    }
}
