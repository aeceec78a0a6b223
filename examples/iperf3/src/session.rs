//! One test, from its parameters to its results.
//!
//! [`run`] is the whole protocol in a row. It waits for the client in each step, so who runs it
//! sees to it that waiting ends: [`Control`] fails when the client is silent for too long.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::protocol::{self, Carried, MOST_JSON, Parameters, Refused, State};

/// The control connection.
pub trait Control {
    /// Why it fails.
    type Error;

    /// Fills `bytes`, waiting for as long as the client may be silent in this step.
    fn receive(&mut self, bytes: &mut [u8], step: Step) -> Result<(), Self::Error>;

    /// Sends all of it.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// What the client is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has something to say at once.
    Answer,
    /// It measures, for that many seconds; 0: for as long as it takes.
    Measure(u32),
}

/// The data connections.
pub trait Streams {
    /// Why they cannot be had.
    type Error;

    /// From now on, connections with the test's cookie are its streams.
    fn expect(&mut self, parameters: &Parameters) -> Result<(), Self::Error>;

    /// Waits until all are there.
    fn wait(&mut self, parameters: &Parameters) -> Result<(), Self::Error>;

    /// Lets data flow.
    fn start(&mut self, parameters: &Parameters) -> Result<(), Self::Error>;

    /// Stops it, and tells what was carried, in the order in which the streams were made.
    fn stop(&mut self, parameters: &Parameters) -> Vec<Carried>;
}

/// Why a test failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Error<C, S> {
    /// The control connection.
    Control(C),
    /// The data connections.
    Streams(S),
    /// The client was told that this cannot be done.
    Refused(Refused),
    /// The client says something else than the protocol wants.
    Protocol,
    /// The client gave up.
    Terminated,
}

impl<C: fmt::Display, S: fmt::Display> fmt::Display for Error<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Control(error) => write!(f, "control connection: {error}"),
            Error::Streams(error) => write!(f, "streams: {error}"),
            Error::Refused(Refused::Nonsense) => f.write_str("parameters without sense"),
            Error::Refused(Refused::Unsupported(what)) => write!(f, "{what}: not supported"),
            Error::Protocol => f.write_str("this is not how iperf3 speaks"),
            Error::Terminated => f.write_str("the client gave up"),
        }
    }
}

/// What a test measured.
#[derive(Debug, PartialEq)]
pub struct Measured {
    /// What was wanted.
    pub parameters: Parameters,
    /// Each stream.
    pub carried: Vec<Carried>,
}

/// Carries out a test whose cookie has been received.
pub fn run<C: Control, S: Streams>(
    control: &mut C,
    streams: &mut S,
) -> Result<Measured, Error<C::Error, S::Error>> {
    say(control, State::ParamExchange)?;
    let json = receive_json(control)?;
    let parameters = match Parameters::parse(&json) {
        Ok(parameters) => parameters,
        Err(refused) => {
            let mut message = vec![State::ServerError as u8];
            message.extend_from_slice(&refused.code().to_be_bytes());
            message.extend_from_slice(&0u32.to_be_bytes());
            control.send(&message).map_err(Error::Control)?;
            return Err(Error::Refused(refused));
        }
    };
    streams.expect(&parameters).map_err(Error::Streams)?;
    say(control, State::CreateStreams)?;
    streams.wait(&parameters).map_err(Error::Streams)?;
    say(control, State::TestStart)?;
    say(control, State::TestRunning)?;
    streams.start(&parameters).map_err(Error::Streams)?;

    let seconds = match parameters.time_s {
        0 => 0,
        time => time + parameters.omit_s,
    };
    let end = hear(control, Step::Measure(seconds));
    let carried = streams.stop(&parameters);
    match end? {
        State::TestEnd => {}
        _ => return Err(Error::Terminated),
    }
    say(control, State::ExchangeResults)?;
    let json = receive_json(control)?;
    let numbers = protocol::stream_numbers(&json, parameters.streams).ok_or(Error::Protocol)?;
    let ours = protocol::results(&numbers, &carried);
    let length = u32::try_from(ours.len()).map_err(|_| Error::Protocol)?;
    // In one piece, with the state after it.
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(ours.as_bytes());
    message.push(State::DisplayResults as u8);
    control.send(&message).map_err(Error::Control)?;
    match hear(control, Step::Answer)? {
        State::Done => Ok(Measured {
            parameters,
            carried,
        }),
        _ => Err(Error::Terminated),
    }
}

fn say<C: Control, E>(control: &mut C, state: State) -> Result<(), Error<C::Error, E>> {
    control.send(&[state as u8]).map_err(Error::Control)
}

/// A state that a client may tell.
fn hear<C: Control, E>(control: &mut C, step: Step) -> Result<State, Error<C::Error, E>> {
    let mut byte = [0];
    control.receive(&mut byte, step).map_err(Error::Control)?;
    [State::TestEnd, State::Done, State::ClientTerminate]
        .into_iter()
        .find(|state| *state as u8 == byte[0])
        .ok_or(Error::Protocol)
}

