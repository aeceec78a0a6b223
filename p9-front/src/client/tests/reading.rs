//! Reading: in pieces, several in flight, and ahead.

use super::super::{Range, ReadAhead};
use super::*;
use crate::test_utils::server::Lie;
use crate::wire::LockKind;
use alloc::vec;
use alloc::vec::Vec;

const MIB: usize = 1 << 20;

fn file_of(len: usize) -> Bed {
    Bed::new(|tree| _ = tree.put_file("f", &pattern(len)))
}

impl Bed {
    /// Reads all there is, so many bytes at a time, as a sequential reader.
    #[track_caller]
    fn read_all(
        &self,
        file: &File<Straight>,
        ahead: &mut ReadAhead<Straight>,
        step: usize,
    ) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            let len = self
                .run(ahead.read(file, &mut buffer, all.len() as u64))
                .unwrap();
            all.extend_from_slice(&buffer[..len]);
            if len == 0 {
                return all;
            }
        }
    }
}

#[test]
fn any_order_gives_the_same_bytes() {
    for order in ORDERS {
        let bed = file_of(3 * MIB + 5);
        let file = bed.reading("f");
        bed.straight.set_order(order);
        let mut buffer = vec![0; 4 * MIB];
        let len = bed.run(file.read_at(&mut buffer, 0)).unwrap();
        assert_eq!(len, 3 * MIB + 5);
        assert!(buffer[..len] == pattern(len));
        let len = bed
            .run(file.read_at(&mut buffer[..100], 3 * MIB as u64))
            .unwrap();
        assert_eq!(len, 5);
        assert_eq!(bed.run(file.read_at(&mut buffer, 10 * MIB as u64)), Ok(0));
        assert_eq!(bed.run(file.read_at(&mut [], 0)), Ok(0));
    }
}

#[test]
fn the_window_is_bounded() {
    let bed = file_of(4 * MIB);
    let file = bed.reading("f");
    bed.straight.set_order(Order::Late);
    let mut buffer = vec![0; 4 * MIB];
    assert_eq!(bed.run(file.read_at(&mut buffer, 0)), Ok(4 * MIB));
    assert_eq!(bed.straight.most_waiting(), 8);
    assert_eq!(bed.count(Kind::Read), 32);
}

#[test]
fn the_first_short_answer_is_the_end() {
    for order in ORDERS {
        let bed = file_of(MIB);
        let file = bed.reading("f");
        bed.straight.set_order(order);
        let mut buffer = vec![0; MIB];
        bed.straight.server().lie(Kind::Read, Lie::OneLess, 1);
        let len = bed.run(file.read_at(&mut buffer, 0)).unwrap();
        // The short one is the one that was carried out first.
        assert_eq!(len % (128 << 10), (128 << 10) - 1);
        assert!(buffer[..len] == pattern(len));
        assert_eq!(bed.straight.calls(), 0);
    }
}

#[test]
fn errors_come_after_what_was_read() {
    let bed = file_of(MIB);
    let file = bed.reading("f");
    let mut buffer = vec![0; MIB];
    bed.straight.set_order(Order::Held);
    let mut read = alloc::boxed::Box::pin(file.read_at(&mut buffer, 0));
    assert!(bed.straight.run(read.as_mut()).is_none());
    assert_eq!(bed.straight.waiting(), 8);
    bed.straight.server().refuse(Kind::Read, Errno::EIO, 1);
    bed.straight.carry_out(2);
    bed.straight.carry_out(0);
    bed.straight.carry_out(0);
    assert_eq!(bed.run(read), Ok(256 << 10));
    assert_eq!(bed.straight.calls(), 0, "the others are given up");
    bed.straight.set_order(Order::AtOnce);
    bed.straight.server().refuse(Kind::Read, Errno::EIO, 1);
    assert_eq!(
        bed.run(file.read_at(&mut buffer, 0)),
        Err(Errno::EIO.into())
    );
    bed.straight.server().lie(Kind::Read, Lie::MoreThanAsked, 1);
    let lied = bed.run(file.read_at(&mut buffer, 0));
    assert!(matches!(lied, Err(Error::Answer(_))), "{lied:?}");
}

#[test]
fn a_sequential_reader_asks_for_large_pieces() {
    let content = pattern(4 * MIB + 3);
    for order in ORDERS {
        for step in [4096, 64 << 10, 300_000] {
            let bed = Bed::new(|tree| _ = tree.put_file("f", &content));
            let file = bed.reading("f");
            bed.straight.set_order(order);
            let all = bed.read_all(&file, &mut ReadAhead::new(), step);
            assert!(all == content, "{order:?} {step}");
            // 8 per MiB; small ones at the start, some in vain beyond the end.
            let reads = bed.count(Kind::Read);
            assert!(reads < 4 * 8 + 26, "{order:?} {step}: {reads}");
            assert!(bed.straight.most_waiting() <= 12);
        }
    }
}

