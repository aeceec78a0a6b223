//! What users write.

use std::format;
use std::prelude::v1::*;

use crate::{BadHosts, BadServers, Host, Hosts, Name, NotAName, Servers};

fn name(text: &str) -> Name {
    Name::parse(text).expect(text)
}

#[test]
fn literals_are_addresses_and_localhost_is_known() {
    for text in [
        "127.0.0.1",
        "192.0.2.1",
        "::1",
        "2001:db8::1",
        "::ffff:192.0.2.1",
    ] {
        let address = text.parse().expect(text);
        assert_eq!(Host::parse(text), Ok(Host::Address(address)));
    }
    for text in ["localhost", "LocalHost", "localhost.", "db.localhost"] {
        assert_eq!(Host::parse(text), Ok(Host::Localhost), "{text}");
    }
    for text in ["localhost.example.org", "notlocalhost", "example.org"] {
        assert_eq!(Host::parse(text), Ok(Host::Name(name(text))));
    }
    assert_eq!(name("WWW.Example.ORG.").as_str(), "www.example.org");
}

#[test]
fn what_cannot_be_a_name() {
    let long_label = format!("{}.org", "a".repeat(64));
    let label = "a".repeat(63);
    let longest = [&label[..], &label, &label, &label[..61]].join(".");
    let too_long = format!("{longest}a");
    assert_eq!(longest.len(), 253);
    assert!(Host::parse(&longest).is_ok());
    for (text, error) in [
        ("", NotAName::Empty),
        (".", NotAName::Empty),
        (&too_long, NotAName::TooLong),
        (&long_label, NotAName::TooLong),
        ("a..b", NotAName::EmptyLabel),
        (".a", NotAName::EmptyLabel),
        ("a..", NotAName::EmptyLabel),
        ("a b", NotAName::Character(' ')),
        ("[::1]", NotAName::Character('[')),
        ("fe80::1%eth0", NotAName::Character(':')),
        ("bücher.example", NotAName::Character('ü')),
        ("a\0b", NotAName::Character('\0')),
        ("127.1", NotAName::Number),
        ("1.2.3.4.5", NotAName::Number),
        ("256.0.0.1", NotAName::Number),
        ("8080", NotAName::Number),
    ] {
        assert_eq!(Host::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_list_of_hosts() {
    let text = "db=192.0.2.7, web.example=192.0.2.8,DB.=2001:db8::7,,";
    let hosts = Hosts::parse(text).expect("a list");
    let addresses = |text: &str| -> Vec<String> {
        let name = name(text);
        hosts.addresses(&name).map(|it| it.to_string()).collect()
    };
    assert_eq!(addresses("Db"), ["192.0.2.7", "2001:db8::7"]);
    assert_eq!(addresses("web.example"), ["192.0.2.8"]);
    assert!(addresses("web").is_empty());
    assert_eq!(Hosts::parse(""), Ok(Hosts::default()));
    let error = |text: &str| Hosts::parse(text).expect_err("no list");
    assert_eq!(error("db=1.2.3.4,web"), BadHosts::NoAddress("web".into()));
    assert_eq!(error("db=1.2.3"), BadHosts::Address("db=1.2.3".into()));
    let odd = BadHosts::Name("d b=1.2.3.4".into(), NotAName::Character(' '));
    assert_eq!(error("d b=1.2.3.4"), odd);
}

#[test]
fn a_list_of_servers() {
    let text = "192.0.2.1, 192.0.2.2:5353,2001:db8::1,[2001:db8::2],[2001:db8::3]:54,";
    let servers = Servers::parse(text).expect("a list");
    let shown: Vec<String> = servers.as_slice().iter().map(|it| it.to_string()).collect();
    let expected = [
        "192.0.2.1:53",
        "192.0.2.2:5353",
        "[2001:db8::1]:53",
        "[2001:db8::2]:53",
        "[2001:db8::3]:54",
    ];
    assert_eq!(shown, expected);
    assert_eq!(Servers::parse(""), Ok(Servers::default()));
    for text in [
        "dns.example",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "[192.0.2.1]",
        "[]",
    ] {
        assert_eq!(Servers::parse(text), Err(BadServers::Address(text.into())));
    }
    let many = ["192.0.2.1"; 9].join(",");
    assert_eq!(Servers::parse(&many), Err(BadServers::TooMany));
    assert!(Servers::parse(&many[10..]).is_ok());
}
