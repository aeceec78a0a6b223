//! What was dropped, and what could not be.

use std::collections::BTreeMap;
use std::fmt;

use super::Role;

/// A step of entering the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Another user and group, no further groups.
    User,
    /// No capabilities but those that are needed.
    Capabilities,
    /// Nothing can be gained by executing a file.
    NoNewPrivileges,
    /// No files but those that are needed.
    Landlock,
    /// No system calls but those that are needed.
    Seccomp,
}

impl Step {
    /// Its name in the log and in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

/// How a step went. The order is from good to bad.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As planned; what holds now.
    Done(String),
    /// Less than planned; what is missing.
    Partly(String),
    /// Not at all; why.
    Failed(String),
}

impl Outcome {
    /// Whether something stayed that was to go.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        !matches!(self, Self::Done(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(what) => write!(f, "{what}"),
            Self::Partly(what) => write!(f, "PARTLY ({what})"),
            Self::Failed(why) => write!(f, "NO ({why})"),
        }
    }
}

/// How all steps went: the worst over the threads that have reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    steps: BTreeMap<Step, Outcome>,
}

impl Report {
    /// Notes how a step went; of several, the worst stays.
    pub(super) fn add(&mut self, step: Step, outcome: Outcome) {
        let worst = match self.steps.remove(&step) {
            Some(before) => before.max(outcome),
            None => outcome,
        };
        self.steps.insert(step, worst);
    }

    /// Adds what a thread reports; what went less well than for the threads before.
    pub(super) fn merge<'o>(&mut self, role: Role, other: &'o Self) -> Vec<(Step, &'o Outcome)> {
        let mut news = Vec::new();
        for (step, outcome) in other.steps() {
            let told = match outcome {
                Outcome::Done(what) => Outcome::Done(what.clone()),
                Outcome::Partly(what) => Outcome::Partly(format!("{}: {what}", role.name())),
                Outcome::Failed(why) => Outcome::Failed(format!("{}: {why}", role.name())),
            };
            let before = self.steps.get(&step).is_some_and(Outcome::is_short);
            if outcome.is_short() && !before {
                news.push((step, outcome));
            }
            self.add(step, told);
        }
        news
    }

    /// The steps, in the order they are taken.
    pub fn steps(&self) -> impl Iterator<Item = (Step, &Outcome)> {
        self.steps.iter().map(|(step, outcome)| (*step, outcome))
    }

    /// The steps that went less well than planned.
    pub fn short(&self) -> impl Iterator<Item = (Step, &Outcome)> {
        self.steps().filter(|(_, outcome)| outcome.is_short())
    }
}

/// One line: `user pvcallsd, capabilities none, ...`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return write!(f, "all kept");
        }
        for (index, (step, outcome)) in self.steps().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {outcome}", step.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome) -> Report {
        let mut report = Report::default();
        report.add(Step::User, Outcome::Done("nobody".into()));
        report.add(Step::Landlock, outcome);
        report
    }

    #[test]
    fn of_several_threads_the_worst_stays_and_is_told_once() {
        let mut all = Report::default();
        let good = report(Outcome::Done("v7".into()));
        let bad = report(Outcome::Failed("not there".into()));
        assert!(all.merge(Role::Worker, &good).is_empty());
        assert_eq!(all.to_string(), "user nobody, landlock v7");
        let news = all.merge(Role::Metrics, &bad);
        assert_eq!(
            news,
            [(Step::Landlock, &Outcome::Failed("not there".into()))]
        );
        assert!(all.merge(Role::Control, &bad).is_empty());
        assert!(all.merge(Role::Worker, &good).is_empty());
        assert!(
            all.to_string().ends_with("NO (metrics: not there)"),
            "{all}"
        );
        assert_eq!(
            all.short().map(|(step, _)| step).collect::<Vec<_>>(),
            [Step::Landlock]
        );
    }
}
