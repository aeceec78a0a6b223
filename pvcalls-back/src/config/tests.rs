//! The file as people write it, right and wrong.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::features::Feature;
use crate::policy::{Transport, Verdict};

#[track_caller]
fn parsed(text: &str) -> Config {
    match Config::parse(text) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn mistakes(text: &str) -> Vec<String> {
    Config::parse(text).unwrap_err().mistakes
}

fn connects(config: &Config, domain: &str, to: &str) -> bool {
    let policy = &config.for_domain(domain).policy;
    let verdict = policy.connect(Transport::Tcp, to.parse().unwrap());
    matches!(verdict, Verdict::Allow(_))
}

#[test]
fn an_empty_file_is_the_default() {
    let config = parsed("");
    assert_eq!(config.daemon, Daemon::default());
    let settings = config.for_domain("web");
    assert_eq!(settings.name, "web");
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.features, Features::all());
    assert_eq!(settings.namespace, None);
    assert!(config.namespaces().is_empty() && !config.privileged_ports());
    assert!(connects(&config, "web", "192.0.2.1:80"));
    assert!(!connects(&config, "web", "127.0.0.1:80"));
}

#[test]
fn domains_override_the_default_field_by_field() {
    let config = parsed(
        r#"
        [default]
        connect = ["deny 10.0.0.0/8", "allow any"]
        listen = ["deny any"]
        features = ["names", "udp"]
        namespace = "guests"
        limits = { sockets = 100, linger_seconds = 5 }

        [domain."ci-*"]
        connect = ["allow 192.0.2.1", "deny any"]

        [domain.ci-7.limits]
        sockets = 200
        socket_buffer_bytes = "kernel"

        [domain."odd name 'ü'"]
        namespace = ""
        features = "all"
        "#,
    );
    let seven = config.for_domain("ci-7");
    assert_eq!(
        (seven.limits.sockets, seven.limits.linger),
        (200, Duration::from_secs(5))
    );
    assert_eq!(seven.limits.socket_buffer_bytes, None);
    assert_eq!(seven.namespace, Some("/run/netns/guests".into()));
    assert!(seven.features.has(Feature::Udp) && !seven.features.has(Feature::Ipv6));
    // Its own section, not that of the pattern.
    assert!(connects(&config, "ci-7", "198.51.100.1:1"));
    assert!(!connects(&config, "ci-7", "10.0.0.1:1"));
    assert!(!connects(&config, "ci-8", "198.51.100.1:1"));
    assert!(connects(&config, "ci-8", "192.0.2.1:1"));
    assert_eq!(config.for_domain("ci-8").limits.sockets, 100);
    let at = "0.0.0.0:8080".parse().unwrap();
    let verdict = config.for_domain("ci-8").policy.bind(Transport::Tcp, at);
    assert!(matches!(verdict, Verdict::Deny(_)));
    let sections: Vec<String> = config.sections().map(|(heading, _)| heading).collect();
    let ours = [
        "[default]",
        "[domain.\"ci-*\"]",
        "[domain.\"ci-7\"]",
        "[domain.\"odd name 'ü'\"]",
    ];
    assert_eq!(sections, ours);
    let odd = config.for_domain("odd name 'ü'");
    assert_eq!(
        (odd.namespace.clone(), odd.features),
        (None, Features::all())
    );
    assert_eq!(config.namespaces(), [PathBuf::from("/run/netns/guests")]);
}

#[test]
fn maps_and_privileged_ports() {
    let config = parsed(
        r#"
        [[domain.web.port_map]]
        guest = 80
        host = "192.0.2.1:8080"
        [[domain.web.port_map]]
        transport = "udp"
        guest = 53
        host = 5353
        [[domain.dns.connect_map]]
        transport = "udp"
        guest = "10.0.0.1:53"
        host = "127.0.0.53:53"
        "#,
    );
    let web = &config.for_domain("web").policy;
    let verdict = web.bind(Transport::Tcp, "0.0.0.0:80".parse().unwrap());
    assert_eq!(verdict, Verdict::Allow("192.0.2.1:8080".parse().unwrap()));
    let verdict = web.bind(Transport::Udp, "0.0.0.0:53".parse().unwrap());
    assert_eq!(verdict, Verdict::Allow("0.0.0.0:5353".parse().unwrap()));
    let dns = &config.for_domain("dns").policy;
    let verdict = dns.connect(Transport::Udp, "10.0.0.1:53".parse().unwrap());
    assert_eq!(verdict, Verdict::Allow("127.0.0.53:53".parse().unwrap()));
    assert!(!config.privileged_ports());
    assert!(
        parsed("[domain.a]\nlisten = [\"allow tcp any:443\", \"deny any\"]").privileged_ports()
    );
    assert!(parsed("[[default.port_map]]\nguest = 80\nhost = 1023").privileged_ports());
    assert!(!parsed("[[default.port_map]]\nguest = 80\nhost = 1024").privileged_ports());
}

