//! Messages that are written out byte by byte, after the description of the protocol.

use alloc::vec::Vec;
use std::vec;

use crate::wire::{
    AttributeMask, Data, Expected, Fid, Header, Kind, Lock, LockKind, LockStatus, Qid, QidKind,
    Request, Response, SetAttributes, SetTime, Tag, Time,
};
use crate::{Errno, Error};

/// Bytes in hexadecimal; spaces only for the eye.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    let value = |d: u8| u8::try_from(char::from(d).to_digit(16).expect("a digit")).expect("small");
    digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}

#[track_caller]
fn assert_encoded(request: &Request<'_>, expected: &str) {
    let mut message = Vec::new();
    let data = request.encode(Tag(0x0201), &mut message).expect("small");
    message.extend_from_slice(data);
    assert_eq!(message, hex(expected), "{request:?}");
    let len = u32::try_from(message.len()).expect("small");
    assert_eq!(request.encoded_len(), Ok(len));
}

#[test]
fn requests_are_the_bytes_of_the_protocol() {
    let fid = Fid(0x0403_0201);
    assert_encoded(
        &Request::Version {
            msize: 8192,
            version: b"9P2000.L",
        },
        "15000000 64 0102  00200000 0800 3950323030302e4c",
    );
    assert_encoded(
        &Request::Attach {
            fid,
            user: b"u",
            name: b"",
            uid: 7,
        },
        "18000000 68 0102  01020304 ffffffff 0100 75 0000 07000000",
    );
    assert_encoded(
        &Request::Walk {
            fid,
            new_fid: Fid(9),
            names: &[b"a", b"bc"],
        },
        "18000000 6e 0102  01020304 09000000 0200 0100 61 0200 6263",
    );
    assert_encoded(
        &Request::Open { fid, flags: 0o2002 },
        "0f000000 0c 0102  01020304 02040000",
    );
    assert_encoded(
        &Request::Create {
            fid,
            name: b"n",
            flags: 1,
            mode: 0o644,
            gid: 5,
        },
        "1a000000 0e 0102  01020304 0100 6e 01000000 a4010000 05000000",
    );
    assert_encoded(
        &Request::Symlink {
            directory: fid,
            name: b"n",
            target: b"t/",
            gid: 5,
        },
        "16000000 10 0102  01020304 0100 6e 0200 742f 05000000",
    );
    assert_encoded(
        &Request::MakeDirectory {
            directory: fid,
            name: b"n",
            mode: 0o755,
            gid: 5,
        },
        "16000000 48 0102  01020304 0100 6e ed010000 05000000",
    );
    assert_encoded(&Request::ReadLink { fid }, "0b000000 16 0102  01020304");
    assert_encoded(
        &Request::GetAttributes {
            fid,
            mask: AttributeMask::BASIC,
        },
        "13000000 18 0102  01020304 ff07000000000000",
    );
    assert_encoded(
        &Request::ReadDirectory {
            fid,
            offset: 0x10,
            count: 0x20,
        },
        "17000000 28 0102  01020304 1000000000000000 20000000",
    );
    assert_encoded(
        &Request::Sync {
            fid,
            data_only: true,
        },
        "0f000000 32 0102  01020304 01000000",
    );
    assert_encoded(
        &Request::Link {
            directory: Fid(1),
            fid,
            name: b"n",
        },
        "12000000 46 0102  01000000 01020304 0100 6e",
    );
    assert_encoded(
        &Request::Rename {
            from: Fid(1),
            name: b"a",
            to: Fid(2),
            new_name: b"b",
        },
        "15000000 4a 0102  01000000 0100 61 02000000 0100 62",
    );
    assert_encoded(
        &Request::Unlink {
            directory: fid,
            name: b"n",
            is_directory: true,
        },
        "12000000 4c 0102  01020304 0100 6e 00020000",
    );
    assert_encoded(&Request::Statfs { fid }, "0b000000 08 0102  01020304");
    assert_encoded(
        &Request::Read {
            fid,
            offset: 3,
            count: 4,
        },
        "17000000 74 0102  01020304 0300000000000000 04000000",
    );
    assert_encoded(
        &Request::Write {
            fid,
            offset: 3,
            data: b"xyz",
        },
        "1a000000 76 0102  01020304 0300000000000000 03000000 78797a",
    );
    assert_encoded(&Request::Clunk { fid }, "0b000000 78 0102  01020304");
    assert_encoded(
        &Request::Flush { tag: Tag(0x0605) },
        "09000000 6c 0102  0506",
    );
}

