//! The tests that need no Xen: `cargo test`, its counts added to ours.

use super::report::Report;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Runs `cargo test` on the workspace's host crates and shows what it prints.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    ui::step("testing what runs on this machine");
    let mut tests = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tests.args(["test", "--quiet", "--no-fail-fast"]);
    tests.current_dir(paths::workspace());
    // What the outer cargo set for this program is not meant for the inner one.
    tests.env_remove("CARGO_BUILD_TARGET");
    cmd::show(&tests);
    let mut child = tests
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let out = child.stdout.take().context("cargo has no output")?;
    let mut sum = Counts::default();
    for line in BufReader::new(out).lines() {
        let line = line.context("cannot read what cargo prints")?;
        match Counts::parse(&line) {
            Some(counts) => sum.add(counts),
            None if line.trim().is_empty() => {}
            None => println!("{line}"),
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() && sum.failed == 0 {
        // It did not even come to the tests.
        sum.failed = 1;
    }
    report.add_host(sum.passed, sum.failed, sum.ignored);
    Ok(())
}

/// What one test binary counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    /// From `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |name: &str| {
            let part = counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(name));
            part.and_then(|number| number.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
        })
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn cargos_summary_is_read() {
        let line = "test result: FAILED. 30 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.65s";
        let counts = Counts {
            passed: 30,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(Counts::parse(line), Some(counts));
        assert_eq!(Counts::parse("running 5 tests"), None);
    }
}
