//! What comes over dom0's second serial port: output of scripts, and control records in it.
//!
//! A record is one line, `RS NONCE SPACE text LF`, where RS is the byte 0x1e and the nonce is
//! new in each run, so that nothing a guest prints can be taken for one. All other bytes
//! are output, to be passed on unchanged.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;

const RECORD_SEPARATOR: u8 = 0x1e;

/// A piece of what dom0 sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// What a script or guest printed.
    Output(Vec<u8>),
    /// A message of our own scripts.
    Record(String),
}

/// Takes the byte stream apart.
#[derive(Debug)]
pub(crate) struct Decoder {
    mark: Vec<u8>,
    held: Vec<u8>,
}

impl Decoder {
    /// For records marked with `nonce`.
    pub(crate) fn new(nonce: &str) -> Self {
        let mut mark = vec![RECORD_SEPARATOR];
        mark.extend(nonce.bytes());
        mark.push(b' ');
        Self {
            mark,
            held: Vec::new(),
        }
    }

    /// Forgets what is incomplete: another host sends from here on.
    pub(crate) fn reset(&mut self) {
        self.held.clear();
    }

    /// Takes the next bytes and returns what is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.held.extend_from_slice(bytes);
        let mut items = Vec::new();
        while let Some(item) = self.next_item() {
            items.push(item);
        }
        items
    }

    fn next_item(&mut self) -> Option<Item> {
        if let Some(text) = self.held.strip_prefix(self.mark.as_slice()) {
            let length = text.iter().position(|byte| *byte == b'\n')?;
            let record = String::from_utf8_lossy(&text[..length])
                .trim_end()
                .to_owned();
            self.held.drain(..self.mark.len() + length + 1);
            return Some(Item::Record(record));
        }
        let output = self.output_length();
        let output: Vec<u8> = self.held.drain(..output).collect();
        (!output.is_empty()).then_some(Item::Output(output))
    }

    /// How many bytes at the front cannot be part of a mark.
    fn output_length(&self) -> usize {
        let starts_mark = |at: &usize| {
            let rest = &self.held[*at..];
            let length = rest.len().min(self.mark.len());
            rest[..length] == self.mark[..length]
        };
        (0..self.held.len())
            .find(starts_mark)
            .unwrap_or(self.held.len())
    }
}

/// A word that nobody can guess.
pub(crate) fn nonce() -> Result<String> {
    let mut bytes = [0; 8];
    let source = "/dev/urandom";
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .with_context(|| format!("cannot read {source}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(text: &str) -> Item {
        Item::Output(text.into())
    }

    #[test]
    fn records_are_taken_out_of_output() {
        let mut decoder = Decoder::new("ab");
        let items = decoder.feed(b"one\x1eab exit 3\ntwo");
        assert_eq!(
            items,
            [output("one"), Item::Record("exit 3".into()), output("two")]
        );
    }

    #[test]
    fn any_cut_gives_the_same() {
        let all = b"x\x1ey\x1eab ready\n\x1eabc\x1eab exit 0\nz";
        for cut in 0..all.len() {
            let mut decoder = Decoder::new("ab");
            let mut items = decoder.feed(&all[..cut]);
            items.extend(decoder.feed(&all[cut..]));
            let mut text = String::new();
            for item in items {
                match item {
                    Item::Output(bytes) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                    Item::Record(record) => text.push_str(&format!("<{record}>")),
                }
            }
            assert_eq!(text, "x\x1ey<ready>\x1eabc<exit 0>z", "cut at {cut}");
        }
    }

    #[test]
    fn a_record_with_another_nonce_is_output() {
        assert_eq!(
            Decoder::new("ab").feed(b"\x1ecd exit 0\n"),
            [output("\x1ecd exit 0\n")]
        );
    }
}
