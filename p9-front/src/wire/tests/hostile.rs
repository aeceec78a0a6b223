//! Answers that lie.

use alloc::vec::Vec;
use std::vec;

use crate::Error;
use crate::wire::{
    AttributeMask, Attributes, Data, DirEntry, Expected, Kind, Qid, QidKind, Response, Statfs, Tag,
    Time, encode_error,
};

const QID: Qid = Qid {
    kind: QidKind::DIR,
    version: 1,
    path: 2,
};

const ATTRIBUTES: Attributes = Attributes {
    valid: AttributeMask::BASIC,
    qid: QID,
    mode: 0o644,
    uid: 0,
    gid: 0,
    links: 1,
    rdev: 0,
    size: 5,
    block_size: 4096,
    blocks: 8,
    accessed: Time {
        seconds: 1,
        nanoseconds: 2,
    },
    modified: Time {
        seconds: 1,
        nanoseconds: 2,
    },
    changed: Time {
        seconds: 1,
        nanoseconds: 2,
    },
};

/// An honest answer to a request of that kind, which may have five bytes or two names.
fn honest(kind: Kind) -> Response {
    match kind {
        Kind::Version => Response::Version {
            msize: 5000,
            version: b"9P2000.L".to_vec(),
        },
        Kind::Attach => Response::Attached(QID),
        Kind::Walk => Response::Walked(vec![QID; 2]),
        Kind::Open | Kind::Create => Response::Opened { qid: QID, unit: 0 },
        Kind::Symlink | Kind::MakeDirectory => Response::Made(QID),
        Kind::ReadLink => Response::Link(b"target".to_vec()),
        Kind::GetAttributes => Response::Attributes(ATTRIBUTES),
        Kind::ReadDirectory => Response::Directory(Data::from(vec![0; 5])),
        Kind::Read => Response::Data(Data::from(vec![0; 5])),
        Kind::Write => Response::Written(5),
        Kind::Lock => Response::Locked(crate::wire::LockStatus::Success),
        Kind::Statfs => Response::Statfs(Statfs {
            kind: 1,
            block_size: 2,
            blocks: 3,
            free_blocks: 4,
            available_blocks: 5,
            files: 6,
            free_files: 7,
            id: 8,
            name_len: 9,
        }),
        Kind::SetAttributes
        | Kind::Sync
        | Kind::Link
        | Kind::Rename
        | Kind::Unlink
        | Kind::Clunk
        | Kind::Flush => Response::Done,
    }
}

fn expected(kind: Kind) -> Expected {
    let limit = match kind {
        Kind::Version => 5000,
        Kind::Walk => 2,
        _ => 5,
    };
    Expected { kind, limit }
}

#[track_caller]
fn assert_refused(kind: Kind, message: Vec<u8>) {
    let answer = Response::decode(expected(kind), message.clone());
    let refused = matches!(answer, Err(Error::Answer(_)));
    assert!(refused, "{kind:?} {message:?}: {answer:?}");
}

/// With the size that it really has.
fn resized(mut message: Vec<u8>) -> Vec<u8> {
    let size = u32::try_from(message.len()).expect("small");
    message[..4].copy_from_slice(&size.to_le_bytes());
    message
}

#[test]
fn every_answer_is_only_taken_whole_and_as_its_own() {
    for &kind in Kind::ALL {
        let message = honest(kind).encode(kind, Tag(1));
        assert_eq!(
            Response::decode(expected(kind), message.clone()),
            Ok(Ok(honest(kind)))
        );
        for len in 0..message.len() {
            assert_refused(kind, message[..len].to_vec());
            if len >= 7 {
                assert_refused(kind, resized(message[..len].to_vec()));
            }
        }
        let longer = [message.as_slice(), &[0]].concat();
        assert_refused(kind, longer.clone());
        assert_refused(kind, resized(longer));
        for size in [0, 6, 7, u32::MAX] {
            let mut message = message.clone();
            if size != u32::try_from(message.len()).expect("small") {
                message[..4].copy_from_slice(&size.to_le_bytes());
                assert_refused(kind, message);
            }
        }
        for other in 0..=u8::MAX {
            if other != kind.answer() && other != 7 {
                let mut message = message.clone();
                message[4] = other;
                assert_refused(kind, message);
            }
        }
    }
}