#[test]
fn the_daemon() {
    let config = parsed(
        r#"
        [daemon]
        user = "somebody"
        group = "some"
        workers = 3
        metrics = "[::1]:9477"
        sandbox = false
        log_format = "json"
        log_filter = "warn,pvcallsd::audit=info"
        "#,
    );
    let expected = Daemon {
        user: Some("somebody".into()),
        group: Some("some".into()),
        workers: Some(3),
        metrics: Some("[::1]:9477".parse().unwrap()),
        sandbox: false,
        log_format: LogFormat::Json,
        log_filter: "warn,pvcallsd::audit=info".into(),
    };
    assert_eq!(config.daemon, expected);
    assert_eq!(parsed("[daemon]\nmetrics = \"off\"").daemon.metrics, None);
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_is_allowed() {
    let text = r#"
[daemon]
workers = 0
colour = "red"
metrics = "here"
[default]
connect = ["allow 10.0.0.1/8", "permit any"]
listen = ["allow any:80"]
features = ["names", "smell"]
limits = { sockets = "many", max_page_order = 10 }
namespace = "../x"
[[default.port_map]]
guest = 80
[domain]
web = 1
[domain.dns]
conect = []
[[domain.dns.connect_map]]
guest = "10.0.0.1:53"
host = "[::1]:53"
[extra]
"#;
    let found = mistakes(text);
    let expected = [
        ("config:3: daemon.workers: ", "1 to 256, not 0"),
        ("config:4: daemon.colour: ", "user, group, workers"),
        ("config:5: daemon.metrics: ", "unix:/path"),
        ("config:7: default.connect: ", "10.0.0.0/8"),
        (
            "config:7: default.connect: ",
            "begins with \"allow \" or \"deny \"",
        ),
        (
            "config:8: default.listen: ",
            "ends with \"allow any\" or \"deny any\"",
        ),
        ("config:9: default.features: ", "shutdown, names"),
        (
            "config:10: default.limits.sockets: ",
            "a whole number from 1 to",
        ),
        ("config:10: default.limits.max_page_order: ", "from 1 to 9"),
        ("config:11: default.namespace: ", "absolute path"),
        ("config:12: default.port_map: ", "host is missing"),
        ("config:15: domain.\"web\": ", "a table"),
        ("config:16: domain.\"dns\": ", "both are IPv4 or both IPv6"),
        ("config:17: domain.\"dns\".conect: ", "connect, listen"),
        ("config:21: extra: ", "daemon, default, domain"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (start, what)) in found.iter().zip(expected) {
        assert!(
            found.starts_with(start) && found.contains(what),
            "{found}: {start}... {what}"
        );
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let found = mistakes("[daemon]\nuser = \"a\nworkers = \n");
    assert!(found[0].starts_with("config:2: "), "{found:?}");
    assert!(
        found.iter().any(|one| one.starts_with("config:3: ")),
        "{found:?}"
    );
}

#[test]
fn files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pvcallsd.toml");
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("pvcallsd.toml: "), "{error}");
    std::fs::write(&path, "[daemon]\nworkers = 2\n").unwrap();
    assert_eq!(Config::load(&path).unwrap().daemon.workers, Some(2));
    std::fs::write(&path, "[daemon]\nworkers = no\n").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("pvcallsd.toml:2: "), "{error}");
}

