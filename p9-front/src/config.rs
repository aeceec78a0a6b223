//! Settings, with defaults that suit QEMU's backend.

use xen_front::units::RingOrder;

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Settings of a device. All times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How large each ring is at most, as far as the backend takes it and this guest has memory: all
    /// rings together take at most a sixteenth of what is free. A message is a little less than half
    /// as long as an array. The default, 8, is 512 KiB for each direction and messages of 254 KiB.
    pub ring_order: RingOrder,
    /// How many rings there are at most, from 1 to 8: a backend like QEMU's works on one request
    /// of each at a time.
    pub rings: u8,
    /// How long a message may be at most, bytes, if the rings allow it.
    pub msize: u32,
    /// How many calls may be under way at the same time, those included that were given up and that
    /// the server has not answered yet.
    pub calls: usize,
    /// How many file identifiers there may be at the same time.
    pub fids: usize,
    /// How long the server may take for a call. It is given up then. Long enough for a slow disk
    /// that is asked to write what it holds.
    pub call_timeout_ns: u64,
    /// How long the server may take for the answer to a `Tflush` when the answer to the call that
    /// was to be given up has come already. A server that takes longer is not asked any more.
    pub flush_patience_ns: u64,
    /// How long the backend may take for each step of the handshake.
    pub step_timeout_ns: u64,
    /// How long the device stays down after a connection to the backend that did not last, or an
    /// attempt at one that failed; doubled each time.
    pub reconnect_pause_ns: u64,
    /// The longest such pause.
    pub reconnect_pause_max_ns: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ring_order: const { RingOrder::new(8).expect("in range") },
            rings: 4,
            msize: u32::MAX,
            calls: 1024,
            fids: 65_536,
            call_timeout_ns: 120 * SECOND_NS,
            flush_patience_ns: 10 * SECOND_NS,
            step_timeout_ns: 10 * SECOND_NS,
            reconnect_pause_ns: SECOND_NS,
            reconnect_pause_max_ns: 60 * SECOND_NS,
        }
    }
}
