//! What goes over the control connection: a cookie, states of a byte, and JSON behind its length.
//!
//! ```text
//! client                                     server
//!   connect, cookie (37 bytes)          ──▶
//!                                       ◀──  9 ParamExchange
//!   length, parameters as JSON          ──▶
//!                                       ◀──  10 CreateStreams
//!   connect, cookie; for each stream    ──▶
//!                                       ◀──  1 TestStart, 2 TestRunning
//!   …data, one way…
//!   4 TestEnd                           ──▶
//!                                       ◀──  13 ExchangeResults
//!   length, results as JSON             ──▶
//!                                       ◀──  length, results as JSON
//!                                       ◀──  14 DisplayResults
//!   16 Done                             ──▶
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Value, json};

/// What names a test: each connection begins with it, the last byte is 0.
pub const COOKIE_BYTES: usize = 37;
/// A cookie.
pub type Cookie = [u8; COOKIE_BYTES];
/// Parameters or results may have that many bytes.
pub const MOST_JSON: usize = 64 << 10;
/// A test may have that many streams; stock clients have the same limit.
pub const MOST_STREAMS: usize = 128;
/// The largest block that is sent or received at a time.
pub const MOST_BLOCK: usize = 128 << 10;

/// The states that a server or a client tells, as the byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The streams are there.
    TestStart = 1,
    /// Data flows.
    TestRunning = 2,
    /// The client has had enough.
    TestEnd = 4,
    /// The client may send its parameters.
    ParamExchange = 9,
    /// The client may make its streams.
    CreateStreams = 10,
    /// The server gives up.
    ServerTerminate = 11,
    /// The client gives up.
    ClientTerminate = 12,
    /// The client may send its results, and then gets the server's.
    ExchangeResults = 13,
    /// All is said.
    DisplayResults = 14,
    /// The client goes.
    Done = 16,
    /// Two numbers follow: why the server cannot do it.
    ServerError = 254,
    /// The server is busy with another test.
    AccessDenied = 255,
}

/// The number that stock clients explain as "an option … is not implemented yet".
pub const NOT_IMPLEMENTED: u32 = 13;
/// Likewise "unable to receive parameters from client".
pub const BAD_PARAMETERS: u32 = 114;

/// What the client wants measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Data connections.
    pub streams: usize,
    /// The server sends; otherwise the client does.
    pub reverse: bool,
    /// Seconds that it will take; 0 if the amount of data decides.
    pub time_s: u32,
    /// Seconds at the start that do not count.
    pub omit_s: u32,
    /// Bytes in a block.
    pub block: usize,
    /// Bits per second and stream at which the server is to send; 0: as fast as it goes.
    pub bits_per_second: u64,
    /// Small segments are not to be held back.
    pub nodelay: bool,
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// They make no sense.
    Nonsense,
    /// They ask for this, which the server does not do.
    Unsupported(&'static str),
}

impl Refused {
    /// The number for the client.
    pub fn code(self) -> u32 {
        match self {
            Refused::Nonsense => BAD_PARAMETERS,
            Refused::Unsupported(_) => NOT_IMPLEMENTED,
        }
    }
}

impl Parameters {
    /// Reads the client's JSON. What is not named has a client's usual value.
    pub fn parse(json: &[u8]) -> Result<Parameters, Refused> {
        let value: Value = serde_json::from_slice(json).map_err(|_| Refused::Nonsense)?;
        if !value.is_object() {
            return Err(Refused::Nonsense);
        }
        let flag = |name: &str| match &value[name] {
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            _ => false,
        };
        let number = |name: &str, usual: u64| match &value[name] {
            Value::Null => Ok(usual),
            other => other.as_u64().ok_or(Refused::Nonsense),
        };
        for (name, what) in [
            ("udp", "UDP"),
            ("sctp", "SCTP"),
            ("bidirectional", "both directions at once"),
        ] {
            if flag(name) {
                return Err(Refused::Unsupported(what));
            }
        }
        let seconds = |name, usual| {
            let seconds = number(name, usual)?;
            // Stock clients have the same limit: a day.
            u32::try_from(seconds)
                .ok()
                .filter(|s| *s <= 86_400)
                .ok_or(Refused::Nonsense)
        };
        let streams = usize::try_from(number("parallel", 1)?).map_err(|_| Refused::Nonsense)?;
        if streams == 0 || streams > MOST_STREAMS {
            return Err(Refused::Nonsense);
        }
        let block = usize::try_from(number("len", 131_072)?).map_err(|_| Refused::Nonsense)?;
        Ok(Parameters {
            streams,
            reverse: flag("reverse"),
            time_s: seconds("time", 0)?,
            omit_s: seconds("omit", 0)?,
            block: block.clamp(1, MOST_BLOCK),
            bits_per_second: number("bandwidth", 0)?,
            nodelay: flag("nodelay"),
        })
    }
}

