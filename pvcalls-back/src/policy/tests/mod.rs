//! The policy as a guest would try to get around it.

mod maps;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::*;

/// All the spellings of an IPv4 address; `rest` fills what a spelling leaves free.
fn spellings(v4: Ipv4Addr, rest: [u16; 5]) -> Vec<IpAddr> {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let [p, q, r, s, t] = rest;
    vec![
        v4.into(),
        v4.to_ipv6_mapped().into(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into(),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low).into(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low).into(),
        Ipv6Addr::new(0x2002, high, low, p, q, r, s, t).into(),
    ]
}

fn transports() -> impl Strategy<Value = Transport> {
    prop_oneof![Just(Transport::Tcp), Just(Transport::Udp)]
}

/// Addresses that are guarded as destinations, in any spelling.
fn guarded() -> impl Strategy<Value = IpAddr> {
    let v4 = prop_oneof![
        any::<[u8; 3]>().prop_map(|[b, c, d]| Ipv4Addr::new(127, b, c, d)),
        any::<[u8; 3]>().prop_map(|[b, c, d]| Ipv4Addr::new(0, b, c, d)),
        any::<[u8; 2]>().prop_map(|[c, d]| Ipv4Addr::new(169, 254, c, d)),
        (224..240_u8, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d)),
        Just(Ipv4Addr::BROADCAST),
    ];
    let spelled = (v4, any::<[u16; 5]>(), any::<prop::sample::Index>())
        .prop_map(|(v4, rest, which)| *which.get(&spellings(v4, rest)));
    let v6 = |first: std::ops::Range<u16>| {
        (first, any::<[u16; 7]>()).prop_map(|(first, [b, c, d, e, f, g, h])| {
            IpAddr::from(Ipv6Addr::new(first, b, c, d, e, f, g, h))
        })
    };
    prop_oneof![
        8 => spelled,
        1 => Just(Ipv6Addr::LOCALHOST.into()),
        1 => Just(Ipv6Addr::UNSPECIFIED.into()),
        1 => v6(0xfe80..0xfec0),
        1 => v6(0xff00..0xffff),
    ]
}

fn denied(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(rule) => Some(rule.as_str()),
    }
}

#[track_caller]
fn tcp(policy: &Policy, to: &str) -> Verdict {
    policy.connect(Transport::Tcp, to.parse().unwrap())
}

#[track_caller]
fn bind(policy: &Policy, at: &str) -> Verdict {
    policy.bind(Transport::Tcp, at.parse().unwrap())
}

#[track_caller]
fn allowed(address: &str) -> Verdict {
    Verdict::Allow(address.parse().unwrap())
}

