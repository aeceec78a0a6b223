//! Every request, byte by byte, after the specification.

use super::*;

const GRANT: u32 = 99;
const PORT: u32 = 17;

fn id() -> SocketId {
    SocketId::new(4, 7)
}

fn ring() -> RingRef {
    RingRef {
        indexes: GrantRef::new(GRANT).expect("not zero"),
        port: Port::new(PORT).expect("not zero"),
    }
}

fn v4() -> SocketAddr {
    "10.1.2.3:4660".parse().expect("an address")
}

/// The slot of request 5 for socket 7.5 with that command, and pieces at their offsets.
fn slot(cmd: u32, pieces: &[(usize, &[u8])]) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    bytes[0..4].copy_from_slice(&5u32.to_le_bytes());
    bytes[4..8].copy_from_slice(&cmd.to_le_bytes());
    bytes[8..16].copy_from_slice(&((7u64 << 32) + 5).to_le_bytes());
    for (at, piece) in pieces {
        bytes[*at..*at + piece.len()].copy_from_slice(piece);
    }
    bytes
}

#[test]
fn requests_put_every_field_where_the_structure_has_it() {
    let sockaddr: &[u8] = &[2, 0, 0x12, 0x34, 10, 1, 2, 3];
    let (grant, port) = (GRANT.to_le_bytes(), PORT.to_le_bytes());
    let (id, ring) = (id(), ring());
    let new = SocketId::new(8, 9);
    let cases: [(Request, [u8; REQUEST_BYTES]); 12] = [
        (
            Request::Socket {
                id,
                family: AF_INET,
                kind: SocketType::Stream,
            },
            // Protocol 0: a Linux backend refuses the honest number.
            slot(0, &[(16, &[2]), (20, &[1])]),
        ),
        (
            Request::Socket {
                id,
                family: AF_INET6,
                kind: SocketType::Datagram,
            },
            slot(0, &[(16, &[10]), (20, &[2])]),
        ),
        (
            Request::Connect {
                id,
                to: v4(),
                ring: Some(ring),
            },
            slot(1, &[(16, sockaddr), (44, &[16]), (52, &grant), (56, &port)]),
        ),
        (
            Request::Connect {
                id,
                to: v4(),
                ring: None,
            },
            slot(1, &[(16, sockaddr), (44, &[16])]),
        ),
        (Request::Release { id, reuse: true }, slot(2, &[(16, &[1])])),
        (
            Request::Bind { id, at: v4() },
            slot(3, &[(16, sockaddr), (44, &[16])]),
        ),
        (
            Request::Listen { id, backlog: 0x102 },
            slot(4, &[(16, &[2, 1])]),
        ),
        (
            Request::Accept {
                at: Listening::pretend(id),
                new,
                ring,
            },
            slot(
                5,
                &[
                    (16, &((9u64 << 32) + 9).to_le_bytes()),
                    (24, &grant),
                    (28, &port),
                ],
            ),
        ),
        (
            Request::Shutdown {
                id,
                how: 1,
                out_prod: Index::new(0xfffe),
            },
            slot(7, &[(16, &[1]), (20, &[0xfe, 0xff])]),
        ),
        (
            Request::SetOption {
                id,
                option: 4,
                value: -1,
            },
            slot(9, &[(16, &[4]), (24, &[0xff; 8])]),
        ),
        (
            Request::GetOption { id, option: 7 },
            slot(10, &[(16, &[7])]),
        ),
        (
            Request::Attach { id, ring },
            slot(11, &[(16, &grant), (20, &port)]),
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(request.encode(5), expected, "{request:?}");
    }
}

#[test]
fn a_resolve_belongs_to_no_socket() {
    let request = Request::Resolve {
        page: ring().indexes,
        len: 11,
        family: AF_INET6,
    };
    let mut expected = slot(12, &[(16, &GRANT.to_le_bytes()), (20, &[11]), (24, &[10])]);
    expected[8..16].fill(0);
    assert_eq!(request.encode(5), expected);
}

#[test]
fn what_extensions_add_lies_behind_the_answer_of_version_1() {
    let mut bytes = [0; RESPONSE_BYTES];
    let peer = "[::1]:80".parse().expect("an address");
    bytes[24..44].copy_from_slice(&encode_name(Some(&v4())));
    bytes[44..64].copy_from_slice(&encode_name(Some(&peer)));
    let extra = Response::decode(&bytes).extra;
    assert_eq!(extra.names(), (Some(v4()), Some(peer)));
    bytes[24..32].copy_from_slice(&(-2i64).to_le_bytes());
    assert_eq!(Response::decode(&bytes).extra.value(), -2);
    bytes[24..28].copy_from_slice(&204u32.to_le_bytes());
    assert_eq!(Response::decode(&bytes).extra.count(), 204);
}
