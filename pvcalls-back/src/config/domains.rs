//! The sections about domains: `[default]` and `[domain."NAME"]`.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{Item, Mistakes, Section};
use super::{DomainSettings, Limits};
use crate::features::{Feature, Features};
use crate::policy::{
    AddressRule, AddressRules, ConnectMap, Maps, NameRule, NameRules, PortMap, RuleError, Transport,
};

/// Where `ip netns` keeps network namespaces.
const NAMESPACES: &str = "/run/netns";

/// What a section says; the rest stays as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    connect: Option<AddressRules>,
    listen: Option<AddressRules>,
    resolve: Option<NameRules>,
    port_maps: Option<Vec<PortMap>>,
    connect_maps: Option<Vec<ConnectMap>>,
    features: Option<Features>,
    namespace: Option<Option<PathBuf>>,
    limits: Vec<Limit>,
}

/// A limit that a section sets.
type Limit = (SetLimit, u32);

type SetLimit = fn(&mut Limits, u32);

impl Overrides {
    /// Reads a section.
    pub(super) fn read(mut section: Section<'_>, mistakes: &mut Mistakes) -> Self {
        let rules = "an array of rules";
        let mut all = Self::default();
        if let Some(item) = section.get("connect") {
            all.connect = list(
                &item,
                rules,
                AddressRule::parse,
                AddressRules::new,
                mistakes,
            );
        }
        if let Some(item) = section.get("listen") {
            all.listen = list(
                &item,
                rules,
                AddressRule::parse,
                AddressRules::new,
                mistakes,
            );
        }
        if let Some(item) = section.get("resolve") {
            all.resolve = list(&item, rules, NameRule::parse, NameRules::new, mistakes);
        }
        if let Some(item) = section.get("port_map") {
            all.port_maps = maps(&item, port_map, mistakes);
        }
        if let Some(item) = section.get("connect_map") {
            all.connect_maps = maps(&item, connect_map, mistakes);
        }
        if let Some(item) = section.get("features") {
            all.features = features(&item, mistakes);
        }
        if let Some(item) = section.get("namespace") {
            all.namespace = item.parsed("the name of a network namespace", namespace, mistakes);
        }
        if let Some(item) = section.get("limits")
            && let Some(section) = item.section(mistakes)
        {
            all.limits = limits(section, mistakes);
        }
        let (path, span) = (section.path.clone(), section.span.clone());
        section.finish(mistakes);
        if let Err(error) = all.maps() {
            mistakes.add(&span, format!("{path}: {error}"));
        }
        all
    }

    fn maps(&self) -> Result<Maps, RuleError> {
        let ports = self.port_maps.clone().unwrap_or_default();
        Maps::new(ports, self.connect_maps.clone().unwrap_or_default())
    }

    /// These, and where they say nothing, those.
    pub(super) fn over(&self, other: &Self) -> Self {
        let (this, other) = (self.clone(), other.clone());
        Self {
            connect: this.connect.or(other.connect),
            listen: this.listen.or(other.listen),
            resolve: this.resolve.or(other.resolve),
            port_maps: this.port_maps.or(other.port_maps),
            connect_maps: this.connect_maps.or(other.connect_maps),
            features: this.features.or(other.features),
            namespace: this.namespace.or(other.namespace),
            // Later ones count.
            limits: other.limits.into_iter().chain(this.limits).collect(),
        }
    }

    /// What holds for a domain, where they say nothing what is built in.
    pub(super) fn settings(&self) -> DomainSettings {
        let mut settings = DomainSettings::default();
        if let Some(rules) = &self.connect {
            settings.policy.connect = rules.clone();
        }
        if let Some(rules) = &self.listen {
            settings.policy.listen = rules.clone();
        }
        if let Some(rules) = &self.resolve {
            settings.policy.resolve = rules.clone();
        }
        // Maps that contradict each other were reported when their section was read.
        settings.policy.maps = self.maps().unwrap_or_default();
        if let Some(features) = self.features {
            settings.features = features;
        }
        settings.namespace = self.namespace.clone().flatten();
        for (set, number) in &self.limits {
            set(&mut settings.limits, *number);
        }
        settings
    }
}

