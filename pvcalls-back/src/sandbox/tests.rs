//! What is left after entering, tried by real processes.
//!
//! Each test starts this test program again as a child that runs [`child`] alone; what the child
//! does there, it does in a thread that has entered, and prints. So nothing confines the test
//! runner, and a call that ends the process ends the child.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

mod tasks;

/// The variable that tells the child what to do.
const TASK: &str = "PVCALLS_SANDBOX_TASK";

/// Runs a task in a child.
fn run(task: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "sandbox::tests::child",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, task)
        .output()
        .unwrap()
}

/// What a task that ends has to say.
#[track_caller]
fn told(task: &str) -> String {
    let output = run(task);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{task}: {:?}\n{text}\n{errors}",
        output.status
    );
    text
}

/// Not a test by itself: the child's side.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    // The runner has begun a line.
    println!("\n{}", tasks::run(&task));
}

/// Whether a line is there.
#[track_caller]
fn expect(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            text.lines().any(|one| one == *line),
            "no line {line:?} in\n{text}"
        );
    }
}

const EPERM: i32 = libc::EPERM;
const EACCES: i32 = libc::EACCES;

#[test]
fn a_worker_can_open_nothing_and_become_nobody_else() {
    let text = told("worker");
    let denied = |name: &str| format!("{name}: {EPERM}");
    for name in [
        "read", "write", "remove", "unix", "raw", "thread", "io_uring", "root", "code",
    ] {
        expect(&text, &[&denied(name)]);
    }
    if rustix::process::geteuid().is_root() {
        assert!(
            text.contains("user nobody, capabilities none, no-new-privileges on"),
            "{text}"
        );
    }
    assert!(text.contains("seccomp on"), "{text}");
}

#[test]
fn a_worker_can_do_its_work() {
    let text = told("data");
    expect(
        &text,
        &[
            "echo: ok",
            "serve: ok",
            "datagram: ok",
            "wait: ok",
            "memory: ok",
        ],
    );
}

#[test]
fn what_only_an_intruder_calls_ends_the_process() {
    for task in ["exec", "ptrace"] {
        let output = run(task);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{task}: {text}");
        assert!(!text.contains("went on"), "{task}: {text}");
    }
}

#[test]
fn control_reads_its_configuration_and_removes_its_socket_and_no_more() {
    let text = told("control");
    expect(&text, &["config: ok", "remove: ok"]);
    expect(&text, &[&format!("connect: {EPERM}")]);
    if text.contains("landlock NO") {
        eprintln!("landlock is not in this kernel: the files were not tried\n{text}");
        return;
    }
    let denied = [
        format!("beside: {EACCES}"),
        format!("change: {EACCES}"),
        format!("new: {EACCES}"),
    ];
    expect(&text, &denied.each_ref().map(String::as_str));
}

#[test]
fn the_resolver_resolves_and_its_threads_are_confined_too() {
    let text = told("resolver");
    expect(&text, &["localhost: ok", "refused: false"]);
    if !rustix::process::geteuid().is_root() {
        return;
    }
    if std::path::Path::new("/etc/shadow").exists() {
        expect(&text, &[&format!("shadow: {EACCES}")]);
    }
    let report = inside_report();
    if report.contains("landlock NO") {
        eprintln!("landlock is not in this kernel: {report}");
        return;
    }
    expect(
        &text,
        &[&format!("write: {EACCES}"), &format!("inherited: {EACCES}")],
    );
}

/// What entering says on this machine.
fn inside_report() -> String {
    told("control")
        .lines()
        .find(|line| line.contains("seccomp"))
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn metrics_come_from_what_was_opened_before() {
    let text = told("metrics");
    expect(&text, &["descriptors: true", "memory: true", "limit: true"]);
    expect(
        &text,
        &[&format!("read: {EPERM}"), &format!("connect: {EPERM}")],
    );
}

#[test]
fn a_panic_in_a_worker_is_told_and_ends_only_the_thread() {
    let output = run("panic");
    assert!(output.status.success(), "{:?}", output.status);
    expect(
        &String::from_utf8_lossy(&output.stdout),
        &["panicked: true"],
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("of the worker"));
}

#[test]
fn a_worker_that_gives_up_ends_the_process_as_any_other() {
    assert_eq!(run("abort").status.signal(), Some(libc::SIGABRT));
}

#[test]
fn entering_is_by_thread_and_the_report_is_of_all() {
    let text = told("threads");
    expect(&text, &["others untouched: true"]);
    if rustix::process::geteuid().is_root() {
        expect(&text, &["then changed: true"]);
    }
    assert!(text.contains("seccomp on"), "{text}");
}

#[test]
fn ports_below_1024_are_for_who_may() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: ports below 1024 were not tried");
        return;
    }
    let text = told("ports");
    expect(&text, &[&format!("false: {EACCES}"), "true: ok"]);
    assert!(text.contains("capabilities NET_BIND_SERVICE"), "{text}");
}

#[test]
fn what_was_not_dropped_is_said() {
    let text = told("off");
    expect(
        &text,
        &[
            "short: landlock NO (switched off)",
            "short: seccomp NO (switched off)",
        ],
    );
}
