//! A server that answers as it should.

use std::net::IpAddr;
use std::prelude::v1::*;

use proptest::prelude::*;

use super::reply::{A, AAAA, NS, Reply, wire};
use crate::{BadAnswer, Exchange, Family, Name, Outcome, Progress};

const BOTH: [Family; 2] = [Family::V4, Family::V6];

fn exchange(families: &[Family]) -> Exchange {
    Exchange::new(&Name::parse("www.example").expect("a name"), families, 7)
}

fn found(addresses: &[&str]) -> Result<Outcome, BadAnswer> {
    let addresses = addresses.iter().map(|it| it.parse::<IpAddr>().expect(it));
    Ok(Outcome::Found(addresses.collect()))
}

/// What comes of the one answer to a question for IPv4.
fn outcome(reply: &Reply) -> Result<Outcome, BadAnswer> {
    let mut exchange = exchange(&[Family::V4]);
    assert_eq!(exchange.receive(&reply.framed())?, Progress::Done);
    exchange.finish()
}

#[test]
fn the_questions_are_those_of_the_standard() {
    let mut expected = Vec::new();
    for (id, qtype) in [(7_u16, A), (8, AAAA)] {
        expected.extend([0, 29]);
        expected.extend(id.to_be_bytes());
        // Recursion desired; one question.
        expected.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        expected.extend(wire("www.example"));
        expected.extend([qtype.to_be_bytes(), [0, 1]].concat());
    }
    assert_eq!(exchange(&BOTH).request(), expected);
    // Numbers wrap, and the longest name has room.
    let label = "a".repeat(63);
    let longest = [&label[..], &label, &label, &label[..61]].join(".");
    let name = Name::parse(&longest).expect("a name");
    let request = Exchange::new(&name, &BOTH, u16::MAX).request().to_vec();
    assert_eq!(request.len(), 2 * (2 + 12 + 255 + 4));
    assert_eq!(request[2..4], [0xff, 0xff]);
    assert_eq!(request[275..277], [0, 0]);
}

#[test]
fn addresses_of_both_families_in_the_order_asked_for() {
    let four = Reply::to(7, "www.example", A)
        .address("www.example", "192.0.2.1")
        .address("www.example", "192.0.2.2");
    let six = Reply::to(8, "www.example", AAAA).address("www.example", "2001:db8::1");
    for answers in [[&four, &six], [&six, &four]] {
        let mut exchange = exchange(&BOTH);
        assert_eq!(exchange.receive(&answers[0].framed()), Ok(Progress::More));
        assert_eq!(exchange.receive(&answers[1].framed()), Ok(Progress::Done));
        let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
        assert_eq!(exchange.finish(), found(&all));
    }
}

#[test]
fn aliases_are_followed_whatever_the_order_of_records() {
    let reply = Reply::to(7, "WWW.example", A)
        .address("C.example", "192.0.2.3")
        .alias("b.example", "c.EXAMPLE")
        .record("www.example", NS, &wire("ns.example"))
        .address("other.example", "192.0.2.66")
        .alias("www.example", "b.example");
    assert_eq!(outcome(&reply), found(&["192.0.2.3"]));
}

#[test]
fn only_addresses_of_the_name_and_the_family_count() {
    let reply = Reply::to(7, "www.example", A)
        .address("other.example", "192.0.2.1")
        .address("www.example", "2001:db8::1");
    assert_eq!(outcome(&reply), Ok(Outcome::NoAddresses));
    let reply = reply.address("www.example", "192.0.2.2");
    assert_eq!(outcome(&reply), found(&["192.0.2.2"]));
}

#[test]
fn compressed_names_are_read() {
    let mut reply = Reply::to(7, "www.example", A).count(1, 1);
    // The owner is the name at byte 12, in the question.
    reply
        .bytes
        .extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9]);
    assert_eq!(outcome(&reply), found(&["192.0.2.9"]));
}

#[test]
fn no_such_name_and_no_such_records_differ() {
    let none = |id, qtype| Reply::to(id, "www.example", qtype);
    assert_eq!(outcome(&none(7, A)), Ok(Outcome::NoAddresses));
    assert_eq!(outcome(&none(7, A).flags(3)), Ok(Outcome::NoSuchName));
    let mut exchange = exchange(&BOTH);
    let six = none(8, AAAA).address("www.example", "2001:db8::1");
    assert_eq!(exchange.receive(&none(7, A).framed()), Ok(Progress::More));
    assert_eq!(exchange.receive(&six.framed()), Ok(Progress::Done));
    assert_eq!(exchange.finish(), found(&["2001:db8::1"]));
}

#[test]
fn a_server_may_hang_up_after_the_first_answer() {
    let four = Reply::to(7, "www.example", A);
    let after = |reply: &Reply| {
        let mut exchange = exchange(&BOTH);
        exchange.receive(&reply.framed()).expect("an answer");
        exchange.finish()
    };
    let one = four.clone().address("www.example", "192.0.2.1");
    assert_eq!(after(&one), found(&["192.0.2.1"]));
    assert_eq!(after(&four.clone().flags(3)), Ok(Outcome::NoSuchName));
    assert_eq!(after(&four), Err(BadAnswer::Ended));
    assert_eq!(exchange(&BOTH).finish(), Err(BadAnswer::Ended));
}

#[test]
fn what_servers_say_when_they_do_not_answer() {
    let mut bare = Reply::to(7, "www.example", A).count(0, 0).flags(5);
    bare.bytes.truncate(12);
    assert_eq!(outcome(&bare), Err(BadAnswer::Refused(5)));
    let failed = Reply::to(7, "www.example", A).flags(2);
    assert_eq!(outcome(&failed), Err(BadAnswer::Refused(2)));
}

proptest! {
    #[test]
    fn pieces_of_any_size_are_put_together(cuts in proptest::collection::vec(1..40_usize, 1..200)) {
        let four = Reply::to(7, "www.example", A).address("www.example", "192.0.2.1");
        let six = Reply::to(8, "www.example", AAAA).address("www.example", "2001:db8::1");
        let all = [four.framed(), six.framed()].concat();
        let (mut rest, mut exchange) = (&all[..], exchange(&BOTH));
        let mut cuts = cuts.into_iter().cycle();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            rest = later;
            let progress = if rest.is_empty() { Progress::Done } else { Progress::More };
            prop_assert_eq!(exchange.receive(piece), Ok(progress));
        }
        prop_assert_eq!(exchange.finish(), found(&["192.0.2.1", "2001:db8::1"]));
    }
}