#[test]
fn errors_have_a_number_and_nothing_else() {
    for &kind in Kind::ALL {
        for number in [0, 4096, 0x8000_0000, u32::MAX] {
            assert_refused(kind, encode_error(number, Tag(1)));
        }
        let message = encode_error(5, Tag(1));
        for len in 7..message.len() {
            assert_refused(kind, resized(message[..len].to_vec()));
        }
        assert_refused(kind, resized([message.as_slice(), &[0]].concat()));
    }
}

#[test]
fn nobody_gives_more_than_was_asked_for() {
    let refused = |kind: Kind, response: Response| {
        assert_refused(kind, response.encode(kind, Tag(1)));
    };
    refused(Kind::Read, Response::Data(Data::from(vec![0; 6])));
    refused(
        Kind::ReadDirectory,
        Response::Directory(Data::from(vec![0; 6])),
    );
    refused(Kind::Write, Response::Written(6));
    refused(Kind::Walk, Response::Walked(vec![QID; 3]));
    for msize in [5001, u32::MAX, 4095, 0] {
        let version = b"9P2000.L".to_vec();
        refused(Kind::Version, Response::Version { msize, version });
    }
}

#[test]
fn another_version_is_told_whatever_its_size_is() {
    for version in [b"unknown".as_slice(), b"9P2000.u", b""] {
        let version = version.to_vec();
        let response = Response::Version { msize: 0, version };
        let message = response.encode(Kind::Version, Tag::NONE);
        assert_eq!(
            Response::decode(expected(Kind::Version), message),
            Ok(Ok(response))
        );
    }
}

#[test]
fn what_no_file_can_have_is_refused() {
    let size = 1 << 63;
    let large = Response::Attributes(Attributes { size, ..ATTRIBUTES });
    assert_refused(
        Kind::GetAttributes,
        large.encode(Kind::GetAttributes, Tag(1)),
    );
    for target in [b"".as_slice(), b"a\0b"] {
        let link = Response::Link(target.to_vec());
        assert_refused(Kind::ReadLink, link.encode(Kind::ReadLink, Tag(1)));
    }
    assert_refused(
        Kind::Walk,
        Response::Walked(vec![]).encode(Kind::Walk, Tag(1)),
    );
    let mut lock = honest(Kind::Lock).encode(Kind::Lock, Tag(1));
    lock[7] = 4;
    assert_refused(Kind::Lock, lock);
}

#[test]
fn entries_stop_at_the_first_that_makes_no_sense() {
    let record = |name: &[u8]| {
        let mut out = Vec::new();
        let entry = DirEntry {
            qid: QID,
            offset: 1,
            kind: 8,
            name,
        };
        entry.encode(&mut out);
        out
    };
    for name in [b"".as_slice(), b"a/b", b"/", b"a\0", b"\0"] {
        let data = Data::from([record(b"good"), record(name), record(b"good")].concat());
        let entries: Vec<_> = data.entries().collect();
        assert_eq!(entries.len(), 2, "{name:?}");
        assert!(entries[0].is_ok());
        assert!(matches!(entries[1], Err(Error::Answer(_))), "{name:?}");
    }
    let whole = record(b"name");
    for len in 1..whole.len() {
        let data = Data::from([whole.as_slice(), &whole[..len]].concat());
        let entries: Vec<_> = data.entries().collect();
        assert_eq!(entries.len(), 2, "{len}");
        assert!(matches!(entries[1], Err(Error::Answer(_))), "{len}");
    }
}
