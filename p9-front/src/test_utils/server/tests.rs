//! The server by itself: what the rest of the tests relies on.

mod basics;
mod lies;

use alloc::vec::Vec;

use super::Server;
use crate::wire::{Fid, Qid, Request, Response, VERSION, open};
use crate::{Errno, Error};

const ROOT: Fid = Fid(0);
const A: Fid = Fid(1);
const B: Fid = Fid(2);

/// A server whose root is attached.
fn attached() -> Server {
    let mut server = Server::new();
    let version = server.ask(&Request::Version {
        msize: 8192,
        version: VERSION,
    });
    assert!(matches!(version, Ok(Response::Version { msize: 8192, .. })));
    let attached = server.ask(&Request::Attach {
        fid: ROOT,
        user: b"root",
        name: b"",
        uid: 0,
    });
    assert!(matches!(attached, Ok(Response::Attached(_))));
    server
}

fn walk(server: &mut Server, new_fid: Fid, names: &[&[u8]]) -> Result<Vec<Qid>, Error> {
    let fid = ROOT;
    match server.ask(&Request::Walk {
        fid,
        new_fid,
        names,
    })? {
        Response::Walked(qids) => Ok(qids),
        other => panic!("{other:?}"),
    }
}

/// Makes a file in the root and opens it as `fid`.
fn create(server: &mut Server, fid: Fid, name: &[u8]) {
    walk(server, fid, &[]).expect("a copy of the root");
    let created = server.ask(&Request::Create {
        fid,
        name,
        flags: open::READ_WRITE | open::EXCLUSIVE,
        mode: 0o640,
        gid: 0,
    });
    assert!(matches!(created, Ok(Response::Opened { .. })));
}

fn refused(errno: Errno) -> Result<Response, Error> {
    Err(Error::Server(errno))
}
