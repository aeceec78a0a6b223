//! What all clients share, and when they may be answered.
//!
//! Clients change the store under one lock and note in the [`Journal`](crate::journal::Journal)
//! what they did. One thread, in [`Shared::keep`], takes what has been noted, whoever did it, adds
//! it to the file, synchronises that if it must, and lets go all who waited: one synchronisation
//! for the answers of many. Nobody holds the lock while files are worked on.
//!
//! ```text
//! clients   change, note ──▶ wait ─────────────▶ answer
//! keeper           take ──▶ write ──▶ fsync ──▶ tell
//! ```
//!
//! If the file cannot be written, those who wait get errors in the place of their answers, and so
//! does everybody who wants to change something, until it can be; the keeper tries once in a
//! second. What they changed is still in memory, will be in the file when that works, and may be
//! seen: an error says that it is not certain, not that it was not done. Redis does the same.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use crate::commands::Server;
use crate::connection::{Connection, Next};
use crate::journal::{Gate, Journal};
use crate::log::disk::Disk;
use crate::log::dump::Dump;
use crate::log::{Fsync, Log};
use crate::store::Store;

/// A file that could not be written is tried again after that long; and with
/// [`Fsync::EverySecond`] one is synchronised so often.
const SECOND: Duration = Duration::from_secs(1);
/// More than that is not kept for the next records.
const SPARE: usize = 256 << 10;

/// What is shared, under the lock.
#[derive(Debug)]
pub struct State {
    /// The keys.
    pub store: Store,
    /// Facts for `INFO`.
    pub server: Server,
    journal: Journal,
    /// Of [`Journal::end`], so much is where it must be before it is answered.
    written: u64,
    ends: bool,
}

/// What is shared.
#[derive(Debug)]
pub struct Shared {
    state: Mutex<State>,
    /// The keeper has something to do.
    work: Condvar,
    /// The keeper has done something.
    done: Condvar,
}