/// An array of strings, each of which is a rule.
fn list<R, L>(
    item: &Item<'_>,
    what: &str,
    parse: impl Fn(&str) -> Result<R, RuleError>,
    new: impl FnOnce(Vec<R>) -> Result<L, RuleError>,
    mistakes: &mut Mistakes,
) -> Option<L> {
    let items = item.array(what, mistakes)?;
    let rules: Vec<_> = items
        .iter()
        .map(|item| item.parsed("a rule as a string", &parse, mistakes))
        .collect();
    // Whether the list ends as it must is only worth saying when all its rules are some.
    let rules = rules.into_iter().collect::<Option<Vec<_>>>()?;
    new(rules).map_err(|error| item.wrong(mistakes, error)).ok()
}

/// An array of tables, each of which is a map.
fn maps<M>(
    item: &Item<'_>,
    read: fn(&mut Section<'_>, &mut Mistakes) -> Option<M>,
    mistakes: &mut Mistakes,
) -> Option<Vec<M>> {
    let items = item.array("an array of tables", mistakes)?;
    let read = |item: &Item<'_>| {
        let mut section = item.section(mistakes)?;
        let map = read(&mut section, mistakes);
        section.finish(mistakes);
        map
    };
    Some(items.iter().filter_map(read).collect())
}

fn transport(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<Transport> {
    let what = "\"tcp\" or \"udp\"; both without this key";
    let parse = |text: &str| match text {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        other => Err(format!("{other:?} is not {what}")),
    };
    section.get("transport")?.parsed(what, parse, mistakes)
}

fn missing<'a>(
    section: &mut Section<'a>,
    key: &'static str,
    mistakes: &mut Mistakes,
) -> Option<Item<'a>> {
    let item = section.get(key);
    if item.is_none() {
        mistakes.add(&section.span, format!("{}: {key} is missing", section.path));
    }
    item
}

fn port_map(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<PortMap> {
    let transport = transport(section, mistakes);
    let guest = missing(section, "guest", mistakes);
    let host = missing(section, "host", mistakes);
    let guest = guest?.number(1..=65535, mistakes);
    let host = host?;
    let (address, host_port): (Option<IpAddr>, _) = if host.is_number() {
        let port = host.number(1..=65535, mistakes)?;
        (None, u16::try_from(port).ok()?)
    } else {
        let what = "a port, or an address with one: 8080, \"192.0.2.1:8080\"";
        let socket = host.parsed(what, |text| socket(text, what), mistakes)?;
        (Some(socket.ip()), socket.port())
    };
    Some(PortMap {
        transport,
        guest: u16::try_from(guest?).ok()?,
        host: address,
        host_port,
    })
}

fn connect_map(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<ConnectMap> {
    let what = "an address with a port: \"192.0.2.1:53\", \"[2001:db8::1]:53\"";
    let transport = transport(section, mistakes);
    let guest = missing(section, "guest", mistakes);
    let host = missing(section, "host", mistakes);
    let guest = guest?.parsed(what, |text| socket(text, what), mistakes);
    let host = host?.parsed(what, |text| socket(text, what), mistakes);
    Some(ConnectMap {
        transport,
        guest: guest?,
        host: host?,
    })
}

fn socket(text: &str, what: &str) -> Result<SocketAddr, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("{text:?} is not {what}"))
}

/// The name of a feature in the configuration: its key without the common beginning.
fn feature_name(feature: Feature) -> &'static str {
    let key = feature.key();
    key.strip_prefix("feature-").unwrap_or(key)
}

