//! Volumes for tests: file servers in memory, in place of the driver. Each thread has its own.

use core::future::Future;
use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::string::String;

use p9_front::client::{Limits, Options};
use p9_front::test_utils::Straight;
use p9_front::test_utils::server::Server;

use crate::io::{Error, ErrorKind, Result};

pub(super) type Connection = Straight;
pub(super) type Client = p9_front::client::Client<Connection>;

std::thread_local! {
    static VOLUMES: RefCell<BTreeMap<String, Client>> = const { RefCell::new(BTreeMap::new()) };
}

/// Makes a volume of an empty server. Pieces are small, so that there are many.
pub(super) fn serve(tag: &str) -> Straight {
    let straight = Straight::new(Server::new());
    let limits = Limits {
        piece: 4096,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let client = Client::attach(straight.clone(), &options);
    let client = straight.run(client).unwrap().unwrap();
    VOLUMES.with_borrow_mut(|volumes| volumes.insert(tag.into(), client));
    straight
}

pub(super) fn volume(tag: &str) -> Result<Client> {
    VOLUMES.with_borrow(|volumes| {
        let client = volumes.get(tag).cloned();
        client.ok_or_else(|| Error::new(ErrorKind::NotFound, std::format!("no volume {tag}")))
    })
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    let driver = Straight::new(Server::new());
    driver.run(future).expect("it has an end")
}

pub(super) fn pause(_: Duration) {
    std::thread::yield_now();
}