#[test]
fn locks_and_changed_attributes_are_the_bytes_of_the_protocol() {
    let fid = Fid(1);
    let lock = Lock {
        kind: LockKind::Write,
        wait: true,
        start: 2,
        len: 3,
        process: 4,
        client: b"c",
    };
    assert_encoded(
        &Request::Lock { fid, lock },
        "27000000 34 0102  01000000 01 01000000 0200000000000000 0300000000000000 04000000 0100 63",
    );
    let attributes = SetAttributes {
        mode: Some(0o600),
        uid: None,
        gid: Some(9),
        size: Some(10),
        accessed: Some(SetTime::Now),
        modified: Some(SetTime::To(Time {
            seconds: 1,
            nanoseconds: 2,
        })),
    };
    assert_encoded(
        &Request::SetAttributes { fid, attributes },
        "43000000 1a 0102  01000000 3d010000 80010000 00000000 09000000 0a00000000000000
         0000000000000000 0000000000000000 0100000000000000 0200000000000000",
    );
}

#[test]
fn data_to_be_written_is_not_copied() {
    let data = vec![1; 100];
    let request = Request::Write {
        fid: Fid(1),
        offset: 0,
        data: &data,
    };
    let mut head = Vec::new();
    let rest = request.encode(Tag(1), &mut head).expect("small");
    assert!(core::ptr::eq(rest, data.as_slice()));
    assert_eq!(head.len(), 23);
    assert_eq!(request.encoded_len(), Ok(123));
}

#[test]
fn what_cannot_be_said_is_refused_and_leaves_nothing_behind() {
    let long = vec![b'x'; 65_536];
    let names = [b"a".as_slice(); 17];
    for request in [
        Request::Walk {
            fid: Fid(1),
            new_fid: Fid(2),
            names: &[b"a", &long],
        },
        Request::Walk {
            fid: Fid(1),
            new_fid: Fid(2),
            names: &names,
        },
        Request::Symlink {
            directory: Fid(1),
            name: b"n",
            target: &long,
            gid: 0,
        },
    ] {
        let mut head = vec![7];
        assert_eq!(request.encode(Tag(1), &mut head), Err(Error::TooLarge));
        assert_eq!(head, [7]);
    }
    let longest = Request::Walk {
        fid: Fid(1),
        new_fid: Fid(2),
        names: &[&long[1..]; 16],
    };
    assert_eq!(longest.encoded_len(), Ok(7 + 10 + 16 * 65_537));
}

#[track_caller]
fn decoded(kind: Kind, limit: u32, message: &str) -> Result<Result<Response, Errno>, Error> {
    Response::decode(Expected { kind, limit }, hex(message))
}

#[test]
fn answers_are_read_as_the_protocol_has_them() {
    let qid = Qid {
        kind: QidKind::DIR,
        version: 0x0403_0201,
        path: 0x0c0b_0a09_0807_0605,
    };
    const QID: &str = "80 01020304 05060708090a0b0c";
    let with_qid = |head: &str, rest: &str| std::format!("{head} {QID} {rest}");
    assert_eq!(
        decoded(
            Kind::Version,
            8192,
            "15000000 65 ffff  00100000 0800 3950323030302e4c"
        ),
        Ok(Ok(Response::Version {
            msize: 4096,
            version: b"9P2000.L".to_vec()
        }))
    );
    assert_eq!(
        decoded(Kind::Attach, 0, &with_qid("14000000 69 0100", "")),
        Ok(Ok(Response::Attached(qid)))
    );
    assert_eq!(
        decoded(Kind::Walk, 2, &with_qid("16000000 6f 0100 0100", "")),
        Ok(Ok(Response::Walked(vec![qid])))
    );
    assert_eq!(
        decoded(Kind::Walk, 0, "09000000 6f 0100 0000"),
        Ok(Ok(Response::Walked(vec![])))
    );
    for (kind, number) in [(Kind::Open, "0d"), (Kind::Create, "0f")] {
        let head = std::format!("18000000 {number} 0100");
        assert_eq!(
            decoded(kind, 0, &with_qid(&head, "00100000")),
            Ok(Ok(Response::Opened { qid, unit: 4096 }))
        );
    }
    for (kind, number) in [(Kind::Symlink, "11"), (Kind::MakeDirectory, "49")] {
        let head = std::format!("14000000 {number} 0100");
        assert_eq!(
            decoded(kind, 0, &with_qid(&head, "")),
            Ok(Ok(Response::Made(qid)))
        );
    }
    assert_eq!(
        decoded(Kind::ReadLink, 0, "0c000000 17 0100 0300 2e2e2f"),
        Ok(Ok(Response::Link(b"../".to_vec())))
    );
    assert_eq!(
        decoded(Kind::Read, 3, "0e000000 75 0100 03000000 010203"),
        Ok(Ok(Response::Data(Data::from(vec![1, 2, 3]))))
    );
    assert_eq!(
        decoded(Kind::Write, 5, "0b000000 77 0100 05000000"),
        Ok(Ok(Response::Written(5)))
    );
    assert_eq!(
        decoded(Kind::Lock, 0, "08000000 35 0100 01"),
        Ok(Ok(Response::Locked(LockStatus::Blocked)))
    );
    for (kind, number) in [
        (Kind::SetAttributes, "1b"),
        (Kind::Sync, "33"),
        (Kind::Link, "47"),
        (Kind::Rename, "4b"),
        (Kind::Unlink, "4d"),
        (Kind::Clunk, "79"),
        (Kind::Flush, "6d"),
    ] {
        let message = std::format!("07000000 {number} 0100");
        assert_eq!(
            decoded(kind, 0, &message),
            Ok(Ok(Response::Done)),
            "{kind:?}"
        );
    }
    for &kind in Kind::ALL {
        let refused = decoded(kind, 9, "0b000000 07 0100 02000000");
        assert_eq!(refused, Ok(Err(Errno::ENOENT)), "{kind:?}");
    }
}

