//! The device: its xenstore keys and states, and commands with their answers.
//!
//! The device keeps books: every request is answered once. [`Device::finish`] fails if one was
//! not, or if there was an answer that nobody asked for.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::io::Result;
use rt::kernel::event::DomId;
use rt::kernel::time::{NS_PER_MS, monotonic_ns};
use rt::kernel::xenstore;

use crate::channel;
use crate::ensure;
use crate::failure;
use crate::ring::CommandRing;
use crate::stream::PATIENCE_MS;
use crate::wire::{Request, Response};

/// Our directory, below the domain's own.
pub(crate) const FRONT: &str = "device/pvcalls/0";

/// xenbus states.
pub(crate) const INITIALISING: u32 = 1;
pub(crate) const INIT_WAIT: u32 = 2;
pub(crate) const INITIALISED: u32 = 3;
pub(crate) const CONNECTED: u32 = 4;
pub(crate) const CLOSING: u32 = 5;
pub(crate) const CLOSED: u32 = 6;

/// Milliseconds that a step of the handshake may take.
pub(crate) const STEP_MS: u64 = 20_000;

/// What is written into our directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    more: Vec<(String, String)>,
}

impl Keys {
    /// With `feature-NAME` = "1" for each name.
    pub(crate) fn with_features(names: &[&str]) -> Keys {
        let key = |name: &&str| (alloc::format!("feature-{name}"), "1".to_string());
        Keys {
            more: names.iter().map(key).collect(),
        }
    }
}

/// A request that was sent.
#[derive(Clone, Debug)]
struct Sent {
    request_id: u32,
    command: u32,
    id: u64,
}

/// A connected device.
#[derive(Debug)]
pub(crate) struct Device {
    peer: DomId,
    back: String,
    ring: CommandRing,
    keys: Keys,
    last_request_id: u32,
    sent: Vec<Sent>,
    answers: Vec<Response>,
}

impl Device {
    /// Connects, as a well-behaved frontend of version 1.
    pub(crate) fn open() -> Result<Device> {
        Device::open_with(Keys::default())
    }

    /// Connects with more keys.
    pub(crate) fn open_with(keys: Keys) -> Result<Device> {
        let device = Device::prepare(keys)?;
        device.bring_up()?;
        Ok(device)
    }

    /// A device that has not said anything yet.
    pub(crate) fn prepare(keys: Keys) -> Result<Device> {
        let text = |path: &str| -> Result<String> {
            let value = xenstore::read(path).map_err(store_failure)?;
            String::from_utf8(value).map_err(|_| failure("a value that is no text"))
        };
        let back = text(&alloc::format!("{FRONT}/backend"))?;
        let peer = text(&alloc::format!("{FRONT}/backend-id"))?;
        let peer = peer.parse().map_err(|_| failure("backend-id"))?;
        Ok(Device {
            peer,
            back,
            ring: CommandRing::new(peer)?,
            keys,
            last_request_id: 0,
            sent: Vec::new(),
            answers: Vec::new(),
        })
    }

    /// The handshake from InitWait to Connected.
    pub(crate) fn bring_up(&self) -> Result<()> {
        self.wait_for_state(&[INIT_WAIT], STEP_MS)?;
        self.publish()?;
        self.wait_for_state(&[CONNECTED], STEP_MS)?;
        self.set_state(CONNECTED)
    }

    /// Writes the keys of a frontend and the state Initialised.
    pub(crate) fn publish(&self) -> Result<()> {
        let port = self.ring.channel().port().to_string();
        let reference = self.ring.reference().to_string();
        let mut entries: Vec<(&str, &str)> =
            [("version", "1"), ("port", &port), ("ring-ref", &reference)].into();
        let more = self.keys.more.iter();
        entries.extend(more.map(|(key, value)| (key.as_str(), value.as_str())));
        entries.push(("state", "3"));
        let result = xenstore::transaction(|transaction| {
            entries.iter().try_for_each(|(key, value)| {
                transaction.write(&alloc::format!("{FRONT}/{key}"), value.as_bytes())
            })
        });
        result.map_err(store_failure)
    }

    /// Closes and connects again with a new command ring: 5, 6, 1, 3 and 4, each after the
    /// backend's own. Requests that were not answered never will be, nor need they.
    pub(crate) fn reconnect(&mut self) -> Result<()> {
        self.set_state(CLOSING)?;
        self.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
        self.set_state(CLOSED)?;
        self.wait_for_state(&[CLOSED], STEP_MS)?;
        self.renew()?;
        self.set_state(INITIALISING)?;
        self.bring_up()
    }

    /// A new command ring; the backend must have let go of the old one.
    pub(crate) fn renew(&mut self) -> Result<()> {
        let mapped = self.ring.page().still_mapped();
        ensure!(mapped == 0, "the command ring is still mapped");
        self.ring = CommandRing::new(self.peer)?;
        self.sent.clear();
        self.answers.clear();
        Ok(())
    }

    /// Writes our state.
    pub(crate) fn set_state(&self, state: u32) -> Result<()> {
        self.write("state", state.to_string().as_bytes())
    }

    /// Writes any of our keys.
    pub(crate) fn write(&self, key: &str, value: &[u8]) -> Result<()> {
        xenstore::write(&alloc::format!("{FRONT}/{key}"), value).map_err(store_failure)
    }

    /// A key of the backend's directory, if it is there.
    pub(crate) fn offered(&self, key: &str) -> Option<String> {
        let value = xenstore::read(&alloc::format!("{}/{key}", self.back)).ok()?;
        String::from_utf8(value).ok()
    }

