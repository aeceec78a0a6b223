//! Clients with threads of their own, and a keeper.

use super::*;
use crate::log::fake::FakeDisk;
use crate::store::Value;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

const PATH: &str = "/log";
const LIMIT: usize = 64 << 20;
const NOW: u64 = 1_700_000_000_000;

fn open(disk: &FakeDisk, fsync: Fsync) -> (Shared, Log<FakeDisk>) {
    let mut store = Store::new(LIMIT);
    let (log, _) = Log::open(disk.clone(), PATH, fsync, &mut store, NOW).unwrap();
    (
        Shared::new(store, Server::default(), Journal::on(fsync)),
        log,
    )
}

/// Runs `clients` beside a keeper of a log on `disk`; what the keeper said.
fn run(disk: &FakeDisk, fsync: Fsync, least: u64, clients: impl FnOnce(&Shared)) -> Vec<String> {
    let (shared, mut log) = open(disk, fsync);
    let (said, lines) = mpsc::channel();
    thread::scope(|scope| {
        let keeper = thread::Builder::new().spawn_scoped(scope, || {
            shared.keep(
                &mut log,
                least,
                || NOW,
                |line| {
                    said.send(String::from(line)).unwrap();
                },
            );
        });
        clients(&shared);
        shared.end();
        keeper.unwrap().join().unwrap();
    });
    drop(said);
    lines.iter().collect()
}

/// Sends lines as one client; the answers, with the ends of lines as `|`.
fn send(shared: &Shared, lines: &str) -> String {
    let (mut connection, mut answers) = (Connection::default(), Vec::new());
    let mut rest = lines.as_bytes();
    loop {
        let next = shared.serve(&mut connection, NOW, 0);
        answers.extend_from_slice(connection.output());
        connection.sent();
        match next {
            Next::Receive if rest.is_empty() => break,
            Next::Receive => {}
            Next::Serve | Next::Wait => continue,
            Next::Close => break,
        }
        let mut state = shared.lock();
        let room = connection.room(&mut state.store);
        let count = room.len().min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        connection.received(count);
        rest = &rest[count..];
    }
    connection.end(&mut shared.lock().store);
    String::from_utf8_lossy(&answers).replace("\r\n", "|")
}

/// What a guest finds on `disk`: the number that the text `key` is.
fn number(disk: FakeDisk, key: &str) -> u64 {
    let mut store = Store::new(LIMIT);
    Log::open(disk, PATH, Fsync::No, &mut store, NOW).unwrap();
    match store.get(key.as_bytes(), NOW) {
        Some(Value::Text(text)) => String::from_utf8_lossy(text.bytes()).parse().unwrap(),
        _ => 0,
    }
}

#[test]
fn what_is_answered_is_on_the_disk_and_many_share_a_sync() {
    let disk = FakeDisk::default();
    let (clients, rounds) = (8, 200);
    run(&disk, Fsync::Always, u64::MAX, |shared| {
        thread::scope(|scope| {
            for client in 0..clients {
                let disk = &disk;
                scope.spawn(move || {
                    for round in 1..=rounds {
                        let answer = send(shared, &format!("INCR n{client}\nGET n{client}\n"));
                        let digits = format!("{round}").len();
                        assert_eq!(answer, format!(":{round}|${digits}|{round}|"));
                        if round % 50 == 0 {
                            assert_eq!(number(disk.after_crash(), &format!("n{client}")), round);
                        }
                    }
                });
            }
        });
    });
    // Fewer than one each: some waited together. That all do so each time is not promised.
    assert!(disk.syncs() < clients * rounds, "{}", disk.syncs());
}

