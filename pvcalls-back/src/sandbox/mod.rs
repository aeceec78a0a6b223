//! Giving up what is not needed any more, thread by thread.
//!
//! The daemon begins as root, because `/dev/xen/*` and other network namespaces are root's. When
//! all of that is open, [`Sandbox::prepare`] gets ready what needs the file system, and then every
//! thread calls [`Sandbox::enter`] **before it serves anybody**:
//!
//! 1. [`identity`], `privileges`: another user and group, no further groups, no capabilities
//!    (`CAP_NET_BIND_SERVICE` stays where the policy lets a guest listen below port 1024), an empty
//!    bounding set, `no_new_privs`.
//! 2. `files`: landlock. A worker can open nothing at all.
//! 3. `calls`: seccomp. What is not on the list of the thread's [`Role`] fails with `EPERM` and
//!    is logged by the kernel; what only an intruder calls (`execve`, `ptrace`, ...) ends the
//!    process. `calls` argues that choice.
//!
//! Why by thread: on Linux each of these is an attribute of a thread. glibc makes the change of a
//! user look like one of the process by interrupting every thread; the rest has no such help, and
//! threads here differ in what they need. The threads share their memory, so the process is as
//! strong as its strongest thread: whoever takes over a worker can write into the memory of the
//! thread that resolves names. That is why there is no thread that keeps privileges, "helper" or
//! not, and why a new network namespace needs a restart.
//!
//! No step fails the daemon: kernels without landlock exist, as do containers in which root may
//! not become somebody else. What could not be done is in the [`Report`]: a warning in the log, a
//! gauge in the metrics.

mod calls;
mod files;
pub mod identity;
mod privileges;
mod report;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use identity::Identity;
pub use report::{Outcome, Report, Step};

/// What a thread is for, and so what it may do after it has entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Moves data: rings, sockets of the families for IPv4 and IPv6, event channels. Opens no
    /// file and starts no thread.
    Worker,
    /// Follows xenstore, reads the configuration again, removes the metrics socket at the end.
    Control,
    /// Resolves names: what `getaddrinfo` does, which reads `/etc`, loads libraries and talks to
    /// local services. May start threads; they inherit what it is.
    Resolver,
    /// Answers scrapes, from files that were opened before.
    Metrics,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Worker, Self::Control, Self::Resolver, Self::Metrics];

    /// Its name, for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Control => "control",
            Self::Resolver => "resolver",
            Self::Metrics => "metrics",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Whom to become; nobody else without.
    pub identity: Option<Identity>,
    /// Whether ports below 1024 may be bound.
    pub privileged_ports: bool,
    /// Whether to confine at all: landlock and seccomp. Off for debugging.
    pub confine: bool,
    /// Files and directories that [`Role::Control`] reads later: the configuration.
    pub readable: Vec<PathBuf>,
    /// Directories from which [`Role::Control`] removes files later: the runtime directory.
    pub removable: Vec<PathBuf>,
}

/// What is ready to be entered. Cheap to clone; every thread has one.
#[derive(Clone, Debug)]
pub struct Sandbox(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    identity: Option<Identity>,
    privileged_ports: bool,
    confinement: Option<Confinement>,
    /// What all threads together have reported.
    report: Mutex<Report>,
}

#[derive(Debug)]
struct Confinement {
    files: files::Rules,
    calls: calls::Filters,
}

impl Sandbox {
    /// Gets ready what the file system and memory are needed for.
    #[must_use]
    pub fn prepare(plan: Plan) -> Self {
        warm_up();
        let confinement = plan.confine.then(|| Confinement {
            files: files::Rules::new(&plan),
            calls: calls::Filters::new(),
        });
        Self(Some(Arc::new(Inner {
            identity: plan.identity,
            privileged_ports: plan.privileged_ports,
            confinement,
            report: Mutex::default(),
        })))
    }

    /// One that changes nothing: for tests and for the library in other programs.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Confines the calling thread, for good. Threads that it starts later inherit that. What
    /// could not be done is in the answer, and in [`report`](Self::report).
    pub fn enter(&self, role: Role) -> Report {
        let mut report = Report::default();
        let Some(inner) = &self.0 else {
            return report;
        };
        privileges::drop(inner.identity.as_ref(), inner.privileged_ports, &mut report);
        match &inner.confinement {
            Some(confinement) => {
                report.add(Step::Landlock, confinement.files.enforce(role));
                // Last: the steps above need calls that this forbids.
                report.add(Step::Seccomp, confinement.calls.enforce(role));
            }
            None => {
                report.add(Step::Landlock, Outcome::Failed("switched off".into()));
                report.add(Step::Seccomp, Outcome::Failed("switched off".into()));
            }
        }
        let mut all = inner.report.lock().unwrap_or_else(PoisonError::into_inner);
        for (step, outcome) in all.merge(role, &report) {
            let (role, step) = (role.name(), step.name());
            tracing::warn!(role, step, "privileges not dropped: {outcome}");
        }
        drop(all);
        report
    }

    /// What all threads that have entered have reported together.
    #[must_use]
    pub fn report(&self) -> Report {
        let Some(inner) = &self.0 else {
            return Report::default();
        };
        let report = inner.report.lock();
        report.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets libraries read now what they read once, when it is first needed.
fn warm_up() {
    // rustix: the page size and where the vDSO is, from /proc. It panics if it cannot.
    let _ = rustix::param::page_size();
    let _ = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // glibc: /proc/sys/vm/overcommit_memory, when the heap of a thread first shrinks. It goes on
    // if it cannot, but the kernel would log that as a refused call.
    let shrink = || drop(vec![vec![1_u8; 64 << 10]; 64]);
    if let Ok(thread) = std::thread::Builder::new().spawn(shrink) {
        // It does not panic.
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests;
