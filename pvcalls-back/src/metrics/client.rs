//! A reader of the endpoint: for `pvcallsd top`.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Address;

/// More than this is not taken from an endpoint.
const LARGEST_ANSWER: u64 = 64 << 20;

/// One number of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name of its family.
    pub name: String,
    /// Names and values of its labels.
    pub labels: Vec<(String, String)>,
    /// The number. Totals above 2^53 lose their last digits here, which rates do not mind.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let (_, value) = self.labels.iter().find(|(label, _)| label == name)?;
        Some(value)
    }
}

/// Asks an endpoint once.
///
/// # Errors
/// The endpoint is not there, takes longer than `patience` for a read or a write, or does not
/// answer with metrics.
pub fn fetch(address: &Address, patience: Duration) -> io::Result<Vec<Sample>> {
    let answer = match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            ask(stream)?
        }
        Address::Tcp(to) => {
            let stream = TcpStream::connect_timeout(to, patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            ask(stream)?
        }
    };
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(bad("the answer is not HTTP".to_owned()));
    };
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(bad(format!("the answer is {status:?}")));
    }
    Ok(parse(body))
}

/// Sends the request, and reads until the other side closes.
fn ask(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LARGEST_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The samples of a text. Lines that are none are passed over.
#[must_use]
pub fn parse(text: &str) -> Vec<Sample> {
    text.lines().filter_map(sample).collect()
}

/// The sample of a line.
fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: rest.split_ascii_whitespace().next()?.parse().ok()?,
    })
}

/// The labels up to the closing brace, and what follows.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((name.to_owned(), value));
        rest = after;
    }
}

/// A value up to its closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(index + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_back_as_they_were() {
        let line = r#"x{a="q\"b\\n\n",b="7"} 12.5 1700000000"#;
        let sample = sample(line).unwrap();
        assert_eq!((sample.name.as_str(), sample.value), ("x", 12.5));
        assert_eq!(sample.label("a"), Some("q\"b\\n\n"));
        assert_eq!(sample.label("b"), Some("7"));
        assert_eq!(sample.label("c"), None);
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        let text = "# HELP x y\n\nx\nx{a=\"1} 2\nx{a=\"1\"} z\ny 3\n";
        let samples = parse(text);
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].name.as_str(), samples[0].value), ("y", 3.0));
    }
}
