//! From totals to rates: two samples, and what happened in between.

use std::collections::BTreeMap;
use std::time::Instant;

use pvcalls_back::metrics::client::Sample;

/// Numbers of a domain, all its devices together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    /// Connections made either way.
    pub(super) connections: f64,
    /// Bytes from the network to the guest.
    pub(super) bytes_in: f64,
    /// Bytes from the guest to the network.
    pub(super) bytes_out: f64,
    /// Commands.
    pub(super) commands: f64,
    /// Sockets now.
    pub(super) sockets: f64,
    /// Pages mapped now.
    pub(super) pages: f64,
    /// What policy and limits refused.
    pub(super) denied: f64,
}

impl Numbers {
    /// The field of a family.
    fn field(&mut self, family: &str) -> Option<&mut f64> {
        Some(match family {
            "pvcalls_connected_total" | "pvcalls_accepted_total" => &mut self.connections,
            "pvcalls_received_bytes_total" => &mut self.bytes_in,
            "pvcalls_sent_bytes_total" => &mut self.bytes_out,
            "pvcalls_commands_total" => &mut self.commands,
            "pvcalls_sockets" => &mut self.sockets,
            "pvcalls_mapped_pages" => &mut self.pages,
            "pvcalls_denied_total" | "pvcalls_limited_total" => &mut self.denied,
            _ => return None,
        })
    }

    /// Adds those of another domain.
    pub(super) fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.commands += other.commands;
        self.sockets += other.sockets;
        self.pages += other.pages;
        self.denied += other.denied;
    }
}

/// What an endpoint said at some time.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    at: Instant,
    domains: BTreeMap<u32, Numbers>,
    names: BTreeMap<u32, String>,
    /// The version that answered.
    pub(super) version: String,
}

impl Snapshot {
    pub(super) fn new(samples: &[Sample], at: Instant) -> Self {
        let mut domains: BTreeMap<u32, Numbers> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for sample in samples {
            let Some(Ok(domain)) = sample.label("domain").map(str::parse) else {
                continue;
            };
            if let Some(name) = sample.label("name") {
                names.insert(domain, name.to_owned());
            }
            let mut scratch = Numbers::default();
            if scratch.field(&sample.name).is_some()
                && let Some(field) = domains.entry(domain).or_default().field(&sample.name)
            {
                *field += sample.value;
            }
        }
        let version = samples.iter().find(|one| one.name == "pvcalls_build_info");
        let version = version.and_then(|one| one.label("version")).unwrap_or("?");
        Self {
            at,
            domains,
            names,
            version: version.to_owned(),
        }
    }
}

/// A domain: rates per second, but levels for sockets and pages, and the total of what was denied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Its number.
    pub(super) domain: u32,
    /// What the toolstack calls it.
    pub(super) name: String,
    /// Its numbers.
    pub(super) numbers: Numbers,
}

/// What happened between two samples, the busiest domain first.
pub(super) fn rows(before: &Snapshot, now: &Snapshot) -> Vec<Row> {
    let seconds = now
        .at
        .saturating_duration_since(before.at)
        .as_secs_f64()
        .max(0.001);
    let mut rows: Vec<Row> = now
        .domains
        .iter()
        .map(|(domain, after)| {
            // A domain that is new has done all of it in between.
            let before = before.domains.get(domain).copied().unwrap_or_default();
            Row {
                domain: *domain,
                name: now.names.get(domain).cloned().unwrap_or_default(),
                numbers: rates(&before, after, seconds),
            }
        })
        .collect();
    let bytes = |row: &Row| row.numbers.bytes_in + row.numbers.bytes_out;
    rows.sort_by(|a, b| bytes(b).total_cmp(&bytes(a)).then(a.domain.cmp(&b.domain)));
    rows
}

fn rates(before: &Numbers, after: &Numbers, seconds: f64) -> Numbers {
    let rate = |before: f64, after: f64| {
        // A total that is smaller began anew, with the daemon or the device.
        let since = if after < before {
            after
        } else {
            after - before
        };
        since / seconds
    };
    Numbers {
        connections: rate(before.connections, after.connections),
        bytes_in: rate(before.bytes_in, after.bytes_in),
        bytes_out: rate(before.bytes_out, after.bytes_out),
        commands: rate(before.commands, after.commands),
        sockets: after.sockets,
        pages: after.pages,
        denied: after.denied,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pvcalls_back::metrics::client::parse;

    use super::*;

    fn snapshot(at: Instant, text: &str) -> Snapshot {
        Snapshot::new(&parse(text), at)
    }

    #[test]
    fn devices_of_a_domain_are_added_and_the_busiest_comes_first() {
        let start = Instant::now();
        let before = snapshot(
            start,
            "pvcalls_sent_bytes_total{domain=\"1\",device=\"0\"} 100\n\
             pvcalls_sent_bytes_total{domain=\"2\",device=\"0\"} 0\n",
        );
        let now = snapshot(
            start + Duration::from_secs(2),
            "pvcalls_build_info{version=\"9\"} 1\n\
             pvcalls_sent_bytes_total{domain=\"1\",device=\"0\"} 300\n\
             pvcalls_sent_bytes_total{domain=\"1\",device=\"1\"} 100\n\
             pvcalls_received_bytes_total{domain=\"2\",device=\"0\"} 1000\n\
             pvcalls_connected_total{domain=\"2\",device=\"0\"} 3\n\
             pvcalls_accepted_total{domain=\"2\",device=\"0\"} 1\n\
             pvcalls_sockets{domain=\"2\",device=\"0\"} 7\n\
             pvcalls_device_info{domain=\"2\",device=\"0\",name=\"web\"} 1\n\
             pvcalls_denied_total{domain=\"2\",device=\"0\"} 5\n",
        );
        let rows = rows(&before, &now);
        assert_eq!(
            rows.iter().map(|row| row.domain).collect::<Vec<_>>(),
            [2, 1]
        );
        assert_eq!((rows[0].name.as_str(), rows[1].name.as_str()), ("web", ""));
        assert_eq!(rows[0].numbers.bytes_in, 500.0);
        assert_eq!(rows[0].numbers.connections, 2.0);
        assert_eq!(
            (rows[0].numbers.sockets, rows[0].numbers.denied),
            (7.0, 5.0)
        );
        assert_eq!(rows[1].numbers.bytes_out, 150.0);
        assert_eq!(now.version, "9");
    }

    #[test]
    fn totals_that_begin_anew_give_no_negative_rates() {
        let start = Instant::now();
        let text = |value: u32| format!("pvcalls_commands_total{{domain=\"1\"}} {value}\n");
        let before = snapshot(start, &text(1000));
        let now = snapshot(start + Duration::from_secs(1), &text(10));
        assert_eq!(rows(&before, &now)[0].numbers.commands, 10.0);
    }

    #[test]
    fn domains_that_are_gone_are_not_shown() {
        let start = Instant::now();
        let before = snapshot(start, "pvcalls_sockets{domain=\"1\"} 1\n");
        let now = snapshot(
            start + Duration::from_secs(1),
            "pvcalls_sockets{domain=\"x\"} 1\n",
        );
        assert!(rows(&before, &now).is_empty());
    }
}
