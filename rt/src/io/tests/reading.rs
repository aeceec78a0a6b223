//! The provided methods of `Read`, `BufRead` and `Write`, and their adapters.

use proptest::prelude::*;

use super::{Outcome, Turn, Unkind, ours, texts, theirs, turns};
use crate::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};

/// Reads lines from both until the end, errors and all.
fn lines(bytes: &[u8], turns: &[Turn], capacity: usize) -> (Vec<String>, Vec<String>) {
    let source = Unkind::new(bytes.to_vec(), turns.to_vec());
    let text = |line: Outcome<String>| format!("{line:?}");
    let our_lines = BufReader::with_capacity(capacity, source.clone()).lines();
    let their_lines = std::io::BufRead::lines(std::io::BufReader::with_capacity(capacity, source));
    (
        our_lines.map(|line| text(ours(line))).collect(),
        their_lines.map(|line| text(theirs(line))).collect(),
    )
}

fn blocks(result: &Outcome<usize>) -> bool {
    result.as_ref().is_err_and(|kind| kind == "WouldBlock")
}

proptest! {
    #[test]
    fn everything_is_read_as_by_std(bytes in texts(), turns in turns(), start in texts()) {
        let source = Unkind::new(bytes, turns);
        let (mut our, mut their) = (start.clone(), start.clone());
        let (mut our_left, mut their_left) = (source.clone(), source);
        let result = ours(Read::read_to_end(&mut our_left, &mut our));
        let expected = theirs(std::io::Read::read_to_end(&mut their_left, &mut their));
        // How often they read, and so who meets what the reader does then, is their own affair.
        if !blocks(&result) && !blocks(&expected) {
            prop_assert_eq!(result, expected);
            prop_assert_eq!(&our, &their);
        }
        // Whatever happened, nothing that was taken is lost.
        prop_assert_eq!(our, [&start, our_left.taken()].concat());
    }

    #[test]
    fn text_is_read_as_by_std(bytes in texts(), turns in turns(), start in ".{0,10}") {
        let source = Unkind::new(bytes, turns);
        let (mut our, mut their) = (start.clone(), start.clone());
        let mut our_left = source.clone();
        let result = ours(Read::read_to_string(&mut our_left, &mut our));
        let expected = theirs(std::io::Read::read_to_string(&mut source.clone(), &mut their));
        if !blocks(&result) && !blocks(&expected) {
            prop_assert_eq!(result, expected);
            prop_assert_eq!(&our, &their);
        }
        let taken = core::str::from_utf8(our_left.taken()).unwrap_or("");
        prop_assert_eq!(our, [&start, taken].concat());
    }

    #[test]
    fn lines_are_read_as_by_std(bytes in texts(), turns in turns(), capacity in 1..64usize) {
        let (our, their) = lines(&bytes, &turns, capacity);
        prop_assert_eq!(our, their);
    }

    #[test]
    fn pieces_are_read_as_by_std(bytes in texts(), turns in turns(), capacity in 1..64usize) {
        let source = Unkind::new(bytes, turns);
        let our = BufReader::with_capacity(capacity, source.clone()).split(b'a');
        let their = std::io::BufReader::with_capacity(capacity, source);
        let our: Vec<_> = our.map(ours).collect();
        let their: Vec<_> = std::io::BufRead::split(their, b'a').map(theirs).collect();
        prop_assert_eq!(our, their);
    }

    #[test]
    fn a_limit_and_a_sequel_are_as_in_std(
        first in texts(), second in texts(), turns in turns(), limit in 0..300u64
    ) {
        let (first, second) = (Unkind::new(first, turns.clone()), Unkind::new(second, turns));
        let our = Read::chain(first.clone(), second.clone());
        let their = std::io::Read::chain(first, second);
        let (mut our, mut their) = (Read::take(our, limit), std::io::Read::take(their, limit));
        for size in [7usize, 1, 64, 0, 13].into_iter().cycle().take(100) {
            let (mut a, mut b) = (vec![0; size], vec![0; size]);
            prop_assert_eq!(
                ours(Read::read(&mut our, &mut a)),
                theirs(std::io::Read::read(&mut their, &mut b))
            );
            prop_assert_eq!(a, b);
            prop_assert_eq!(our.limit(), their.limit());
        }
    }

    #[test]
    fn buffers_with_a_limit_and_a_sequel_are_as_in_std(
        first in texts(), second in texts(), limit in 0..300u64
    ) {
        let mut our = Read::take(Read::chain(&first[..], &second[..]), limit);
        let their = std::io::Read::chain(&first[..], &second[..]);
        let mut their = std::io::Read::take(their, limit);
        loop {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let count = ours(BufRead::read_until(&mut our, b'\n', &mut a));
            prop_assert_eq!(
                &count,
                &theirs(std::io::BufRead::read_until(&mut their, b'\n', &mut b))
            );
            prop_assert_eq!(a, b);
            if count == Ok(0) {
                break;
            }
        }
    }

    #[test]
    fn exact_reads_and_whole_writes_are_as_in_std(
        bytes in texts(), turns in turns(), size in 0..100usize
    ) {
        let source = Unkind::new(bytes.clone(), turns.clone());
        let (mut a, mut b) = (vec![0; size], vec![0; size]);
        prop_assert_eq!(
            ours(Read::read_exact(&mut source.clone(), &mut a)),
            theirs(std::io::Read::read_exact(&mut source.clone(), &mut b))
        );
        prop_assert_eq!(a, b);
        let (mut our, mut their) = (Unkind::new(vec![], turns.clone()), Unkind::new(vec![], turns));
        prop_assert_eq!(
            ours(Write::write_all(&mut our, &bytes)),
            theirs(std::io::Write::write_all(&mut their, &bytes))
        );
        prop_assert_eq!(our.bytes, their.bytes);
    }

    #[test]
    fn slices_of_slices_advance(sizes in prop::collection::vec(0..9usize, 0..8), part in 0..=8usize) {
        let memory: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![7; size]).collect();
        let total: usize = sizes.iter().sum();
        let count = total * part / 8;
        let mut ours: Vec<IoSlice<'_>> = memory.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut rest = &mut ours[..];
        IoSlice::advance_slices(&mut rest, count);
        prop_assert_eq!(rest.iter().map(|slice| slice.len()).sum::<usize>(), total - count);
        let mut memory = memory.clone();
        let mut ours: Vec<IoSliceMut<'_>> =
            memory.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
        let mut rest = &mut ours[..];
        IoSliceMut::advance_slices(&mut rest, count);
        prop_assert_eq!(rest.iter().map(|slice| slice.len()).sum::<usize>(), total - count);
    }
}