#[test]
fn it_grows_while_it_is_of_use() {
    let bed = file_of(8 * MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = [0; 4096];
    bed.straight.set_order(Order::Late);
    let mut pieces = Vec::new();
    for i in 0..1024 {
        bed.run(ahead.read(&file, &mut buffer, i * 4096)).unwrap();
        if pieces.last() != Some(&ahead.pieces()) {
            pieces.push(ahead.pieces());
        }
    }
    assert_eq!(pieces[..2], [0, 2], "nothing before the second read");
    // 1 MiB ahead, and what is left of the piece that is being read.
    assert_eq!(pieces.iter().max(), Some(&9));
    drop(ahead);
    assert_eq!(bed.straight.calls(), 0, "what was not used is given up");
}

#[test]
fn random_reads_cause_none() {
    let bed = file_of(4 * MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = [0; 4096];
    let all = pattern(4 * MIB);
    let mut place = 1_u64;
    for _ in 0..500 {
        place = place
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let offset = (place >> 40) % 1000 * 4096;
        assert_eq!(bed.run(ahead.read(&file, &mut buffer, offset)), Ok(4096));
        assert!(buffer[..] == all[usize::try_from(offset).unwrap()..][..4096]);
        assert_eq!(ahead.pieces(), 0);
    }
    assert_eq!(bed.count(Kind::Read), 500);
}

/// A small file is read with two requests: its bytes, and the end.
#[test]
fn small_files_cause_none() {
    for (len, step, reads) in [
        (100, 4096, 2),
        (0, 4096, 1),
        (8192, 4096, 5),
        (10_000, 4096, 5),
    ] {
        let bed = file_of(len);
        let file = bed.reading("f");
        assert_eq!(bed.read_all(&file, &mut ReadAhead::new(), step).len(), len);
        let seen = bed.count(Kind::Read);
        assert!(seen <= reads, "{len}: {seen}");
    }
}

#[test]
fn a_seek_drops_it() {
    let bed = file_of(4 * MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 4096];
    for i in 0..4 {
        bed.run(ahead.read(&file, &mut buffer, i * 4096)).unwrap();
    }
    assert!(ahead.pieces() > 0);
    let before = bed.count(Kind::Read);
    bed.run(ahead.read(&file, &mut buffer, 2 * MIB as u64))
        .unwrap();
    assert_eq!(ahead.pieces(), 0);
    assert_eq!(bed.count(Kind::Read), before + 1);
    for i in 1..4 {
        bed.run(ahead.read(&file, &mut buffer, (2 * MIB + i * 4096) as u64))
            .unwrap();
    }
    assert!(ahead.pieces() > 0);
    ahead.clear();
    assert_eq!((ahead.pieces(), bed.straight.calls()), (0, 0));
}

#[test]
fn a_write_drops_it_through_whichever_handle() {
    let bed = file_of(MIB);
    let (file, other) = (bed.writing("f"), bed.writing("f"));
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 4096];
    let mut position = 0;
    let mut read = |ahead: &mut ReadAhead<Straight>| {
        bed.run(ahead.read(&file, &mut buffer, position)).unwrap();
        position += 4096;
        buffer[0]
    };
    for _ in 0..4 {
        read(&mut ahead);
    }
    let writes: [&dyn Fn(u64); 4] = [
        &|at| _ = bed.run(file.write_at(b"\xee", at)).unwrap(),
        &|at| _ = bed.run(other.write_at(b"\xee", at)).unwrap(),
        &|at| {
            bed.run(other.set_len(at)).unwrap();
            bed.run(other.write_at(&[0xee; 100_000], at)).unwrap();
        },
        &|at| {
            let how = OpenHow {
                truncate: true,
                ..writing()
            };
            let third = bed.open("f", &how);
            bed.run(third.write_at(&[0xee; 300_000], at)).unwrap();
        },
    ];
    for (i, write) in writes.iter().enumerate() {
        assert!(ahead.pieces() > 0, "{i}");
        let at = 4096 * (4 + 2 * i as u64);
        write(at);
        assert_eq!(read(&mut ahead), 0xee, "{i}");
        read(&mut ahead);
    }
}

#[test]
fn a_lock_drops_it() {
    let bed = file_of(MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 4096];
    for i in 0..3 {
        bed.run(ahead.read(&file, &mut buffer, i * 4096)).unwrap();
    }
    assert!(ahead.pieces() > 0);
    bed.tree().put_file("f", &[0xee; MIB]);
    let lock = file.try_lock(LockKind::Read, Range::ALL, 1, b"guest", true);
    assert_eq!(bed.run(lock), Ok(true));
    bed.run(ahead.read(&file, &mut buffer, 3 * 4096)).unwrap();
    assert_eq!(buffer, [0xee; 4096]);
}

/// Where a piece that was read ahead stops short, the server is asked: the file may have grown.
#[test]
fn the_end_of_the_file_is_always_asked_for() {
    let bed = file_of(100_000);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 10_000];
    for i in 0..3 {
        bed.run(ahead.read(&file, &mut buffer, i * 10_000)).unwrap();
    }
    assert!(ahead.pieces() > 0);
    let all = pattern(500_000);
    bed.tree().put_file("f", &all);
    let mut seen = 30_000;
    loop {
        let len = bed
            .run(ahead.read(&file, &mut buffer, seen as u64))
            .unwrap();
        assert!(buffer[..len] == all[seen..seen + len]);
        seen += len;
        if len == 0 {
            break;
        }
    }
    assert_eq!(seen, 500_000);
}

