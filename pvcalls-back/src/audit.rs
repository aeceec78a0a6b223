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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::policy::Policy;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for &Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = &'a Self;

        fn make_writer(&'a self) -> &'a Self {
            self
        }
    }

    /// The lines that `with` makes for a domain with this rate.
    fn lines(audit_lines_per_second: u32, with: impl FnOnce(&Audit)) -> Vec<serde_json::Value> {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut settings = DomainSettings {
                name: "w\"e\nb".into(),
                ..DomainSettings::default()
            };
            settings.limits.audit_lines_per_second = audit_lines_per_second;
            let device = DeviceId {
                domain: 7,
                device: 0,
            };
            with(&Audit::new(device, &settings));
        });
        let bytes = log.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let line = |line| serde_json::from_str(line).unwrap();
        text.lines().map(line).collect()
    }

    fn denied() -> (SocketAddr, Verdict) {
        let to = "127.0.0.1:80".parse().unwrap();
        (to, Policy::default().connect(Transport::Tcp, to))
    }

    #[test]
    fn a_line_per_decision() {
        let (to, verdict) = denied();
        let host = "192.0.2.1:8080".parse().unwrap();
        let at = "0.0.0.0:80".parse().unwrap();
        let lines = lines(20, |audit| {
            audit.decision(Action::Connect, Transport::Tcp, to, &verdict);
            audit.decision(Action::Bind, Transport::Udp, at, &Verdict::Allow(host));
            audit.decision(Action::SendTo, Transport::Udp, at, &Verdict::Allow(at));
            audit.resolve("example.org", &Ok(()));
        });
        assert_eq!(lines.len(), 4, "{lines:#?}");
        for line in &lines {
            assert_eq!(line["target"], TARGET);
            assert_eq!(line["domain"], "w\"e\nb");
            assert_eq!(line["device"], "7/0");
            assert!(line.get("suppressed").is_none());
        }
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["action"], "connect");
        assert_eq!(lines[0]["transport"], "tcp");
        assert_eq!(lines[0]["address"], "127.0.0.1:80");
        assert_eq!(lines[0]["verdict"], "deny");
        assert_eq!(lines[0]["rule"], "built in: no loopback");
        assert_eq!(lines[1]["level"], "INFO");
        assert_eq!(lines[1]["action"], "bind");
        assert_eq!(lines[1]["verdict"], "allow");
        assert_eq!(lines[1]["mapped_to"], "192.0.2.1:8080");
        assert!(lines[2].get("mapped_to").is_none());
        assert_eq!(lines[3]["name"], "example.org");
    }

    #[test]
    fn a_flood_is_counted_instead_of_written() {
        let (to, verdict) = denied();
        let flood = 5000;
        let lines = lines(2, |audit| {
            for _ in 0..flood {
                audit.decision(Action::Connect, Transport::Tcp, to, &verdict);
            }
        });
        // Ten at once, two for each second that this took, and the end.
        assert!((11..200).contains(&lines.len()), "{}", lines.len());
        let suppressed: u64 = lines
            .iter()
            .filter_map(|line| line["suppressed"].as_u64())
            .sum();
        let written = lines
            .iter()
            .filter(|line| line["action"] == "connect")
            .count();
        assert_eq!(suppressed + written as u64, flood);
    }

    #[test]
    fn the_rate_holds_on_average() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut rate = Rate::new(4, start);
        let at = |millis| start + Duration::from_millis(millis);
        let burst = (0..100).filter(|_| rate.take(at(0)).is_some()).count();
        assert_eq!(burst, 20, "five seconds' worth");
        let taken = (0..10_000)
            .filter(|millis| rate.take(at(*millis)).is_some())
            .count();
        assert_eq!(
            taken, 39,
            "four per second for ten seconds, the last not yet full"
        );
        // A long silence does not save up more.
        let burst = (0..100)
            .filter(|_| rate.take(at(3_600_000)).is_some())
            .count();
        assert_eq!(burst, 20);
        let mut none = Rate::new(0, start);
        assert_eq!(none.take(at(5000)), None);
    }
}