#[test]
#[should_panic(expected = "beyond their length")]
fn slices_do_not_advance_beyond_their_end() {
    let mut slices = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    IoSlice::advance_slices(&mut &mut slices[..], 4);
}

#[test]
fn formatted_text_arrives_and_its_error_too() {
    let mut text = Vec::new();
    write!(text, "a-{:03}", 7).expect("memory takes it");
    assert_eq!(text, b"a-007");
    let mut full = [0; 3];
    let error = write!(&mut full[..], "four").expect_err("too long");
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    assert_eq!(&full, b"fou");
    struct Wrong;
    impl core::fmt::Display for Wrong {
        fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            Err(core::fmt::Error)
        }
    }
    let error = write!(io::sink(), "{Wrong}").expect_err("cannot be formatted");
    assert_eq!(error.kind(), io::ErrorKind::Other);
}

#[test]
fn reading_to_the_end_asks_for_no_memory_that_is_not_needed() {
    let source = vec![1; 5000];
    let mut into = Vec::with_capacity(source.len());
    // Through an adapter: a slice by itself knows its length.
    let count = Read::take(&source[..], u64::MAX).read_to_end(&mut into);
    assert_eq!(count.expect("memory"), 5000);
    assert_eq!(into.capacity(), 5000);
}

#[test]
fn copy_carries_everything_over() {
    let source: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[1]).collect();
    let turns = vec![Turn::Some(3), Turn::Interrupt, Turn::Some(9000)];
    let mut into = Unkind::new(vec![], turns.clone());
    let count = io::copy(&mut Unkind::new(source.clone(), turns), &mut into);
    assert_eq!(count.expect("kind in the end"), 100_000);
    assert_eq!(into.bytes, source);
}

#[test]
fn the_trivial_ones() {
    let mut bytes = [9; 4];
    assert_eq!(io::empty().read(&mut bytes).expect("nothing"), 0);
    assert_eq!(io::repeat(3).read(&mut bytes).expect("bytes"), 4);
    assert_eq!(bytes, [3; 4]);
    assert_eq!(io::sink().write(&bytes).expect("swallowed"), 4);
    assert_eq!(io::empty().write(&bytes).expect("swallowed"), 4);
    assert_eq!(io::read_to_string(&b"text"[..]).expect("text"), "text");
    let two: io::Result<Vec<u8>> = Read::bytes(&b"ab"[..]).collect();
    assert_eq!(two.expect("bytes"), b"ab");
}
