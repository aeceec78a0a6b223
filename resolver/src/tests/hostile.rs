//! A server that means harm, or is broken: an error, in bounded time and memory.

use std::prelude::v1::*;
use std::{format, vec};

use proptest::prelude::*;

use super::reply::{A, AAAA, Reply, wire};
use crate::{BadAnswer, Exchange, Family, Name, Outcome};

fn exchange() -> Exchange {
    Exchange::new(
        &Name::parse("www.example").expect("a name"),
        &[Family::V4],
        7,
    )
}

fn good() -> Reply {
    Reply::to(7, "www.example", A).address("www.example", "192.0.2.1")
}

#[track_caller]
fn fails(reply: &Reply, error: BadAnswer) {
    assert_eq!(exchange().receive(&reply.framed()), Err(error));
}

#[test]
fn answers_to_other_questions() {
    assert!(exchange().receive(&good().framed()).is_ok());
    fails(&Reply::to(8, "www.example", A), BadAnswer::Unasked);
    fails(&Reply::to(7, "www.example.org", A), BadAnswer::Unasked);
    fails(&Reply::to(7, "www.example", AAAA), BadAnswer::Unasked);
    fails(&good().count(0, 0), BadAnswer::Malformed);
    fails(&good().count(0, 2), BadAnswer::Malformed);
    // A question, and an update.
    let mut question = good();
    question.bytes[2] &= 0x7f;
    fails(&question, BadAnswer::Unasked);
    fails(&good().flags(5 << 11), BadAnswer::Unasked);
    // Of another class.
    let mut chaos = good();
    let class = 12 + wire("www.example").len() + 3;
    chaos.bytes[class] = 3;
    fails(&chaos, BadAnswer::Unasked);
}

#[test]
fn the_same_answer_twice_and_what_follows_the_last() {
    let families = [Family::V4, Family::V6];
    let mut both = Exchange::new(&Name::parse("www.example").expect("a name"), &families, 7);
    let twice = [good().framed(), good().framed()].concat();
    assert_eq!(both.receive(&twice), Err(BadAnswer::Unasked));
    // What comes after all is answered is not looked at.
    let mut one = exchange();
    assert!(one.receive(&twice).is_ok());
    assert!(matches!(one.finish(), Ok(Outcome::Found(addresses)) if addresses.len() == 1));
}

#[test]
fn an_answer_that_says_it_is_cut_off() {
    fails(&good().flags(0x0200), BadAnswer::Truncated);
}

#[test]
fn aliases_that_lead_nowhere() {
    let reply = || Reply::to(7, "www.example", A);
    fails(
        &reply().alias("www.example", "www.example"),
        BadAnswer::Aliases,
    );
    let circle = reply()
        .alias("www.example", "a.example")
        .alias("a.example", "www.example");
    fails(&circle, BadAnswer::Aliases);
    let mut long = reply().alias("www.example", "0.example");
    for at in 0..15 {
        long = long.alias(&format!("{at}.example"), &format!("{}.example", at + 1));
    }
    let fits = long.clone().address("15.example", "192.0.2.1");
    assert!(exchange().receive(&fits.framed()).is_ok());
    fails(&long.alias("15.example", "16.example"), BadAnswer::Aliases);
}

#[test]
fn names_that_point_at_themselves() {
    let pointers = [[0xc0, 29], [0xc0, 30], [0xff, 0xff], [0xc0, 41]];
    for pointer in pointers {
        let mut reply = Reply::to(7, "www.example", A).count(1, 1);
        assert_eq!(reply.bytes.len(), 29);
        reply.bytes.extend(pointer);
        reply.bytes.extend([0, 5, 0, 1, 0, 0, 0, 60, 0, 2]);
        reply.bytes.extend(pointer);
        fails(&reply, BadAnswer::Malformed);
    }
    // The question's own name.
    let mut reply = good();
    reply.bytes[12..14].copy_from_slice(&[0xc0, 12]);
    fails(&reply, BadAnswer::Malformed);
}

#[test]
fn more_records_promised_than_there_are() {
    fails(&good().count(1, u16::MAX), BadAnswer::Malformed);
    let mut cut = good();
    cut.bytes.pop();
    fails(&cut, BadAnswer::Malformed);
    // Addresses of a wrong length.
    for length in [0, 3, 5, 16] {
        let reply = Reply::to(7, "www.example", A);
        fails(
            &reply.record("www.example", A, &vec![1; length]),
            BadAnswer::Malformed,
        );
    }
}

#[test]
fn as_many_records_as_a_message_holds() {
    let mut reply = Reply::to(7, "www.example", A).count(1, 4000);
    for at in 0..4000_u16 {
        reply
            .bytes
            .extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0]);
        reply.bytes.extend(at.to_be_bytes());
    }
    let mut exchange = exchange();
    assert!(exchange.receive(&reply.framed()).is_ok());
    let Ok(Outcome::Found(addresses)) = exchange.finish() else {
        unreachable!("no addresses");
    };
    assert_eq!(addresses.len(), 64);
    assert_eq!(addresses[63].to_string(), "10.0.0.63");
}

#[test]
fn messages_too_short_to_be_any() {
    for length in 0..12 {
        let reply = Reply {
            bytes: good().bytes[..length].to_vec(),
        };
        fails(&reply, BadAnswer::Malformed);
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = exchange().receive(&bytes);
        // The same with a length and a number that fit.
        let framed = Reply { bytes: [&[0, 7][..], &bytes].concat() }.framed();
        let mut exchange = exchange();
        if exchange.receive(&framed).is_ok() {
            let _ = exchange.finish();
        }
    }

    #[test]
    fn a_good_answer_with_some_bytes_changed(changes in proptest::collection::vec((0..200_usize, any::<u8>()), 1..6)) {
        let mut reply = good().alias("a.example", "b.example").address("www.example", "192.0.2.2");
        for (at, value) in changes {
            let at = 2 + at % (reply.bytes.len() - 2);
            reply.bytes[at] = value;
        }
        let mut exchange = exchange();
        if exchange.receive(&reply.framed()).is_ok() {
            let _ = exchange.finish();
        }
    }
}
