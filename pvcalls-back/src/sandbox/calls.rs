//! Seccomp: which system calls a thread may still make.
//!
//! Two filters, of which the stricter answer holds:
//!
//! * The list of the thread's role. What is not on it fails with `EPERM`, and the kernel logs it.
//!   Ending the process instead would be safer against an intruder who is already in, and worse
//!   against everything else: a library that learns a new system call, or a panic that prints,
//!   would end the connections of all guests, and a guest that finds a way to provoke one such
//!   call could stop the service. `EPERM` is an error that the caller handles.
//! * A short list of calls that no code of ours or of a library makes: executing, tracing,
//!   reading others' memory, loading code into the kernel. Whoever makes one of these runs code of
//!   their own, and could end the service anyway. There the process ends at once (`SIGSYS`), and
//!   the service manager starts a clean one.
//!
//! The lists name calls that musl and older or newer glibc use for the same functions. Calls are
//! judged by number and plain arguments; a filter cannot look through pointers.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::{Outcome, Role};

mod install;
mod lists;

/// Rules by number of the call; no rules for a number: allowed whatever the arguments.
type List = BTreeMap<i64, Vec<SeccompRule>>;

/// A program, and whether the kernel logs what it refuses.
#[derive(Debug)]
struct Program {
    code: BpfProgram,
    log: bool,
}

/// The programs per role, in the order in which they are installed.
#[derive(Debug)]
pub(super) struct Filters(BTreeMap<Role, Result<Vec<Program>, String>>);

impl Filters {
    /// Compiles the filters.
    pub(super) fn new() -> Self {
        let of = |role| (role, programs(role).map_err(|error| error.to_string()));
        Self(Role::ALL.into_iter().map(of).collect())
    }

    /// Restricts the calling thread. It needs `no_new_privs`.
    pub(super) fn enforce(&self, role: Role) -> Outcome {
        let programs = match self.0.get(&role) {
            Some(Ok(programs)) => programs,
            Some(Err(error)) => return Outcome::Failed(error.clone()),
            None => return Outcome::Failed("no filter for this thread".into()),
        };
        for program in programs {
            if let Err(error) = install::install(&program.code, program.log) {
                return Outcome::Failed(error.to_string());
            }
        }
        Outcome::Done("on".into())
    }
}

/// The filters of a role. The one that allows least comes last: it forbids to add filters.
fn programs(role: Role) -> Result<Vec<Program>, seccompiler::BackendError> {
    let mut programs = Vec::new();
    let never = lists::never().into_iter().map(|call| (call, Vec::new()));
    let (allow, kill) = (SeccompAction::Allow, SeccompAction::KillProcess);
    programs.push(program(never.collect(), allow.clone(), kill, true)?);
    if lists::starts_threads(role) {
        // The flags of clone3 are behind a pointer. ENOSYS makes C libraries take clone, every
        // time, so it is not logged.
        let clone3 = [(libc::SYS_clone3, Vec::new())].into_iter().collect();
        let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        programs.push(program(clone3, allow.clone(), missing, false)?);
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    programs.push(program(lists::allowed(role)?, refused, allow, true)?);
    Ok(programs)
}

/// A program that answers `matched` to the calls of a list and `other` to all others.
fn program(
    list: List,
    other: SeccompAction,
    matched: SeccompAction,
    log: bool,
) -> Result<Program, seccompiler::BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let code = SeccompFilter::new(list, other, matched, arch)?.try_into()?;
    Ok(Program { code, log })
}

/// A rule: all of these arguments (counted from 0) must be so.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let one = |(index, operator, value): &(u8, SeccompCmpOp, u64)| {
        SeccompCondition::new(*index, SeccompCmpArgLen::Dword, operator.clone(), *value)
    };
    SeccompRule::new(conditions.iter().map(one).collect::<Result<_, _>>()?)
}
