//! Settings, with defaults that suit a Linux backend.

use crate::units::RingOrder;

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Settings of the device. All times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The largest data ring of a connection that does not ask for one, as far as the backend
    /// takes it (Linux: 4, 32 KiB for each direction) and this guest has memory: a ring takes at
    /// most a 128th of what is free, and much less when half of that is gone. The default, 7, is 256 KiB for each direction
    /// and 129 pages.
    pub ring_order: RingOrder,
    /// How long the backend may take for each step of the handshake.
    pub step_timeout_ns: u64,
    /// How long a connect without a deadline of its own may take. Longer than TCP's own patience
    /// (131 s on Linux), so that the real reason gets through.
    pub connect_timeout_ns: u64,
    /// How long the backend may take to answer a [`Call`](crate::Call).
    pub call_timeout_ns: u64,
    /// How long a name of a host may take to be resolved: longer than a resolver that asks three
    /// servers twice, five seconds each, so that the real reason gets through.
    pub resolve_timeout_ns: u64,
    /// How many calls may wait for an answer at the same time, those included whose caller has
    /// given up.
    pub calls: usize,
    /// How long the bytes of a closed socket may stand still in the out ring before they are
    /// given up. Not a limit on the whole: as long as the backend takes some, it may go on.
    pub linger_ns: u64,
    /// How many CONNECTs the backend is given at once.
    ///
    /// Linux works through them one after the other and does nothing else for this guest
    /// meanwhile, not even RELEASE, for up to 131 s each. One that waits on this side can be
    /// given up without a trace, so the default is low: one at work and one ready. A backend that
    /// can cancel connects (docs/extensions.md) takes as many as there are slots.
    pub connects_in_flight: u32,
    /// How many data rings are kept when their connections have ended, each with its pages, grants
    /// and port, to be used for the next ones; less if they would take more than an eighth of the
    /// memory that is free.
    pub pooled_rings: usize,
    /// How many data rings a listener has at most with ACCEPTs that wait for a connection (one, if the
    /// backend takes only one) and streams that wait to be taken by the caller. More of them make
    /// bursts of connections faster; beyond the first they take at most a sixteenth of the memory that
    /// is free, all listeners together. What does not fit waits in the host.
    pub accepts_ahead: usize,
    /// How long a connect without a deadline of its own waits for a backend that is away.
    pub outage_patience_ns: u64,
    /// How long the device stays down after a connection to the backend that did not last, or an
    /// attempt at one that failed; doubled each time. A backend that goes away after more than
    /// ten seconds is not waited out: the device comes up as soon as it is back.
    pub reconnect_pause_ns: u64,
    /// The longest such pause.
    pub reconnect_pause_max_ns: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ring_order: const { RingOrder::new(7).expect("in range") },
            step_timeout_ns: 10 * SECOND_NS,
            connect_timeout_ns: 150 * SECOND_NS,
            call_timeout_ns: 10 * SECOND_NS,
            resolve_timeout_ns: 45 * SECOND_NS,
            calls: 1024,
            linger_ns: 5 * SECOND_NS,
            connects_in_flight: 2,
            pooled_rings: 16,
            accepts_ahead: 8,
            outage_patience_ns: 10 * SECOND_NS,
            reconnect_pause_ns: SECOND_NS,
            reconnect_pause_max_ns: 60 * SECOND_NS,
        }
    }
}

/// Settings of one connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The size of the data ring; `None` for [`Config::ring_order`] or the largest possible if
    /// that is less.
    pub ring_order: Option<RingOrder>,
    /// The time, on the clock of `now_ns`, at which the caller gives up; `None` for
    /// [`Config::connect_timeout_ns`] from now, or [`Config::outage_patience_ns`] while the backend
    /// is away.
    pub deadline_ns: Option<u64>,
}

/// Settings of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// The size of the data rings of its connections; `None` for [`Config::ring_order`] or the
    /// largest possible if that is less. Smaller ones are taken when memory or grants are short.
    pub ring_order: Option<RingOrder>,
    /// How many connections may wait in the host. Backends have their own limits.
    pub backlog: u32,
    /// The time, on the clock of `now_ns`, until which it must listen; `None` for
    /// [`Config::connect_timeout_ns`] from now, or [`Config::outage_patience_ns`] while the backend
    /// is away.
    pub deadline_ns: Option<u64>,
    /// Whether an IPv6 socket takes IPv6 connections only; `None` for what the host does. Needs a
    /// backend that knows socket options.
    pub only_v6: Option<bool>,
    /// Whether it goes on when the backend was away: it is bound and listens again by itself, and who
    /// waits for a connection goes on waiting.
    pub survives: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            ring_order: None,
            // std's.
            backlog: 128,
            deadline_ns: None,
            only_v6: None,
            survives: true,
        }
    }
}
