//! The command line: from the bytes in `start_info` to variables and arguments.
//!
//! Quoting is the POSIX shell's, without its expansions: words are split at blanks, `'…'` takes
//! everything literally, `"…"` everything but `\"`, `\\`, `\$` and `` \` ``, and a backslash
//! outside quotes takes the next character literally.
//!
//! As in a shell, `NAME=VALUE` words before the first other word are environment variables and
//! the rest are arguments: `RUST_LOG=debug URL="http://a b/" get -v X=1` has two variables and
//! three arguments. A word `--` there ends the variables and is dropped, for a first argument
//! that looks like one; quoting its name or `=` does the same (`'X=1'`).

use alloc::{string::String, vec::Vec};
use core::fmt;

/// What was on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Environment variables in their order; of equal names the later is meant.
    pub vars: Vec<(String, String)>,
    /// Arguments, without a program name.
    pub args: Vec<String>,
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// This quote is never closed.
    UnclosedQuote(char),
    /// Nothing follows the last backslash.
    TrailingBackslash,
    /// The word is not UTF-8.
    NotUtf8,
}

/// A command line that cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmdlineError {
    /// What is wrong.
    pub problem: Problem,
    /// Where, as a byte offset from the start of the command line.
    pub position: usize,
    /// The word from its beginning, as it was written, cut where it gets long.
    pub word: String,
}

impl fmt::Display for CmdlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            problem,
            position,
            word,
        } = self;
        match problem {
            Problem::UnclosedQuote(quote) => {
                write!(f, "quote {quote} at byte {position} is never closed")?
            }
            Problem::TrailingBackslash => {
                write!(f, "nothing follows the backslash at byte {position}")?
            }
            Problem::NotUtf8 => write!(f, "not UTF-8 at byte {position}")?,
        }
        write!(f, ", in the word {word:?} of the command line")
    }
}

impl core::error::Error for CmdlineError {}

/// Takes a command line apart. It ends at the first NUL, or with `bytes`: Xen writes no NUL when
/// all 1024 bytes are in use.
///
/// # Errors
/// When a quote is not closed, a backslash ends the line, or a word is not UTF-8.
pub fn parse(bytes: &[u8]) -> Result<CommandLine, CmdlineError> {
    let line = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut reader = Reader { line, position: 0 };
    let mut result = CommandLine::default();
    let mut in_vars = true;
    while let Some(word) = reader.next_word()? {
        if in_vars && word.is_separator() {
            in_vars = false;
        } else if let Some(var) = word.variable().filter(|_| in_vars) {
            result.vars.push(var);
        } else {
            in_vars = false;
            result.args.push(word.text);
        }
    }
    Ok(result)
}

/// A word without its quotes.
struct Word {
    text: String,
    /// Bytes at the start of `text` before any quote or backslash.
    plain: usize,
}

impl Word {
    fn is_separator(&self) -> bool {
        self.text == "--" && self.plain == 2
    }

    /// Name and value, if this is an assignment.
    fn variable(&self) -> Option<(String, String)> {
        let (name, value) = self.text.split_once('=')?;
        let start = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let rest = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let unquoted = name.len() < self.plain;
        (start && rest && unquoted).then(|| (name.into(), value.into()))
    }
}

/// The line and how far it was read.
struct Reader<'a> {
    line: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    /// The next word, or `None` at the end.
    fn next_word(&mut self) -> Result<Option<Word>, CmdlineError> {
        while self.peek().is_some_and(is_blank) {
            self.position += 1;
        }
        let start = self.position;
        let mut text = Vec::new();
        let mut plain = None;
        while let Some(byte) = self.peek().filter(|byte| !is_blank(*byte)) {
            if matches!(byte, b'\'' | b'"' | b'\\') {
                plain.get_or_insert(text.len());
            }
            let at = self.position;
            self.position += 1;
            match byte {
                b'\'' | b'"' => self
                    .quoted(byte, &mut text)
                    .map_err(|problem| self.error(problem, at, start))?,
                b'\\' => match self.peek() {
                    // As in a shell, an escaped end of line is no character at all.
                    Some(b'\n') => self.position += 1,
                    Some(escaped) => {
                        text.push(escaped);
                        self.position += 1;
                    }
                    None => return Err(self.error(Problem::TrailingBackslash, at, start)),
                },
                _ => text.push(byte),
            }
        }
        if self.position == start {
            return Ok(None);
        }
        let plain = plain.unwrap_or(text.len());
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(Word { text, plain })),
            Err(_) => Err(self.error(
                Problem::NotUtf8,
                start + valid_bytes(&self.line[start..]),
                start,
            )),
        }
    }

    /// Appends what stands between here and the closing quote, and moves behind it.
    fn quoted(&mut self, quote: u8, text: &mut Vec<u8>) -> Result<(), Problem> {
        loop {
            let byte = self
                .peek()
                .ok_or(Problem::UnclosedQuote(char::from(quote)))?;
            self.position += 1;
            if byte == quote {
                return Ok(());
            }
            let escaped = if quote == b'"' && byte == b'\\' {
                self.peek()
            } else {
                None
            };
            match escaped {
                Some(escaped @ (b'"' | b'\\' | b'$' | b'`')) => text.push(escaped),
                Some(b'\n') => {}
                _ => {
                    text.push(byte);
                    continue;
                }
            }
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.position).copied()
    }

    fn error(&self, problem: Problem, position: usize, word_start: usize) -> CmdlineError {
        let word = String::from_utf8_lossy(&self.line[word_start..]);
        let mut shown: String = word.chars().take(40).collect();
        if shown.len() < word.len() {
            shown.push('…');
        }
        CmdlineError {
            problem,
            position,
            word: shown,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Bytes at the start that are UTF-8.
fn valid_bytes(bytes: &[u8]) -> usize {
    core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

#[cfg(test)]
mod tests;
