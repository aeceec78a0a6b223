//! Writing: in pieces, several in flight, and what is reported when some fail.

use super::*;
use crate::test_utils::server::Lie;
use crate::wire::SetAttributes;

#[test]
fn any_order_gives_the_same_file() {
    for order in ORDERS {
        let bed = Bed::new(|_| {});
        let file = bed.writing("f");
        bed.straight.set_order(order);
        let data = pattern(3_000_000);
        let mut done = 0;
        while done < data.len() {
            let len = bed.run(file.write_at(&data[done..], 77 + done as u64));
            done += len.unwrap();
        }
        assert_eq!(done, data.len());
        let content = bed.tree().content("f");
        assert_eq!(content[..77], [0; 77]);
        assert!(content[77..] == data);
        assert_eq!(bed.count(Kind::Write), 3_000_000_u64.div_ceil(128 << 10));
    }
}

#[test]
fn the_window_is_bounded() {
    let limits = Limits {
        requests: 5,
        bytes: 3 * (128 << 10),
        ..Limits::default()
    };
    for (limits, most) in [(Limits::default(), 8), (limits, 3)] {
        let bed = Bed::with(limits, |_| {});
        let file = bed.writing("f");
        bed.straight.set_order(Order::Late);
        bed.run(file.write_at(&pattern(4 << 20), 0)).unwrap();
        assert_eq!(bed.straight.most_waiting(), most);
    }
}

#[test]
fn pieces_keep_to_the_servers_unit() {
    for (unit, piece) in [
        (0, 128 << 10),
        (1, 128 << 10),
        (4096, 4096),
        (10_000, 8192),
        (u32::MAX, 128 << 10),
    ] {
        let bed = Bed::new(|_| {});
        bed.straight.server().unit = unit;
        assert_eq!(bed.writing("f").piece(), piece, "{unit}");
    }
    let bed = Bed::new(|_| {});
    bed.straight.set_msize(10_000);
    assert_eq!(bed.writing("f").piece(), 8192);
    bed.straight.set_msize(4096);
    assert_eq!(bed.writing("f").piece(), 4072);
}

#[test]
fn a_full_disk() {
    for order in ORDERS {
        let bed = Bed::new(|tree| tree.set_capacity(300 << 10));
        let file = bed.writing("f");
        bed.straight.set_order(order);
        let data = pattern(1 << 20);
        match bed.run(file.write_at(&data, 0)) {
            Ok(done) => {
                assert!(done > 0 && done <= 300 << 10, "{done}");
                assert!(bed.tree().content("f")[..done] == data[..done]);
                let more = bed.run(file.write_at(&data[done..], done as u64));
                let full = matches!(more, Err(Error::Server(Errno::ENOSPC)));
                assert!(full || order != Order::AtOnce, "{more:?}");
            }
            // Later pieces took the room.
            Err(error) => assert_eq!(error, Errno::ENOSPC.into()),
        }
        assert_eq!(bed.straight.calls(), 0);
    }
}

/// The piece that fails is the end of what is reported, wherever it is; all are waited for.
#[test]
fn a_prefix_is_reported() {
    const PIECE: usize = 128 << 10;
    for failing in 0..6_usize {
        let bed = Bed::new(|_| {});
        let file = bed.writing("f");
        bed.straight.set_order(Order::Held);
        let data = pattern(6 * PIECE);
        let mut write = core::pin::pin!(file.write_at(&data, 0));
        assert!(bed.straight.run(write.as_mut()).is_none());
        assert_eq!(bed.straight.waiting(), 6);
        // The newest first, and this one not.
        for place in (0..6).rev() {
            if place == failing {
                bed.straight.server().refuse(Kind::Write, Errno::EIO, 1);
            }
            assert!(
                bed.straight.run(write.as_mut()).is_none(),
                "not before the last"
            );
            bed.straight.carry_out(place);
        }
        let expected = match failing {
            0 => Err(Errno::EIO.into()),
            _ => Ok(failing * PIECE),
        };
        assert_eq!(bed.run(write), expected);
    }
}

#[test]
fn short_writes() {
    let bed = Bed::new(|_| {});
    let file = bed.writing("f");
    let data = pattern(1 << 20);
    bed.straight.server().lie(Kind::Write, Lie::OneLess, 1);
    assert_eq!(bed.run(file.write_at(&data, 0)), Ok((128 << 10) - 1));
    bed.straight.server().lie(Kind::Write, Lie::Nothing, 1);
    assert_eq!(bed.run(file.write_at(&data, 0)), Ok(0));
    bed.straight
        .server()
        .lie(Kind::Write, Lie::MoreThanAsked, 1);
    assert!(matches!(
        bed.run(file.write_at(&data, 0)),
        Err(Error::Answer(_))
    ));
    assert_eq!(bed.run(file.write_at(b"", 0)), Ok(0));
}

fn appending() -> OpenHow {
    OpenHow {
        write: false,
        append: true,
        ..writing()
    }
}

#[test]
fn appending_goes_to_the_end_wherever_that_is() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b"0123"));
    let (one, other) = (bed.open("f", &appending()), bed.open("f", &appending()));
    bed.run(one.append(b"a")).unwrap();
    bed.run(other.append(b"b")).unwrap();
    bed.run(one.write_at(b"c", 0)).unwrap();
    assert_eq!(bed.tree().content("f"), b"0123abc");
    bed.straight.set_order(Order::Late);
    let data = pattern(500_000);
    assert_eq!(bed.run(one.append(&data)), Ok(data.len()));
    assert_eq!(bed.straight.most_waiting(), 1, "one at a time");
    assert!(bed.tree().content("f")[7..] == data);
    assert_eq!(bed.count(Kind::GetAttributes), 2, "once per file");
}

/// Of an append that fails in the middle, what is reported is there, and nothing after it.
#[test]
fn an_append_has_no_holes() {
    let bed = Bed::new(|tree| tree.set_capacity(200 << 10));
    let file = bed.open("f", &appending());
    let data = pattern(1 << 20);
    let done = bed.run(file.append(&data)).unwrap();
    assert!(done > 0);
    assert!(bed.tree().content("f") == data[..done]);
    assert_eq!(bed.run(file.append(b"x")), Err(Errno::ENOSPC.into()));
}

#[test]
fn truncated_and_appended() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b"0123"));
    let file = bed.open("f", &appending());
    bed.run(file.append(b"45")).unwrap();
    bed.run(file.set_len(1)).unwrap();
    bed.run(file.append(b"x")).unwrap();
    assert_eq!(bed.tree().content("f"), b"0x");
    let size = Some(0);
    let nothing = SetAttributes {
        size,
        ..SetAttributes::default()
    };
    bed.run(file.set_attributes(nothing)).unwrap();
    bed.run(file.append(b"y")).unwrap();
    assert_eq!(bed.tree().content("f"), b"y");
}
