//! The counters as Prometheus' text. `docs/pvcallsd.md` lists the names.

use std::fmt::Display;
use std::sync::{Arc, PoisonError};

use super::process::Process;
use super::text::{Family, Kind, Text};
use crate::counters::{Counter, Counters, DeviceCounters, SocketCounters};
use crate::sessions::DeviceId;

/// For how many sockets there are series at most, shared evenly between the devices: what a
/// monitoring system has to store must not grow with what a guest opens.
pub const SOCKET_SERIES: usize = 1000;

/// What is shown besides the counters.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The version of the daemon.
    pub version: &'static str,
    /// The steps of the sandbox, by name, and whether something of it could not be dropped:
    /// [`crate::sandbox::Report`].
    pub privileges: Vec<(String, bool)>,
    /// For how many sockets there are series; usually [`SOCKET_SERIES`].
    pub socket_series: usize,
}

/// A series per device.
type DeviceSeries = (
    &'static str,
    Kind,
    &'static str,
    fn(&DeviceCounters) -> &Counter,
);

/// A series per socket: always a counter.
type SocketSeries = (&'static str, &'static str, fn(&SocketCounters) -> &Counter);

/// What there is per device.
const PER_DEVICE: &[DeviceSeries] = &[
    (
        "pvcalls_commands_total",
        Kind::Counter,
        "Commands taken from the command ring.",
        |c| &c.commands,
    ),
    (
        "pvcalls_command_errors_total",
        Kind::Counter,
        "Commands answered with an error.",
        |c| &c.command_errors,
    ),
    (
        "pvcalls_denied_total",
        Kind::Counter,
        "Addresses and names that the policy refused.",
        |c| &c.denied,
    ),
    (
        "pvcalls_limited_total",
        Kind::Counter,
        "Requests refused because of a limit.",
        |c| &c.limited,
    ),
    (
        "pvcalls_throttled_total",
        Kind::Counter,
        "Times the command ring had to wait because of the rate limit.",
        |c| &c.throttled,
    ),
    (
        "pvcalls_connected_total",
        Kind::Counter,
        "Connections made by CONNECT.",
        |c| &c.connected,
    ),
    (
        "pvcalls_accepted_total",
        Kind::Counter,
        "Connections made by ACCEPT.",
        |c| &c.accepted,
    ),
    (
        "pvcalls_sent_bytes_total",
        Kind::Counter,
        "Bytes from the guest to the network.",
        |c| &c.bytes_out,
    ),
    (
        "pvcalls_received_bytes_total",
        Kind::Counter,
        "Bytes from the network to the guest.",
        |c| &c.bytes_in,
    ),
    (
        "pvcalls_datagrams_dropped_total",
        Kind::Counter,
        "Datagrams that no ring could hold or whose address the policy refused.",
        |c| &c.datagrams_dropped,
    ),
    (
        "pvcalls_notifications_sent_total",
        Kind::Counter,
        "Events sent to the guest.",
        |c| &c.notifications_sent,
    ),
    (
        "pvcalls_notifications_received_total",
        Kind::Counter,
        "Events taken from the guest.",
        |c| &c.notifications_received,
    ),
    ("pvcalls_sockets", Kind::Gauge, "Sockets.", |c| &c.sockets),
    (
        "pvcalls_connecting",
        Kind::Gauge,
        "Connects under way.",
        |c| &c.connecting,
    ),
    (
        "pvcalls_mapped_pages",
        Kind::Gauge,
        "Pages of the domain that are mapped.",
        |c| &c.mapped_pages,
    ),
];

/// The text of one scrape.
#[must_use]
pub fn render(counters: &Counters, process: &Process, facts: &Facts) -> String {
    let devices = counters.devices();
    let mut text = Text::default();
    text.family("pvcalls_build_info", Kind::Gauge, "The version that runs.")
        .sample(&[("version", &facts.version)], 1);
    text.family("pvcalls_devices", Kind::Gauge, "Devices that are served.")
        .sample(&[], devices.len());
    let mut family = text.family(
        "pvcalls_device_info",
        Kind::Gauge,
        "What the toolstack calls the domain of a device.",
    );
    for (id, counters) in &devices {
        let labels: [(&str, &dyn Display); 3] = [
            ("domain", &id.domain),
            ("device", &id.device),
            ("name", &counters.name()),
        ];
        family.sample(&labels, 1);
    }
    let mut left = text.family(
        "pvcalls_privilege_left",
        Kind::Gauge,
        "1 for a step of the sandbox that could not be taken, wholly or in part.",
    );
    for (step, failed) in &facts.privileges {
        left.sample(&[("step", step)], u8::from(*failed));
    }
    for (name, kind, help, counter) in PER_DEVICE {
        let mut family = text.family(name, *kind, help);
        for (device, counters) in &devices {
            device_sample(&mut family, *device, counter(counters).get());
        }
    }
    per_socket(&mut text, &devices, facts.socket_series);
    per_process(&mut text, process);
    text.finish()
}

/// One sample of a device.
fn device_sample(family: &mut Family<'_>, id: DeviceId, value: u64) {
    family.sample(&[("domain", &id.domain), ("device", &id.device)], value);
}

/// The sockets of a device that are shown.
struct Shown {
    device: DeviceId,
    sockets: Vec<(u64, Arc<SocketCounters>)>,
    left_out: usize,
}

