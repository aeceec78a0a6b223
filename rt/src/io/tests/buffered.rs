//! Buffered readers and writers: what arrives, when, and what is kept when it cannot.

use proptest::prelude::*;

use super::{Turn, Unkind, ours, theirs, turns};
use crate::io::{
    BufRead, BufReader, BufWriter, Cursor, ErrorKind, LineWriter, Read, Seek, SeekFrom, Write,
};

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![6 => Just(b'x'), 1 => Just(b'\n')];
    prop::collection::vec(prop::collection::vec(byte, 0..50), 0..20)
}

/// Writes all of `bytes` however often it would have to wait.
fn persist(writer: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WriteZero => unreachable!("it takes some"),
            Err(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn a_buffered_writer_loses_and_doubles_nothing(
        pieces in pieces(), turns in turns(), capacity in 0..40usize
    ) {
        let mut writer = BufWriter::with_capacity(capacity, Unkind::new(vec![], turns));
        for piece in &pieces {
            persist(&mut writer, piece);
            prop_assert!(writer.buffer().len() <= capacity);
            prop_assert_eq!(writer.capacity(), capacity);
        }
        while writer.flush().is_err() {}
        prop_assert_eq!(&writer.get_ref().bytes, &pieces.concat());
        prop_assert!(writer.buffer().is_empty());
    }

    #[test]
    fn a_buffered_writer_writes_what_std_writes(pieces in pieces(), capacity in 1..40usize) {
        let mut our = BufWriter::with_capacity(capacity, Vec::new());
        let mut their = std::io::BufWriter::with_capacity(capacity, Vec::new());
        for piece in &pieces {
            our.write_all(piece).expect("memory");
            std::io::Write::write_all(&mut their, piece).expect("memory");
            prop_assert_eq!(our.get_ref(), their.get_ref());
            prop_assert_eq!(our.buffer(), their.buffer());
        }
    }

    #[test]
    fn a_line_writer_loses_and_doubles_nothing(
        pieces in pieces(), turns in turns(), capacity in 1..40usize
    ) {
        let mut writer = LineWriter::with_capacity(capacity, Unkind::new(vec![], turns));
        for piece in &pieces {
            persist(&mut writer, piece);
        }
        while writer.flush().is_err() {}
        prop_assert_eq!(&writer.get_ref().bytes, &pieces.concat());
    }

    #[test]
    fn a_line_writer_writes_whole_lines(pieces in pieces()) {
        let mut writer = LineWriter::with_capacity(4096, Vec::new());
        let mut all = Vec::new();
        for piece in &pieces {
            writer.write_all(piece).expect("memory");
            all.extend_from_slice(piece);
            let lines = all.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            prop_assert_eq!(&writer.get_ref()[..], &all[..lines]);
        }
    }

    #[test]
    fn a_buffered_reader_reads_what_std_reads(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        turns in turns(),
        sizes in prop::collection::vec(0..50usize, 0..40),
        capacity in 1..40usize
    ) {
        let source = Unkind::new(bytes, turns);
        let mut our = BufReader::with_capacity(capacity, source.clone());
        let mut their = std::io::BufReader::with_capacity(capacity, source);
        for size in sizes {
            let (mut a, mut b) = (vec![0; size], vec![0; size]);
            prop_assert_eq!(
                ours(Read::read(&mut our, &mut a)),
                theirs(std::io::Read::read(&mut their, &mut b))
            );
            prop_assert_eq!(a, b);
            prop_assert_eq!(our.buffer(), their.buffer());
        }
    }

    #[test]
    fn a_buffered_reader_moves_as_in_std(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        moves in prop::collection::vec((0..4u8, -120..120i64, 0..30usize), 0..30),
        capacity in 1..40usize
    ) {
        let mut our = BufReader::with_capacity(capacity, Cursor::new(bytes.clone()));
        let mut their = std::io::BufReader::with_capacity(capacity, std::io::Cursor::new(bytes));
        for (how, offset, size) in moves {
            let (a, b) = match how {
                0 => (
                    ours(our.seek_relative(offset).map(|()| 0)),
                    theirs(their.seek_relative(offset).map(|()| 0)),
                ),
                1 => (
                    ours(Seek::seek(&mut our, SeekFrom::Current(offset))),
                    theirs(std::io::Seek::seek(&mut their, std::io::SeekFrom::Current(offset))),
                ),
                2 => (
                    ours(Seek::seek(&mut our, SeekFrom::End(offset))),
                    theirs(std::io::Seek::seek(&mut their, std::io::SeekFrom::End(offset))),
                ),
                _ => (
                    ours(Seek::stream_position(&mut our)),
                    theirs(std::io::Seek::stream_position(&mut their)),
                ),
            };
            prop_assert_eq!(a, b);
            let (mut a, mut b) = (vec![0; size], vec![0; size]);
            prop_assert_eq!(
                ours(Read::read(&mut our, &mut a)),
                theirs(std::io::Read::read(&mut their, &mut b))
            );
            prop_assert_eq!(a, b);
        }
    }
}

#[test]
fn what_is_held_is_written_when_the_writer_is_dropped_or_taken_out() {
    let mut bytes = Vec::new();
    BufWriter::new(&mut bytes)
        .write_all(b"dropped")
        .expect("memory");
    assert_eq!(bytes, b"dropped");
    let mut writer = BufWriter::new(Vec::new());
    writer.write_all(b"taken").expect("memory");
    assert_eq!(writer.into_inner().expect("memory"), b"taken");
    let mut writer = BufWriter::new(Vec::new());
    writer.write_all(b"held").expect("memory");
    let (below, held) = writer.into_parts();
    assert_eq!((below, held.expect("no panic")), (vec![], b"held".to_vec()));
}

#[test]
fn a_writer_that_cannot_be_taken_out_keeps_what_it_held() {
    let turns = vec![Turn::Some(2), Turn::Block];
    let mut writer = BufWriter::new(Unkind::new(vec![], turns));
    writer.write_all(b"four").expect("held");
    let error = writer.into_inner().expect_err("it would have to wait");
    assert_eq!(error.error().kind(), ErrorKind::WouldBlock);
    let (error, writer) = error.into_parts();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(writer.buffer(), b"ur");
    assert_eq!(writer.into_inner().expect("kind now").bytes, b"four");
}

#[test]
fn several_buffers_are_held_or_written_together() {
    let slices = [b"ab".as_slice(), b"", b"cd", b"efghi"].map(crate::io::IoSlice::new);
    let mut writer = BufWriter::with_capacity(6, Vec::new());
    assert_eq!(writer.write_vectored(&slices).expect("memory"), 4);
    assert_eq!(writer.buffer(), b"abcd");
    assert_eq!(writer.write_vectored(&slices[3..]).expect("memory"), 5);
    assert_eq!(
        (&writer.get_ref()[..], writer.buffer()),
        (&b"abcd"[..], &b"efghi"[..])
    );
}

#[test]
fn a_buffered_reader_shows_what_it_read_ahead() {
    let mut reader = BufReader::with_capacity(4, &b"abcdef"[..]);
    assert_eq!(reader.fill_buf().expect("memory"), b"abcd");
    reader.consume(1);
    assert_eq!((reader.buffer(), reader.capacity()), (&b"bcd"[..], 4));
    let mut all = Vec::new();
    assert_eq!(reader.read_to_end(&mut all).expect("memory"), 5);
    assert_eq!(all, b"bcdef");
}
