//! That the lies are told, and which of them the bytes give away.

use alloc::vec::Vec;

use super::{A, B, ROOT, attached, create, walk};
use crate::Error;
use crate::test_utils::server::{Lie, Server};
use crate::wire::{
    AttributeMask, Fid, Header, Kind, Lock, LockKind, Request, SetAttributes, Tag, VERSION,
};

/// A server where every request of [`request`] succeeds.
fn ready() -> Server {
    let mut server = attached();
    server.tree.put_file("directory/file", b"0123456789");
    server.tree.put_symlink("link", "directory");
    create(&mut server, A, b"open");
    server.tree.put_file("open", b"0123456789");
    walk(&mut server, B, &[b"link"]).expect("there");
    walk(&mut server, Fid(3), &[]).expect("there");
    let open = Request::Open {
        fid: Fid(3),
        flags: 0,
    };
    server.ask(&open).expect("a directory");
    walk(&mut server, Fid(4), &[]).expect("there");
    server
}

fn request(kind: Kind) -> Request<'static> {
    let directory = ROOT;
    match kind {
        Kind::Version => Request::Version {
            msize: 8192,
            version: VERSION,
        },
        Kind::Attach => Request::Attach {
            fid: Fid(9),
            user: b"",
            name: b"",
            uid: 0,
        },
        Kind::Walk => {
            let (fid, new_fid) = (ROOT, Fid(9));
            Request::Walk {
                fid,
                new_fid,
                names: &[b"directory", b"file"],
            }
        }
        Kind::Open => Request::Open {
            fid: Fid(4),
            flags: 0,
        },
        Kind::Create => Request::Create {
            fid: Fid(4),
            name: b"c",
            flags: 2,
            mode: 0,
            gid: 0,
        },
        Kind::Symlink => Request::Symlink {
            directory,
            name: b"s",
            target: b"t",
            gid: 0,
        },
        Kind::MakeDirectory => Request::MakeDirectory {
            directory,
            name: b"d",
            mode: 0,
            gid: 0,
        },
        Kind::ReadLink => Request::ReadLink { fid: B },
        Kind::GetAttributes => Request::GetAttributes {
            fid: A,
            mask: AttributeMask::BASIC,
        },
        Kind::SetAttributes => {
            let attributes = SetAttributes::default();
            Request::SetAttributes { fid: A, attributes }
        }
        Kind::ReadDirectory => Request::ReadDirectory {
            fid: Fid(3),
            offset: 0,
            count: 500,
        },
        Kind::Sync => Request::Sync {
            fid: A,
            data_only: false,
        },
        Kind::Lock => {
            let kind = LockKind::Read;
            let lock = Lock {
                kind,
                wait: false,
                start: 0,
                len: 0,
                process: 1,
                client: b"",
            };
            Request::Lock { fid: A, lock }
        }
        Kind::Link => Request::Link {
            directory,
            fid: A,
            name: b"l",
        },
        Kind::Rename => {
            let (from, to) = (ROOT, ROOT);
            Request::Rename {
                from,
                name: b"open",
                to,
                new_name: b"o",
            }
        }
        Kind::Unlink => Request::Unlink {
            directory,
            name: b"open",
            is_directory: false,
        },
        Kind::Statfs => Request::Statfs { fid: ROOT },
        Kind::Read => Request::Read {
            fid: A,
            offset: 0,
            count: 10,
        },
        Kind::Write => Request::Write {
            fid: A,
            offset: 0,
            data: b"0123456789",
        },
        Kind::Clunk => Request::Clunk { fid: A },
        Kind::Flush => Request::Flush { tag: Tag(3) },
    }
}

/// The bytes of the answer, honest or not.
fn answer(kind: Kind, lie: Option<Lie>) -> Vec<u8> {
    let mut server = ready();
    if let Some(lie) = lie {
        server.lie(kind, lie, 1);
    }
    let tag = if kind == Kind::Version {
        Tag::NONE
    } else {
        Tag(1)
    };
    let request = request(kind);
    let mut message = Vec::new();
    let data = request.encode(tag, &mut message).expect("small");
    message.extend_from_slice(data);
    server.answer(&message)
}

#[test]
fn every_lie_changes_the_answer_and_the_plain_ones_are_seen_by_the_codec() {
    for &kind in Kind::ALL {
        let honest = answer(kind, None);
        let header = |message: &[u8]| Header::read(*message.first_chunk().expect("a header"));
        assert_eq!(
            header(&honest).kind,
            kind.answer(),
            "{kind:?} does not succeed"
        );
        for &lie in Lie::ALL.iter().filter(|lie| lie.fits(kind)) {
            let told = answer(kind, Some(lie));
            assert_ne!(told, honest, "{lie:?} of {kind:?}");
            let mut server = ready();
            server.lie(kind, lie, 1);
            let decoded = server.ask(&request(kind));
            if lie == Lie::OtherTag {
                assert_ne!(header(&told).tag, header(&honest).tag);
            } else if lie.is_plain() {
                assert!(
                    matches!(decoded, Err(Error::Answer(_))),
                    "{lie:?} of {kind:?}: {decoded:?}"
                );
            } else if lie == Lie::Nothing && kind == Kind::Walk {
                assert!(decoded.is_err());
            } else {
                assert!(decoded.is_ok(), "{lie:?} of {kind:?}: {decoded:?}");
            }
            // One lie was told; from then on the answers are honest.
            assert!(server.lies.iter().all(|planned| planned.times == 0));
        }
    }
}

#[test]
fn a_lie_where_the_truth_is_a_refusal_is_a_success() {
    let mut server = attached();
    server.lie(Kind::Walk, Lie::OtherFile, 1);
    assert!(walk(&mut server, A, &[b"missing"]).is_ok());
    assert!(walk(&mut server, A, &[b"missing"]).is_err());
    assert_eq!(server.fids().count(), 1);
}