fn features(item: &Item<'_>, mistakes: &mut Mistakes) -> Option<Features> {
    let names: Vec<_> = Feature::ALL.into_iter().map(feature_name).collect();
    let what = format!("\"all\", or an array of: {}", names.join(", "));
    if item.is_text() {
        let all = |text: &str| match text {
            "all" => Ok(Features::all()),
            other => Err(format!("{other:?} is not {what}")),
        };
        return item.parsed(&what, all, mistakes);
    }
    let feature = |text: &str| {
        let mut all = Feature::ALL.into_iter();
        let known = all.find(|feature| feature_name(*feature) == text);
        known.ok_or_else(|| format!("no feature {text:?}; there are {}", names.join(", ")))
    };
    let items = item.array(&what, mistakes)?;
    let chosen: Vec<_> = items
        .iter()
        .map(|item| item.parsed("the name of a feature", feature, mistakes))
        .collect();
    chosen.into_iter().collect()
}

/// A namespace: its name, its path, or "" for the daemon's own.
fn namespace(text: &str) -> Result<Option<PathBuf>, String> {
    match text {
        "" => Ok(None),
        _ if Path::new(text).is_absolute() => Ok(Some(text.into())),
        _ if text.contains('/') || text.starts_with('.') => Err(format!(
            "{text:?} is neither a name in {NAMESPACES}, nor an absolute path, nor \"\" (the daemon's own)"
        )),
        name => Ok(Some(Path::new(NAMESPACES).join(name))),
    }
}

fn limits(mut section: Section<'_>, mistakes: &mut Mistakes) -> Vec<Limit> {
    const MANY: u32 = 1 << 20;
    let setters: [(&str, RangeInclusive<u32>, SetLimit); 11] = [
        ("sockets", 1..=MANY, |limits, n| limits.sockets = n),
        ("listeners", 0..=MANY, |limits, n| limits.listeners = n),
        ("backlog", 1..=65535, |limits, n| limits.backlog = n),
        ("pending_connects", 1..=MANY, |limits, n| {
            limits.pending_connects = n
        }),
        ("pending_lookups", 0..=1024, |limits, n| {
            limits.pending_lookups = n
        }),
        ("mapped_pages", 4..=1 << 24, |limits, n| {
            limits.mapped_pages = n
        }),
        ("max_page_order", 1..=9, |limits, n| {
            limits.max_page_order = u8::try_from(n).unwrap_or(9);
        }),
        ("commands_per_second", 1..=10_000_000, |limits, n| {
            limits.commands_per_second = n
        }),
        ("autotuned_sockets", 0..=1_000_000, |limits, n| {
            limits.autotuned_sockets = n;
        }),
        ("linger_seconds", 0..=3600, |limits, n| {
            limits.linger = Duration::from_secs(n.into())
        }),
        ("audit_lines_per_second", 0..=100_000, |limits, n| {
            limits.audit_lines_per_second = n;
        }),
    ];
    let mut set: Vec<Limit> = Vec::new();
    for (key, range, setter) in setters {
        let number = section
            .get(key)
            .and_then(|item| item.number(range, mistakes));
        set.extend(number.map(|number| (setter, number)));
    }
    if let Some(item) = section.get("socket_buffer_bytes") {
        set.extend(socket_buffer(&item, mistakes));
    }
    section.finish(mistakes);
    set
}

fn socket_buffer(item: &Item<'_>, mistakes: &mut Mistakes) -> Option<Limit> {
    if item.is_text() {
        let what = "\"kernel\" for what the kernel finds right, or a number";
        let parse = |text: &str| match text {
            "kernel" => Ok(()),
            other => Err(format!("{other:?} is not {what}")),
        };
        item.parsed(what, parse, mistakes)?;
        return Some((|limits, _| limits.socket_buffer_bytes = None, 0));
    }
    let bytes = item.number(4096..=1 << 30, mistakes)?;
    Some((|limits, n| limits.socket_buffer_bytes = Some(n), bytes))
}