/// The series per socket. Every device has the same share, so that a guest with thousands of
/// sockets does not hide another's; within a device the oldest numbers stay, so that series do
/// not come and go.
fn per_socket(text: &mut Text, devices: &[(DeviceId, Arc<DeviceCounters>)], series: usize) {
    let share = series / devices.len().max(1);
    let shown: Vec<Shown> = devices
        .iter()
        .map(|(device, counters)| {
            let streams = counters
                .streams
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Shown {
                device: *device,
                sockets: streams
                    .iter()
                    .take(share)
                    .map(|(id, socket)| (*id, Arc::clone(socket)))
                    .collect(),
                left_out: streams.len().saturating_sub(share),
            }
        })
        .collect();
    let bytes: [SocketSeries; 2] = [
        (
            "pvcalls_socket_sent_bytes_total",
            "Bytes from the guest to the network, by socket.",
            |socket| &socket.bytes_out,
        ),
        (
            "pvcalls_socket_received_bytes_total",
            "Bytes from the network to the guest, by socket.",
            |socket| &socket.bytes_in,
        ),
    ];
    for (name, help, counter) in bytes {
        let mut family = text.family(name, Kind::Counter, help);
        for Shown {
            device, sockets, ..
        } in &shown
        {
            for (id, socket) in sockets {
                family.sample(
                    &[
                        ("domain", &device.domain),
                        ("device", &device.device),
                        ("socket", id),
                        ("address", &socket.address),
                    ],
                    counter(socket).get(),
                );
            }
        }
    }
    let mut family = text.family(
        "pvcalls_socket_series_left_out",
        Kind::Gauge,
        "Sockets with a data ring for which there are no series, to bound their number.",
    );
    for Shown {
        device, left_out, ..
    } in &shown
    {
        device_sample(
            &mut family,
            *device,
            u64::try_from(*left_out).unwrap_or(u64::MAX),
        );
    }
}

/// What the process itself uses.
fn per_process(text: &mut Text, process: &Process) {
    if let Some(open) = process.open_descriptors() {
        text.family("process_open_fds", Kind::Gauge, "Open descriptors.")
            .sample(&[], open);
    }
    if let Some(limit) = Process::descriptor_limit() {
        text.family(
            "process_max_fds",
            Kind::Gauge,
            "Descriptors that may be open.",
        )
        .sample(&[], limit);
    }
    if let Some(bytes) = process.resident_bytes() {
        text.family(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Memory in use.",
        )
        .sample(&[], bytes);
    }
    text.family(
        "process_cpu_seconds_total",
        Kind::Counter,
        "Time spent on processors.",
    )
    .sample(&[], Process::cpu_time().as_secs_f64());
    text.family(
        "process_start_time_seconds",
        Kind::Gauge,
        "When it began, since 1970.",
    )
    .sample(&[], process.start_seconds());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::client::parse;

    fn device(domain: u16) -> DeviceId {
        DeviceId { domain, device: 0 }
    }

    fn add_sockets(counters: &Counters, id: DeviceId, count: u64) {
        let device = counters.device(id);
        let mut streams = device.streams.lock().unwrap();
        for socket in 0..count {
            let one = SocketCounters {
                address: format!("192.0.2.1:{socket}"),
                bytes_out: Counter::default(),
                bytes_in: Counter::default(),
            };
            one.bytes_in.add(socket);
            streams.insert(socket, Arc::new(one));
        }
    }

    fn facts(socket_series: usize) -> Facts {
        Facts {
            version: "1.2.3",
            privileges: vec![("user".into(), true)],
            socket_series,
        }
    }

    #[test]
    fn what_is_counted_is_shown_under_its_device() {
        let counters = Counters::default();
        counters.device(device(3)).bytes_out.add(1 << 40);
        counters.device(device(4)).denied.add(2);
        counters.device(device(4)).set_name("web \"1\"");
        let text = render(&counters, &Process::open(), &facts(10));
        for line in [
            "pvcalls_build_info{version=\"1.2.3\"} 1\n",
            "pvcalls_devices 2\n",
            "pvcalls_device_info{domain=\"4\",device=\"0\",name=\"web \\\"1\\\"\"} 1\n",
            "pvcalls_privilege_left{step=\"user\"} 1\n",
            "pvcalls_sent_bytes_total{domain=\"3\",device=\"0\"} 1099511627776\n",
            "pvcalls_sent_bytes_total{domain=\"4\",device=\"0\"} 0\n",
            "pvcalls_denied_total{domain=\"4\",device=\"0\"} 2\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn every_sample_has_a_family_and_every_family_one_block() {
        let counters = Counters::default();
        add_sockets(&counters, device(1), 3);
        let text = render(&counters, &Process::open(), &facts(10));
        let mut families = std::collections::BTreeSet::new();
        let mut current = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                current = rest.split(' ').next().unwrap();
                assert!(families.insert(current), "{current} twice");
                let counter = rest.ends_with(" counter");
                assert_eq!(counter, current.ends_with("_total"), "{rest}");
            } else if !line.starts_with('#') {
                assert_eq!(line.split(['{', ' ']).next(), Some(current));
            }
        }
        assert_eq!(families.len(), 4 + PER_DEVICE.len() + 3 + 5);
    }

    #[test]
    fn a_guest_with_many_sockets_neither_floods_nor_hides_another() {
        let counters = Counters::default();
        add_sockets(&counters, device(1), 500);
        add_sockets(&counters, device(2), 4);
        let samples = parse(&render(&counters, &Process::open(), &facts(20)));
        let of = |domain: &str| {
            samples
                .iter()
                .filter(|s| s.name == "pvcalls_socket_received_bytes_total")
                .filter(|s| s.label("domain") == Some(domain))
                .count()
        };
        assert_eq!((of("1"), of("2")), (10, 4));
        let left_out: Vec<_> = samples
            .iter()
            .filter(|s| s.name == "pvcalls_socket_series_left_out")
            .map(|s| (s.label("domain"), s.value))
            .collect();
        assert_eq!(left_out, [(Some("1"), 490.0), (Some("2"), 0.0)]);
    }
}
