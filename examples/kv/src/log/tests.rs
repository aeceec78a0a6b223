//! Logs, played again.

use super::fake::FakeDisk;
use super::*;
use crate::connection::{Connection, Next};
use crate::journal::Journal;
use crate::log::dump::Dump;
use proptest::prelude::*;

const PATH: &str = "/data/log";
const LIMIT: usize = 32 << 20;
const NOW: u64 = 1_700_000_000_000;

/// A store, and what was recorded of what happened to it.
struct Played {
    store: Store,
    journal: Journal,
    records: Vec<u8>,
    now: u64,
}

impl Played {
    fn new() -> Played {
        let mut store = Store::new(LIMIT);
        store.watch_ends();
        Played {
            store,
            journal: Journal::on(Fsync::Always),
            records: Vec::new(),
            now: NOW,
        }
    }

    fn send(&mut self, lines: &str) -> String {
        let (mut connection, mut answers) = (Connection::default(), Vec::new());
        let (mut rest, mut server) = (lines.as_bytes(), Default::default());
        loop {
            let next = connection.serve(&mut self.store, self.now, &mut server, &mut self.journal);
            answers.extend_from_slice(connection.output());
            connection.sent();
            self.records.extend(self.journal.take(Vec::new()));
            if next == Next::Receive && rest.is_empty() || next == Next::Close {
                break;
            }
            let room = connection.room(&mut self.store);
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            connection.received(count);
            rest = &rest[count..];
        }
        connection.end(&mut self.store);
        String::from_utf8_lossy(&answers).replace("\r\n", "|")
    }

