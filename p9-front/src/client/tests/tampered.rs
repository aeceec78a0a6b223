//! Answers that are well-formed and wrong: files that are something else at each look, links that
//! lead anywhere, servers that are busy. Whatever is answered, each call ends, and nothing is left.

use super::tamper::Tamper;
use super::*;
use crate::wire::{Qid, QidKind, Response};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::task::{Poll, Waker};

/// Numbers that come the same each time (Knuth's multiplier).
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn wild(qid: Qid, state: &mut u64) -> Qid {
    let kinds = [
        QidKind::DIR,
        QidKind::SYMLINK,
        QidKind::empty(),
        QidKind::DIR | QidKind::SYMLINK,
        QidKind::all(),
    ];
    match next(state) % 8 {
        kind @ 0..5 => Qid {
            kind: kinds[usize::try_from(kind).unwrap()],
            path: next(state),
            ..qid
        },
        _ => qid,
    }
}

/// Changes what walks, openings and links say.
fn confuse(answer: Response, state: &mut u64) -> Response {
    match answer {
        Response::Walked(qids) => {
            let mut qids: Vec<_> = qids.into_iter().map(|qid| wild(qid, state)).collect();
            if next(state).is_multiple_of(8) {
                qids.truncate(1 + usize::try_from(next(state) % 4).unwrap());
            }
            Response::Walked(qids)
        }
        Response::Opened { qid, .. } => Response::Opened {
            qid: wild(qid, state),
            unit: u32::try_from(next(state)).unwrap(),
        },
        Response::Link(_) => {
            let targets: [&[u8]; 8] = [
                b"..",
                b"/",
                b"a/b/link/../..",
                b"./link",
                b"a//../a/./",
                &[b'x'; 300],
                &[b'/'; 5000],
                b"file",
            ];
            let target = targets[usize::try_from(next(state) % 8).unwrap()];
            Response::Link(target.to_vec())
        }
        answer => answer,
    }
}

#[test]
fn nothing_is_what_it_seems() {
    let mut ended = [0; 3];
    for seed in 0..400 {
        let mut server = Server::new();
        server.tree.put_file("a/b/file", b"content");
        server.tree.put_symlink("a/b/link", "../b/file");
        let straight = Straight::new(server);
        straight.set_order(Order::Shuffled(seed));
        let mut state = seed;
        let attached = Cell::new(false);
        let connection = Tamper::new(straight.clone(), move |_, _, answer| {
            // The root is believed once; without it there would be no test.
            if !attached.replace(true) || next(&mut state).is_multiple_of(2) {
                return answer;
            }
            answer.map(|answer| confuse(answer, &mut state))
        });
        let options = Options::default();
        let attach = Client::attach(connection, &options);
        let Ok(client) = straight.run(attach).expect("it ends") else {
            continue;
        };
        for path in ["a/b/link", "a/b/../b/file", "a/b/link/../new", "a/b/"] {
            let mut count = |result: Result<(), PathError>| match result {
                Ok(()) => ended[0] += 1,
                Err(PathError::Escapes(_)) => ended[1] += 1,
                Err(PathError::Failed(_)) => ended[2] += 1,
            };
            for how in [OpenHow::reading(), writing()] {
                let open = straight.run(client.open(path.as_bytes(), &how, 0));
                count(open.expect("it ends").map(drop));
            }
            let parent = straight.run(client.resolve_parent(path.as_bytes(), 0));
            count(parent.expect("it ends").map(drop));
            let node = straight.run(client.resolve(path.as_bytes(), false, 0));
            count(node.expect("it ends").map(drop));
            assert_eq!((straight.fids().len(), straight.calls()), (1, 0), "{seed}");
        }
        drop(client);
        assert!(straight.fids().is_empty());
        let server = straight.server();
        let wrong: Vec<&String> = server
            .complaints()
            .iter()
            // Shorter walks than it knows of leave the server with identifiers that are not asked for.
            .filter(|complaint| complaint.contains("name"))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert!(ended.iter().all(|&count| count > 100), "{ended:?}");
}

/// Too many calls at once: what is under way is waited for, with nothing under way it is an error.
#[test]
fn a_connection_that_is_busy() {
    for most in 0..4 {
        let mut server = Server::new();
        server.tree.put_file("f", &pattern(1 << 20));
        let busy = Busy {
            inner: Straight::new(server),
            most: alloc::rc::Rc::new(Cell::new(10)),
        };
        let straight = busy.inner.clone();
        straight.set_msize(MSIZE);
        straight.set_order(Order::Late);
        let options = Options::default();
        let attach = Client::attach(busy.clone(), &options);
        let client = straight.run(attach).unwrap().unwrap();
        let file = straight.run(client.open(b"f", &writing(), 0));
        let file = file.unwrap().unwrap();
        busy.most.set(most);
        let mut buffer = alloc::vec![0; 1 << 20];
        let read = straight.run(file.read_at(&mut buffer, 0)).unwrap();
        let write = straight.run(file.write_at(&buffer, 0)).unwrap();
        match most {
            0 => assert_eq!((read, write), (Err(Error::Busy), Err(Error::Busy))),
            _ => {
                assert_eq!((read, write), (Ok(1 << 20), Ok(1 << 20)));
                assert!(buffer == pattern(1 << 20));
            }
        }
        drop((file, client));
        assert!(straight.fids().is_empty() && straight.calls() == 0);
    }
}

/// Lets so many calls be under way.
#[derive(Clone, Debug)]
struct Busy {
    inner: Straight,
    most: alloc::rc::Rc<Cell<usize>>,
}

impl Connection for Busy {
    fn submit(&self, request: &crate::wire::Request<'_>) -> Result<super::super::CallId, Error> {
        if self.inner.calls() >= self.most.get() {
            return Err(Error::Busy);
        }
        self.inner.submit(request)
    }

    fn poll_call(&self, id: super::super::CallId, waker: &Waker) -> Poll<Result<Response, Error>> {
        self.inner.poll_call(id, waker)
    }

    fn drop_call(&self, id: super::super::CallId) {
        self.inner.drop_call(id);
    }

    fn new_fid(&self) -> Result<crate::wire::Fid, Error> {
        self.inner.new_fid()
    }

    fn forget(&self, fid: crate::wire::Fid) {
        self.inner.forget(fid);
    }

    fn msize(&self) -> u32 {
        self.inner.msize()
    }

    fn set_msize(&self, msize: u32) {
        self.inner.set_msize(msize);
    }
}
