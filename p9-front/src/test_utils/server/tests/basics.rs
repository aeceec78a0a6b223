//! Requests and their answers, and what the server does not forgive.

use alloc::vec::Vec;
use std::vec;

use super::{A, B, ROOT, attached, create, refused, walk};
use crate::Errno;
use crate::test_utils::server::Server;
use crate::wire::{
    AttributeMask, Data, Fid, Kind, Lock, LockKind, LockStatus, Request, Response, SetAttributes,
    Tag, VERSION, mode, open,
};

#[test]
fn a_file_is_made_written_read_and_listed() {
    let mut server = attached();
    create(&mut server, A, b"file");
    let data = b"hello".as_slice();
    let write = Request::Write {
        fid: A,
        offset: 3,
        data,
    };
    assert_eq!(server.ask(&write), Ok(Response::Written(5)));
    let read = Request::Read {
        fid: A,
        offset: 1,
        count: 100,
    };
    let expected = Data::from(b"\0\0hello".to_vec());
    assert_eq!(server.ask(&read), Ok(Response::Data(expected)));
    let get = Request::GetAttributes {
        fid: A,
        mask: AttributeMask::BASIC,
    };
    let Ok(Response::Attributes(told)) = server.ask(&get) else {
        panic!("no attributes");
    };
    assert_eq!((told.size, told.links), (8, 1));
    assert_eq!(told.mode, mode::REGULAR | 0o640);
    assert_eq!(server.ask(&Request::Clunk { fid: A }), Ok(Response::Done));
    assert_eq!(server.tree.content("/file"), b"\0\0\0hello");
    assert_eq!(server.complaints(), [""; 0]);
    assert_eq!(server.fids().collect::<Vec<_>>(), [ROOT]);
    assert_eq!(server.count(Kind::Clunk), 1);
}

#[test]
fn a_directory_is_listed_in_pieces_whatever_changes_between_them() {
    let mut server = attached();
    let names: Vec<_> = (0..500).map(|i| std::format!("file {i}")).collect();
    for name in &names {
        server.tree.put_file(name, b"");
    }
    walk(&mut server, A, &[]).expect("a copy");
    let open = Request::Open {
        fid: A,
        flags: open::DIRECTORY,
    };
    assert!(server.ask(&open).is_ok());
    let (mut seen, mut offset) = (vec![], 0);
    loop {
        let read = Request::ReadDirectory {
            fid: A,
            offset,
            count: 1000,
        };
        let Ok(Response::Directory(data)) = server.ask(&read) else {
            panic!("no entries");
        };
        for entry in data.entries() {
            let entry = entry.expect("honest");
            offset = entry.offset;
            if !entry.is_dot() {
                seen.push(alloc::string::String::from_utf8(entry.name.to_vec()).expect("ASCII"));
            }
        }
        if data.is_empty() {
            break;
        }
        // What was listed goes, what is new comes last.
        server.tree.remove(&seen[seen.len() - 1]);
    }
    assert_eq!(seen, names);
    let tiny = Request::ReadDirectory {
        fid: A,
        offset: 0,
        count: 10,
    };
    assert_eq!(server.ask(&tiny), refused(Errno::EINVAL));
}

#[test]
fn a_walk_stops_where_it_must_and_makes_no_number_then() {
    let mut server = attached();
    server.tree.put_file("a/b/file", b"");
    assert_eq!(
        walk(&mut server, A, &[b"a", b"b", b"file"]).map(|q| q.len()),
        Ok(3)
    );
    assert_eq!(
        walk(&mut server, B, &[b"a", b"c", b"file"]).map(|q| q.len()),
        Ok(1)
    );
    assert_eq!(
        walk(&mut server, B, &[b"a", b"b", b"file", b"x"]).map(|q| q.len()),
        Ok(3)
    );
    let missing = walk(&mut server, B, &[b"c"]);
    assert_eq!(missing, Err(crate::Error::Server(Errno::ENOENT)));
    assert_eq!(server.fids().collect::<Vec<_>>(), [ROOT, A]);
    assert_eq!(server.complaints(), [""; 0]);
}

#[test]
fn what_has_no_name_any_more_lives_until_it_is_clunked() {
    let mut server = attached();
    create(&mut server, A, b"file");
    let before = server.tree.free();
    let write = Request::Write {
        fid: A,
        offset: 0,
        data: b"x",
    };
    assert_eq!(server.ask(&write), Ok(Response::Written(1)));
    let unlink = Request::Unlink {
        directory: ROOT,
        name: b"file",
        is_directory: false,
    };
    assert_eq!(server.ask(&unlink), Ok(Response::Done));
    let read = Request::Read {
        fid: A,
        offset: 0,
        count: 1,
    };
    let expected = Data::from(b"x".to_vec());
    assert_eq!(server.ask(&read), Ok(Response::Data(expected)));
    assert_eq!(server.tree.inodes(), 2);
    assert_eq!(server.ask(&Request::Clunk { fid: A }), Ok(Response::Done));
    assert_eq!((server.tree.inodes(), server.tree.free()), (1, before));
}

#[test]
fn a_full_disk_takes_what_fits_and_then_nothing() {
    let mut server = attached();
    server.tree.set_capacity(4096);
    create(&mut server, A, b"file");
    let data = vec![7; 5000];
    let mut write = |offset| {
        server.ask(&Request::Write {
            fid: A,
            offset,
            data: &data,
        })
    };
    assert_eq!(write(0), Ok(Response::Written(4096)));
    assert_eq!(write(4096), refused(Errno::ENOSPC));
    assert_eq!(server.tree.content("file").len(), 4096);
    let attributes = SetAttributes {
        size: Some(0),
        ..SetAttributes::default()
    };
    let cut = Request::SetAttributes { fid: A, attributes };
    assert_eq!(server.ask(&cut), Ok(Response::Done));
    assert_eq!(server.tree.free(), 4096);
}