    /// The largest order that the backend offers.
    pub(crate) fn max_order(&self) -> Result<u32> {
        let value = self.offered("max-page-order");
        let value = value.ok_or_else(|| failure("no max-page-order"))?;
        value.parse().map_err(|_| failure("max-page-order"))
    }

    /// The backend's state; 0 if it has none.
    pub(crate) fn backend_state(&self) -> u32 {
        let state = self.offered("state");
        state.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Waits until the backend is in one of `states`, and returns which.
    pub(crate) fn wait_for_state(&self, states: &[u32], ms: u64) -> Result<u32> {
        let path = alloc::format!("{}/state", self.back);
        let watch = xenstore::watch(&path).map_err(store_failure)?;
        let deadline = monotonic_ns() + ms * NS_PER_MS;
        loop {
            let state = self.backend_state();
            if states.contains(&state) {
                return Ok(state);
            }
            if watch.wait_until(deadline).is_none() {
                return Err(failure(alloc::format!(
                    "the backend stays in state {state} for {ms} ms, expected {states:?}"
                )));
            }
        }
    }

    pub(crate) fn peer(&self) -> DomId {
        self.peer
    }

    /// The command ring, for those who break it.
    pub(crate) fn ring(&mut self) -> &mut CommandRing {
        &mut self.ring
    }

    /// Sends a request and returns its `req_id`.
    pub(crate) fn send(&mut self, request: Request) -> Result<u32> {
        let request_id = self.queue(request)?;
        self.ring.publish();
        Ok(request_id)
    }

    /// As [`Device::send`], but the backend does not see it yet.
    pub(crate) fn queue(&mut self, request: Request) -> Result<u32> {
        self.collect()?;
        ensure!(self.ring.free_slots() > 0, "the command ring is full");
        self.last_request_id += 1;
        let request = request.u32(0, self.last_request_id);
        self.ring.push(&request);
        self.sent.push(Sent {
            request_id: self.last_request_id,
            command: request.command(),
            id: request.id(),
        });
        Ok(self.last_request_id)
    }

    /// Takes what answers there are, and checks that each answers a request.
    fn collect(&mut self) -> Result<()> {
        while let Some(response) = self.ring.take() {
            let request_id = response.request_id();
            let found = self
                .sent
                .iter()
                .position(|sent| sent.request_id == request_id);
            let Some(position) = found else {
                return Err(failure(alloc::format!(
                    "an answer to nothing: req_id {request_id}, cmd {}, ret {}",
                    response.command(),
                    response.ret()
                )));
            };
            let sent = self.sent.swap_remove(position);
            ensure!(
                response.command() == sent.command,
                "command {} is answered as {}",
                sent.command,
                response.command()
            );
            ensure!(
                response.id() == sent.id || response.ret() == crate::wire::errno::ENOTSUP,
                "command {} about {:#x} is answered with id {:#x}",
                sent.command,
                sent.id,
                response.id()
            );
            ensure!(response.ret() <= 0, "ret {}", response.ret());
            self.answers.push(response);
        }
        Ok(())
    }

    /// The answer, if it is there.
    pub(crate) fn try_answer(&mut self, request_id: u32) -> Result<Option<Response>> {
        self.collect()?;
        let position = self
            .answers
            .iter()
            .position(|answer| answer.request_id() == request_id);
        Ok(position.map(|position| self.answers.swap_remove(position)))
    }

    /// Waits for the answer for at most `ms`.
    pub(crate) fn answer_in(&mut self, request_id: u32, ms: u64) -> Result<Response> {
        let answer = channel::wait(ms, || self.try_answer(request_id).transpose());
        answer.unwrap_or_else(|| {
            Err(failure(alloc::format!(
                "no answer to request {request_id} in {ms} ms"
            )))
        })
    }

    /// Waits for the answer's `ret`.
    pub(crate) fn answer(&mut self, request_id: u32) -> Result<i32> {
        Ok(self.answer_in(request_id, PATIENCE_MS)?.ret())
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn call(&mut self, request: Request) -> Result<Response> {
        let request_id = self.send(request)?;
        self.answer_in(request_id, PATIENCE_MS)
    }

    /// Sends a request that must be answered with `ret`; `what` it is about.
    pub(crate) fn expect(&mut self, what: &str, ret: i32, request: Request) -> Result<()> {
        let got = self.call(request)?.ret();
        ensure!(got == ret, "{what}: answered {got}, expected {ret}");
        Ok(())
    }

    /// Sends a request that must be answered with an error.
    pub(crate) fn expect_error(&mut self, what: &str, request: Request) -> Result<i32> {
        let got = self.call(request)?.ret();
        ensure!(got < 0, "{what}: answered {got}, expected an error");
        Ok(got)
    }

    /// How many requests have no answer yet.
    pub(crate) fn unanswered(&mut self) -> Result<usize> {
        self.collect()?;
        Ok(self.sent.len())
    }

    /// Closes the device. Every request must have been answered, and nothing be mapped after.
    pub(crate) fn finish(mut self) -> Result<()> {
        let unanswered = self.unanswered()?;
        ensure!(unanswered == 0, "{unanswered} requests were never answered");
        ensure!(
            self.backend_state() == CONNECTED,
            "the backend is in state {}",
            self.backend_state()
        );
        self.set_state(CLOSING)?;
        self.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
        self.set_state(CLOSED)?;
        self.wait_for_state(&[CLOSED], STEP_MS)?;
        let mapped = self.ring.page().still_mapped();
        ensure!(
            mapped == 0,
            "the command ring is mapped after the device closed"
        );
        Ok(())
    }
}

/// What a xenstore call failed on.
pub(crate) fn store_failure(error: xenstore::Error) -> rt::io::Error {
    failure(alloc::format!("{error}"))
}