impl Shared {
    /// For `store` as it is now. With a journal, [`Shared::keep`] must run, or clients wait for
    /// ever.
    pub fn new(mut store: Store, server: Server, journal: Journal) -> Shared {
        if journal.is_on() {
            store.watch_ends();
        }
        Shared {
            state: Mutex::new(State {
                store,
                server,
                journal,
                written: 0,
                ends: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// The lock. Nobody waits for anything else with it.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nobody panics with it: a guest whose thread panics ends.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Answers what has arrived, at `now` (milliseconds since 1970), `uptime_s` seconds after the
    /// start. When it returns the output may be sent.
    pub fn serve(&self, connection: &mut Connection, now: u64, uptime_s: u64) -> Next {
        let mut state = self.lock();
        loop {
            let shared = &mut *state;
            shared.server.uptime_s = uptime_s;
            let next = connection.serve(
                &mut shared.store,
                now,
                &mut shared.server,
                &mut shared.journal,
            );
            if !state.journal.is_on() {
                return next;
            }
            state = self.settle(state, connection);
            if next != Next::Wait || !connection.output().is_empty() {
                return next;
            }
            state = self.wait(state);
        }
    }

    /// Waits until everything up to now has been written: what this client changed, and what it
    /// saw of the changes of others.
    fn settle<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        connection: &mut Connection,
    ) -> MutexGuard<'a, State> {
        let end = state.journal.end();
        if state.journal.has_records() || state.journal.wants_rewrite() {
            self.work.notify_one();
        }
        while state.written < end {
            if let Gate::Broken(why) = &state.journal.gate {
                connection.fail(why);
                break;
            }
            state = self.wait(state);
        }
        state
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.done
            .wait(state)
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// [`Shared::keep`] returns when it has written what there is.
    pub fn end(&self) {
        self.lock().ends = true;
        self.work.notify_one();
    }

    /// Writes what clients note, until [`Shared::end`]. The log is written anew when somebody asks
    /// for it, and by itself when it has `least` bytes and twice as many as it began with. `now`
    /// gives milliseconds since 1970; `say` gets what an operator should know.
    pub fn keep<D: Disk>(
        &self,
        log: &mut Log<D>,
        least: u64,
        now: impl Fn() -> u64,
        say: impl Fn(&str),
    ) {
        let mut spare = Vec::new();
        let mut synced = Instant::now();
        self.tell(&mut self.lock(), log);
        loop {
            let mut state = self.await_work(log, synced);
            let ends = state.ends;
            let mut records = state.journal.take(core::mem::take(&mut spare));
            let end = state.journal.end();
            let open = state.journal.gate == Gate::Open;
            let anew = open && (state.journal.wants_rewrite() || log.has_grown(least));
            if anew {
                state.journal.gate = Gate::Paused;
                state.journal.set_rewrite(true);
            }
            drop(state);

            let written = log.append(&mut records);
            let mut worked = self.publish(log, written, end, anew, &now, &say);
            // After the answers, which do not wait for it.
            let due = log.fsync() == Fsync::EverySecond && synced.elapsed() >= SECOND;
            if worked && (due || ends) {
                let result = log.sync();
                worked = self.publish(log, result, end, anew, &now, &say);
                synced = Instant::now();
            }
            if anew && worked {
                self.write_anew(log, &now, &say);
            }
            if records.capacity() <= SPARE {
                spare = records;
            }
            if ends {
                return;
            }
        }
    }

    /// What was noted up to `end` is in the file, or it is not: tells those who wait. Whether it
    /// is. If it is to be written `anew`, changes stay paused.
    fn publish<D: Disk>(
        &self,
        log: &mut Log<D>,
        mut result: std::io::Result<()>,
        mut end: u64,
        anew: bool,
        now: &impl Fn() -> u64,
        say: &impl Fn(&str),
    ) -> bool {
        if log.is_doubtful() {
            // What is in memory is right. Nobody changes it while it is written.
            let mut state = self.lock();
            if state.journal.gate == Gate::Open {
                state.journal.gate = Gate::Paused;
            }
            // This is in memory, too.
            drop(state.journal.take(Vec::new()));
            end = state.journal.end();
            drop(state);
            result = self.rewrite(log, now);
        }
        let mut state = self.lock();
        let broken = matches!(state.journal.gate, Gate::Broken(_));
        let worked = result.is_ok();
        let news = match result {
            Ok(()) => {
                state.written = end;
                if !anew {
                    state.journal.gate = Gate::Open;
                }
                broken.then(|| String::from("the log can be written again"))
            }
            Err(error) => {
                let why = error.to_string();
                let news = format!("the log cannot be written, nothing can be changed: {why}");
                state.journal.gate = Gate::Broken(why);
                state.journal.set_rewrite(false);
                (!broken).then_some(news)
            }
        };
        self.tell(&mut state, log);
        drop(state);
        if let Some(news) = news {
            say(&news);
        }
        worked
    }

    /// Waits until there are records to write, or it is time for something.
    fn await_work<D: Disk>(&self, log: &Log<D>, synced: Instant) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let began = Instant::now();
        loop {
            let broken = matches!(state.journal.gate, Gate::Broken(_));
            let until = match log.fsync() {
                _ if broken => Some(began + SECOND),
                Fsync::EverySecond if log.is_unsynced() => Some(synced + SECOND),
                _ => None,
            };
            // Nothing is tried in a hurry that has just failed.
            let work = state.journal.has_records() || state.journal.wants_rewrite();
            if state.ends || work && !broken {
                return state;
            }
            let Some(until) = until else {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return state;
            }
            state = match self.work.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn tell<D: Disk>(&self, state: &mut State, log: &Log<D>) {
        let facts = &mut state.journal.facts;
        (facts.length, facts.base) = (log.length(), log.base());
        facts.syncs = log.syncs();
        self.done.notify_all();
    }

    /// Writes the log anew while nobody changes anything: who wants to, waits.
    fn write_anew<D: Disk>(&self, log: &mut Log<D>, now: &impl Fn() -> u64, say: &impl Fn(&str)) {
        let before = log.length();
        let result = self.rewrite(log, now);
        let news = match &result {
            Ok(()) => {
                let now = log.length();
                format!("the log is written anew: {before} bytes before, {now} now")
            }
            // The old one goes on, unless the next write to it says otherwise.
            Err(error) => {
                log.put_off();
                format!("the log cannot be written anew: {error}")
            }
        };
        let mut state = self.lock();
        state.journal.set_rewrite(false);
        state.journal.gate = Gate::Open;
        state.journal.facts.rewrites += u64::from(result.is_ok());
        self.tell(&mut state, log);
        drop(state);
        say(&news);
    }

    fn rewrite<D: Disk>(&self, log: &mut Log<D>, now: &impl Fn() -> u64) -> std::io::Result<()> {
        let mut dump = Dump::default();
        log.rewrite(|piece| dump.next(&self.lock().store, now(), piece))
    }
}

#[cfg(test)]
mod tests;
