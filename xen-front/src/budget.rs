//! A limit on events that bring nothing.
//!
//! A peer can send events without end; a Linux backend really does, hundreds of thousands a
//! second, after a failed send. An event after which nothing has changed counts; enough of them
//! in a row, and the port is masked for a while. What changes meanwhile is seen at the latest
//! when the mask goes.

/// Events in a row that may bring nothing.
const LIMIT: u32 = 64;

/// How long a port stays masked, in nanoseconds.
const MASK_NS: u64 = 10_000_000;

/// The budget of one port.
#[derive(Debug, Default)]
pub struct Budget {
    useless: u32,
    masked_until_ns: Option<u64>,
}

impl Budget {
    /// An event came. True if the port is to be masked now, until
    /// [`deadline_ns`](Self::deadline_ns).
    pub fn spend(&mut self, useful: bool, now_ns: u64) -> bool {
        if useful {
            self.useless = 0;
            return false;
        }
        self.useless += 1;
        if self.useless < LIMIT || self.masked_until_ns.is_some() {
            return false;
        }
        self.useless = 0;
        self.masked_until_ns = Some(now_ns.saturating_add(MASK_NS));
        true
    }

    /// When the mask is to go, if there is one.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.masked_until_ns
    }

    /// True once, when it is time to unmask.
    pub fn expire(&mut self, now_ns: u64) -> bool {
        let due = self.masked_until_ns.is_some_and(|until| until <= now_ns);
        if due {
            self.masked_until_ns = None;
        }
        due
    }
}
