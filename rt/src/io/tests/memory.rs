//! Memory as reader and writer, step by step beside std's.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{Outcome, ours, theirs};
use crate::io::{BufRead, Cursor, Read, Seek, SeekFrom, Write};

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Until(u8),
    Write(Vec<u8>),
    Start(u64),
    End(i64),
    Current(i64),
    Consume(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..20usize).prop_map(Step::Read),
        (0..4u8).prop_map(Step::Until),
        prop::collection::vec(0..4u8, 0..20).prop_map(Step::Write),
        prop_oneof![0..100u64, Just(u64::MAX)].prop_map(Step::Start),
        prop_oneof![-60..60i64, Just(i64::MIN), Just(i64::MAX)].prop_map(Step::End),
        prop_oneof![-60..60i64, Just(i64::MIN), Just(i64::MAX)].prop_map(Step::Current),
        (0..9usize).prop_map(Step::Consume),
    ];
    prop::collection::vec(step, 0..40)
}

macro_rules! play {
    ($traits:path, $outcome:ident, $cursor:expr, $steps:expr, $from:path) => {{
        use $from as From;
        use $traits as io;
        let mut log: Vec<(Outcome<u64>, Vec<u8>)> = Vec::new();
        for step in $steps {
            let mut bytes = Vec::new();
            let result = match step {
                // Beyond what memory can hold std and we fail alike, but not soon.
                Step::Write(_) if $cursor.position() > 1000 => Ok(0),
                Step::Read(size) => {
                    bytes.resize(*size, 0);
                    $outcome(io::Read::read(&mut $cursor, &mut bytes)).map(|n| n as u64)
                }
                Step::Until(byte) => {
                    $outcome(io::BufRead::read_until(&mut $cursor, *byte, &mut bytes))
                        .map(|n| n as u64)
                }
                Step::Write(what) => {
                    $outcome(io::Write::write(&mut $cursor, what)).map(|n| n as u64)
                }
                Step::Start(to) => $outcome(io::Seek::seek(&mut $cursor, From::Start(*to))),
                Step::End(to) => $outcome(io::Seek::seek(&mut $cursor, From::End(*to))),
                Step::Current(to) => $outcome(io::Seek::seek(&mut $cursor, From::Current(*to))),
                Step::Consume(count) => {
                    let there = io::BufRead::fill_buf(&mut $cursor).expect("memory").len();
                    io::BufRead::consume(&mut $cursor, (*count).min(there));
                    Ok(there as u64)
                }
            };
            log.push((result, bytes));
            log.push((Ok($cursor.position()), Vec::new()));
        }
        log
    }};
}

proptest! {
    #[test]
    fn a_cursor_on_a_vector_is_as_in_std(start in prop::collection::vec(0..4u8, 0..50), steps in steps()) {
        let mut our = Cursor::new(start.clone());
        let mut their = std::io::Cursor::new(start);
        let our_log = play!(crate::io, ours, our, &steps, SeekFrom);
        let their_log = play!(std::io, theirs, their, &steps, std::io::SeekFrom);
        prop_assert_eq!(our_log, their_log);
        prop_assert_eq!(our.into_inner(), their.into_inner());
    }

    #[test]
    fn a_cursor_on_an_array_is_as_in_std(start in any::<[u8; 33]>(), steps in steps()) {
        let mut our = Cursor::new(start);
        let mut their = std::io::Cursor::new(start);
        let our_log = play!(crate::io, ours, our, &steps, SeekFrom);
        let their_log = play!(std::io, theirs, their, &steps, std::io::SeekFrom);
        prop_assert_eq!(our_log, their_log);
        prop_assert_eq!(our.into_inner(), their.into_inner());
    }

    #[test]
    fn a_deque_is_a_queue(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
        let mut queue = VecDeque::new();
        let (mut into, mut read) = (Vec::new(), [0; 7]);
        for piece in &pieces {
            Write::write_all(&mut queue, piece).expect("memory");
            let count = Read::read(&mut queue, &mut read).expect("memory");
            into.extend_from_slice(&read[..count]);
        }
        Read::read_to_end(&mut queue, &mut into).expect("memory");
        prop_assert_eq!(into, pieces.concat());
        prop_assert!(BufRead::fill_buf(&mut queue).expect("memory").is_empty());
    }
}

#[test]
fn a_slice_shrinks_as_it_is_read_and_written() {
    let mut from = &b"hello"[..];
    let mut two = [0; 2];
    from.read_exact(&mut two).expect("there are two");
    assert_eq!((&two, from), (b"he", &b"llo"[..]));
    let mut room = [0; 4];
    let mut into = &mut room[..];
    into.write_all(b"abc").expect("there is room");
    assert_eq!(into.len(), 1);
    assert_eq!(into.write(b"de").expect("one"), 1);
    assert_eq!(into.write(b"e").expect("none"), 0);
    assert_eq!(&room, b"abcd");
}

#[test]
fn traits_reach_through_references_and_boxes() {
    let mut cursor = Cursor::new(b"one\ntwo\n".to_vec());
    let mut boxed: Box<dyn BufRead> = Box::new(&mut cursor);
    let mut line = String::new();
    assert_eq!(boxed.read_line(&mut line).expect("a line"), 4);
    drop(boxed);
    let by_reference = &mut cursor;
    by_reference.rewind().expect("memory");
    assert_eq!(by_reference.stream_position().expect("memory"), 0);
    assert_eq!(by_reference.lines().count(), 2);
}