proptest! {
    /// Neither the default nor rules that allow everything in general open what is guarded.
    #[test]
    fn guarded_addresses_are_reached_in_no_spelling(
        ip in guarded(),
        port: u16,
        transport in transports(),
    ) {
        let to = SocketAddr::new(ip, port);
        let wide = [
            "allow 0.0.0.0/0", "allow ::/0", "allow ::/1", "allow 2002::/16", "allow 64:ff9b::/96",
            "allow 126.0.0.0/7", "allow 169.0.0.0/8", "allow 128.0.0.0/1", "allow fe00::/8",
            "allow tcp any:1-65535", "allow udp any:0-65535", "allow any",
        ];
        let wide = Policy::parse(&wide, &["allow any"]).unwrap();
        prop_assert!(denied(&Policy::default().connect(transport, to)).is_some());
        prop_assert!(denied(&wide.connect(transport, to)).is_some());
    }

    /// Whatever std does not call special, and none of the spellings, is reached by default.
    #[test]
    fn the_rest_is_reached_by_default(bits: u128, v4: bool, port: u16, transport in transports()) {
        let ip = match v4 {
            true => IpAddr::from(Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap())),
            false => IpAddr::from(Ipv6Addr::from_bits(bits)),
        };
        let special = match ip {
            IpAddr::V4(v4) => {
                v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                    || v4.octets()[0] == 0
            }
            IpAddr::V6(v6) => {
                v6.is_unicast_link_local() || v6.is_multicast()
                    || matches!(v6.segments(), [0 | 0x64 | 0x2002, ..])
            }
        };
        prop_assume!(!special);
        let to = SocketAddr::new(ip, port);
        prop_assert_eq!(Policy::default().connect(transport, to), Verdict::Allow(to));
    }

    /// A rule about an IPv4 network is about all spellings of its addresses.
    #[test]
    fn a_denied_network_is_reached_in_no_spelling(
        host in 0..256_u32,
        rest: [u16; 5],
        port: u16,
        transport in transports(),
    ) {
        let policy = Policy::parse(&["deny 192.0.2.0/24", "allow any"], &["allow any"]).unwrap();
        let v4 = Ipv4Addr::from_bits(0xc000_0200 | host);
        for ip in spellings(v4, rest) {
            let verdict = policy.connect(transport, SocketAddr::new(ip, port));
            prop_assert_eq!(denied(&verdict), Some("deny 192.0.2.0/24"), "{}", ip);
        }
    }

    /// The first rule that matches decides, as a plain reading of the list says.
    #[test]
    fn the_first_match_decides(
        rules in prop::collection::vec(
            (any::<bool>(), 0..3_u8, 0..8_u8, 25..=32_u32, 0..4_u16, 0..4_u16), 0..6,
        ),
        last: bool,
        host in 0..8_u8,
        port in 0..6_u16,
        transport in transports(),
    ) {
        let word = |allow| if allow { "allow" } else { "deny" };
        let mut texts = Vec::new();
        let mut expected = None;
        for (allow, kind, net, prefix, first, more) in rules {
            let mask = u32::MAX << (32 - prefix);
            let network = (0xc633_6400 | u32::from(net)) & mask;
            let kind = ["", "tcp ", "udp "][usize::from(kind)];
            let text = format!(
                "{} {kind}{}/{prefix}:{first}-{}", word(allow), Ipv4Addr::from_bits(network), first + more,
            );
            let matches = (kind.is_empty() || kind.trim() == transport.name())
                && (0xc633_6400 | u32::from(host)) & mask == network
                && (first..=first + more).contains(&port);
            if matches && expected.is_none() {
                expected = Some((allow, text.clone()));
            }
            texts.push(text);
        }
        let (allow, text) = expected.unwrap_or((last, format!("{} any", word(last))));
        texts.push(format!("{} any", word(last)));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let policy = Policy::parse(&texts, &["allow any"]).unwrap();
        let to = SocketAddr::from(([198, 51, 100, host], port));
        let verdict = policy.connect(transport, to);
        prop_assert_eq!(denied(&verdict), (!allow).then_some(text.as_str()));
    }

    /// No text makes the reader of rules panic, and what it takes says again what it said.
    #[test]
    fn any_text_is_read_or_refused(text in "(allow|deny|) ?(tcp |udp |)[0-9a-f:./\\[\\],any*-]{0,24}") {
        let _ = AddressRule::parse(&text);
        let _ = NameRule::parse(&text);
    }

    /// Names below a name, and only those, match its pattern.
    #[test]
    fn names_match_by_labels(label in "[a-z]{0,3}", dot in "\\.?", tail in "[a-z]{0,2}") {
        let rules = ["allow *.example.org", "deny any"];
        let rules = rules.iter().map(|text| NameRule::parse(text).unwrap()).collect();
        let rules = NameRules::new(rules).unwrap();
        let name = format!("{label}{dot}Example.ORG{tail}");
        let below = !label.is_empty() && !dot.is_empty() && tail.is_empty();
        prop_assert_eq!(rules.check(&name).is_ok(), below, "{}", name);
        prop_assert_eq!(rules.check(&format!("{name}.")).is_ok(), below, "{}.", name);
    }
}

#[test]
fn naming_a_guarded_address_opens_it_and_no_more() {
    let rules = ["allow 127.0.0.1:8080", "allow 169.254.169.254", "allow any"];
    let policy = Policy::parse(&rules, &["allow any"]).unwrap();
    assert_eq!(tcp(&policy, "127.0.0.1:8080"), allowed("127.0.0.1:8080"));
    assert_eq!(
        tcp(&policy, "[::ffff:127.0.0.1]:8080"),
        allowed("[::ffff:127.0.0.1]:8080")
    );
    assert_eq!(
        tcp(&policy, "169.254.169.254:80"),
        allowed("169.254.169.254:80")
    );
    let loopback = Some("built in: no loopback");
    assert_eq!(denied(&tcp(&policy, "127.0.0.1:8081")), loopback);
    assert_eq!(denied(&tcp(&policy, "127.0.0.2:8080")), loopback);
    assert_eq!(denied(&tcp(&policy, "0.0.0.0:8080")), loopback);
    assert_eq!(
        denied(&tcp(&policy, "169.254.0.1:80")),
        Some("built in: no link-local")
    );
    let rules = [
        "deny 127.0.0.1:22",
        "allow 127.0.0.0/8",
        "allow ::1",
        "deny any",
    ];
    let policy = Policy::parse(&rules, &["allow any"]).unwrap();
    assert_eq!(tcp(&policy, "[::1]:1"), allowed("[::1]:1"));
    assert_eq!(tcp(&policy, "127.9.9.9:22"), allowed("127.9.9.9:22"));
    assert_eq!(
        denied(&tcp(&policy, "127.0.0.1:22")),
        Some("deny 127.0.0.1:22")
    );
    assert_eq!(denied(&tcp(&policy, "192.0.2.1:22")), Some("deny any"));
}

