//! Rules about addresses: `allow|deny [tcp|udp] any|NETWORK[:PORTS]`, first match wins.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Transport;
use super::address::{Address, Guards, Network};

/// What decided, in words: a line of the configuration, or what is built in. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Text);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Written(Arc<str>),
    BuiltIn(&'static str),
}

impl Rule {
    pub(super) fn written(text: &str) -> Self {
        Self(Text::Written(text.into()))
    }

    pub(super) const fn built_in(text: &'static str) -> Self {
        Self(Text::BuiltIn(text))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Written(text) => text,
            Text::BuiltIn(text) => text,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a rule, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(pub(super) String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

/// The parts of a rule that begins with `allow` or `deny`.
pub(super) fn allow_or_deny(text: &str) -> Result<(bool, &str), RuleError> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let allow = match word {
        "allow" => true,
        "deny" => false,
        _ => {
            let what = "a rule begins with \"allow \" or \"deny \"";
            return Err(RuleError(format!("{text:?}: {what}")));
        }
    };
    Ok((allow, rest.trim()))
}

/// One rule about addresses.
#[derive(Clone, Debug)]
pub struct AddressRule {
    rule: Rule,
    allow: bool,
    transport: Option<Transport>,
    /// None: all of both families.
    network: Option<Network>,
    /// Empty: all.
    ports: Vec<RangeInclusive<u16>>,
    /// The guards that the network lies within.
    opens: Guards,
}

impl AddressRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// It is none; the error says what is allowed.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let (allow, rest) = allow_or_deny(text)?;
        let (transport, rest) = match rest.split_once(' ') {
            Some(("tcp", rest)) => (Some(Transport::Tcp), rest.trim()),
            Some(("udp", rest)) => (Some(Transport::Udp), rest.trim()),
            _ => (None, rest),
        };
        let wrong = |what: &str| RuleError(format!("{text:?}: {what}"));
        let (network, ports) = network_and_ports(rest).map_err(|what| wrong(&what))?;
        let network = match network {
            "any" => None,
            network => Some(Network::parse(network).map_err(|what| wrong(&what))?),
        };
        let ports = match ports {
            None => Vec::new(),
            Some(ports) => parse_ports(ports).map_err(|what| wrong(&what))?,
        };
        Ok(Self {
            rule: Rule::written(text),
            allow,
            transport,
            network,
            ports,
            opens: network.map(Guards::around).unwrap_or_default(),
        })
    }

    /// Whether it is `allow any` or `deny any`.
    fn is_last(&self) -> bool {
        self.network.is_none() && self.transport.is_none() && self.ports.is_empty()
    }

    fn matches(&self, transport: Transport, address: Address, port: u16) -> bool {
        self.transport.is_none_or(|one| one == transport)
            && self.network.is_none_or(|network| network.has(address))
            && (self.ports.is_empty() || self.ports.iter().any(|range| range.contains(&port)))
    }
}

/// Takes `10.0.0.0/8:80,443`, `[2001:db8::/32]:443`, `2001:db8::1` or `any:53` apart.
fn network_and_ports(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((network, "")) => Ok((network, None)),
            Some((network, ports)) if ports.starts_with(':') => Ok((network, ports.get(1..))),
            _ => Err("an IPv6 address with ports is written [2001:db8::/32]:443".into()),
        };
    }
    match text.split_once(':') {
        // More than one colon and no brackets: an IPv6 address, all ports.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((network, ports)) => Ok((network, Some(ports))),
        None if text.is_empty() => {
            Err("what it is about is missing: \"any\" or a network, then :PORTS if need be".into())
        }
        None => Ok((text, None)),
    }
}

/// Reads `80,443,8000-8099`.
fn parse_ports(text: &str) -> Result<Vec<RangeInclusive<u16>>, String> {
    let wrong = || format!("the ports {text:?} are not like 80 or 80,443,8000-8099");
    let port = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<u16>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    text.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let range = port(first)?..=port(last)?;
            if range.is_empty() {
                Err(wrong())
            } else {
                Ok(range)
            }
        })
        .collect()
}

/// Which way a list of rules looks: it decides what is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To a destination.
    To,
    /// At an address of the host.
    At,
}

/// A list of rules about addresses. The first that matches decides; what is guarded is open only
/// to rules that name it. The default allows what is not guarded.
#[derive(Clone, Debug)]
pub struct AddressRules(Arc<[AddressRule]>);

impl Default for AddressRules {
    fn default() -> Self {
        let any = AddressRule {
            rule: Rule::built_in("allow any"),
            allow: true,
            transport: None,
            network: None,
            ports: Vec::new(),
            opens: Guards::default(),
        };
        Self([any].into())
    }
}

impl AddressRules {
    /// A list.
    ///
    /// # Errors
    /// Its last rule, and only its last, must be `allow any` or `deny any`: so nobody has to know
    /// what happens to an address that no rule matches.
    pub fn new(rules: Vec<AddressRule>) -> Result<Self, RuleError> {
        check_end(&rules, |rule| (rule.is_last(), &rule.rule))?;
        Ok(Self(rules.into()))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// A rule is none, or [`AddressRules::new`] refuses the list.
    pub fn parse(rules: &[&str]) -> Result<Self, RuleError> {
        Self::new(
            rules
                .iter()
                .map(|text| AddressRule::parse(text))
                .collect::<Result<_, _>>()?,
        )
    }

    /// Decides; the rule that forbids it if one does.
    pub(super) fn check(
        &self,
        direction: Direction,
        transport: Transport,
        socket: SocketAddr,
    ) -> Result<(), Rule> {
        let (address, port) = (Address::of(socket.ip()), socket.port());
        let guard = match direction {
            Direction::To => address.guard_to(),
            Direction::At => address.guard_at(),
        };
        let privileged = direction == Direction::At && (1..1024).contains(&port);
        for rule in self
            .0
            .iter()
            .filter(|rule| rule.matches(transport, address, port))
        {
            if !rule.allow {
                return Err(rule.rule.clone());
            }
            let opens_address = guard.is_none_or(|guard| rule.opens.has(guard));
            let opens_port = !privileged || !rule.ports.is_empty();
            if opens_address && opens_port {
                return Ok(());
            }
        }
        Err(Rule::built_in(match guard {
            Some(guard) => guard.rule(),
            None if privileged => "built in: no privileged ports",
            None => "built in: no rule matches",
        }))
    }

    /// Whether a socket may be bound to some port from 1 to 1023.
    pub(super) fn opens_privileged_port(&self) -> bool {
        self.0.iter().any(|rule| {
            let privileged =
                |range: &RangeInclusive<u16>| *range.start() < 1024 && *range.end() > 0;
            rule.allow && rule.ports.iter().any(privileged)
        })
    }
}

/// Checks that the last rule and no other is about everything.
pub(super) fn check_end<T>(
    rules: &[T],
    is_last: impl Fn(&T) -> (bool, &Rule),
) -> Result<(), RuleError> {
    let end = "a list ends with \"allow any\" or \"deny any\"";
    let (ends, before) = match rules.split_last() {
        Some((last, before)) => (is_last(last).0, before),
        None => (false, rules),
    };
    for rule in before {
        if let (true, rule) = is_last(rule) {
            return Err(RuleError(format!(
                "nothing behind \"{rule}\" is ever looked at"
            )));
        }
    }
    if ends {
        Ok(())
    } else {
        Err(RuleError(end.into()))
    }
}

/// What guards an address that a socket would be bound to, for port maps.
pub(super) fn is_guarded_at(address: Address) -> bool {
    address.guard_at().is_some()
}
