//! Code as it is written for std, with `std` bound to `rt`.

use rt as std;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
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
    paths();
    files_without_volumes().expect("the root is there");
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

/// What paths are needs no files.
fn paths() {
    let path = Path::new("/srv/./www//index.tar.gz");
    assert_eq!(path.extension().and_then(OsStr::to_str), Some("gz"));
    assert_eq!(path.file_stem(), Some(OsStr::new("index.tar")));
    assert_eq!(path.parent(), Some(Path::new("/srv/www")));
    let below: PathBuf = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect();
    assert_eq!(below, Path::new("srv/www/index.tar.gz"));
    assert_eq!(
        below.strip_prefix("srv").unwrap(),
        Path::new("www/index.tar.gz")
    );
    let mut counts: HashMap<PathBuf, u32> = HashMap::new();
    *counts.entry("a//b".into()).or_default() += 1;
    assert_eq!(counts.get(Path::new("a/b")), Some(&1));
    let name: OsString = ["a", "b"].into_iter().collect();
    assert_eq!(name.as_bytes(), b"ab");
    assert_eq!(
        format!("{}", path.with_extension("zip").display()),
        "/srv/./www//index.tar.zip"
    );
    assert_eq!(env::current_dir().unwrap().join("x"), Path::new("/x"));
}

/// With nothing mounted there is a root, and nothing in it.
fn files_without_volumes() -> io::Result<()> {
    let root = fs::metadata(env::current_dir()?)?;
    assert!(root.is_dir() && root.permissions().mode() & 0o222 == 0 && root.nlink() > 0);
    assert_eq!(fs::read_dir("/")?.count(), 0);
    assert_eq!(fs::canonicalize("../.")?, PathBuf::from("/"));
    let fails = |result: io::Result<()>, kind| {
        let error = result.expect_err("nothing is mounted");
        assert_eq!(error.kind(), kind);
        error
    };
    let error = fails(fs::write("/x/y", b"content"), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("\"/x/y\""), "{error}");
    let opened = OpenOptions::new().read(true).mode(0o600).open("/x");
    fails(opened.map(drop), io::ErrorKind::NotFound);
    fails(
        OpenOptions::new().open("/x").map(drop),
        io::ErrorKind::InvalidInput,
    );
    fails(fs::create_dir_all("/a/b"), io::ErrorKind::NotFound);
    assert!(!Path::new("/x").exists() && Path::new("/").is_dir());
    // With files it would be written so.
    let _unused = |file: &mut File| -> io::Result<String> {
        file.write_all_at(b"x", 7)?;
        let mut lines = BufReader::new(file).lines();
        lines.next().transpose().map(Option::unwrap_or_default)
    };
    Ok(())
}
