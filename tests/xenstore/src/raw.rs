//! What a tool on the raw stream tries: everything that is right, most of what is wrong, and to go
//! away in the middle of it.

use alloc::vec::Vec;
use core::time::Duration;

use rt::io::{ErrorKind, Read, Write};
use rt::xenstore::{self, raw};
use rt::{println, thread};

use crate::wire::{
    DIRECTORY, ERROR, READ, RESET_WATCHES, TRANSACTION_END, TRANSACTION_START, Tool, UNWATCH,
    WATCH, WATCH_EVENT, WRITE, message,
};

pub(crate) fn all() {
    conversations();
    pieces();
    wrong_requests();
    transactions_are_ones_own();
    watches_are_ones_own();
    nonblocking();
    who_never_reads();
    one_writes_and_another_reads();
    a_task_waits();
    println!("the raw stream does as it should");
    crate::tell("ready");
    // What dom0 writes comes to both, each with its token.
    let mut tools = [Tool::new(), Tool::new()];
    for tool in &mut tools {
        tool.ask(WATCH, 0, b"data/outside\0same token\0")
            .expect("watch");
        assert_eq!(tool.event().0, "data/outside");
    }
    crate::tell("watching");
    for tool in &mut tools {
        let (path, token) = tool.event();
        assert_eq!(
            (path.as_str(), token.as_str()),
            ("data/outside", "same token")
        );
    }
}

fn conversations() {
    let mut tool = Tool::new();
    assert_eq!(
        tool.ask(WRITE, 0, b"data/raw\0a value"),
        Ok(b"OK\0".to_vec())
    );
    assert_eq!(tool.ask(READ, 0, b"data/raw\0"), Ok(b"a value".to_vec()));
    let names = tool.ask(DIRECTORY, 0, b"data\0").expect("list");
    assert!(names.split(|byte| *byte == 0).any(|name| name == b"raw"));
    assert_eq!(tool.ask(READ, 0, b"data/none\0"), Err("ENOENT".into()));
    // Several under way: the replies come in order.
    let first = tool.send(READ, 0, b"data/raw\0");
    let second = tool.send(READ, 0, b"data/none\0");
    let third = tool.send(READ, 0, b"name\0");
    assert_eq!(tool.reply(first), Ok(b"a value".to_vec()));
    assert_eq!(tool.reply(second), Err("ENOENT".into()));
    assert!(tool.reply(third).is_ok());
}

/// Bytes come and go in any pieces.
fn pieces() {
    let mut tool = Tool::new();
    let requests = [
        message(READ, 70, 0, b"data/raw\0"),
        message(READ, 71, 0, b"data/raw\0"),
    ]
    .concat();
    for piece in requests.chunks(7) {
        tool.stream.write_all(piece).expect("write");
    }
    let mut bytes = Vec::new();
    while bytes.len() < 2 * (16 + 7) {
        let mut piece = [0; 5];
        let count = tool.stream.read(&mut piece).expect("read");
        bytes.extend_from_slice(&piece[..count]);
    }
    let reply = |request| message(READ, request, 0, b"a value");
    assert_eq!(bytes, [reply(70), reply(71)].concat());
    // Two in one write, and the longest there is.
    tool.stream.write_all(&requests).expect("write");
    assert_eq!((tool.receive().request, tool.receive().request), (70, 71));
    let mut longest = b"data/raw\0".to_vec();
    longest.resize(4096, b'x');
    assert_eq!(tool.ask(WRITE, 0, &longest), Err("ENOSPC".into()));
}

fn wrong_requests() {
    let mut tool = Tool::new();
    for (kind, payload, error) in [
        (READ, &b""[..], ""),
        (READ, b"no NUL", ""),
        (READ, b"data//raw\0", ""),
        (WRITE, b"data/raw", ""),
        (WATCH, b"", "EINVAL"),
        (WATCH, b"data/raw\0", "EINVAL"),
        (WATCH, b"data/raw\0no NUL", "EINVAL"),
        (WATCH, b"data//raw\0token\0", "EINVAL"),
        (UNWATCH, b"data/raw\0not watched\0", "ENOENT"),
        (TRANSACTION_END, b"T\0", "ENOENT"),
        (WATCH_EVENT, b"data/raw\0token\0", "ENOSYS"),
        (ERROR, b"EINVAL\0", "ENOSYS"),
        (99, b"", "ENOSYS"),
        (u32::MAX, b"data\0", "ENOSYS"),
        (0, b"help\0", "EACCES"),        // CONTROL
        (8, b"1\x001\x001\0", "EACCES"), // INTRODUCE
        (9, b"0\0", "EACCES"),           // RELEASE
    ] {
        let reply = tool.ask(kind, 0, payload);
        // What the server refuses it may call as it likes: 4.17 has old errors for some of it.
        match error {
            "" => assert!(reply.is_err(), "{kind} {payload:?}: {reply:?}"),
            error => assert_eq!(reply, Err(error.into()), "{kind} {payload:?}"),
        }
    }
    // A length that cannot be: the write fails, and the next one begins a message.
    let mut long = message(READ, 1, 0, b"");
    long[12..].copy_from_slice(&5000u32.to_le_bytes());
    tool.stream.write_all(&long[..9]).expect("the first piece");
    let error = tool.stream.write_all(&long[9..]).expect_err("too long");
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(tool.ask(READ, 0, b"data/raw\0"), Ok(b"a value".to_vec()));
}

