//! Names of hosts: what is asked, what each answer does, and what becomes of the page.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::task::Waker;

use super::{assert_clean, extended, nothing_asked, rig};
use crate::platform::{ShareError, XenbusState, key};
use crate::test_utils::{BACKEND_DIR, Call as Wire, CountingWaker, FakeRequest, Rig};
use crate::{
    Blame, CallId, DeviceFault, Errno, Features, HostError, ResolveFamily, ResourceError,
    SocketError, TryError,
};

const SECOND: u64 = 1_000_000_000;

#[track_caller]
fn begin(rig: &mut Rig) -> CallId {
    let call = rig
        .frontend
        .resolve("host.example", ResolveFamily::Any, rig.now_ns);
    call.expect("there is room")
}

#[track_caller]
fn lookup(rig: &mut Rig) -> (CallId, FakeRequest) {
    let call = begin(rig);
    (call, expect!(rig, Wire::Resolve { .. }))
}

fn outcome(rig: &mut Rig, call: CallId) -> Result<Vec<IpAddr>, TryError> {
    rig.frontend.try_resolve(call, Waker::noop())
}

fn names(texts: &[&str]) -> Vec<SocketAddr> {
    let parse = |text: &&str| SocketAddr::new(text.parse().expect("an address"), 0);
    texts.iter().map(parse).collect()
}

fn addresses(texts: &[&str]) -> Result<Vec<IpAddr>, TryError> {
    Ok(names(texts).iter().map(SocketAddr::ip).collect())
}

#[test]
fn addresses_come_back_in_their_order() {
    let mut rig = extended();
    let (call, request) = lookup(&mut rig);
    assert_eq!(request.id, 0, "it belongs to no socket");
    assert_eq!(rig.backend.host_name(&request), b"host.example");
    let (woken, waker) = CountingWaker::pair();
    let pending = rig.frontend.try_resolve(call, &waker);
    assert_eq!(pending, Err(TryError::WouldBlock));
    let texts = ["192.0.2.7", "2001:db8::7", "192.0.2.1"];
    rig.backend.answer_resolve(&request, &names(&texts), 3);
    rig.deliver();
    assert_eq!(woken.count(), 1);
    assert_eq!(outcome(&mut rig, call), addresses(&texts));
    let over = Err(SocketError::NoSuchCall.into());
    assert_eq!(outcome(&mut rig, call), over);
    assert_clean(&rig);
}

#[test]
fn the_family_is_asked_for_and_others_are_dropped() {
    let mut rig = extended();
    let texts = ["192.0.2.7", "2001:db8::7"];
    for (family, number, kept) in [
        (ResolveFamily::Any, 0, &texts[..]),
        (ResolveFamily::V4, 2, &texts[..1]),
        (ResolveFamily::V6, 10, &texts[1..]),
    ] {
        let call = rig.frontend.resolve("h", family, 0).expect("room");
        let request = expect!(&mut rig, Wire::Resolve { len: 1, .. });
        assert!(matches!(request.call, Wire::Resolve { family, .. } if family == number));
        rig.backend.answer_resolve(&request, &names(&texts), 2);
        rig.deliver();
        assert_eq!(outcome(&mut rig, call), addresses(kept));
    }
}

#[test]
fn as_many_addresses_as_the_page_holds_and_no_more() {
    let mut rig = extended();
    let all = names(&["192.0.2.7"; 204]);
    let (call, request) = lookup(&mut rig);
    rig.backend.answer_resolve(&request, &all, 204);
    rig.deliver();
    assert_eq!(outcome(&mut rig, call).map(|all| all.len()), Ok(204));
    let bad = Err(SocketError::BadAnswer.into());
    for count in [0, 205, u32::MAX] {
        let (call, request) = lookup(&mut rig);
        rig.backend.answer_resolve(&request, &all, count);
        rig.deliver();
        assert_eq!(outcome(&mut rig, call), bad, "{count}");
    }
    // Nothing in the page but the name that was asked for.
    let (call, request) = lookup(&mut rig);
    rig.backend.answer_resolve(&request, &[], 1);
    rig.deliver();
    assert_eq!(outcome(&mut rig, call), bad);
    assert_clean(&rig);
}

