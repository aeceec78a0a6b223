//! Code as it is written for std, with `std` bound to `rt`.

use rt as std;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, Read, Write};
use std::prelude::v1::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, process, thread};

pub(crate) fn all() {
    words().expect("memory");
    pipeline();
    output().expect("the console takes everything");
    times_and_process();
}

/// Counts words, with maps, sets, buffered readers and the question mark.
fn words() -> Result<(), Box<dyn Error>> {
    let text = "one two three\r\ntwo three\nthree";
    let mut counts: HashMap<String, usize> = HashMap::new();
    for line in BufReader::new(text.as_bytes()).lines() {
        for word in line?.split_whitespace() {
            *counts.entry(word.to_string()).or_default() += 1;
        }
    }
    let ordered: BTreeMap<_, _> = counts.iter().map(|(word, count)| (*count, word)).collect();
    assert_eq!(ordered[&3], "three");
    let unique: HashSet<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
    assert_eq!(unique.len(), "onetwhr".len());
    let number: Result<u8, _> = "300".parse::<u8>().map_err(io::Error::other);
    assert_eq!(number.unwrap_err().kind(), io::ErrorKind::Other);
    let mut report = String::new();
    write!(report, "{} words", counts.len())?;
    let mut copy = Vec::new();
    io::copy(&mut Cursor::new(&report).take(7), &mut copy)?;
    assert_eq!(copy, b"3 words");
    Ok(())
}

/// Workers, a channel, shared state.
fn pipeline() {
    static TOTAL: AtomicUsize = AtomicUsize::new(0);
    static FIRST: OnceLock<usize> = OnceLock::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<thread::JoinHandle<()>> = (1..=4)
        .map(|id| {
            let (sender, seen) = (sender.clone(), Arc::clone(&seen));
            let builder = thread::Builder::new().name(format!("worker-{id}"));
            let body = move || {
                FIRST.get_or_init(|| id);
                seen.lock().unwrap().push(id);
                thread::sleep(Duration::from_millis(1));
                sender.send(id * 10).expect("the receiver is there");
            };
            builder.spawn(body).expect("memory")
        })
        .collect();
    drop(sender);
    for value in receiver {
        TOTAL.fetch_add(value, Ordering::SeqCst);
    }
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(TOTAL.load(Ordering::SeqCst), 100);
    assert_eq!(seen.lock().unwrap().len(), 4);
    assert_eq!(FIRST.get(), Some(&1));
}

fn output() -> io::Result<()> {
    let stdout = io::stdout();
    let mut out = BufWriter::new(stdout.lock());
    for number in 0..3 {
        writeln!(out, "buffered {number}")?;
    }
    out.flush()?;
    print!("in ");
    println!("pieces");
    eprintln!("to standard error");
    let doubled = dbg!(1 + 1) * 2;
    assert_eq!(doubled, 4);
    Ok(())
}

fn times_and_process() {
    let (start, wall) = (Instant::now(), SystemTime::now());
    assert!(start.elapsed() < Duration::from_secs(3600));
    assert!(wall.duration_since(UNIX_EPOCH).unwrap() > Duration::from_secs(1 << 30));
    assert_eq!(wall + Duration::from_secs(1) - Duration::from_secs(1), wall);
    assert!(UNIX_EPOCH.checked_sub(Duration::from_nanos(1)).is_none());
    assert_eq!(env::args().next().as_deref(), Some("kernel-test"));
    assert_eq!(env::var("NO_SUCH"), Err(env::VarError::NotPresent));
    assert_eq!(process::id(), 1);
}
