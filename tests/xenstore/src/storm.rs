//! Watches while dom0 writes without end: whoever watches sees what it comes to, and the rest of
//! the guest goes on.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use futures_util::StreamExt;
use rt::sync::Arc;
use rt::xenstore::{self, Event};
use rt::{println, task, thread};

use crate::wire::{Tool, WATCH};

pub(crate) fn all() {
    xenstore::write("data/storm", "0").expect("write");
    xenstore::mkdir("data/many").expect("mkdir");
    // Never read until all is over.
    let sleeper = xenstore::watch("data/many").expect("watch");

    let blocking = thread::spawn(|| {
        let mut events = 0;
        for event in xenstore::watch("data/storm").expect("watch") {
            event.expect("xenstored keeps to the protocol");
            events += 1;
            if ended() {
                return events;
            }
        }
        unreachable!("a watch goes on for ever")
    });
    let task = thread::spawn(|| {
        task::block_on(async {
            let mut watch = xenstore::watch("data/storm").expect("watch");
            let mut events = 0;
            while let Some(event) = watch.next().await {
                event.expect("xenstored keeps to the protocol");
                events += 1;
                if ended() {
                    return events;
                }
            }
            unreachable!("a watch goes on for ever")
        })
    });
    let raw = thread::spawn(|| {
        let mut tool = Tool::new();
        tool.ask(WATCH, 0, b"data/storm\0a token\0").expect("watch");
        let mut events = 0;
        loop {
            let (path, token) = tool.event();
            assert_eq!((path.as_str(), token.as_str()), ("data/storm", "a token"));
            events += 1;
            if ended() {
                return events;
            }
        }
    });
    // What else a guest does: answers dom0, and computes.
    let over = Arc::new(AtomicBool::new(false));
    let turns = Arc::new(AtomicU32::new(0));
    let worker = thread::spawn({
        let (over, turns) = (over.clone(), turns.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                turns.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let answers = thread::spawn(|| {
        let mut answers = 0;
        for event in xenstore::watch("data/ping").expect("watch") {
            event.expect("xenstored keeps to the protocol");
            match xenstore::read_to_string("data/ping") {
                Ok(ping) => {
                    xenstore::write("data/pong", &ping).expect("answer");
                    answers += 1;
                    if ping == "end" {
                        return answers;
                    }
                }
                Err(error) => assert_eq!(error.kind(), rt::io::ErrorKind::NotFound),
            }
        }
        unreachable!("a watch goes on for ever")
    });
    crate::tell("ready");

    let seen: Vec<u32> = [blocking, task, raw]
        .map(|watcher| watcher.join().expect("no panic"))
        .into();
    let answers = answers.join().expect("no panic");
    over.store(true, Ordering::Relaxed);
    worker.join().expect("no panic");
    let turns = turns.load(Ordering::Relaxed);
    println!("events {seen:?}, {answers} answers, {turns} turns");
    // The first event, and that of the end.
    assert!(seen.iter().all(|events| *events >= 2));
    assert!(turns > 0);

    crate::wait_for("many/end");
    let mut events = 0;
    let mut many = false;
    while let Some(event) = sleeper
        .wait_timeout(Duration::from_millis(200))
        .expect("wait")
    {
        events += 1;
        many |= event == Event::Many;
    }
    println!("the sleeper has {events} events, many: {many}");
    assert!(many && events <= 33, "601 nodes do not fit its queue");
    assert_eq!(xenstore::directory("data/many").expect("list").len(), 601);
}

fn ended() -> bool {
    xenstore::read("data/storm").expect("read") == b"end"
}
