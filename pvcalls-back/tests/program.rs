//! The program `pvcallsd`, as a shell sees it: what needs no Xen.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pvcalls_back::metrics::{Address, Bound, Server};

fn pvcallsd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pvcallsd"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// An endpoint whose numbers grow with every scrape.
fn endpoint() -> Address {
    let bound = Bound::bind(&"127.0.0.1:0".parse().unwrap(), None).unwrap();
    let address = bound.local().clone();
    let scrapes = AtomicU64::new(0);
    let numbers = move || {
        let scrape = scrapes.fetch_add(1, Ordering::Relaxed);
        let (busy, idle) = (scrape << 30, scrape << 10);
        format!(
            "pvcalls_build_info{{version=\"1\"}} 1\n\
             pvcalls_sent_bytes_total{{domain=\"3\",device=\"0\"}} {idle}\n\
             pvcalls_sent_bytes_total{{domain=\"5\",device=\"0\"}} {busy}\n\
             pvcalls_sockets{{domain=\"5\",device=\"0\"}} 2\n"
        )
    };
    let server = Server::new(bound, Arc::new(numbers)).unwrap();
    std::thread::spawn(move || server.serve());
    address
}

#[test]
fn the_version_is_the_crates() {
    let output = pvcallsd(&["--version"]);
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        concat!("pvcallsd ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_packaged_configuration_has_no_mistakes() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/pvcallsd.toml");
    let output = pvcallsd(&["--check-config", file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("no mistakes"));
}

#[test]
fn mistakes_are_told_with_their_lines_and_fail() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    std::fs::write(&file, "[daemon]\nusr = \"x\"\nworkers = 0\n").unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        &["--check-config", file][..],
        &["--config", file],
        &["run", "--config", file],
    ] {
        let output = pvcallsd(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        for line in [2, 3] {
            let start = format!("{file}:{line}: daemon.");
            let told = text(&output.stderr)
                .lines()
                .any(|one| one.starts_with(&start));
            assert!(told, "{arguments:?}: no {start}: {}", text(&output.stderr));
        }
    }
    let output = pvcallsd(&["--check-config", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/file"));
}

#[test]
fn what_the_host_lacks_is_a_warning_of_the_check() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    let config =
        "[daemon]\nuser = \"no-such-user\"\n[default]\nnamespace = \"no-such-namespace\"\n";
    std::fs::write(&file, config).unwrap();
    let output = pvcallsd(&["--check-config", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let warnings = text(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("WARNING"));
    let warnings: Vec<&str> = warnings.collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no-such-user") && warnings[1].contains("no-such-namespace"));
}

#[test]
fn top_shows_the_busiest_domain_first_and_ends() {
    let address = endpoint().to_string();
    let output = pvcallsd(&["top", "--once", "--interval", "0.2", "--metrics", &address]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let first: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(first, ["pvcallsd", "DOMAIN", "5", "3", "all"], "{shown}");
    assert!(shown.contains(" Gi") && !shown.contains('\x1b'), "{shown}");
}

#[test]
fn top_without_a_daemon_says_what_is_missing() {
    let output = pvcallsd(&["top", "--once", "--metrics", "unix:/no/such/socket"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("unix:/no/such/socket") && told.contains("does pvcallsd run?"),
        "{told}"
    );
}

#[test]
fn top_in_batches_ends_with_its_reader() {
    let address = endpoint().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pvcallsd"))
        .args(["top", "--batch", "--interval", "0.1", "--metrics", &address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let heads = lines
        .by_ref()
        .filter(|line| line.as_ref().unwrap().starts_with("DOMAIN"));
    assert_eq!(heads.take(3).count(), 3);
    drop(lines);
    assert!(child.wait().unwrap().success());
}