#[test]
fn every_error_has_its_meaning() {
    let mut rig = extended();
    for (ret, error) in [
        (-2, SocketError::Host(HostError::NotFound)),
        (-11, SocketError::Host(HostError::TryAgain)),
        (-13, SocketError::Host(HostError::Forbidden)),
        (-14, SocketError::Host(HostError::Unmapped)),
        (-22, SocketError::Host(HostError::Name)),
        (-105, SocketError::Remote(Errno::ENOBUFS)),
        (-524, SocketError::Remote(Errno::ENOTSUPP)),
    ] {
        let (call, request) = lookup(&mut rig);
        answer!(&mut rig, request, ret);
        assert_eq!(outcome(&mut rig, call), Err(error.into()));
        assert_eq!(error.errno().number(), -ret);
    }
    assert_eq!(SocketError::Host(HostError::Name).blame(), Blame::Caller);
    assert_clean(&rig);
}

#[test]
fn what_can_be_no_name_is_not_sent() {
    let mut rig = extended();
    for name in ["", "with space", "a\0b", "ä.example", &"a".repeat(254)] {
        let call = rig.frontend.resolve(name, ResolveFamily::Any, 0);
        assert_eq!(call, Err(SocketError::Host(HostError::Name)), "{name:?}");
    }
    nothing_asked(&mut rig);
    let longest = "a".repeat(253);
    let call = rig.frontend.resolve(&longest, ResolveFamily::Any, 0);
    call.expect("in range");
    let request = expect!(&mut rig, Wire::Resolve { len: 253, .. });
    assert_eq!(rig.backend.host_name(&request), longest.as_bytes());
}

#[test]
fn a_plain_backend_is_not_even_asked() {
    let mut rig = rig();
    let call = rig.frontend.resolve("h", ResolveFamily::Any, 0);
    assert_eq!(call, Err(SocketError::Unsupported(Features::RESOLVE)));
    nothing_asked(&mut rig);
}

#[test]
fn the_page_of_a_lookup_given_up_stays_until_the_answer() {
    let mut rig = extended();
    let (call, request) = lookup(&mut rig);
    rig.frontend.drop_call(call);
    let (late, late_request) = lookup(&mut rig);
    rig.advance(45 * SECOND);
    assert_eq!(outcome(&mut rig, late), Err(SocketError::TimedOut.into()));
    // Others do not get their pages.
    let other = begin(&mut rig);
    assert_eq!(rig.platform.shared_pages(), 3);
    assert_eq!(rig.frontend.stats().pooled_pages, 0);
    nothing_asked(&mut rig);
    assert_eq!(rig.backend.host_name(&request), b"host.example");
    assert_eq!(rig.backend.host_name(&late_request), b"host.example");
    let wrong = names(&["192.0.2.66"]);
    rig.backend.answer_resolve(&request, &wrong, 1);
    rig.deliver();
    let other_request = expect!(&mut rig, Wire::Resolve { .. });
    rig.backend.answer_resolve(&late_request, &wrong, 1);
    rig.deliver();
    assert_eq!(rig.frontend.stats().late_answers, 2);
    assert_eq!(rig.frontend.stats().calls, 1);
    let texts = ["192.0.2.7"];
    rig.backend
        .answer_resolve(&other_request, &names(&texts), 1);
    rig.deliver();
    assert_eq!(outcome(&mut rig, other), addresses(&texts));
    assert_clean(&rig);
    // One page serves from now on.
    let before = rig.platform.shared_pages();
    lookup(&mut rig);
    assert_eq!(rig.platform.shared_pages(), before);
}

