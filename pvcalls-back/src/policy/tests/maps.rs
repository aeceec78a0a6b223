//! Maps lead where they say, and back.

use super::*;

proptest! {
    /// What a guest is told about its socket is what it could bind to get that socket.
    #[test]
    fn port_maps_lead_back(which in 0..6_usize, asked in 0..5_usize, transport in transports()) {
        let policy = mapped();
        let port = [80, 443, 53, 81, 8080, 0][which];
        let ip = ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"][asked];
        let at = SocketAddr::new(ip.parse().unwrap(), port);
        if let Verdict::Allow(host) = policy.bind(transport, at) {
            prop_assert_eq!(host.is_ipv4(), at.is_ipv4(), "the family is the one asked for");
            let guest = policy.guest_address(transport, host);
            prop_assert_eq!(guest.port(), port);
            prop_assert_eq!(policy.bind(transport, guest), Verdict::Allow(host));
        }
    }
}

fn port_map(guest: u16, host: Option<&str>, host_port: u16) -> PortMap {
    PortMap {
        transport: None,
        guest,
        host: host.map(|ip| ip.parse().unwrap()),
        host_port,
    }
}

/// Port maps of every kind.
fn mapped() -> Policy {
    let maps = vec![
        port_map(80, Some("192.0.2.1"), 8080),
        port_map(80, Some("2001:db8::1"), 8086),
        port_map(443, None, 8443),
        port_map(53, Some("0.0.0.0"), 5353),
        port_map(81, Some("::"), 8081),
    ];
    Policy {
        maps: Maps::new(maps, Vec::new()).unwrap(),
        ..Policy::default()
    }
}

#[test]
fn port_maps() {
    let policy = mapped();
    for (at, host) in [
        ("0.0.0.0:80", "192.0.2.1:8080"),
        ("192.0.2.1:80", "192.0.2.1:8080"),
        ("[::]:80", "[2001:db8::1]:8086"),
        ("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:8080"),
        ("[::ffff:0.0.0.0]:80", "[::ffff:192.0.2.1]:8080"),
        ("10.0.0.1:443", "10.0.0.1:8443"),
        ("[::]:443", "[::]:8443"),
        ("10.0.0.1:53", "10.0.0.1:5353"),
        ("[::]:53", "[::ffff:0.0.0.0]:5353"),
        ("0.0.0.0:81", "0.0.0.0:8081"),
        ("[::]:8443", "deny"),
        ("0.0.0.0:8080", "deny"),
        ("192.0.2.1:8080", "deny"),
        ("10.0.0.1:80", "deny"),
        ("127.0.0.1:443", "deny"),
        ("[::1]:81", "deny"),
    ] {
        match host {
            "deny" => assert!(denied(&bind(&policy, at)).is_some(), "{at}"),
            host => assert_eq!(bind(&policy, at), allowed(host), "{at}"),
        }
    }
    let guest = |local: &str| {
        policy
            .guest_address(Transport::Tcp, local.parse().unwrap())
            .to_string()
    };
    assert_eq!(guest("192.0.2.1:8080"), "192.0.2.1:80");
    assert_eq!(guest("[::ffff:192.0.2.1]:8080"), "[::ffff:192.0.2.1]:80");
    assert_eq!(guest("10.9.9.9:8443"), "10.9.9.9:443");
    assert_eq!(guest("10.9.9.9:8080"), "10.9.9.9:8080");
    assert_eq!(guest("10.9.9.9:40000"), "10.9.9.9:40000");
}

#[test]
fn connect_maps() {
    let map = ConnectMap {
        transport: Some(Transport::Udp),
        guest: "[::ffff:10.0.0.1]:53".parse().unwrap(),
        host: "[::ffff:127.0.0.53]:53".parse().unwrap(),
    };
    let policy = Policy {
        connect: AddressRules::parse(&["allow 127.0.0.53", "deny any"]).unwrap(),
        maps: Maps::new(Vec::new(), vec![map]).unwrap(),
        ..Policy::default()
    };
    let to = |to: &str| policy.connect(Transport::Udp, to.parse().unwrap());
    assert_eq!(to("10.0.0.1:53"), allowed("127.0.0.53:53"));
    assert_eq!(
        to("[::ffff:10.0.0.1]:53"),
        allowed("[::ffff:127.0.0.53]:53")
    );
    assert_eq!(denied(&to("10.0.0.1:54")), Some("deny any"));
    assert_eq!(denied(&tcp(&policy, "10.0.0.1:53")), Some("deny any"));
    // The host's side answers under the guest's name, so it is not reached by its own.
    assert!(denied(&to("127.0.0.53:53")).is_some_and(|rule| rule.starts_with("connect_map")));
    assert_eq!(tcp(&policy, "127.0.0.53:53"), allowed("127.0.0.53:53"));
    let peer = |peer: &str| {
        policy
            .guest_peer(Transport::Udp, peer.parse().unwrap())
            .to_string()
    };
    assert_eq!(peer("127.0.0.53:53"), "10.0.0.1:53");
    assert_eq!(peer("[::ffff:127.0.0.53]:53"), "[::ffff:10.0.0.1]:53");
    assert_eq!(peer("127.0.0.53:54"), "127.0.0.53:54");
}

#[test]
fn maps_that_contradict_each_other_are_refused() {
    let error = |maps: Vec<PortMap>| Maps::new(maps, Vec::new()).unwrap_err().to_string();
    let same_guest = vec![
        port_map(80, Some("192.0.2.1"), 1080),
        port_map(80, None, 1081),
    ];
    assert!(error(same_guest).contains("the same port of the guest"));
    let same_host = vec![
        port_map(80, Some("192.0.2.1"), 1080),
        port_map(81, None, 1080),
    ];
    assert!(error(same_host).contains("the same port of the host"));
    assert!(error(vec![port_map(80, None, 0)]).contains("1 to 65535"));
    let map = |guest: &str, host: &str| ConnectMap {
        transport: None,
        guest: guest.parse().unwrap(),
        host: host.parse().unwrap(),
    };
    let error = |maps: Vec<ConnectMap>| Maps::new(Vec::new(), maps).unwrap_err().to_string();
    assert!(error(vec![map("10.0.0.1:53", "[::1]:53")]).contains("both are IPv4 or both IPv6"));
    let same_guest = vec![
        map("10.0.0.1:53", "10.1.0.1:53"),
        map("10.0.0.1:53", "10.1.0.2:53"),
    ];
    assert!(error(same_guest).contains("the same guest address"));
    let same_host = vec![
        map("10.0.0.1:53", "10.1.0.1:53"),
        map("10.0.0.2:53", "10.1.0.1:53"),
    ];
    assert!(error(same_host).contains("the same host address"));
}
