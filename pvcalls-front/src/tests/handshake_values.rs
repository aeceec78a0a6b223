//! Every malformed value in xenstore, by name: the error names the key and shows the value.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::platform::key;
use crate::test_utils::{BACKEND_DIR, FakePlatform, FakeStore};
use crate::{Config, FRONTEND_DIR, Frontend, Handshake, RingOrder, Step};

fn attempt(dir: &str, name: &str, value: Option<&[u8]>) -> Step<FakePlatform> {
    let mut store = FakeStore::with_backend();
    match value {
        Some(value) => store.set(&key(dir, name), value),
        None => store.remove(&key(dir, name)),
    }
    let mut handshake = Handshake::new(FakePlatform::new(), Config::default());
    loop {
        match handshake.step(&mut store, 0) {
            Step::WaitForBackend {
                handshake: same, ..
            } => {
                assert!(store.react());
                handshake = same;
            }
            outcome => return outcome,
        }
    }
}

/// The message for a bad value of a backend key.
#[track_caller]
fn complaint(dir: &str, name: &str, value: Option<&[u8]>) -> String {
    match attempt(dir, name, value) {
        Step::Failed { error, platform } => {
            assert_eq!(platform.shared_pages(), 0, "nothing was shared");
            let text = error.to_string();
            assert!(text.contains(&key(dir, name)), "{text} names the key");
            text
        }
        other => panic!("{name} = {value:?} was taken: {other:?}"),
    }
}

#[track_caller]
fn accepted(name: &str, value: &[u8]) -> Frontend<FakePlatform> {
    match attempt(BACKEND_DIR, name, Some(value)) {
        Step::Connected(frontend) => frontend,
        other => panic!("{name} = {value:?} was refused: {other:?}"),
    }
}

#[test]
fn versions_missing() {
    let text = complaint(BACKEND_DIR, "versions", None);
    assert!(text.ends_with("is missing"), "{text}");
}

#[test]
fn versions_without_one() {
    let text = complaint(BACKEND_DIR, "versions", Some(b"2,3"));
    assert!(
        text.ends_with("is \"2,3\", expected a list with 1"),
        "{text}"
    );
    complaint(BACKEND_DIR, "versions", Some(b"11"));
}

#[test]
fn versions_with_one_among_others() {
    for value in ["1", "1,2", "2,1", "7,1,9"] {
        accepted("versions", value.as_bytes());
    }
}

#[test]
fn versions_malformed() {
    for value in [
        "", ",", "1,", ",1", "1,,2", "1 ", " 1", "+1", "one", "1;2", "1.0",
    ] {
        complaint(BACKEND_DIR, "versions", Some(value.as_bytes()));
    }
}

#[test]
fn versions_with_nul() {
    let text = complaint(BACKEND_DIR, "versions", Some(b"1\0"));
    assert!(text.contains(r#""1\x00""#), "{text}");
}

#[test]
fn versions_over_long() {
    let mut value: Vec<u8> = b"1,".repeat(2000);
    value.push(b'1');
    let text = complaint(BACKEND_DIR, "versions", Some(&value));
    assert!(text.contains("... (4001 bytes)"), "{text}");
    assert!(text.len() < 250, "shortened: {text}");
}

#[test]
fn max_page_order_missing() {
    complaint(BACKEND_DIR, "max-page-order", None);
}

#[test]
fn max_page_order_zero() {
    for value in ["0", "00"] {
        let text = complaint(BACKEND_DIR, "max-page-order", Some(value.as_bytes()));
        assert!(text.ends_with("expected a number from 1 to 9"), "{text}");
    }
}

#[test]
fn max_page_order_huge() {
    for value in ["10", "25", "256", "4294967296", "99999999999999999999"] {
        complaint(BACKEND_DIR, "max-page-order", Some(value.as_bytes()));
    }
}

#[test]
fn max_page_order_from_least_to_most() {
    let frontend = accepted("max-page-order", b"9");
    assert_eq!(frontend.max_ring_order(), RingOrder::MAX);
    let frontend = accepted("max-page-order", b"1");
    assert_eq!(frontend.max_ring_order(), RingOrder::MIN);
}

#[test]
fn max_page_order_malformed() {
    for value in [
        "",
        "-1",
        "+4",
        "0x4",
        "00000000004",
        "4 ",
        "4\n",
        "four",
        "\u{0664}",
    ] {
        complaint(BACKEND_DIR, "max-page-order", Some(value.as_bytes()));
    }
}

#[test]
fn max_page_order_with_nul() {
    complaint(BACKEND_DIR, "max-page-order", Some(b"4\0"));
    complaint(BACKEND_DIR, "max-page-order", Some(b"4\x004"));
}

#[test]
fn max_page_order_over_long() {
    let text = complaint(BACKEND_DIR, "max-page-order", Some(&[b'4'; 4080]));
    assert!(text.contains("... (4080 bytes)"), "{text}");
}

#[test]
fn max_page_order_not_even_text() {
    let text = complaint(BACKEND_DIR, "max-page-order", Some(&[0xff, 0x1b, b'[']));
    assert!(text.contains(r#""\xff\x1b[""#), "escaped: {text}");
}

#[test]
fn function_calls_missing() {
    complaint(BACKEND_DIR, "function-calls", None);
}

#[test]
fn function_calls_other_than_one() {
    for value in ["", "0", "2", "01", "1\0", " 1", "10", "yes"] {
        let text = complaint(BACKEND_DIR, "function-calls", Some(value.as_bytes()));
        assert!(text.ends_with("expected 1"), "{text}");
    }
}

#[test]
fn function_calls_over_long() {
    complaint(BACKEND_DIR, "function-calls", Some(&vec![b'1'; 3000]));
}

#[test]
fn backend_id_malformed() {
    for value in ["", "-1", "x", "0\0", "65536", "32752", "99999999999"] {
        complaint(FRONTEND_DIR, "backend-id", Some(value.as_bytes()));
    }
}

#[test]
fn backend_path_malformed() {
    for value in [
        "",
        "/",
        "relative/path",
        "/with space",
        "/nul\0",
        "/trailing/",
        "/\u{fc}",
    ] {
        complaint(FRONTEND_DIR, "backend", Some(value.as_bytes()));
    }
    complaint(FRONTEND_DIR, "backend", Some(&[b'/'; 2]));
    let mut long = vec![b'/'];
    long.resize(3000, b'a');
    complaint(FRONTEND_DIR, "backend", Some(&long));
}