    /// The records as lines.
    fn lines(&mut self) -> String {
        let (mut parser, mut text) = (crate::resp::Parser::default(), String::new());
        let records = core::mem::take(&mut self.records);
        let mut rest = &records[..];
        while let Ok(crate::resp::Progress::Complete(length)) = parser.parse(rest) {
            let args: Vec<String> = parser
                .args(rest)
                .from(0)
                .map(|arg| String::from_utf8_lossy(arg).into_owned())
                .collect();
            text += &(args.join(" ") + "|");
            parser.restart();
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        text
    }
}

/// All that is in a store at `now`, as records.
fn image(store: &Store, now: u64) -> Vec<u8> {
    let (mut dump, mut out) = (Dump::default(), Vec::new());
    loop {
        let mut piece = Vec::new();
        let more = dump.next(store, now, &mut piece);
        assert!(piece.len() < dump::PIECE * 2 + (1 << 20));
        out.extend(piece);
        if !more {
            return out;
        }
    }
}

fn loaded(content: &[u8], now: u64) -> Result<(Store, Loaded, FakeDisk)> {
    let disk = FakeDisk::default();
    disk.put(PATH, content);
    let mut store = Store::new(LIMIT);
    let (_, loaded) = Log::open(disk.clone(), PATH, Fsync::Always, &mut store, now)?;
    Ok((store, loaded, disk))
}

#[test]
fn records_say_what_happened() {
    let mut played = Played::new();
    let mut expect = |lines: &str, records: &str| {
        played.send(lines);
        assert_eq!(played.lines(), records, "{lines}");
    };
    expect(
        "SET k v\nGET k\nSET k w NX\nSET k w XX GET\n",
        "SET k v|SET k w|",
    );
    expect(
        "SET k v EX 10\nSET k w KEEPTTL\n",
        "SET k v PXAT 1700000010000|SET k w PXAT 1700000010000|",
    );
    expect(
        "PSETEX k 5 v\nSETEX k 5 v\nEXPIRE k 7\n",
        "SET k v PXAT 1700000000005|SET k v PXAT 1700000005000|PEXPIREAT k 1700000007000|",
    );
    expect(
        "EXPIRE none 7\nPERSIST k\nPERSIST k\nEXPIRE k -1\nDEL k\n",
        "PERSIST k|DEL k|",
    );
    expect(
        "SET k v EXAT 1\nSET k v PXAT 1700000000001\n",
        "DEL k|SET k v PXAT 1700000000001|",
    );
    expect(
        "GETSET t 1\nINCR t\nINCRBY t 3\nAPPEND t x\nINCR t\nGETDEL t\nGETDEL t\n",
        "SET t 1|INCR t|INCRBY t 3|APPEND t x|DEL t|",
    );
    expect(
        "SADD s c b a\nSADD s a\nSPOP s\nSPOP s 9\nSPOP s\n",
        "SADD s c b a|SREM s a|SREM s b c|",
    );
    expect(
        "RPUSH l a b c\nLPOP l 9\nLPOP l\nRPUSH l a\nRPOP l\n",
        "RPUSH l a b c|LPOP l 3|RPUSH l a|RPOP l 1|",
    );
    expect(
        "ZADD z 1 a 2 b\nZPOPMAX z\nZPOPMIN z 7\n",
        "ZADD z 1 a 2 b|ZPOPMAX z 1|ZPOPMIN z 1|",
    );
    expect(
        "HMSET h a 1\nHSET h a 2\nHDEL h x\nFLUSHALL\n",
        "HMSET h a 1|HSET h a 2|FLUSHALL|",
    );
    expect("LPUSH k\nSET a\nINCR h x\nNONSENSE\nQUIT\n", "");
}

#[test]
fn ends_are_recorded_where_they_are_noticed() {
    let mut played = Played::new();
    played.send("SET a 1 PX 10\nSET b 1 PX 10\nRPUSH l x\nPEXPIRE l 10\n");
    played.lines();
    played.now += 10;
    // Whoever comes first removes some that have ended, not only what is asked for.
    assert_eq!(played.send("RPUSH l y\nINCR a\n"), ":1|:1|");
    assert_eq!(played.lines(), "DEL a|DEL b|DEL l|RPUSH l y|INCR a|");
    // More have ended than are removed at once: what is asked for is one of them nevertheless.
    for number in 0..100 {
        played.send(&format!("SET k{number:02} 1 PX 10\n"));
    }
    played.lines();
    played.now += 10;
    played.send("APPEND k99 x\n");
    let lines = played.lines();
    assert!(lines.ends_with("DEL k99|APPEND k99 x|"), "{lines}");
    assert_eq!(lines.matches("DEL").count(), 17);
    assert_eq!(played.send("GET k98\nDEL k97\n"), "$-1|:0|");
    assert!(played.lines().contains("DEL k97|"));
}

#[test]
fn a_log_that_is_not_whole_is_cut() {
    let mut played = Played::new();
    played.send("SET a 1\nSET b 22\nRPUSH l x y z\n");
    let records = core::mem::take(&mut played.records);
    let whole = image(&played.store, NOW);
    for end in 0..records.len() {
        let (store, loaded, disk) = loaded(&records[..end], NOW).unwrap();
        assert_eq!(loaded.length + loaded.cut, end as u64);
        let left = disk.content(PATH).unwrap();
        match loaded.length {
            0 => assert!(left.starts_with(b"*2\r\n$6\r\nSELECT"), "{end}"),
            length => assert_eq!(left, records[..usize::try_from(length).unwrap()]),
        }
        assert_eq!(store.len() as u64, loaded.commands);
        // On the disk, too.
        assert_eq!(disk.after_crash().content(PATH).unwrap(), left);
    }
    let (store, loaded, _) = loaded(&records, NOW).unwrap();
    assert_eq!((loaded.cut, loaded.commands), (0, 3));
    assert_eq!(image(&store, NOW), whole);
}

#[test]
fn what_is_no_log_is_told_with_its_place() {
    let good = "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n";
    let place = format!("at byte {}: ", good.len());
    let wrong = |more: &str| {
        let text = format!("{good}{more}");
        let error = loaded(text.as_bytes(), NOW).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let error = error.to_string();
        assert!(error.starts_with("loading /data/log: "), "{error}");
        error.split_once(&place).expect(&error).1.to_string()
    };
    assert_eq!(wrong("SET a 1\r\n"), "expected '*', found 'S'");
    assert_eq!(wrong("\0\0\0\0"), "expected '*', found '\\x00'");
    assert_eq!(
        wrong("*1\r\n:1\r\n"),
        "Protocol error: expected '$', got ':'"
    );
    assert_eq!(
        wrong("*1\r\n$4\r\nNONE\r\n"),
        "NONE: ERR unknown command 'NONE'"
    );
    assert_eq!(
        wrong("*3\r\n$5\r\nRPUSH\r\n$1\r\nn\r\n$1\r\nx\r\n"),
        "RPUSH: WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    assert_eq!(
        wrong("*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n"),
        "SELECT: ERR DB index is out of range: there is only 0"
    );
    let error = loaded(b"REDIS0011\xfa", NOW).map(drop).unwrap_err();
    assert!(
        error.to_string().contains("aof-use-rdb-preamble no"),
        "{error}"
    );
    // A store that is too small for it.
    let mut played = Played::new();
    played.send("SET a 1\nSET b 2\n");
    let disk = FakeDisk::default();
    disk.put(PATH, &played.records);
    let error = Log::open(disk.clone(), PATH, Fsync::Always, &mut Store::new(300), NOW);
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("SET: OOM"), "{error}");
    // Nothing of it was touched.
    assert_eq!(disk.content(PATH).unwrap(), played.records);
}

