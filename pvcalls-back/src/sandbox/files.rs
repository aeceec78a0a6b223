//! Landlock: which files a thread may still open.
//!
//! Descriptors that are open stay usable: devices, xenstore, sockets, the log. So the lists are
//! short, and a worker's is empty.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::{Outcome, Plan, Role};

/// The newest version of landlock whose rights are used: Linux 6.12. On older kernels what they
/// lack is left out, and reported.
const VERSION: ABI = ABI::V6;

/// What `getaddrinfo` and the libraries it loads read. `/run` has the files and sockets of local
/// resolvers, which come and go.
const RESOLVER_READS: [&str; 8] = [
    "/etc",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/run",
    "/var/run",
    "/dev/urandom",
];

/// A set of rules per role.
#[derive(Debug)]
pub(super) struct Rules(BTreeMap<Role, Result<RulesetCreated, String>>);

impl Rules {
    /// Opens what the rules name. What does not exist needs no rule.
    pub(super) fn new(plan: &Plan) -> Self {
        let of = |role| {
            let rules = match role {
                Role::Worker | Role::Metrics => rules(&[], &[]),
                Role::Control => rules(&plan.readable, &plan.removable),
                Role::Resolver => {
                    let paths: Vec<PathBuf> = RESOLVER_READS.iter().map(PathBuf::from).collect();
                    rules(&paths, &[])
                }
            };
            (role, rules.map_err(|error| error.to_string()))
        };
        Self(Role::ALL.into_iter().map(of).collect())
    }

    /// Restricts the calling thread.
    pub(super) fn enforce(&self, role: Role) -> Outcome {
        let rules = match self.0.get(&role) {
            Some(Ok(rules)) => rules.try_clone().map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.clone()),
            None => Err("no rules for this thread".into()),
        };
        match rules.and_then(|rules| rules.restrict_self().map_err(|error| error.to_string())) {
            Err(error) => Outcome::Failed(error),
            Ok(status) => outcome(&status.ruleset, &status.landlock),
        }
    }
}

/// What the kernel made of the rules.
fn outcome(status: &RulesetStatus, landlock: &LandlockStatus) -> Outcome {
    let version = match landlock {
        LandlockStatus::NotImplemented => return Outcome::Failed("not in this kernel".into()),
        LandlockStatus::NotEnabled => {
            return Outcome::Failed("switched off in this kernel: see its lsm= parameter".into());
        }
        LandlockStatus::Available { effective_abi, .. } => *effective_abi,
    };
    let number = format!("v{}", version as i32);
    match status {
        RulesetStatus::NotEnforced => Outcome::Failed(format!("{number} enforces nothing")),
        RulesetStatus::FullyEnforced => Outcome::Done(number),
        RulesetStatus::PartiallyEnforced => {
            Outcome::Partly(format!("{number}: {}", lacks(version)))
        }
    }
}

/// What versions before [`VERSION`] do not restrict.
fn lacks(version: ABI) -> String {
    let mut all = Vec::new();
    for (since, what) in [
        (ABI::V2, "moving files"),
        (ABI::V3, "truncating files"),
        (ABI::V5, "ioctls on devices"),
        (ABI::V6, "abstract sockets and signals"),
    ] {
        if version < since {
            all.push(what);
        }
    }
    format!("does not restrict {}", all.join(", "))
}

/// Rules that allow reading below `readable`, removing files below `removable`, and nothing else.
fn rules(
    readable: &[PathBuf],
    removable: &[PathBuf],
) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?;
    for path in readable {
        // Not `Execute`: loading a library does not need it.
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    for path in removable {
        rules = allow(rules, path, AccessFs::RemoveFile.into())?;
    }
    Ok(rules)
}

/// Adds a rule, if the path exists.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(file) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(VERSION)
    };
    rules.add_rule(PathBeneath::new(file, access))
}
