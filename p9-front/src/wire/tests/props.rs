//! What holds for every message.

use alloc::vec::Vec;

use proptest::prelude::*;

use crate::Error;
use crate::wire::{
    AttributeMask, Data, Expected, Fid, HEADER_LEN, Kind, Lock, LockKind, MAX_WALK, Request,
    Response, SetAttributes, SetTime, Tag, Time,
};

fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..40)
}

fn set_time() -> impl Strategy<Value = Option<SetTime>> {
    proptest::option::of(prop_oneof![
        Just(SetTime::Now),
        any::<(u64, u64)>().prop_map(|(seconds, nanoseconds)| {
            SetTime::To(Time {
                seconds,
                nanoseconds,
            })
        }),
    ])
}

prop_compose! {
    fn set_attributes()(
        mode in any::<Option<u32>>(),
        uid in any::<Option<u32>>(),
        gid in any::<Option<u32>>(),
        size in any::<Option<u64>>(),
        accessed in set_time(),
        modified in set_time(),
    ) -> SetAttributes {
        SetAttributes { mode, uid, gid, size, accessed, modified }
    }
}

/// What requests are made of.
#[derive(Clone, Debug)]
struct Parts {
    fids: (u32, u32),
    words: (u32, u32, u32),
    longs: (u64, u64),
    flag: bool,
    names: Vec<Vec<u8>>,
    attributes: SetAttributes,
}

prop_compose! {
    fn parts()(
        fids in any::<(u32, u32)>(),
        words in any::<(u32, u32, u32)>(),
        longs in any::<(u64, u64)>(),
        flag in any::<bool>(),
        names in proptest::collection::vec(name(), 2..=MAX_WALK),
        attributes in set_attributes(),
    ) -> Parts {
        Parts { fids, words, longs, flag, names, attributes }
    }
}

/// The request of that kind that has these parts.
fn request<'a>(kind: Kind, parts: &'a Parts, names: &'a [&'a [u8]]) -> Request<'a> {
    let (fid, other) = (Fid(parts.fids.0), Fid(parts.fids.1));
    let (flags, mode, gid) = parts.words;
    let (offset, len) = parts.longs;
    let (name, target) = (parts.names[0].as_slice(), parts.names[1].as_slice());
    match kind {
        Kind::Version => Request::Version {
            msize: flags,
            version: name,
        },
        Kind::Attach => Request::Attach {
            fid,
            user: name,
            name: target,
            uid: gid,
        },
        Kind::Walk => Request::Walk {
            fid,
            new_fid: other,
            names,
        },
        Kind::Open => Request::Open { fid, flags },
        Kind::Create => Request::Create {
            fid,
            name,
            flags,
            mode,
            gid,
        },
        Kind::Symlink => Request::Symlink {
            directory: fid,
            name,
            target,
            gid,
        },
        Kind::MakeDirectory => Request::MakeDirectory {
            directory: fid,
            name,
            mode,
            gid,
        },
        Kind::ReadLink => Request::ReadLink { fid },
        Kind::GetAttributes => {
            let mask = AttributeMask::from_bits_retain(offset);
            Request::GetAttributes { fid, mask }
        }
        Kind::SetAttributes => Request::SetAttributes {
            fid,
            attributes: parts.attributes,
        },
        Kind::ReadDirectory => Request::ReadDirectory {
            fid,
            offset,
            count: flags,
        },
        Kind::Sync => Request::Sync {
            fid,
            data_only: parts.flag,
        },
        Kind::Lock => {
            let kinds = [LockKind::Read, LockKind::Write, LockKind::Unlock];
            let kind = kinds[parts.names.len() % 3];
            let (wait, process) = (parts.flag, mode);
            let lock = Lock {
                kind,
                wait,
                start: offset,
                len,
                process,
                client: name,
            };
            Request::Lock { fid, lock }
        }
        Kind::Link => Request::Link {
            directory: fid,
            fid: other,
            name,
        },
        Kind::Rename => Request::Rename {
            from: fid,
            name,
            to: other,
            new_name: target,
        },
        Kind::Unlink => Request::Unlink {
            directory: fid,
            name,
            is_directory: parts.flag,
        },
        Kind::Statfs => Request::Statfs { fid },
        Kind::Read => Request::Read {
            fid,
            offset,
            count: flags,
        },
        Kind::Write => Request::Write {
            fid,
            offset,
            data: name,
        },
        Kind::Clunk => Request::Clunk { fid },
        Kind::Flush => Request::Flush {
            tag: Tag(u16::try_from(flags >> 16).expect("16 bits")),
        },
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL)
}

