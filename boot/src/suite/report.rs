//! What the user sees of a test run.

use crate::ui;
use std::time::Duration;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Passed,
    /// Not, and why.
    Failed(String),
    /// It could not be run here, and why.
    Skipped(String),
}

impl Outcome {
    /// From dom0's `result` record.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("pass", _) => Self::Passed,
            ("skip", reason) => Self::Skipped(reason.to_owned()),
            ("fail", reason) => Self::Failed(reason.to_owned()),
            _ => Self::Failed(format!("dom0 sent a malformed result: {text}")),
        }
    }
}

/// How a test of this machine is named in the sum; its own name is in what cargo printed.
const HOST: &str = "(on this machine)";

/// Counts, and the names of what did not pass.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Report {
    /// Prints how a case went, and what it printed if that helps.
    pub(crate) fn add(&mut self, name: &str, outcome: &Outcome, took: Duration, output: &str) {
        let seconds = took.as_secs_f64();
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                println!("test {name} ... ok ({seconds:.1} s)");
            }
            Outcome::Failed(reason) => {
                self.failed.push(name.to_owned());
                println!("test {name} ... FAILED ({seconds:.1} s): {reason}");
            }
            Outcome::Skipped(reason) => {
                self.skipped.push(name.to_owned());
                println!("test {name} ... skipped: {reason}");
            }
        }
        if matches!(outcome, Outcome::Failed(_)) || ui::verbose() {
            output
                .lines()
                .for_each(|line| println!("    {}", line.trim_end()));
        }
    }

    /// Adds what `cargo test` counted, having printed what failed.
    pub(crate) fn add_host(&mut self, passed: usize, failed: usize, ignored: usize) {
        println!("{passed} tests on this machine passed, {failed} failed, {ignored} ignored");
        self.passed += passed;
        self.failed
            .extend(std::iter::repeat_n(HOST.to_owned(), failed));
        self.skipped
            .extend(std::iter::repeat_n(HOST.to_owned(), ignored));
    }

    /// Prints the sum; true if nothing failed.
    pub(crate) fn finish(&self) -> bool {
        for (what, names) in [("failed", &self.failed), ("skipped", &self.skipped)] {
            if !names.is_empty() {
                println!("{what}: {}", names.join(", "));
            }
        }
        println!("{}", self.summary());
        self.failed.is_empty()
    }

    fn summary(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_and_counted() {
        let results = ["pass", "fail it broke", "skip no network", "nonsense"].map(Outcome::parse);
        assert_eq!(results[0], Outcome::Passed);
        assert_eq!(results[1], Outcome::Failed("it broke".into()));
        assert_eq!(results[2], Outcome::Skipped("no network".into()));
        assert!(matches!(&results[3], Outcome::Failed(reason) if reason.contains("nonsense")));
        let mut report = Report::default();
        results
            .iter()
            .for_each(|outcome| report.add("g/n", outcome, Duration::ZERO, ""));
        assert_eq!(report.summary(), "1 passed, 2 failed, 1 skipped");
        assert!(!report.finish());
    }
}