fn transactions_are_ones_own() {
    let (mut one, mut other) = (Tool::new(), Tool::new());
    let (first, second) = (one.begin(), other.begin());
    assert_ne!(first, second);
    assert_eq!(
        one.ask(TRANSACTION_START, first, b"\0"),
        Err("EBUSY".into())
    );
    for (kind, payload) in [
        (READ, &b"data/raw\0"[..]),
        (WRITE, b"data/raw\0by nobody"),
        (TRANSACTION_END, b"T\0"),
        (TRANSACTION_END, b"F\0"),
        (TRANSACTION_START, b"\0"),
    ] {
        assert_eq!(other.ask(kind, first, payload), Err("ENOENT".into()));
        assert_eq!(one.ask(kind, 0xffff_0000, payload), Err("ENOENT".into()));
    }
    one.ask(WRITE, first, b"data/raw\0inside").expect("write");
    assert_eq!(other.ask(READ, 0, b"data/raw\0"), Ok(b"a value".to_vec()));
    assert_eq!(
        one.ask(TRANSACTION_END, first, b"maybe\0"),
        Err("EINVAL".into())
    );
    assert_eq!(
        one.ask(TRANSACTION_END, first, b"T\0"),
        Ok(b"OK\0".to_vec())
    );
    assert_eq!(
        one.ask(TRANSACTION_END, first, b"T\0"),
        Err("ENOENT".into())
    );
    assert_eq!(other.ask(READ, 0, b"data/raw\0"), Ok(b"inside".to_vec()));
    // The other one's began before: what it reads has changed since.
    let _ = other.ask(READ, second, b"data/raw\0");
    one.ask(WRITE, 0, b"data/raw\0a value").expect("write");
    other
        .ask(WRITE, second, b"data/raw\0too late")
        .expect("write");
    assert_eq!(
        other.ask(TRANSACTION_END, second, b"T\0"),
        Err("EAGAIN".into())
    );
    assert_eq!(
        other.ask(TRANSACTION_END, second, b"F\0"),
        Err("ENOENT".into())
    );
    assert_eq!(other.ask(READ, 0, b"data/raw\0"), Ok(b"a value".to_vec()));
}

fn watches_are_ones_own() {
    let (mut one, mut other) = (Tool::new(), Tool::new());
    let payload = b"data/raw\0token\0";
    for tool in [&mut one, &mut other] {
        tool.ask(WATCH, 0, payload).expect("watch");
        assert_eq!(tool.event(), ("data/raw".into(), "token".into()));
    }
    assert_eq!(one.ask(WATCH, 0, payload), Err("EEXIST".into()));
    one.ask(WATCH, 0, b"data/raw\0another\0").expect("watch");
    assert_eq!(one.event().1, "another");
    one.ask(UNWATCH, 0, payload).expect("unwatch");
    assert_eq!(one.ask(UNWATCH, 0, payload), Err("ENOENT".into()));
    xenstore::write("data/raw/below", "x").expect("write");
    assert_eq!(one.event(), ("data/raw/below".into(), "another".into()));
    assert_eq!(other.event(), ("data/raw/below".into(), "token".into()));
    // Of this stream only.
    assert_eq!(one.ask(RESET_WATCHES, 0, b"\0"), Ok(b"OK\0".to_vec()));
    xenstore::write("data/raw/below", "y").expect("write");
    assert_eq!(other.event(), ("data/raw/below".into(), "token".into()));
    let nothing = one.stream.wait_readable(Some(Duration::from_millis(100)));
    assert!(!nothing, "nobody watches here any more");
    xenstore::rm("data/raw/below").expect("rm");
    assert_eq!(other.event().0, "data/raw/below");
}

fn nonblocking() {
    let mut tool = Tool::new();
    let mut byte = [0];
    let timeout = Some(Duration::from_millis(20));
    tool.stream.set_read_timeout(timeout).expect("set");
    let error = tool.stream.read(&mut byte).expect_err("nothing to read");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    tool.stream.set_read_timeout(None).expect("set");
    tool.stream.set_nonblocking(true).expect("set");
    let error = tool.stream.read(&mut byte).expect_err("nothing to read");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let ready = tool.stream.readiness();
    assert!(!ready.readable && ready.writable);
    tool.send(READ, 0, b"data/raw\0");
    assert!(tool.stream.wait_readable(Some(Duration::from_secs(30))));
    assert!(tool.stream.readiness().readable);
    assert_eq!(tool.receive().payload, b"a value");
    assert!(!tool.stream.readiness().readable);
}

