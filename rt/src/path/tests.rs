//! The same with std's paths and ours.

use std::ffi::OsStr as StdStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path as StdPath, PathBuf as StdBuf};
use std::vec::Vec;

use proptest::prelude::*;

use super::{Path, PathBuf, absolute};
use crate::ffi::OsStr;

fn theirs(bytes: &[u8]) -> &StdPath {
    StdPath::new(StdStr::from_bytes(bytes))
}

fn os(text: Option<&StdStr>) -> Option<&[u8]> {
    text.map(StdStr::as_bytes)
}

fn ours_os(text: Option<&OsStr>) -> Option<&[u8]> {
    text.map(OsStr::as_encoded_bytes)
}

fn bytes(path: &StdPath) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Paths of few bytes, so that every case comes up often.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"/".to_vec()),
        2 => Just(b".".to_vec()),
        1 => Just(b"..".to_vec()),
        2 => Just(b"a".to_vec()),
        1 => Just(b"b.c".to_vec()),
        1 => Just(b".d".to_vec()),
        1 => Just(vec![0xff]),
        1 => Just("ä'\n".as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn questions_have_std_answers(text in path(), other in path()) {
        let (ours, std) = (Path::of_bytes(&text), theirs(&text));
        let (ours_other, std_other) = (Path::of_bytes(&other), theirs(&other));
        prop_assert_eq!(ours.is_absolute(), std.is_absolute());
        prop_assert_eq!(ours.parent().map(Path::bytes), std.parent().map(bytes));
        prop_assert_eq!(ours_os(ours.file_name()), os(std.file_name()));
        prop_assert_eq!(ours_os(ours.file_stem()), os(std.file_stem()));
        prop_assert_eq!(ours_os(ours.extension()), os(std.extension()));
        prop_assert_eq!(ours_os(ours.file_prefix()), os(std.file_prefix()));
        prop_assert_eq!(ours == ours_other, std == std_other);
        prop_assert_eq!(ours.cmp(ours_other), std.cmp(std_other));
        prop_assert_eq!(ours.starts_with(ours_other), std.starts_with(std_other));
        prop_assert_eq!(ours.ends_with(ours_other), std.ends_with(std_other));
        prop_assert_eq!(
            ours.strip_prefix(ours_other).ok().map(Path::bytes),
            std.strip_prefix(std_other).ok().map(bytes)
        );
        prop_assert_eq!(std::format!("{ours:?}"), std::format!("{std:?}"));
        prop_assert_eq!(std::format!("{:>9}", ours.display()), std::format!("{:>9}", std.display()));
        let ancestors: Vec<_> = ours.ancestors().map(Path::bytes).collect();
        prop_assert_eq!(ancestors, std.ancestors().map(bytes).collect::<Vec<_>>());
    }

    #[test]
    fn parts_are_those_of_std(text in path(), back in proptest::collection::vec(any::<bool>(), 9)) {
        let mut ours = Path::of_bytes(&text).components();
        let mut std = theirs(&text).components();
        for back in back {
            prop_assert_eq!(ours.as_path().bytes(), bytes(std.as_path()));
            let (our, their) = if back {
                (ours.next_back(), std.next_back())
            } else {
                (ours.next(), std.next())
            };
            prop_assert_eq!(
                our.map(|part| part.as_os_str().as_encoded_bytes()),
                their.map(|part| part.as_os_str().as_bytes())
            );
        }
    }

    #[test]
    fn changes_are_those_of_std(text in path(), steps in proptest::collection::vec((0..6_u8, path()), 0..4)) {
        let mut ours = PathBuf::from(OsStr::of(&text));
        let mut std = StdBuf::from(StdStr::from_bytes(&text));
        for (step, other) in steps {
            let extension: Vec<u8> = other.iter().copied().filter(|byte| *byte != b'/').collect();
            match step {
                0 => {
                    ours.push(Path::of_bytes(&other));
                    std.push(theirs(&other));
                }
                1 => prop_assert_eq!(ours.pop(), std.pop()),
                2 => {
                    ours.set_file_name(OsStr::of(&other));
                    std.set_file_name(StdStr::from_bytes(&other));
                }
                3 => prop_assert_eq!(
                    ours.set_extension(OsStr::of(&extension)),
                    std.set_extension(StdStr::from_bytes(&extension))
                ),
                4 => prop_assert_eq!(
                    ours.add_extension(OsStr::of(&extension)),
                    std.add_extension(StdStr::from_bytes(&extension))
                ),
                _ => {
                    ours = ours.components().collect();
                    std = std.components().collect();
                }
            }
            prop_assert_eq!(ours.bytes(), bytes(&std));
        }
    }

    #[test]
    fn absolute_paths_are_those_of_std(text in path()) {
        let text = [b"/".as_slice(), &text].concat();
        let ours = absolute(Path::of_bytes(&text)).unwrap();
        let std = std::path::absolute(theirs(&text)).unwrap();
        prop_assert_eq!(ours.bytes(), bytes(&std));
    }
}