/// What one stream carried, as its end here saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Carried {
    /// Bytes.
    pub bytes: u64,
    /// Seconds from the start of the measurement to the last byte.
    pub seconds: f64,
}

/// The numbers by which the client calls its streams, in the order in which it made them, from its
/// results.
pub fn stream_numbers(json: &[u8], streams: usize) -> Option<Vec<u64>> {
    let value: Value = serde_json::from_slice(json).ok()?;
    let numbers: Option<Vec<u64>> = value["streams"]
        .as_array()?
        .iter()
        .map(|stream| stream["id"].as_u64())
        .collect();
    numbers.filter(|numbers| numbers.len() == streams)
}

/// The server's results. What it cannot know is as a stock server on such a system has it: no
/// retransmissions are told (-1). Processor time is not measured, and told as 0.
pub fn results(numbers: &[u64], carried: &[Carried]) -> String {
    let streams: Vec<Value> = numbers
        .iter()
        .zip(carried)
        .map(|(number, carried)| {
            json!({
                "id": number,
                "bytes": carried.bytes,
                "retransmits": -1,
                "jitter": 0,
                "errors": 0,
                "packets": 0,
                "start_time": 0,
                "end_time": carried.seconds,
            })
        })
        .collect();
    let value = json!({
        "cpu_util_total": 0,
        "cpu_util_user": 0,
        "cpu_util_system": 0,
        "sender_has_retransmits": 0,
        "streams": streams,
    });
    alloc::format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_stock_client_are_read() {
        let json = br#"{"tcp":true,"omit":0,"time":10,"num":0,"blockcount":0,"parallel":4,
            "reverse":true,"len":131072,"pacing_timer":1000,"client_version":"3.12"}"#;
        let parameters = Parameters::parse(json).unwrap();
        assert_eq!((parameters.streams, parameters.time_s), (4, 10));
        assert!(parameters.reverse && !parameters.nodelay);
        let usual = Parameters::parse(b"{}").unwrap();
        assert_eq!(
            (usual.streams, usual.block, usual.reverse),
            (1, 131_072, false)
        );
        assert_eq!(
            Parameters::parse(br#"{"len":9000000}"#).unwrap().block,
            MOST_BLOCK
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (json, what) in [("udp", "UDP"), ("bidirectional", "both directions at once")] {
            let json = std::format!("{{\"{json}\":true}}");
            assert_eq!(
                Parameters::parse(json.as_bytes()),
                Err(Refused::Unsupported(what))
            );
        }
        let deep = "[".repeat(10_000);
        for nonsense in [
            "",
            "[]",
            "7",
            "{",
            &deep,
            r#"{"parallel":0}"#,
            r#"{"parallel":129}"#,
            r#"{"parallel":-1}"#,
            r#"{"parallel":"x"}"#,
            r#"{"time":86401}"#,
        ] {
            assert_eq!(
                Parameters::parse(nonsense.as_bytes()),
                Err(Refused::Nonsense)
            );
        }
    }

    #[test]
    fn results_name_the_clients_streams() {
        let theirs = br#"{"cpu_util_total":1.5,"streams":[{"id":1,"bytes":5},{"id":3,"bytes":6}]}"#;
        let numbers = stream_numbers(theirs, 2).unwrap();
        assert_eq!(numbers, [1, 3]);
        assert_eq!(stream_numbers(theirs, 3), None);
        assert_eq!(stream_numbers(b"{}", 0), None);
        let carried = [
            Carried {
                bytes: 5,
                seconds: 1.5,
            },
            Carried {
                bytes: 6,
                seconds: 2.0,
            },
        ];
        let ours: Value = serde_json::from_str(&results(&numbers, &carried)).unwrap();
        assert_eq!(ours["streams"][1]["id"], 3);
        assert_eq!(ours["streams"][1]["bytes"], 6);
        assert_eq!(ours["streams"][0]["end_time"], 1.5);
    }
}