#[test]
fn redis_own_logs_are_read() {
    let log = "#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*4\r\n$5\r\nHMSET\r\n$1\r\nh\r\n$1\r\na\r\n$1\r\n1\r\n\
        #TS:1700000001\r\n*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$13\r\n1700000000005\r\n";
    let (store, loaded, _) = loaded(log.as_bytes(), NOW).unwrap();
    assert_eq!((loaded.commands, loaded.cut), (3, 0));
    assert!(store.get(b"k", NOW + 4).is_some() && store.get(b"k", NOW + 5).is_none());
}

#[test]
fn large_values_go_through() {
    let mut played = Played::new();
    let large = "x".repeat(7 << 20);
    played.send(&format!(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{large}\r\nRPUSH l a\n",
        large.len()
    ));
    for number in 0..20_000 {
        played.send(&format!(
            "RPUSH l {number}\nSADD s {number}\nZADD z {} {number}\nHSET h {number} {number}\n",
            number % 7
        ));
    }
    played.send("EXPIRE s 100\n");
    let whole = image(&played.store, NOW);
    let (store, ..) = loaded(&played.records, NOW).unwrap();
    assert!(image(&store, NOW) == whole);
    let (mut store, ..) = loaded(&whole, NOW).unwrap();
    assert!(image(&store, NOW) == whole);
    // What loading took of the memory is there again.
    assert_eq!(store.memory().used(), played.store.memory().used());
    assert!(store.get(b"s", NOW + 100_000).is_none());
}

/// A key whose time is over while it is dumped ends in the dump, too.
#[test]
fn a_key_that_ends_within_its_dump() {
    let mut played = Played::new();
    let items: Vec<String> = (0..20_000)
        .map(|number| format!("item{number:05}"))
        .collect();
    for items in items.chunks(100) {
        played.send(&format!("SADD s {}\n", items.join(" ")));
    }
    played.send("PEXPIRE s 10\nSET t x\n");
    let (mut dump, mut out) = (Dump::default(), Vec::new());
    assert!(dump.next(&played.store, NOW, &mut out));
    let mut piece = Vec::new();
    assert!(!dump.next(&played.store, NOW + 10, &mut piece));
    out.extend(piece);
    let (store, ..) = loaded(&out, NOW + 10).unwrap();
    assert!(store.get(b"s", NOW + 10).is_none() && store.get(b"s", NOW).is_some());
    assert!(store.get(b"t", NOW + 10).is_some());
}

