//! Tests of the command line parser.

use proptest::prelude::*;

use super::*;

fn args(line: &str) -> Vec<String> {
    let line = parse(line.as_bytes()).unwrap();
    assert_eq!(line.vars, []);
    line.args
}

fn error(line: &[u8]) -> (Problem, usize, String) {
    let error = parse(line).unwrap_err();
    (error.problem, error.position, error.word)
}

#[test]
fn words_are_split_at_blanks() {
    assert_eq!(args(""), Vec::<String>::new());
    assert_eq!(args(" \t "), Vec::<String>::new());
    assert_eq!(args("  a\tb \n c"), ["a", "b", "c"]);
}

#[test]
fn quotes_work_as_in_a_shell() {
    assert_eq!(args(r#"'a b' "c d" e\ f"#), ["a b", "c d", "e f"]);
    assert_eq!(args(r#"'it'\''s' "\"\\\$\`\n""#), ["it's", r#""\$`\n"#]);
    assert_eq!(args(r#"'\' a'b'"c"d"#), ["\\", "abcd"]);
    assert_eq!(args(r#"'' """#), ["", ""]);
    assert_eq!(args("a\\\nb \"c\\\nd\""), ["ab", "cd"]);
    assert_eq!(args("$HOME *"), ["$HOME", "*"]);
}

#[test]
fn leading_assignments_are_variables() {
    let line = parse(br#"RUST_LOG=debug _x1= URL="http://a b/" get X=1"#).unwrap();
    let vars = [("RUST_LOG", "debug"), ("_x1", ""), ("URL", "http://a b/")];
    assert_eq!(
        line.vars,
        vars.map(|(name, value)| (name.to_string(), value.to_string()))
    );
    assert_eq!(line.args, ["get", "X=1"]);
}

#[test]
fn a_first_argument_can_look_like_an_assignment() {
    let line = parse(b"A=1 -- B=2 -- C").unwrap();
    assert_eq!(
        (line.vars.len(), line.args),
        (1, vec!["B=2".to_string(), "--".into(), "C".into()])
    );
    for first in ["'B=2'", "B'='2", "\\B=2", "1B=2", "=2", "a-b=2", "'--'"] {
        assert_eq!(args(first).len(), 1, "{first}");
    }
    // Only the value is quoted here.
    assert_eq!(parse(b"B='2'").unwrap().vars.len(), 1);
}

#[test]
fn the_line_ends_at_the_first_nul_or_with_the_buffer() {
    let mut buffer = [0; 1024];
    buffer[..5].copy_from_slice(b"a b\0c");
    assert_eq!(parse(&buffer).unwrap().args, ["a", "b"]);
    assert_eq!(parse(&[b'x'; 1024]).unwrap().args, ["x".repeat(1024)]);
}

#[test]
fn errors_name_the_place_and_the_word() {
    assert_eq!(
        error(b"ok it's"),
        (Problem::UnclosedQuote('\''), 5, "it's".into())
    );
    assert_eq!(
        error(b"ok a\"b c"),
        (Problem::UnclosedQuote('"'), 4, "a\"b c".into())
    );
    assert_eq!(
        error(b"\"a\\\""),
        (Problem::UnclosedQuote('"'), 0, "\"a\\\"".into())
    );
    assert_eq!(
        error(b"a b\\"),
        (Problem::TrailingBackslash, 3, "b\\".into())
    );
    assert_eq!(
        error(b"a b\xff c"),
        (Problem::NotUtf8, 3, "b\u{fffd} c".into())
    );
    // A backslash that splits a character.
    assert_eq!(error(b"'\xc3'\\\xa9 \xff").0, Problem::NotUtf8);
    let shown = parse(b"say 'hello").unwrap_err().to_string();
    assert_eq!(
        shown,
        "quote ' at byte 4 is never closed, in the word \"'hello\" of the command line"
    );
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes: Vec<u8>) {
        if let Err(error) = parse(&bytes) {
            prop_assert!(error.position < bytes.len());
        }
    }

    #[test]
    fn quoting_keeps_every_word(words in proptest::collection::vec("[^\0]{0,12}", 0..8)) {
        let single = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let double = |word: &String| {
            let escaped = word.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`");
            format!("\"{escaped}\"")
        };
        let line = |quote: &dyn Fn(&String) -> String| words.iter().map(quote).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(args(&line(&single)), words.clone());
        prop_assert_eq!(args(&line(&double)), words.clone());
    }
}