#[test]
fn what_is_guarded_ends_where_it_ends() {
    let policy = Policy::default();
    for to in [
        "1.0.0.0:1",
        "126.255.255.255:1",
        "128.0.0.0:1",
        "169.253.255.255:1",
        "169.255.0.0:1",
        "223.255.255.255:1",
        "240.0.0.0:1",
        "255.255.255.254:1",
        "[fe7f:ffff::1]:1",
        "[fec0::]:1",
        "[feff:ffff::1]:1",
        "[1::]:1",
    ] {
        assert_eq!(tcp(&policy, to), allowed(to));
    }
    for to in [
        "0.255.255.255:1",
        "127.0.0.0:1",
        "127.255.255.255:1",
        "169.254.0.0:1",
        "169.254.255.255:1",
        "224.0.0.0:1",
        "239.255.255.255:1",
        "255.255.255.255:1",
        "[::]:1",
        "[::1]:1",
        "[fe80::]:1",
        "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1",
        "[ff00::]:1",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1",
    ] {
        assert!(denied(&tcp(&policy, to)).is_some(), "{to}");
    }
}

#[test]
fn listening_by_default() {
    let policy = Policy::default();
    for at in [
        "0.0.0.0:0",
        "0.0.0.0:1024",
        "[::]:8080",
        "192.0.2.1:65535",
        "[2001:db8::1]:0",
    ] {
        assert_eq!(bind(&policy, at), allowed(at));
    }
    for at in [
        "0.0.0.0:80",
        "[::]:1023",
        "192.0.2.1:1",
        "[::ffff:0.0.0.0]:80",
    ] {
        let rule = Some("built in: no privileged ports");
        assert_eq!(denied(&bind(&policy, at)), rule, "{at}");
    }
    for at in [
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:0",
        "127.0.0.1:80",
    ] {
        let rule = Some("built in: no loopback");
        assert_eq!(denied(&bind(&policy, at)), rule, "{at}");
    }
    assert!(denied(&bind(&policy, "224.0.0.1:5353")).is_some());
    assert!(denied(&bind(&policy, "[fe80::1]:5353")).is_some());
    assert!(!policy.opens_privileged_port());
}

#[test]
fn a_privileged_port_opens_by_name_only() {
    let listen = [
        "allow 192.0.2.1:80,443",
        "deny tcp any:5000-5999",
        "allow 192.0.2.0/24",
        "allow any",
    ];
    let policy = Policy::parse(&["allow any"], &listen).unwrap();
    assert!(policy.opens_privileged_port());
    assert_eq!(bind(&policy, "192.0.2.1:443"), allowed("192.0.2.1:443"));
    assert!(denied(&bind(&policy, "192.0.2.1:5999")).is_some());
    assert!(denied(&bind(&policy, "192.0.2.1:22")).is_some());
    assert!(denied(&bind(&policy, "0.0.0.0:80")).is_some());
    let udp = policy.bind(Transport::Udp, "0.0.0.0:5353".parse().unwrap());
    assert_eq!(udp, allowed("0.0.0.0:5353"));
    let opens = |rule: &str| {
        let policy = Policy::parse(&["allow any"], &[rule, "allow any"]).unwrap();
        policy.opens_privileged_port()
    };
    assert!(opens("allow udp any:1023") && opens("allow any:0-1"));
    assert!(!opens("deny any:80") && !opens("allow any:0") && !opens("allow any:1024"));
    // Both doors must be opened by the same rule.
    let policy = Policy::parse(
        &["allow any"],
        &["allow any:80", "allow 127.0.0.1", "allow any"],
    );
    assert!(denied(&bind(&policy.unwrap(), "127.0.0.1:80")).is_some());
}

#[test]
fn what_is_no_rule_is_refused_with_what_is_allowed() {
    for (text, says) in [
        ("permit any", "begins with"),
        ("allow", "missing"),
        ("allow sctp any", "not an IPv4 or IPv6 address"),
        ("allow example.org:80", "not an IPv4 or IPv6 address"),
        ("allow 10.0.0.1/8", "10.0.0.0/8"),
        ("allow 10.0.0.0/33", "0 to 32"),
        ("allow 10.0.0.0/+8", "0 to 32"),
        ("allow ::ffff:10.0.0.0/104", "IPv4-mapped"),
        ("allow [2001:db8::1]80", "[2001:db8::/32]:443"),
        ("allow any:", "8000-8099"),
        ("allow any:90-80", "8000-8099"),
        ("allow any:65536", "8000-8099"),
        ("allow any:+80", "8000-8099"),
    ] {
        let error = AddressRule::parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    for (rules, says) in [
        (&[][..], "ends with"),
        (&["deny 10.0.0.0/8"], "ends with"),
        (&["allow any:80"], "ends with"),
        (
            &["allow any", "deny 10.0.0.0/8"],
            "nothing behind \"allow any\"",
        ),
        (&["allow any", "deny any"], "nothing behind \"allow any\""),
    ] {
        let error = AddressRules::parse(rules).unwrap_err().to_string();
        assert!(error.contains(says), "{rules:?}: {error}");
    }
    for text in [
        "allow *",
        "allow *.",
        "allow a*.b",
        "allow -a.b",
        "allow a..b",
        "allow a b",
    ] {
        assert!(NameRule::parse(text).is_err(), "{text}");
    }
}