#[test]
fn what_fails_ahead_is_asked_again() {
    let bed = file_of(MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 4096];
    for i in 0..2 {
        bed.straight.set_order(Order::Held);
        let mut read = alloc::boxed::Box::pin(ahead.read(&file, &mut buffer, i * 4096));
        assert!(bed.straight.run(read.as_mut()).is_none());
        bed.straight.carry_out(0);
        bed.run(read).unwrap();
    }
    assert_eq!(bed.straight.waiting(), ahead.pieces());
    bed.straight.server().refuse(Kind::Read, Errno::EIO, 2);
    bed.straight.set_order(Order::Late);
    assert_eq!(
        bed.run(ahead.read(&file, &mut buffer, 8192)),
        Ok(4096),
        "it was not asked for"
    );
    bed.straight.server().refuse(Kind::Read, Errno::EIO, 100);
    ahead.clear();
    assert_eq!(
        bed.run(ahead.read(&file, &mut buffer, 12288)),
        Err(Errno::EIO.into())
    );
    bed.straight.server().be_honest();
}

/// A reader that gives up in the middle loses nothing and leaves nothing.
#[test]
fn given_up_and_read_again() {
    let bed = file_of(MIB);
    let file = bed.reading("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 50_000];
    let all = pattern(MIB);
    bed.straight.set_order(Order::Held);
    let mut seen = 0;
    let mut turns = 0_u32;
    while seen < MIB {
        turns += 1;
        let result = bed
            .straight
            .run(ahead.read(&file, &mut buffer, seen as u64));
        if let Some(len) = result {
            let len = len.unwrap();
            assert!(buffer[..len] == all[seen..seen + len]);
            seen += len;
        } else if turns.is_multiple_of(3) {
            bed.straight.set_order(Order::Late);
            let len = bed
                .run(ahead.read(&file, &mut buffer, seen as u64))
                .unwrap();
            assert!(buffer[..len] == all[seen..seen + len]);
            seen += len;
            bed.straight.set_order(Order::Held);
        } else if bed.straight.waiting() > 0 {
            bed.straight.carry_out(0);
        }
        assert!(turns < 1000);
    }
}

/// Reads are as they come.
#[test]
fn no_read_ahead_if_it_is_switched_off() {
    let limits = Limits {
        ahead: 0,
        ..Limits::default()
    };
    let bed = Bed::with(limits, |tree| _ = tree.put_file("f", &pattern(MIB)));
    let file = bed.reading("f");
    assert!(bed.read_all(&file, &mut ReadAhead::new(), 64 << 10) == pattern(MIB));
    assert_eq!(bed.count(Kind::Read), 17);
}

#[test]
fn all_readers_share_a_bound() {
    let limits = Limits {
        ahead_together: 100_000,
        ..Limits::default()
    };
    let all = pattern(MIB);
    let bed = Bed::with(limits, |tree| _ = tree.put_file("f", &all));
    let file = bed.reading("f");
    let mut readers: Vec<_> = (0..20).map(|_| ReadAhead::new()).collect();
    let mut buffer = [0; 4096];
    for i in 0..10 {
        for reader in &mut readers {
            assert_eq!(bed.run(reader.read(&file, &mut buffer, i * 4096)), Ok(4096));
            assert!(buffer == all[usize::try_from(i).unwrap() * 4096..][..4096]);
        }
        let pieces: usize = readers.iter().map(ReadAhead::pieces).sum();
        assert!(pieces * (16 << 10) <= 100_000);
        assert_eq!(pieces > 0, i > 0);
    }
    // Those that end leave their room to others.
    readers.truncate(1);
    for i in 10..40 {
        bed.run(readers[0].read(&file, &mut buffer, i * 4096))
            .unwrap();
    }
    assert!(readers[0].pieces() > 0);
}