#[test]
fn a_full_disk_keeps_what_it_has_and_goes_on() {
    let disk = FakeDisk::default();
    let mut store = Store::new(LIMIT);
    let (mut log, _) = Log::open(disk.clone(), PATH, Fsync::Always, &mut store, NOW).unwrap();
    let mut record = Vec::new();
    let mut put = |log: &mut Log<FakeDisk>, number: usize| {
        record.clear();
        let text = format!("{number:04}");
        crate::journal::encode(
            &mut record,
            [&b"RPUSH"[..], b"l", text.as_bytes()].into_iter(),
        );
        log.append(&mut record)
    };
    put(&mut log, 0).unwrap();
    let length = log.length();
    disk.set_room(Some(usize::try_from(length).unwrap() + 50));
    put(&mut log, 1).unwrap();
    for number in 2..5 {
        assert_eq!(
            put(&mut log, number).unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        // Never a part of a record.
        assert_eq!(disk.content(PATH).unwrap().len() as u64, log.length());
    }
    disk.set_room(None);
    put(&mut log, 5).unwrap();
    let mut store = Store::new(LIMIT);
    let (_, loaded) = Log::open(disk.after_crash(), PATH, Fsync::Always, &mut store, NOW).unwrap();
    assert_eq!((loaded.commands, loaded.cut), (7, 0));
}

/// Whatever fails, and whenever: what was acknowledged is there after a crash, once and in order.
#[test]
fn nothing_acknowledged_is_lost() {
    for fsync in [Fsync::Always, Fsync::EverySecond] {
        for kind in [
            ErrorKind::StorageFull,
            ErrorKind::Other,
            ErrorKind::StaleNetworkFileHandle,
        ] {
            let mut fail_at = 0;
            loop {
                let disk = FakeDisk::default();
                let mut played = Played::new();
                let (mut log, _) =
                    Log::open(disk.clone(), PATH, fsync, &mut Store::new(LIMIT), NOW).unwrap();
                let before = disk.operations();
                disk.set_fail(Some((fail_at, kind)));
                let mut acknowledged = 0;
                let mut failed = false;
                for number in 0..12 {
                    played.send(&format!("RPUSH l {number}\n"));
                    let mut result = log.append(&mut played.records);
                    if number % 4 == 3 {
                        let mut dump = Dump::default();
                        let made = log.rewrite(|piece| dump.next(&played.store, NOW, piece));
                        failed |= made.is_err();
                        // The old one goes on, if it can; the records that it could not take are
                        // in the new one.
                        if result.is_err() && made.is_ok() {
                            result = Ok(());
                        }
                    }
                    if result.is_ok() && fsync != Fsync::Always {
                        result = log.sync();
                    }
                    if result.is_ok() {
                        acknowledged = number + 1;
                    }
                    failed |= result.is_err();
                    let mut store = Store::new(LIMIT);
                    let opened =
                        Log::open(disk.after_crash(), PATH, Fsync::Always, &mut store, NOW);
                    opened.unwrap();
                    let list = match store.get(b"l", NOW) {
                        Some(crate::store::Value::List(list)) => list.len(),
                        _ => 0,
                    };
                    assert!(
                        list >= acknowledged,
                        "{list} of {acknowledged}: {kind} at {fail_at}"
                    );
                    assert!(list <= number + 1);
                    if failed {
                        disk.set_fail(None);
                    }
                }
                // In the end it works again.
                if log.is_doubtful() {
                    let mut dump = Dump::default();
                    log.rewrite(|piece| dump.next(&played.store, NOW, piece))
                        .unwrap();
                }
                log.append(&mut Vec::new()).unwrap();
                let (store, ..) = loaded(&disk.content(PATH).unwrap(), NOW).unwrap();
                assert_eq!(image(&store, NOW), image(&played.store, NOW));
                fail_at += 1;
                if fail_at > disk.operations() - before {
                    break;
                }
            }
            assert!(fail_at > 20);
        }
    }
}

#[test]
fn a_rewrite_that_was_interrupted_leaves_nothing() {
    let disk = FakeDisk::default();
    disk.put("/data/log.rewrite", b"half of");
    let mut store = Store::new(LIMIT);
    Log::open(disk.clone(), PATH, Fsync::No, &mut store, NOW).unwrap();
    assert_eq!(disk.content("/data/log.rewrite"), None);
}

#[test]
fn the_files_of_this_machine() {
    let folder = std::env::temp_dir().join(format!("kv-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("log");
    let path = path.to_str().unwrap();
    let mut played = Played::new();
    for round in 0..3 {
        let mut store = Store::new(LIMIT);
        let (mut log, loaded) =
            Log::open(disk::Files, path, Fsync::Always, &mut store, NOW).unwrap();
        assert_eq!(image(&store, NOW), image(&played.store, NOW), "{loaded:?}");
        assert_eq!(loaded.cut > 0, round > 0);
        played.send(&format!("RPUSH l {round}\nSET k{round} v EX 100\n"));
        log.append(&mut played.records).unwrap();
        if round == 1 {
            let mut dump = Dump::default();
            log.rewrite(|piece| dump.next(&played.store, NOW, piece))
                .unwrap();
        }
        assert_eq!(std::fs::metadata(path).unwrap().len(), log.length());
        let mut bytes = std::fs::read(path).unwrap();
        bytes.extend(b"*1\r\n$4\r\nQUI");
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::remove_dir_all(&folder).unwrap();
    let error = Log::open(
        disk::Files,
        path,
        Fsync::Always,
        &mut Store::new(LIMIT),
        NOW,
    );
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.starts_with(&format!("opening {path}: ")), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// The records do to another store what was done to this one, whatever that was, and so
    /// does a dump.
    #[test]
    fn what_is_played_again_is_the_same(
        steps in prop::collection::vec((0..18_u8, 0..4_u8, 0..6_u32, 0..30_u64), 1..80),
    ) {
        let mut played = Played::new();
        for (command, key, number, time) in steps {
            let line = match command {
                0 => format!("SET k{key} {number}"),
                1 => format!("SET k{key} {number} PX {}", time + 1),
                2 => format!("INCRBY k{key} {number}"),
                3 => format!("APPEND k{key} {number}"),
                4 => format!("RPUSH k{key} {number} x"),
                5 => format!("LPOP k{key} {number}"),
                6 => format!("SADD k{key} {number} y"),
                7 => format!("SPOP k{key}"),
                8 => format!("HSET k{key} {number} z"),
                9 => format!("HDEL k{key} {number}"),
                10 => format!("ZADD k{key} {number} m{time}"),
                11 => format!("ZPOPMAX k{key} {number}"),
                12 => format!("PEXPIRE k{key} {time}"),
                13 => format!("DEL k{key} k{number}"),
                14 => format!("MSET k{key} 1 k{number} 2"),
                15 => format!("SET k{key} {number} KEEPTTL GET"),
                16 => format!("PERSIST k{key}"),
                _ => format!("GETDEL k{key}"),
            };
            played.send(&format!("{line}\n"));
            played.now += time / 3;
        }
        let now = played.now;
        let wanted = image(&played.store, now);
        let (store, ..) = loaded(&played.records, now).unwrap();
        prop_assert_eq!(String::from_utf8(image(&store, now)).unwrap(), String::from_utf8(wanted.clone()).unwrap());
        let (store, ..) = loaded(&wanted, now).unwrap();
        prop_assert_eq!(image(&store, now), wanted);
    }

    #[test]
    fn any_file_is_loaded_or_refused(bytes: Vec<u8>, text in "([*$#][0-9]{0,2}\r\n|SET|a){0,20}") {
        let _ = loaded(&bytes, NOW);
        let _ = loaded(text.as_bytes(), NOW);
    }
}