#[test]
fn each_second_is_enough_for_a_guest_that_crashes() {
    let disk = FakeDisk::default();
    run(&disk, Fsync::EverySecond, u64::MAX, |shared| {
        let before = disk.syncs();
        for round in 1..100 {
            assert_eq!(send(shared, "INCR n\n"), format!(":{round}|"));
            // The guest is gone; the host is not.
            assert_eq!(number(disk.as_it_is(), "n"), round);
        }
        assert!(disk.syncs() - before < 50);
        // Nobody has to do anything for it.
        while number(disk.after_crash(), "n") < 99 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_full_disk_is_told_and_reads_go_on() {
    for fsync in [Fsync::Always, Fsync::EverySecond] {
        let disk = FakeDisk::default();
        let said = run(&disk, fsync, u64::MAX, |shared| {
            assert_eq!(send(shared, "SET k v\nINCR n\n"), "+OK|:1|");
            let length = disk.content(PATH).unwrap().len();
            disk.set_room(Some(length + 10));
            // The answers between stay what they are.
            let answer = send(shared, "PING\nINCR n\nECHO x\nSET k w\nDEL none\n");
            let error = "-MISCONF Errors writing to the AOF file: ";
            let parts: Vec<&str> = answer.split('|').collect();
            assert_eq!((parts[0], parts[2], parts[3]), ("+PONG", "$1", "x"));
            assert!(
                parts[1].starts_with(error) && parts[4].starts_with(error),
                "{answer}"
            );
            assert_eq!(parts[5], ":0");
            let refused = send(shared, "GET k\nDEL k\nEXISTS k\nRPUSH k x\nBGREWRITEAOF\n");
            assert!(refused.starts_with(&format!("$1|w|{error}")), "{refused}");
            assert!(refused.contains("|:1|-MISCONF"), "{refused}");
            assert!(send(shared, "INFO\n").contains("aof_last_write_status:err"));
            assert_eq!(number(disk.as_it_is(), "n"), 1);
            disk.set_room(None);
            // The keeper tries again by itself.
            while send(shared, "INCR n\n").starts_with('-') {
                thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(send(shared, "GET n\nGET k\n"), "$1|3|$1|w|");
            assert!(send(shared, "INFO\n").contains("aof_last_write_status:ok"));
        });
        assert_eq!(number(disk.as_it_is(), "n"), 3);
        assert!(
            said[0].starts_with("the log cannot be written, "),
            "{said:?}"
        );
        assert_eq!(said[1], "the log can be written again");
    }
}

#[test]
fn a_failed_fsync_makes_the_log_anew() {
    for fsync in [Fsync::Always, Fsync::EverySecond] {
        let disk = FakeDisk::default();
        run(&disk, fsync, u64::MAX, |shared| {
            assert_eq!(send(shared, "INCR n\n"), ":1|");
            // The write works, the fsync does not.
            disk.set_fail(Some((1, ErrorKind::Other)));
            let mut last = send(shared, "INCR n\n");
            while !last.starts_with("-MISCONF") {
                last = send(shared, "INCR n\n");
            }
            disk.set_fail(None);
            last = send(shared, "INCR n\n");
            while last.starts_with('-') {
                thread::sleep(Duration::from_millis(10));
                last = send(shared, "INCR n\n");
            }
            let wanted = last[1..last.len() - 1].parse::<u64>().unwrap();
            while number(disk.after_crash(), "n") < wanted {
                assert_ne!(fsync, Fsync::Always);
                thread::yield_now();
            }
        });
    }
}

#[test]
fn the_log_is_written_anew_while_clients_go_on() {
    let disk = FakeDisk::default();
    let count = AtomicU64::new(0);
    let said = run(&disk, Fsync::Always, 5_000, |shared| {
        thread::scope(|scope| {
            for client in 0..4 {
                let count = &count;
                scope.spawn(move || {
                    for round in 1..=400 {
                        let answer = send(shared, &format!("INCR n\nSET k{client} {round}\n"));
                        assert!(
                            answer.starts_with(':') && answer.ends_with("|+OK|"),
                            "{answer}"
                        );
                        count.fetch_add(1, Ordering::Relaxed);
                        send(shared, "GET n\n");
                    }
                });
            }
        });
        // And when somebody asks for it.
        assert_eq!(
            send(shared, "BGREWRITEAOF\n"),
            "+Background append only file rewriting started|"
        );
        while send(shared, "INFO\n").contains("aof_rewrite_in_progress:1") {
            thread::yield_now();
        }
        // SELECT, five keys.
        assert!(disk.content(PATH).unwrap().len() < 250);
    });
    assert_eq!(count.into_inner(), 1600);
    assert_eq!(number(disk.after_crash(), "n"), 1600);
    assert_eq!(number(disk.after_crash(), "k3"), 400);
    assert!(said.len() > 5, "{said:?}");
    assert!(
        said.iter()
            .all(|line| line.starts_with("the log is written anew: "))
    );
}

#[test]
fn a_rewrite_that_fails_leaves_the_old_log() {
    let disk = FakeDisk::default();
    let said = run(&disk, Fsync::Always, u64::MAX, |shared| {
        let large = "x".repeat(1000);
        send(shared, &format!("SET k {large}\nINCR n\n"));
        let length = disk.content(PATH).unwrap().len();
        disk.set_room(Some(length + 500));
        send(shared, "BGREWRITEAOF\n");
        while send(shared, "INFO\n").contains("aof_rewrite_in_progress:1") {
            thread::yield_now();
        }
        assert_eq!(send(shared, "INCR n\n"), ":2|");
        assert_eq!(disk.content("/log.rewrite"), None);
    });
    assert_eq!(number(disk.after_crash(), "n"), 2);
    assert!(
        said[0].starts_with("the log cannot be written anew: "),
        "{said:?}"
    );
}

#[test]
fn without_a_journal_nobody_waits() {
    let shared = Shared::new(Store::new(LIMIT), Server::default(), Journal::off());
    assert_eq!(send(&shared, "SET k v\nGET k\n"), "+OK|$1|v|");
    assert_eq!(
        send(&shared, "BGREWRITEAOF\n"),
        "-ERR there is no log: start with --appendonly|"
    );
    assert!(send(&shared, "INFO\n").contains("aof_enabled:0"));
}