#[test]
fn few_are_with_the_backend_at_once_and_the_others_wait() {
    let mut rig = extended();
    let calls: Vec<_> = (0..10).map(|_| begin(&mut rig)).collect();
    let texts = ["192.0.2.7"];
    let mut requests = Vec::new();
    while let Some(request) = rig.backend.next_request() {
        requests.push(request);
    }
    assert_eq!(requests.len(), 2);
    // Those hold up nobody else.
    let id = super::begin(&mut rig);
    let socket = expect!(&mut rig, Wire::Socket { .. });
    let connect = expect!(&mut rig, Wire::Connect { .. });
    answer!(&mut rig, socket, 0);
    answer!(&mut rig, connect, 0);
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    for _ in 0..10 {
        let request = requests.remove(0);
        rig.backend.answer_resolve(&request, &names(&texts), 1);
        rig.deliver();
        requests.extend(rig.backend.next_request());
    }
    for call in calls {
        assert_eq!(outcome(&mut rig, call), addresses(&texts));
    }
    assert_eq!(rig.frontend.stats().pooled_pages, 2);
}

#[test]
fn one_that_waits_for_its_turn_times_out_and_needs_no_page() {
    let mut rig = extended();
    for _ in 0..2 {
        lookup(&mut rig);
    }
    let call = begin(&mut rig);
    rig.advance(45 * SECOND);
    assert_eq!(outcome(&mut rig, call), Err(SocketError::TimedOut.into()));
    assert_eq!(rig.platform.shared_pages(), 3);
    assert_eq!(rig.frontend.stats().calls, 2);
}

#[test]
fn a_guest_without_a_page_to_lend_says_so() {
    let mut rig = extended();
    rig.platform.set_share_error(Some(ShareError::NoGrants));
    let call = begin(&mut rig);
    nothing_asked(&mut rig);
    let short = ResourceError::Share(ShareError::NoGrants);
    let error = SocketError::Resources(short);
    assert_eq!(outcome(&mut rig, call), Err(error.into()));
    assert_clean(&rig);
}

#[test]
fn the_two_kinds_of_calls_are_not_mixed_up() {
    let mut rig = extended();
    let (call, request) = lookup(&mut rig);
    let wrong = rig.frontend.try_call(call, Waker::noop());
    assert_eq!(wrong, Err(SocketError::NoSuchCall.into()));
    rig.backend
        .answer_resolve(&request, &names(&["192.0.2.7"]), 1);
    rig.deliver();
    assert_eq!(outcome(&mut rig, call), addresses(&["192.0.2.7"]));
}

#[test]
fn a_device_that_breaks_takes_its_pages_back_when_the_backend_is_closed() {
    let mut rig = extended();
    let (answered, request) = lookup(&mut rig);
    let (call, pending) = lookup(&mut rig);
    rig.backend.answer_resolve(&request, &names(&["::1"]), 1);
    rig.deliver();
    rig.backend.hold_page(&pending);
    rig.store.set_backend_state(XenbusState::Closing);
    rig.frontend.on_backend_state(XenbusState::Closing, 0);
    let error = SocketError::Device(DeviceFault::BackendGone);
    assert_eq!(outcome(&mut rig, call), Err(error.into()));
    assert_eq!(outcome(&mut rig, answered), addresses(&["::1"]));
    assert_eq!(rig.frontend.stats().quarantined_pages, 1);
    assert_eq!(rig.platform.shared_pages(), 2, "that, and the command ring");
    // Meanwhile it is waited for, for a while.
    let waits = begin(&mut rig);
    rig.reconnect();
    rig.step();
    rig.advance(10 * SECOND);
    assert_eq!(outcome(&mut rig, waits), Err(SocketError::Away.into()));
    let waits = begin(&mut rig);
    rig.backend.unbind();
    rig.come_back();
    let request = expect!(&mut rig, Wire::Resolve { .. });
    rig.backend.answer_resolve(&request, &names(&["::2"]), 1);
    rig.deliver();
    assert_eq!(outcome(&mut rig, waits), addresses(&["::2"]));
    rig.advance(SECOND);
    assert_clean(&rig);
}

#[test]
fn one_that_waited_for_a_device_that_does_not_resolve_any_more_is_told() {
    let mut rig = extended();
    rig.store.set_backend_state(XenbusState::Closed);
    rig.store.remove(&key(BACKEND_DIR, "feature-resolve"));
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    let waits = begin(&mut rig);
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    nothing_asked(&mut rig);
    let error = SocketError::Unsupported(Features::RESOLVE);
    assert_eq!(outcome(&mut rig, waits), Err(error.into()));
}
