//! Channels: order, bounds, and the ends that go.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{ROUNDS, THREADS, together};
use crate::sync::Mutex;
use crate::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, TryRecvError, TrySendError, channel,
    sync_channel,
};

/// Every value arrives once, each sender's in its order.
fn all_arrive(bound: Option<usize>) {
    type Send = Box<dyn Fn((usize, usize)) + std::marker::Send>;
    let (senders, receiver): (Vec<Send>, Receiver<(usize, usize)>) = match bound {
        None => {
            let (sender, receiver) = channel();
            let one = || sender.clone();
            let senders = (0..THREADS).map(|_| one());
            let boxed = senders.map(|s| Box::new(move |v| s.send(v).unwrap()) as Send);
            (boxed.collect(), receiver)
        }
        Some(bound) => {
            let (sender, receiver) = sync_channel(bound);
            let one = || sender.clone();
            let senders = (0..THREADS).map(|_| one());
            let boxed = senders.map(|s| Box::new(move |v| s.send(v).unwrap()) as Send);
            (boxed.collect(), receiver)
        }
    };
    std::thread::scope(|scope| {
        for (number, send) in senders.into_iter().enumerate() {
            scope.spawn(move || (0..ROUNDS).for_each(|round| send((number, round))));
        }
        let mut next = [0; THREADS];
        for (number, round) in &receiver {
            assert_eq!(round, next[number]);
            next[number] += 1;
        }
        assert_eq!(next, [ROUNDS; THREADS]);
    });
    assert_eq!(receiver.recv(), Err(RecvError));
}

#[test]
fn all_values_arrive_in_order() {
    all_arrive(None);
}

#[test]
fn all_values_arrive_in_order_through_a_narrow_channel() {
    all_arrive(Some(1));
    all_arrive(Some(3));
}

#[test]
fn all_values_arrive_in_order_from_hand_to_hand() {
    all_arrive(Some(0));
}

#[test]
fn what_was_sent_is_received_after_the_senders_are_gone() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    sender.clone().send(2).unwrap();
    drop(sender);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    let end = receiver.recv_timeout(Duration::from_secs(1000));
    assert_eq!(end, Err(RecvTimeoutError::Disconnected));
    assert_eq!(receiver.into_iter().next(), None);
}

#[test]
fn values_come_back_when_nobody_can_receive_them() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    let (sender, receiver) = sync_channel(1);
    sender.try_send(1).unwrap();
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    drop(receiver);
    assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)));
}

#[test]
fn a_sender_that_waits_learns_that_the_receiver_went() {
    for bound in [0, 1] {
        let (sender, receiver) = sync_channel(bound);
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..3)
                .map(|number| {
                    let sender = sender.clone();
                    scope.spawn(move || sender.send(number))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(5));
            drop(receiver);
            let results: Vec<_> = senders.into_iter().map(|s| s.join().unwrap()).collect();
            let lost = results.iter().filter(|result| result.is_ok()).count();
            assert!(lost <= bound, "{results:?}");
        });
    }
}

#[test]
fn a_receiver_waits_no_longer_than_told() {
    let (sender, receiver) = sync_channel(0);
    let short = Duration::from_millis(2);
    assert_eq!(receiver.recv_timeout(short), Err(RecvTimeoutError::Timeout));
    assert_eq!(
        sender.try_send(1),
        Err(TrySendError::Full(1)),
        "nobody receives"
    );
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || receiver.recv_timeout(Duration::from_secs(1000)));
        while sender.try_send(2).is_err() {
            std::thread::yield_now();
        }
        assert_eq!(receiver.join().unwrap(), Ok(2));
    });
}

/// A value that holds a sender of its own channel.
struct Knot {
    _value: Arc<()>,
    _sender: Option<Sender<Knot>>,
}

#[test]
fn dropping_a_channel_drops_what_is_in_it() {
    let value = Arc::new(());
    let (sender, receiver) = channel();
    let knot = |sender| Knot {
        _value: value.clone(),
        _sender: sender,
    };
    for _ in 0..3 {
        assert!(sender.send(knot(Some(sender.clone()))).is_ok());
    }
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(sender.send(knot(None)).is_err());
}

#[test]
fn time_outs_and_senders_race_without_losing_values() {
    let (sender, receiver) = sync_channel(0);
    let receiver = Mutex::new(receiver);
    let received = Mutex::new(Vec::new());
    together(|number| {
        if number == 0 {
            for round in 0..ROUNDS / 4 {
                sender.send(round).unwrap();
            }
            return;
        }
        while received.lock().unwrap().len() < ROUNDS / 4 {
            let receiver = receiver.lock().unwrap();
            let result = receiver.recv_timeout(Duration::from_micros(20));
            received.lock().unwrap().extend(result);
        }
    });
    let expected: Vec<_> = (0..ROUNDS / 4).collect();
    assert_eq!(received.into_inner().unwrap(), expected);
}

proptest! {
    #[test]
    fn one_thread_sees_what_std_shows(
        bound in prop::option::of(0..4usize),
        steps in prop::collection::vec(0..5u8, 0..40)
    ) {
        let (our, our_end) = sync_channel(bound.unwrap_or(usize::MAX));
        let (their, their_end) = std::sync::mpsc::sync_channel(bound.unwrap_or(1000));
        let (mut our_end, mut their_end) = (Some(our_end), Some(their_end));
        for (value, step) in steps.into_iter().enumerate() {
            match (step, &our_end, &their_end) {
                (4, ..) if value > 20 => {
                    drop(our_end.take());
                    drop(their_end.take());
                }
                (0 | 1 | 4, ..) => prop_assert_eq!(
                    our.try_send(value).map_err(|error| error.to_string()),
                    their.try_send(value).map_err(|error| error.to_string())
                ),
                (_, Some(ours), Some(theirs)) => prop_assert_eq!(
                    ours.try_recv().map_err(|error| error.to_string()),
                    theirs.try_recv().map_err(|error| error.to_string())
                ),
                _ => {}
            }
        }
    }
}
