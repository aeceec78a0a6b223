//! Tests of the payloads.

use super::*;

fn encoded(request: &impl Request) -> Vec<u8> {
    let mut payload = Vec::new();
    request.encode(&mut payload);
    payload
}

#[test]
fn nuls_stand_where_the_protocol_wants_them() {
    let path = Path::new("a/b").unwrap();
    assert_eq!(encoded(&Read(path)), b"a/b\0");
    assert_eq!(encoded(&Write(path, b"v")), b"a/b\0v");
    assert_eq!(encoded(&DirectoryPart(path, 40)), b"a/b\x0040\0");
    assert_eq!(encoded(&TransactionStart), b"\0");
    assert_eq!(encoded(&TransactionEnd { commit: false }), b"F\0");
    assert_eq!(encoded(&GetDomainPath(DomainId(7))), b"7\0");
    let owner = Permission {
        access: Access::None,
        domain: DomainId(3),
    };
    let reader = Permission {
        access: Access::Read,
        domain: DomainId(0),
    };
    assert_eq!(encoded(&SetPerms(path, &[owner, reader])), b"a/b\0n3\0r0\0");
    assert_eq!(
        GetPerms::decode(b"n3\0r0\0".to_vec()),
        Some(vec![owner, reader])
    );
}

#[test]
fn lists_are_read_whole_or_not_at_all() {
    assert_eq!(Directory::decode(b"".to_vec()), Some(vec![]));
    assert_eq!(
        Directory::decode(b"a\0bc\0".to_vec()),
        Some(vec!["a".into(), "bc".into()])
    );
    assert_eq!(Directory::decode(b"a\0bc".to_vec()), None);
    assert_eq!(Directory::decode(b"a\0\0b\0".to_vec()), None);
    for bad in [&b"\xff\0"[..], b"a/b\0", b"../a\0", b"a b\0"] {
        assert_eq!(Directory::decode(bad.to_vec()), None, "{bad:?}");
        let part = [b"12\0", bad, b"\0"].concat();
        assert_eq!(DirectoryPart::decode(part), None, "{bad:?}");
    }
}

#[test]
fn directory_parts_know_the_end() {
    let part = DirectoryPart::decode(b"12\0a\0bc\0\0".to_vec()).unwrap();
    assert_eq!(
        (part.children.len(), part.list_bytes, part.last),
        (2, 5, true)
    );
    let part = DirectoryPart::decode(b"12\0a\0bc\0".to_vec()).unwrap();
    assert_eq!(
        (part.children.len(), part.list_bytes, part.last),
        (2, 5, false)
    );
    assert_eq!(DirectoryPart::decode(b"".to_vec()), None);
}

#[test]
fn malformed_replies_are_refused() {
    assert_eq!(
        TransactionStart::decode(b"12\0".to_vec()),
        Some(TransactionId(12))
    );
    for bad in [
        &b"0\0"[..],
        b"12",
        b"-1\0",
        b"4294967296\0",
        b"1\x002\0",
        b"",
    ] {
        assert_eq!(TransactionStart::decode(bad.to_vec()), None, "{bad:?}");
    }
    for bad in [
        &b""[..],
        b"x1\0",
        b"r\0",
        b"r65536\0",
        b"r1",
        b"\xc3\xa91\0",
    ] {
        assert_eq!(GetPerms::decode(bad.to_vec()), None, "{bad:?}");
    }
    assert_eq!(Write::decode(b"OK".to_vec()), None);
    assert_eq!(GetDomainPath::decode(b"/local//1\0".to_vec()), None);
    assert_eq!(IsDomainIntroduced::decode(b"T\0".to_vec()), Some(true));
}