/// Bytes that look like a message from outside: the size is right, and the type often.
fn plausible(kind: Kind, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER_LEN + body.len()).expect("small");
    let mut message = size.to_le_bytes().to_vec();
    message.extend([kind.answer(), 1, 0]);
    message.extend(body);
    message
}

/// Bytes that an answer owns.
fn owned(response: &Response) -> usize {
    match response {
        Response::Version { version, .. } => version.capacity(),
        Response::Walked(qids) => qids.len() * 13,
        Response::Link(target) => target.capacity(),
        Response::Directory(data) | Response::Data(data) => data.len(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(kind in kind(), parts in parts(), tag in any::<u16>()) {
        let names: Vec<&[u8]> = parts.names.iter().map(Vec::as_slice).collect();
        let request = request(kind, &parts, &names);
        prop_assert_eq!(request.kind(), kind);
        let mut message = Vec::new();
        let data = request.encode(Tag(tag), &mut message).expect("small");
        message.extend_from_slice(data);
        prop_assert_eq!(request.encoded_len().map(|len| len as usize), Ok(message.len()));
        let mut storage = [[].as_slice(); MAX_WALK];
        prop_assert_eq!(Request::decode(&message, &mut storage), Ok((Tag(tag), request)));
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error_within_the_message(
        kind in kind(),
        limit in prop_oneof![0_u32..64, any::<u32>()],
        body in proptest::collection::vec(any::<u8>(), 0..200),
        raw in any::<bool>(),
    ) {
        let message = if raw { body } else { plausible(kind, &body) };
        let len = message.len();
        match Response::decode(Expected { kind, limit }, message) {
            Ok(Ok(response)) => {
                prop_assert!(owned(&response) <= len);
                if let Response::Data(data) | Response::Directory(data) = &response {
                    prop_assert!(data.len() <= limit as usize);
                }
                if let Response::Directory(data) = &response {
                    prop_assert!(data.entries().count() <= data.len());
                }
            }
            Ok(Err(errno)) => prop_assert!((1..=4095).contains(&errno.number())),
            Err(error) => prop_assert!(matches!(error, Error::Answer(_))),
        }
    }

    /// Counts in front of the body that are nearly right, so that what lies behind is reached.
    #[test]
    fn a_count_that_is_nearly_right_is_refused(
        kind in proptest::sample::select(&[Kind::Read, Kind::ReadDirectory, Kind::Walk, Kind::ReadLink][..]),
        body in proptest::collection::vec(1..=u8::MAX, 0..100),
        more in 0..4_usize,
    ) {
        let unit = if kind == Kind::Walk { 13 } else { 1 };
        let count = (body.len() / unit + more).saturating_sub(2);
        let exact = count * unit == body.len();
        let bytes = u32::try_from(count).expect("small").to_le_bytes();
        let bytes = if unit == 13 || kind == Kind::ReadLink { &bytes[..2] } else { &bytes };
        let message = plausible(kind, &[bytes, &body].concat());
        let answer = Response::decode(Expected { kind, limit: 100 }, message);
        // Neither an empty link nor a walk that went nowhere.
        let taken = exact && (count > 0 || matches!(kind, Kind::Read | Kind::ReadDirectory));
        prop_assert_eq!(matches!(answer, Ok(Ok(_))), taken, "{:?}", answer);
    }

    #[test]
    fn any_bytes_are_entries_that_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let data = Data::from(bytes);
        let entries: Vec<_> = data.entries().collect();
        prop_assert!(entries.len() * 24 <= data.len() + 24);
        prop_assert!(entries.iter().rev().skip(1).all(Result::is_ok));
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(
        kind in kind(),
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut message = plausible(kind, &body);
        message[4] = kind.number();
        let mut storage = [[].as_slice(); MAX_WALK];
        if let Ok((tag, request)) = Request::decode(&message, &mut storage) {
            prop_assert_eq!(tag, Tag(1));
            prop_assert_eq!(request.kind(), kind);
        }
    }
}
