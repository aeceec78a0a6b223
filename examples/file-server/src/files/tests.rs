//! Requests to a folder of this machine.

use super::*;
use alloc::string::ToString;
use alloc::vec;
use http_server::service::{self, Limits};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const NOW: u64 = 4_000_000_000;

struct Folder {
    folder: TempDir,
    files: Files,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("sub/deep")).unwrap();
    fs::create_dir_all(root.join("pages")).unwrap();
    fs::write(folder.path().join("secret"), "not served").unwrap();
    fs::write(root.join("a.txt"), "0123456789").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("pages/index.html"), "<p>index").unwrap();
    fs::write(root.join("sub/<&\"'> x:y%"), "odd").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "bytes").unwrap();
    symlink("a.txt", root.join("link")).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    let files = Files::new(&root).unwrap();
    Folder { folder, files }
}

impl Folder {
    /// Sends a request; the head and the body of the answer.
    fn send(&self, request: &str) -> (String, Vec<u8>) {
        let (mut connection, mut answer) = (Connection::default(), Vec::new());
        let room = connection.room();
        room[..request.len()].copy_from_slice(request.as_bytes());
        connection.received(request.len());
        loop {
            let next = connection.serve(&mut &self.files, NOW);
            assert!(connection.output().len() <= 128 << 10);
            answer.extend_from_slice(connection.output());
            connection.sent();
            if next != Next::Serve {
                break;
            }
        }
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap();
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap(), body)
    }

    #[track_caller]
    fn get(&self, path: &str, fields: &str, status: u16) -> (String, Vec<u8>) {
        let (head, body) = self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {head}"
        );
        if status != 304 {
            assert_eq!(field(&head, "Content-Length"), body.len().to_string());
        }
        let (for_head, nothing) =
            self.send(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        assert_eq!(for_head, head);
        assert_eq!(nothing, b"");
        (head, body)
    }
}

fn field(head: &str, name: &str) -> String {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {head}"))
        .to_string()
}

