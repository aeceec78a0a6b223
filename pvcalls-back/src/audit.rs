//! The audit: a line per decision, of a rate that a guest cannot raise.
//!
//! Lines go through `tracing` with the target [`TARGET`]: allowed ones as information, denied
//! ones as warnings. What exceeds the domain's `audit_lines_per_second` is not written but
//! counted; the next line says how many there were (`suppressed`).

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::DomainSettings;
use crate::policy::{Rule, Transport, Verdict};
use crate::sessions::DeviceId;

/// The target of all audit lines.
pub const TARGET: &str = "pvcallsd::audit";

/// What a domain wanted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect a socket.
    Connect,
    /// Bind one, to listen or to have datagrams.
    Bind,
    /// Send a datagram.
    SendTo,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Bind => "bind",
            Self::SendTo => "sendto",
        }
    }
}

/// The audit of one device.
#[derive(Debug)]
pub struct Audit {
    device: DeviceId,
    domain: String,
    rate: Mutex<Rate>,
}

impl Audit {
    /// The audit of a device of a domain.
    #[must_use]
    pub fn new(device: DeviceId, settings: &DomainSettings) -> Self {
        Self {
            device,
            domain: settings.name.clone(),
            rate: Mutex::new(Rate::new(
                settings.limits.audit_lines_per_second,
                Instant::now(),
            )),
        }
    }

    /// A decision about an address.
    pub fn decision(
        &self,
        action: Action,
        transport: Transport,
        address: SocketAddr,
        verdict: &Verdict,
    ) {
        let denied = matches!(verdict, Verdict::Deny(_));
        let Some(suppressed) = self.may_write(denied) else {
            return;
        };
        let (action, transport) = (action.name(), transport.name());
        let (device, domain) = (self.device, &self.domain);
        match verdict {
            Verdict::Allow(host) => {
                let mapped_to = (*host != address).then(|| tracing::field::display(host));
                tracing::info!(
                    target: TARGET, domain, %device, action, transport, %address,
                    verdict = "allow", mapped_to, suppressed,
                );
            }
            Verdict::Deny(rule) => tracing::warn!(
                target: TARGET, domain, %device, action, transport, %address,
                verdict = "deny", rule = rule.as_str(), suppressed,
            ),
        }
    }

    /// A decision about a name that the host shall resolve.
    pub fn resolve(&self, name: &str, verdict: &Result<(), Rule>) {
        let Some(suppressed) = self.may_write(verdict.is_err()) else {
            return;
        };
        let (device, domain) = (self.device, &self.domain);
        match verdict {
            Ok(()) => tracing::info!(
                target: TARGET, domain, %device, action = "resolve", name,
                verdict = "allow", suppressed,
            ),
            Err(rule) => tracing::warn!(
                target: TARGET, domain, %device, action = "resolve", name,
                verdict = "deny", rule = rule.as_str(), suppressed,
            ),
        }
    }

    /// Whether a line may be written now, and how many were not since the last, if any.
    fn may_write(&self, denied: bool) -> Option<Option<u64>> {
        // Nobody reads it: it costs nothing and counts for nothing.
        let wanted = match denied {
            true => tracing::enabled!(target: TARGET, tracing::Level::WARN),
            false => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        };
        if !wanted {
            return None;
        }
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let suppressed = rate.take(Instant::now())?;
        Some((suppressed > 0).then_some(suppressed))
    }
}

impl Drop for Audit {
    /// What was suppressed last is told, too.
    fn drop(&mut self) {
        let rate = self.rate.get_mut().unwrap_or_else(PoisonError::into_inner);
        if rate.suppressed > 0 {
            let (device, domain, suppressed) = (self.device, &self.domain, rate.suppressed);
            tracing::info!(target: TARGET, domain, %device, action = "end", suppressed);
        }
    }
}

/// A bucket of lines: fills at the rate, holds what five seconds bring.
struct Rate {
    per_second: u32,
    /// When the bucket would have been empty had nothing been taken: the more of the past, the
    /// fuller.
    empty_since: Instant,
    suppressed: u64,
}

impl Rate {
    const HOLDS: Duration = Duration::from_secs(5);

    fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            empty_since: now.checked_sub(Self::HOLDS).unwrap_or(now),
            suppressed: 0,
        }
    }

    /// Takes a line, and says how many there were none for since the last.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let price = Duration::from_secs(1).checked_div(self.per_second);
        let oldest = now.checked_sub(Self::HOLDS).unwrap_or(now);
        let since = self.empty_since.max(oldest);
        match price.map(|price| since + price) {
            Some(after) if after <= now => {
                self.empty_since = after;
                Some(std::mem::take(&mut self.suppressed))
            }
            _ => {
                self.suppressed += 1;
                None
            }
        }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s, {} suppressed", self.per_second, self.suppressed)
    }
}