#[test]
fn patterns() {
    for (pattern, name, fit) in [
        ("*", "", true),
        ("*", "any", true),
        ("web-*", "web-1", true),
        ("web-*", "web-", true),
        ("web-*", "aweb-1", false),
        ("*-db", "a-db", true),
        ("*-db", "a-db2", false),
        ("a*b*c", "abc", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("ab*ba", "aba", false),
        ("a*bc*c", "abc", false),
        ("é*", "éa", true),
        ("plain", "plain", true),
        ("plain", "plain2", false),
    ] {
        assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
    }
    let config = parsed(
        "[domain.'a*']\nlimits.sockets = 1\n[domain.'a*b']\nlimits.sockets = 2\n[domain.'*ab']\nlimits.sockets = 3\n[domain.'a*b*']\nlimits.sockets = 4",
    );
    let sockets = |name| config.for_domain(name).limits.sockets;
    assert_eq!((sockets("ac"), sockets("acb"), sockets("abc")), (1, 4, 4));
    let config = parsed("[domain.'*b']\nlimits.sockets = 1\n[domain.'a*']\nlimits.sockets = 2");
    assert_eq!(
        config.for_domain("ab").limits.sockets,
        1,
        "the first in the alphabet"
    );
    assert_eq!(
        (sockets("xab"), sockets("x")),
        (3, Limits::default().sockets)
    );
}

/// The example is what it says: valid, and with every key.
#[test]
fn the_example_is_valid_with_and_without_its_comments() {
    let text = include_str!("../../pvcallsd.toml");
    let config = parsed(text);
    assert_eq!(config.daemon, Daemon::default());
    let settings = config.for_domain("any");
    assert_eq!(settings.limits, Limits::default());
    // A key that is commented out is `#key = ...`; prose is `# ...`.
    let keys: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.is_empty() && !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = parsed(&keys);
    let all = config.for_domain("any");
    assert_eq!(
        all.limits,
        Limits::default(),
        "the example shows the defaults"
    );
    for key in [
        "user",
        "group",
        "workers",
        "metrics",
        "sandbox",
        "log_format",
        "log_filter",
        "connect",
        "listen",
        "resolve",
        "features",
        "namespace",
        "sockets",
        "listeners",
        "backlog",
        "pending_connects",
        "pending_lookups",
        "mapped_pages",
        "max_page_order",
        "commands_per_second",
        "socket_buffer_bytes",
        "autotuned_sockets",
        "linger_seconds",
        "audit_lines_per_second",
        "port_map",
        "connect_map",
    ] {
        assert!(keys.contains(key), "{key} is not in the example");
        let doc = include_str!("../../../docs/policy.md");
        assert!(
            doc.contains(&format!("`{key}`")),
            "{key} is not in docs/policy.md"
        );
    }
}

/// Every example in `docs/policy.md` is a configuration.
#[test]
fn the_documented_examples_are_valid() {
    let doc = include_str!("../../../docs/policy.md");
    let examples: Vec<&str> = doc
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let config = parsed(example);
        if let Some((_, comment)) = example.split_once("# ")
            && let Some((mib, _)) = comment.split_once(" MiB at worst")
        {
            let worst = config.for_domain("any").limits.worst_case().unwrap();
            assert_eq!(mib, (worst.total().div_ceil(1 << 20)).to_string());
        }
    }
}

/// What `docs/policy.md` says one domain costs at worst.
#[test]
fn the_worst_case_is_the_documented_one() {
    let doc = include_str!("../../../docs/policy.md");
    let worst = Limits::default().worst_case().unwrap();
    for (what, bytes) in [
        ("buffers", worst.buffers),
        ("sockets", worst.sockets),
        ("mappings", worst.mappings),
        ("all", worst.total()),
    ] {
        let line = format!("| {what} | {} MiB |", bytes.div_ceil(1 << 20));
        assert!(doc.contains(&line), "docs/policy.md lacks: {line}");
    }
    let limits = Limits {
        sockets: 10,
        listeners: 2,
        backlog: 5,
        mapped_pages: 100,
        socket_buffer_bytes: Some(1000),
        autotuned_sockets: 3,
        ..Limits::default()
    };
    let expected = WorstCase {
        buffers: 7 * 2 * 2000 + 3 * (10 << 20) + 2 * 5 * 2000,
        sockets: 20 * 8192,
        mappings: 100 * 512,
    };
    assert_eq!(limits.worst_case(), Some(expected));
    let unbounded = Limits {
        socket_buffer_bytes: None,
        ..limits
    };
    assert_eq!(unbounded.worst_case(), None);
}

proptest! {
    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(
        lines in prop::collection::vec(
            prop_oneof![
                "\\[(daemon|default|domain\\.[a-z*\"]{1,4}|default\\.limits)\\]",
                "(user|workers|connect|listen|features|sockets|namespace|limits|port_map) = [0-9a-z\\[\\]{}\"=, .:/-]{0,16}",
                "\\PC{0,12}",
            ],
            0..8,
        ),
    ) {
        let _ = Config::parse(&lines.join("\n"));
    }
}