#[test]
fn locks_are_split_and_kept_from_others() {
    let mut server = attached();
    create(&mut server, A, b"file");
    walk(&mut server, B, &[b"file"]).expect("there");
    assert!(
        server
            .ask(&Request::Open {
                fid: B,
                flags: open::READ_WRITE
            })
            .is_ok()
    );
    let mut lock = |fid: Fid, kind, start, len| {
        let lock = Lock {
            kind,
            wait: false,
            start,
            len,
            process: fid.0,
            client: b"c",
        };
        match server.ask(&Request::Lock { fid, lock }) {
            Ok(Response::Locked(status)) => status,
            other => panic!("{other:?}"),
        }
    };
    use LockKind::{Read, Unlock, Write};
    use LockStatus::{Blocked, Success};
    assert_eq!(lock(A, Write, 10, 20), Success);
    assert_eq!(lock(B, Read, 29, 1), Blocked);
    assert_eq!(lock(B, Read, 30, 1), Success);
    assert_eq!(lock(A, Unlock, 15, 5), Success);
    assert_eq!(lock(B, Write, 15, 5), Success);
    assert_eq!(lock(B, Write, 14, 1), Blocked);
    assert_eq!(lock(B, Write, 20, 1), Blocked);
    assert_eq!(lock(A, Read, 30, 0), Success);
    assert_eq!(lock(B, Write, 30, 1), Blocked);
    assert_eq!(server.ask(&Request::Clunk { fid: A }), Ok(Response::Done));
    let lock = Lock {
        kind: Write,
        wait: false,
        start: 0,
        len: 0,
        process: 2,
        client: b"c",
    };
    assert_eq!(
        server.ask(&Request::Lock { fid: B, lock }),
        Ok(Response::Locked(Success))
    );
}

#[test]
fn what_no_client_should_do_is_written_down() {
    let mut early = Server::new();
    assert_eq!(
        early.ask(&Request::Statfs { fid: A }),
        refused(Errno::EPROTO)
    );
    assert_eq!(early.complaints().len(), 1);

    let mut server = attached();
    let mut complaints = 0;
    let mut bad = |request: &Request<'_>| {
        let answer = server.ask(request);
        let more = server.complaints().len() - complaints;
        complaints += more;
        assert_eq!(more, 1, "{request:?}: {answer:?}");
    };
    bad(&Request::Statfs { fid: A });
    bad(&Request::Walk {
        fid: ROOT,
        new_fid: ROOT,
        names: &[b".."],
    });
    bad(&Request::Walk {
        fid: ROOT,
        new_fid: A,
        names: &[b"a/b"],
    });
    bad(&Request::Attach {
        fid: ROOT,
        user: b"",
        name: b"",
        uid: 0,
    });
    bad(&Request::Attach {
        fid: Fid::NONE,
        user: b"",
        name: b"",
        uid: 0,
    });
    bad(&Request::Read {
        fid: ROOT,
        offset: 0,
        count: 1,
    });
    bad(&Request::MakeDirectory {
        directory: ROOT,
        name: b"",
        mode: 0,
        gid: 0,
    });
    bad(&Request::Write {
        fid: ROOT,
        offset: 0,
        data: &[0; 8192],
    });
    let _ = server.answer(b"nonsense");
    let _ = server.answer(&[]);
    assert_eq!(server.complaints().len(), complaints + 2);
}

#[test]
fn another_version_is_not_spoken() {
    let mut server = attached();
    let unknown = server.ask(&Request::Version {
        msize: 8192,
        version: b"9P2000",
    });
    let version = b"unknown".to_vec();
    assert_eq!(
        unknown,
        Ok(Response::Version {
            msize: 8192,
            version
        })
    );
    assert_eq!(server.fids().count(), 0);
    let small = server.ask(&Request::Version {
        msize: 4095,
        version: VERSION,
    });
    assert_eq!(small, refused(Errno::EMSGSIZE));
}

#[test]
fn refusals_are_counted_and_a_refused_clunk_is_carried_out() {
    let mut server = attached();
    create(&mut server, A, b"file");
    server.refuse(Kind::Clunk, Errno::EIO, 1);
    server.refuse(Kind::Statfs, Errno::EIO, 2);
    assert_eq!(server.ask(&Request::Clunk { fid: A }), refused(Errno::EIO));
    assert_eq!(server.fids().count(), 1);
    let statfs = Request::Statfs { fid: ROOT };
    assert_eq!(server.ask(&statfs), refused(Errno::EIO));
    assert_eq!(server.ask(&statfs), refused(Errno::EIO));
    assert!(server.ask(&statfs).is_ok());
}

#[test]
fn a_flush_is_answered_and_paths_are_qemus_business() {
    let mut server = attached();
    assert_eq!(
        server.ask(&Request::Flush { tag: Tag(7) }),
        Ok(Response::Done)
    );
    create(&mut server, A, b"file");
    server.tree.remove("file");
    let get = Request::GetAttributes {
        fid: A,
        mask: AttributeMask::BASIC,
    };
    assert!(server.ask(&get).is_ok());
    server.by_path = true;
    assert_eq!(server.ask(&get), refused(Errno::ENOENT));
    let sync = Request::Sync {
        fid: A,
        data_only: false,
    };
    assert_eq!(server.ask(&sync), Ok(Response::Done));
}