#[test]
fn attributes_and_the_state_of_a_disk_are_read_in_order() {
    let words =
        |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
    let mut message = hex(
        "a0000000 19 0100  ff07000000000000 00 01000000 0200000000000000 03000000 04000000 05000000",
    );
    // Links to blocks, three times, birth, generation, version.
    message.extend(words(&[
        6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ]));
    let expected = Expected {
        kind: Kind::GetAttributes,
        limit: 0,
    };
    let Ok(Ok(Response::Attributes(told))) = Response::decode(expected, message) else {
        panic!("not read");
    };
    let qid = Qid {
        kind: QidKind::empty(),
        version: 1,
        path: 2,
    };
    assert_eq!((told.valid, told.qid), (AttributeMask::BASIC, qid));
    assert_eq!((told.mode, told.uid, told.gid), (3, 4, 5));
    assert_eq!((told.links, told.rdev, told.size), (6, 7, 8));
    assert_eq!((told.block_size, told.blocks), (9, 10));
    let times = [told.accessed, told.modified, told.changed];
    assert_eq!(
        times.map(|time| (time.seconds, time.nanoseconds)),
        [(11, 12), (13, 14), (15, 16)]
    );

    let mut message = hex("43000000 09 0100  01000000 02000000");
    message.extend(words(&[3, 4, 5, 6, 7, 8]));
    message.extend(hex("09000000"));
    let expected = Expected {
        kind: Kind::Statfs,
        limit: 0,
    };
    let Ok(Ok(Response::Statfs(told))) = Response::decode(expected, message) else {
        panic!("not read");
    };
    assert_eq!((told.kind, told.block_size, told.blocks), (1, 2, 3));
    assert_eq!((told.free_blocks, told.available_blocks), (4, 5));
    assert_eq!(
        (told.files, told.free_files, told.id, told.name_len),
        (6, 7, 8, 9)
    );
}

#[test]
fn entries_of_a_directory_are_read_in_order_dots_included() {
    let data = Data::from(hex(
        "80 01000000 0200000000000000  0300000000000000 04 0100 2e
         00 05000000 0600000000000000  0700000000000000 08 0200 6162",
    ));
    let entries: Result<Vec<_>, Error> = data.entries().collect();
    let entries = entries.expect("honest");
    assert_eq!(entries.len(), 2);
    assert!(entries[0].is_dot() && !entries[1].is_dot());
    assert_eq!((entries[0].qid.kind, entries[0].offset), (QidKind::DIR, 3));
    assert_eq!((entries[1].qid.path, entries[1].offset), (6, 7));
    assert_eq!((entries[1].kind, entries[1].name), (8, b"ab".as_slice()));
}

#[test]
fn a_header_is_size_type_tag() {
    let header = Header::read([1, 2, 3, 4, 5, 6, 7]);
    let expected = Header {
        size: 0x0403_0201,
        kind: 5,
        tag: Tag(0x0706),
    };
    assert_eq!(header, expected);
}