/// Writes until there is no room; the rest of the domain gets on, and so does the tool when it reads.
fn who_never_reads() {
    let mut tool = Tool::new();
    tool.stream.set_nonblocking(true).expect("set");
    let mut sent = 0;
    loop {
        let request = message(READ, sent, 0, b"name\0");
        match tool.stream.write(&request) {
            Ok(count) => assert_eq!(count, request.len()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
        sent += 1;
        // What comes meanwhile must not be the reason that there is room.
        thread::sleep(Duration::from_millis(5));
    }
    println!("{sent} requests fit");
    assert_eq!(usize::try_from(sent).expect("few"), raw::REPLIES_MAX + 1);
    assert!(!tool.stream.readiness().writable);
    assert!(xenstore::exists("name").expect("others get on"));
    tool.stream.set_nonblocking(false).expect("set");
    for request in 0..sent {
        assert_eq!(tool.receive().request, request);
    }
    assert!(tool.stream.readiness().writable);
}

/// A write that waits goes on when another thread reads.
fn one_writes_and_another_reads() {
    let stream = raw::open().expect("open");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for request in 0..50 {
                let bytes = message(READ, request, 0, b"data/raw\0");
                (&stream).write_all(&bytes).expect("write");
            }
        });
        while stream.readiness().writable {
            thread::sleep(Duration::from_millis(5));
        }
        for request in 0..50 {
            let mut reply = [0; 16 + 7];
            (&stream).read_exact(&mut reply).expect("read");
            assert_eq!(reply[..], message(READ, request, 0, b"a value"));
        }
        writer.join().expect("no panic");
    });
}

fn a_task_waits() {
    let mut tool = Tool::new();
    rt::task::block_on(async {
        tool.send(READ, 0, b"data/raw\0");
        tool.stream.readable().await;
        assert_eq!(tool.receive().payload, b"a value");
        let timeout = rt::task::timeout(Duration::from_millis(20), tool.stream.readable());
        assert!(timeout.await.is_err(), "there is nothing more");
    });
}

/// Goes away in the middle of everything, again and again: if anything stayed at the server, its
/// quotas would soon be used up.
pub(crate) fn closes() {
    // One watch from the first count of dom0's to the last.
    let go = xenstore::watch("data/go").expect("watch");
    crate::tell("ready");
    until(&go, "closing");
    for round in 0..15u8 {
        let mut tools: Vec<Tool> = (0..4).map(|_| Tool::new()).collect();
        for (place, tool) in tools.iter_mut().enumerate() {
            // Two transactions of each, one of them with changes and one that is ending.
            let changed = tool.begin();
            tool.ask(WRITE, changed, b"data/closed\0never")
                .expect("write");
            let ending = tool.begin();
            for n in 0..20 {
                let payload = alloc::format!("data/w{n}\0{place}\0");
                tool.ask(WATCH, 0, payload.as_bytes()).expect("watch");
            }
            if round % 2 == 0 {
                tool.send(TRANSACTION_END, ending, b"T\0");
            }
        }
        // And nobody waits for these: the transactions are begun, the watches made or removed,
        // after the streams have gone.
        let tool = &mut tools[usize::from(round) % 4];
        tool.send(TRANSACTION_START, 0, b"\0");
        tool.send(TRANSACTION_START, 0, b"\0");
        tool.send(WATCH, 0, b"data/late\0token\0");
        tool.send(UNWATCH, 0, b"data/w1\x000\0");
        // Half a message.
        let half = message(WRITE, 9, 0, b"data/closed\0half");
        tool.stream.write_all(&half[..20]).expect("write");
    }
    assert!(!xenstore::exists("data/closed").expect("look"));
    // All that there are can be had.
    let mut tool = Tool::new();
    let begun: Vec<u32> = (0..10).map(|_| tool.begin()).collect();
    println!("15 rounds, then {} transactions", begun.len());
    for n in 0..100 {
        let payload = alloc::format!("data/w{n}\0token\0");
        tool.ask(WATCH, 0, payload.as_bytes()).expect("watch");
    }
    drop(tool);
    // An answered request: what was to be ended before it has ended.
    xenstore::read("name").expect("read");
    crate::tell("closed");
    until(&go, "counted");
}

/// Waits until dom0 has written `word`.
fn until(go: &xenstore::Watch, word: &str) {
    for event in go {
        event.expect("xenstored keeps to the protocol");
        match xenstore::read_to_string("data/go") {
            Ok(written) if written == word => return,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
    }
}