#[test]
fn files_are_sent() {
    let folder = folder();
    let (head, body) = folder.get("/a.txt", "", 200);
    assert_eq!(body, b"0123456789");
    assert_eq!(field(&head, "Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(folder.get("/link", "", 200).1, b"0123456789");
    assert_eq!(
        folder.get("/sub/../%61.txt?query", "", 200).1,
        b"0123456789"
    );
    assert_eq!(folder.get("/empty", "", 200).1, b"");
    assert_eq!(folder.get("/%ff%fe", "", 200).1, b"bytes");
    assert_eq!(folder.get("/pages/", "", 200).1, b"<p>index");
    assert_eq!(folder.get("/sub/%3C%26%22'%3E%20x:y%25", "", 200).1, b"odd");
    let large: Vec<u8> = (0..1_000_003_u32)
        .map(|number| number.to_le_bytes()[1])
        .collect();
    fs::write(folder.files.root.join("large"), &large).unwrap();
    assert!(folder.get("/large", "", 200).1 == large);
}

#[test]
fn what_is_not_there_or_not_served_is_told() {
    let folder = folder();
    for none in [
        "/b.txt",
        "/a.txt/",
        "/a.txt/b",
        "/sub/none/x",
        "/circle",
        "/a%2ftxt",
    ] {
        folder.get(none, "", 404);
    }
    folder.get(&format!("/{}", "n".repeat(300)), "", 404);
    for out in [
        "/..",
        "/../secret",
        "/sub/../../secret",
        "/%2e%2e/secret",
        "/out",
        "/etc",
        "/etc/passwd",
    ] {
        folder.get(out, "", 403);
    }
    folder.get("/%zz", "", 400);
    // No file: to open it would wait for somebody who writes.
    let fifo = folder.files.root.join("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    folder.get("/fifo", "", 403);
    assert!(
        folder
            .send("PUT /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            .0
            .contains(" 405 ")
    );
    assert_eq!(
        fs::read(folder.files.root.join("a.txt")).unwrap(),
        b"0123456789"
    );
}

#[test]
fn a_folder_is_listed() {
    let folder = folder();
    let (head, body) = folder.get("/", "", 200);
    assert_eq!(field(&head, "Content-Type"), "text/html; charset=utf-8");
    let text = String::from_utf8(body).unwrap();
    let places: Vec<usize> = [
        "/a.txt\">a.txt<",
        "/pages/\">pages/<",
        "/sub/\">sub/<",
        "\"/%FF%FE\">",
    ]
    .iter()
    .map(|name| text.find(name).unwrap_or_else(|| panic!("{name}: {text}")))
    .collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("../"));
    let (_, body) = folder.get("/sub/", "", 200);
    let text = String::from_utf8(body).unwrap();
    assert!(
        text.contains("<a href=\"/sub/%3C%26%22%27%3E%20x%3Ay%25\">&lt;&amp;&quot;'&gt; x:y%</a>"),
        "{text}"
    );
    assert!(text.contains("<a href=\"../\">"));
    let (head, _) = folder.get("/sub/deep", "", 301);
    assert_eq!(field(&head, "Location"), "/sub/deep/");
    // A name is no address: this leads nowhere else.
    assert_eq!(field(&folder.get("//sub", "", 301).0, "Location"), "/sub/");
}

#[test]
fn long_lists_have_a_limit() {
    let folder = folder();
    let deep = folder.files.root.join("sub/deep");
    for number in 0..3000 {
        fs::write(deep.join(format!("{number:0200}")), "").unwrap();
    }
    let text = String::from_utf8(folder.get("/sub/deep/", "", 200).1).unwrap();
    assert!(text.contains("There are more"));
    let listed = text.matches("<li>").count() - 1;
    assert_eq!(listed, listing::MOST_BYTES / 200);
    let slots: Vec<_> = (0..MOST_LISTINGS)
        .map(|_| Slot::take(&folder.files.listings))
        .collect();
    assert!(slots.iter().all(Option::is_some));
    folder.get("/sub/deep/", "", 503);
    folder.get("/a.txt", "", 200);
    drop(slots);
    folder.get("/sub/deep/", "", 200);
    assert_eq!(folder.files.listings.load(Ordering::Relaxed), 0);
}

#[test]
fn parts() {
    let folder = folder();
    let (head, body) = folder.get("/a.txt", "Range: bytes=2-4\r\n", 206);
    assert_eq!(
        (field(&head, "Content-Range"), &body[..]),
        ("bytes 2-4/10".to_string(), &b"234"[..])
    );
    assert_eq!(folder.get("/a.txt", "Range: bytes=-1\r\n", 206).1, b"9");
    assert_eq!(
        folder
            .get("/a.txt", "Range: bytes=0-1,3-4\r\n", 200)
            .1
            .len(),
        10
    );
    let (head, _) = folder.get("/a.txt", "Range: bytes=10-\r\n", 416);
    assert_eq!(field(&head, "Content-Range"), "bytes */10");
    folder.get("/empty", "Range: bytes=0-\r\n", 416);
    let (head, _) = folder.get("/a.txt", "", 200);
    let (tag, date) = (field(&head, "ETag"), field(&head, "Last-Modified"));
    for same in [&tag, &date] {
        folder.get(
            "/a.txt",
            &format!("Range: bytes=1-1\r\nIf-Range: {same}\r\n"),
            206,
        );
    }
    for other in ["\"x\"", "W/\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        folder.get(
            "/a.txt",
            &format!("Range: bytes=1-1\r\nIf-Range: {other}\r\n"),
            200,
        );
    }
}

#[test]
fn who_has_it_is_told_so() {
    let folder = folder();
    let (head, _) = folder.get("/a.txt", "", 200);
    let (tag, date) = (field(&head, "ETag"), field(&head, "Last-Modified"));
    for known in [tag.clone(), "*".to_string(), format!("\"x\", W/{tag}")] {
        let (head, body) = folder.get("/a.txt", &format!("If-None-Match: {known}\r\n"), 304);
        assert_eq!(field(&head, "ETag"), tag);
        assert_eq!(body, b"");
        assert!(!head.contains("Content-Length"));
    }
    folder.get("/a.txt", &format!("If-Modified-Since: {date}\r\n"), 304);
    folder.get(
        "/a.txt",
        "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        200,
    );
    folder.get("/a.txt", "If-Modified-Since: yesterday\r\n", 200);
    // The tag counts, where there is one.
    folder.get(
        "/a.txt",
        &format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {date}\r\n"),
        200,
    );
    // Changed within a second, and not in length.
    fs::write(folder.files.root.join("a.txt"), "9876543210").unwrap();
    let again = SystemTime::now() + Duration::from_nanos(1);
    File::options()
        .write(true)
        .open(folder.files.root.join("a.txt"))
        .unwrap()
        .set_modified(again)
        .unwrap();
    let (head, body) = folder.get("/a.txt", &format!("If-None-Match: {tag}\r\n"), 200);
    assert_ne!(field(&head, "ETag"), tag);
    assert_eq!(body, b"9876543210");
}

#[test]
fn a_file_that_becomes_shorter_breaks_its_connection() {
    let folder = folder();
    let path = folder.files.root.join("large");
    fs::write(&path, vec![7; 300_000]).unwrap();
    let mut connection = Connection::default();
    let request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";
    connection.room()[..request.len()].copy_from_slice(request);
    connection.received(request.len());
    let mut answer = Vec::new();
    loop {
        let next = connection.serve(&mut &folder.files, NOW);
        answer.extend_from_slice(connection.output());
        connection.sent();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(100_000)
            .unwrap();
        if next != Next::Serve {
            assert_eq!(next, Next::Close);
            break;
        }
    }
    assert!(answer.len() < 101_000, "{}", answer.len());
    assert!(!answer.ends_with(b"0123456789"));
}

#[test]
fn a_folder_that_is_gone_is_an_error_and_no_end() {
    let folder = folder();
    let away = folder.folder.path().join("away");
    fs::rename(&folder.files.root, &away).unwrap();
    folder.get("/a.txt", "", 500);
    folder.get("/", "", 500);
    fs::rename(&away, &folder.files.root).unwrap();
    folder.get("/a.txt", "", 200);
    assert_eq!(Files::new(&away).unwrap_err().kind(), ErrorKind::NotFound);
    let file = folder.files.root.join("a.txt");
    assert_eq!(
        Files::new(&file).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
}

#[test]
fn many_are_served_at_once_over_sockets() {
    let folder = folder();
    let large: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    fs::write(folder.files.root.join("large"), &large).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        clients: 20,
        patience: Duration::from_secs(20),
    };
    let Folder { folder, files } = folder;
    std::thread::spawn(move || service::run("file-server", &listener, limits, files));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let large = large.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let request = "GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.0\r\n\r\n";
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                let start = answer
                    .windows(4)
                    .position(|bytes| bytes == b"\r\n\r\n")
                    .unwrap()
                    + 4;
                assert!(answer[start..start + large.len()] == large);
                assert!(answer.ends_with(b"\r\n\r\n0123456789"));
            })
        })
        .collect();
    clients
        .into_iter()
        .for_each(|client| client.join().unwrap());
    drop(folder);
}