fn receive_json<C: Control, E>(control: &mut C) -> Result<Vec<u8>, Error<C::Error, E>> {
    let mut length = [0; 4];
    control
        .receive(&mut length, Step::Answer)
        .map_err(Error::Control)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Error::Protocol)?;
    if length > MOST_JSON {
        return Err(Error::Protocol);
    }
    let mut json = vec![0; length];
    control
        .receive(&mut json, Step::Answer)
        .map_err(Error::Control)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    /// A client that says what the script has, and hears what the server says.
    struct Script {
        says: Vec<u8>,
        hears: Vec<u8>,
        steps: Vec<Step>,
    }

    impl Control for Script {
        type Error = &'static str;

        fn receive(&mut self, bytes: &mut [u8], step: Step) -> Result<(), Self::Error> {
            self.steps.push(step);
            if self.says.len() < bytes.len() {
                return Err("silence");
            }
            let rest = self.says.split_off(bytes.len());
            bytes.copy_from_slice(&self.says);
            self.says = rest;
            Ok(())
        }

        fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
            self.hears.extend_from_slice(bytes);
            Ok(())
        }
    }

    #[derive(Default)]
    struct Fake {
        log: String,
        fails: bool,
    }

    impl Streams for Fake {
        type Error = &'static str;

        fn expect(&mut self, parameters: &Parameters) -> Result<(), Self::Error> {
            self.log += &std::format!("expect {} ", parameters.streams);
            Ok(())
        }

        fn wait(&mut self, _: &Parameters) -> Result<(), Self::Error> {
            self.log += "wait ";
            if self.fails {
                Err("nobody comes")
            } else {
                Ok(())
            }
        }

        fn start(&mut self, _: &Parameters) -> Result<(), Self::Error> {
            self.log += "start ";
            Ok(())
        }

        fn stop(&mut self, parameters: &Parameters) -> Vec<Carried> {
            self.log += "stop ";
            vec![
                Carried {
                    bytes: 7,
                    seconds: 1.0
                };
                parameters.streams
            ]
        }
    }

    fn json(text: &str) -> Vec<u8> {
        let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(text.bytes());
        bytes
    }

    fn play(
        parts: &[&[u8]],
        fails: bool,
    ) -> (
        Result<Measured, Error<&'static str, &'static str>>,
        Script,
        Fake,
    ) {
        let mut control = Script {
            says: parts.concat(),
            hears: Vec::new(),
            steps: Vec::new(),
        };
        let mut streams = Fake {
            fails,
            ..Fake::default()
        };
        let result = run(&mut control, &mut streams);
        (result, control, streams)
    }

    #[test]
    fn a_test_takes_its_course() {
        let parameters = json(r#"{"tcp":true,"time":3,"omit":1,"parallel":2}"#);
        let results = json(r#"{"streams":[{"id":1},{"id":3}]}"#);
        let (result, control, streams) = play(&[&parameters, &[4], &results, &[16]], false);
        assert_eq!(result.unwrap().carried.len(), 2);
        assert_eq!(streams.log, "expect 2 wait start stop ");
        assert!(control.steps.contains(&Step::Measure(4)));
        assert_eq!(control.hears[..5], [9, 10, 1, 2, 13]);
        assert_eq!(control.hears.last(), Some(&14));
        let length = control.hears.len() - 5 - 4 - 1;
        assert_eq!(
            control.hears[5..9],
            u32::try_from(length).unwrap().to_be_bytes()
        );
        assert!(String::from_utf8_lossy(&control.hears).contains(r#""id":3"#));
    }

    #[test]
    fn what_is_not_supported_is_told() {
        let (result, control, streams) = play(&[&json(r#"{"udp":true}"#)], false);
        assert_eq!(
            result.unwrap_err(),
            Error::Refused(Refused::Unsupported("UDP"))
        );
        assert_eq!(control.hears, [9, 254, 0, 0, 0, 13, 0, 0, 0, 0]);
        assert_eq!(streams.log, "");
    }

    #[test]
    fn clients_may_do_anything() {
        let parameters = json("{}");
        // Each ends with an error, and what was started is stopped.
        let long = 70_000u32.to_be_bytes();
        for (parts, log) in [
            (&[&long[..]][..], ""),
            (&[&[0, 0, 0, 9, b'{'][..]], ""),
            (&[&parameters[..], &[12]], "expect 1 wait start stop "),
            (&[&parameters[..], &[99]], "expect 1 wait start stop "),
            (&[&parameters[..]], "expect 1 wait start stop "),
            (
                &[&parameters[..], &[4], &json("[]")],
                "expect 1 wait start stop ",
            ),
            (
                &[
                    &parameters[..],
                    &[4],
                    &json(r#"{"streams":[{"id":1}]}"#),
                    &[4],
                ],
                "expect 1 wait start stop ",
            ),
        ] {
            let (result, _, streams) = play(parts, false);
            let error = result.unwrap_err();
            assert!(!error.to_string().is_empty());
            assert_eq!(streams.log, log, "{error}");
        }
        let (result, control, _) = play(&[&parameters], true);
        assert_eq!(result.unwrap_err(), Error::Streams("nobody comes"));
        assert_eq!(control.hears, [9, 10]);
    }
}
