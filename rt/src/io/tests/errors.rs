//! The error: what it says, holds and gives back.

use std::error::Error as _;

use crate::io::{self, Error, ErrorKind, FromEmbedded, Read, ToEmbedded, Write};

/// Numbers whose kind differs on purpose: what std calls "uncategorized" there.
const OURS_SAYS_MORE: [i32; 3] = [93, 97, 524];

#[test]
fn numbers_are_of_the_kind_that_std_says() {
    for number in 0..600 {
        let ours = format!("{:?}", Error::from_raw_os_error(number).kind());
        let theirs = format!("{:?}", std::io::Error::from_raw_os_error(number).kind());
        match theirs.as_str() {
            // Kinds that cannot be named outside std.
            "Uncategorized" | "InProgress" | "FilesystemLoop" => {
                let expected = match OURS_SAYS_MORE.contains(&number) {
                    true => "Unsupported",
                    false => "Other",
                };
                assert_eq!(ours, expected, "{number} ({theirs})");
            }
            _ => assert_eq!(ours, theirs, "{number}"),
        }
    }
}

#[test]
fn an_error_with_a_number_may_have_a_cause() {
    let error = Error::from_os(104, "connection reset by peer, while reading");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(error.raw_os_error(), Some(104));
    assert_eq!(error.to_string(), "connection reset by peer, while reading");
    assert!(error.get_ref().is_some());
}

#[test]
fn what_an_error_holds_comes_out_again() {
    #[derive(Debug, PartialEq)]
    struct Mine(u8);
    impl core::fmt::Display for Mine {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "mine {}", self.0)
        }
    }
    impl core::error::Error for Mine {}
    let mut error = Error::new(ErrorKind::InvalidData, Mine(3));
    let inner = error
        .get_mut()
        .and_then(|inner| inner.downcast_mut::<Mine>());
    inner.expect("it is there").0 = 4;
    assert_eq!(format!("{error}, {error:?}"), "mine 4, InvalidData: mine 4");
    assert!(
        error.source().is_none(),
        "the error speaks for what it holds"
    );
    let error = error.downcast::<core::fmt::Error>().expect_err("not that");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.downcast::<Mine>().expect("that"), Mine(4));
    assert!(Error::from(ErrorKind::NotFound).into_inner().is_none());
}

#[test]
fn errors_without_a_cause_have_words() {
    assert_eq!(Error::from(ErrorKind::TimedOut).to_string(), "timed out");
    let error = Error::from_raw_os_error(111);
    assert_eq!(
        error.to_string(),
        "connection refused (ECONNREFUSED, error 111)"
    );
    assert_eq!(Error::from_raw_os_error(-5).to_string(), "error -5");
    assert_eq!(Error::other("so").kind(), ErrorKind::Other);
}

#[test]
fn both_kinds_of_traits_meet() {
    let mut ours = FromEmbedded(&b"some bytes"[..]);
    let mut text = String::new();
    ours.read_to_string(&mut text).expect("memory");
    assert_eq!(text, "some bytes");
    let mut room = [0; 3];
    let error = FromEmbedded(&mut room[..])
        .write_all(b"four")
        .expect_err("full");
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    let mut theirs = ToEmbedded(io::Cursor::new(vec![1, 2, 3]));
    let mut two = [0; 2];
    embedded_io::Read::read_exact(&mut theirs, &mut two).expect("there are two");
    let error = embedded_io::Read::read_exact(&mut theirs, &mut two).expect_err("one is left");
    assert_eq!(Error::from(error).kind(), ErrorKind::UnexpectedEof);
    let mut theirs = ToEmbedded(&mut room[..]);
    let error = embedded_io::Write::write_all(&mut theirs, b"four").expect_err("full");
    assert_eq!(error.kind(), ErrorKind::WriteZero);
}
