//! Running cases: as many as possible in one boot of a host, and the rest in the next.

use super::case::{Case, CaseVolume, Group};
use super::report::{Outcome, Report};
use crate::rig::backend::Backend;
use crate::rig::cache::Cache;
use crate::rig::linux_guest;
use crate::rig::payload::{Added, FOLDER, Payload};
use crate::rig::qemu;
use crate::rig::session::{Machine, Message, Session};
use crate::ui;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const HARNESS: &str = include_str!("../../rig/harness.sh");
const LIB: &str = include_str!("../../rig/lib.sh");
const DOMAIN: &str = include_str!("../../rig/domain.sh");

/// What dom0 may take beyond a case's own time: to kill it, show what happened, clean up.
const GRACE: Duration = Duration::from_secs(45);

/// How much fits into a volume when a case's header does not say. It takes memory of dom0's only
/// when it is used; of its 1 GiB some 700 MiB are free.
const VOLUME_SIZE: &str = "512m";

/// What all cases of a run have in common.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// What hosts are booted from.
    pub(crate) cache: &'a Cache,
    /// The images that cases name.
    pub(crate) images: &'a BTreeMap<String, PathBuf>,
    /// Processors of the emulated machine.
    pub(crate) cpus: u32,
    /// By how much time limits are multiplied.
    pub(crate) patience: u32,
}

/// Runs all cases of `groups`, with up to `jobs` hosts at a time.
pub(crate) fn run_all(
    setting: &Setting<'_>,
    groups: &[Group],
    jobs: usize,
    report: Report,
) -> Report {
    let report = Mutex::new(report);
    let left = Mutex::new(groups.iter());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(groups.len()) {
            scope.spawn(|| {
                // A statement of its own, so that the lock is not held during the run.
                while let Some(group) = { held(&left).next() } {
                    run(setting, group, &report);
                }
            });
        }
    });
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the cases of `group`.
fn run(setting: &Setting<'_>, group: &Group, report: &Mutex<Report>) {
    let mut left: VecDeque<&Case> = group.cases.iter().collect();
    while !left.is_empty() {
        let Err(err) = run_in_one_boot(setting, group, &mut left, report) else {
            continue;
        };
        // Another boot would hardly go better.
        for case in left.drain(..) {
            held(report).add(
                &group.label(case),
                &Outcome::Failed(format!("no host to run it: {err:#}")),
                Duration::ZERO,
                "",
            );
        }
    }
}

/// Runs cases from the front of `left` until there are none, or the host is gone.
fn run_in_one_boot(
    setting: &Setting<'_>,
    group: &Group,
    left: &mut VecDeque<&Case>,
    report: &Mutex<Report>,
) -> Result<()> {
    let machine = Machine {
        memory_mib: group.host_memory_mib,
        cpus: setting.cpus,
    };
    let payload = payload(setting, group.backend, left)?;
    let mut session = Session::start(setting.cache, payload, machine)?;
    session.wait_until_ready()?;
    while let Some(case) = left.front() {
        let started = Instant::now();
        let limit = Duration::from_secs(case.timeout_s) + GRACE;
        let (outcome, output) = follow(&mut session, started + limit * setting.patience);
        let gone = outcome.is_none();
        let outcome = outcome.unwrap_or_else(|| Outcome::Failed("dom0 went silent or down".into()));
        held(report).add(&group.label(case), &outcome, started.elapsed(), &output);
        left.pop_front();
        if gone {
            if !left.is_empty() {
                ui::warn("the host is gone; the remaining cases run in a new one");
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Collects what a case prints until its result; no result means that the host is gone.
fn follow(session: &mut Session, deadline: Instant) -> (Option<Outcome>, String) {
    let mut output = Vec::new();
    loop {
        match session.next(deadline) {
            Message::Output(bytes) => output.extend(bytes),
            Message::Record(record) => {
                if let Some(result) = record.strip_prefix("result ") {
                    return (
                        Some(Outcome::parse(result)),
                        String::from_utf8_lossy(&output).into_owned(),
                    );
                }
                if let Some(remark) = record.strip_prefix("note ") {
                    ui::warn(remark);
                }
            }
            Message::Silence | Message::Ended => {
                let text = format!(
                    "{}\n{:#}",
                    String::from_utf8_lossy(&output),
                    session.failure("dom0 went silent or down")
                );
                return (None, text);
            }
        }
    }
}

/// Puts the shell helpers of cases into dom0.
pub(crate) fn add_helpers(payload: &mut Payload, patience: u32) -> Result<()> {
    payload.file("callisto/lib.sh", 0o644, LIB.as_bytes())?;
    payload.file("callisto/domain.sh", 0o644, DOMAIN.as_bytes())?;
    payload.file("callisto/patience", 0o644, patience.to_string().as_bytes())
}

/// A case's volumes for the scripts, a line each.
fn volumes(case: &Case) -> String {
    let line = |volume: &CaseVolume| {
        let size = volume.size.as_deref().unwrap_or(VOLUME_SIZE);
        format!("{} {size}\n", volume.tag)
    };
    case.volumes.iter().map(line).collect()
}

fn payload(setting: &Setting<'_>, backend: Backend, cases: &VecDeque<&Case>) -> Result<Payload> {
    let mut payload = Payload::new(HARNESS, backend)?;
    add_helpers(&mut payload, setting.patience)?;
    let mut list = String::new();
    let mut programs = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut data = BTreeMap::new();
    let mut linux = BTreeMap::new();
    for case in cases {
        list.push_str(&format!(
            "{} {}\n",
            case.name,
            case.timeout_s * u64::from(setting.patience)
        ));
        let script = std::fs::read(&case.path)
            .with_context(|| format!("cannot read {}", case.path.display()))?;
        payload.file(&format!("callisto/cases/{}.sh", case.name), 0o644, &script)?;
        payload.file(
            &format!("callisto/cases/{}.volumes", case.name),
            0o644,
            volumes(case).as_bytes(),
        )?;
        programs.extend(&case.programs);
        needed.extend(&case.images);
        let guests = case.linux.iter();
        linux.extend(guests.filter_map(|name| Some((name, case.folder(name)?))));
        data.extend(case.data().map(|folder| (case.group(), folder)));
    }
    payload.file("callisto/list", 0o644, list.as_bytes())?;
    for (group, folder) in data {
        payload.add(&Added {
            from: folder,
            to: format!("callisto/data/{group}"),
        })?;
    }
    if cases.iter().any(|case| !case.volumes.is_empty()) {
        qemu::add(&mut payload)?;
    }
    for image in needed {
        let from = setting
            .images
            .get(image)
            .with_context(|| format!("the image {image} was not built"))?;
        payload.add(&Added {
            from: from.clone(),
            to: format!("{FOLDER}/{image}"),
        })?;
    }
    for (name, folder) in &linux {
        let initramfs = linux_guest::initramfs(setting.cache, folder)?;
        payload.file(&format!("{FOLDER}/{name}.initramfs"), 0o644, &initramfs)?;
    }
    if !linux.is_empty() {
        payload.copy(&setting.cache.kernel(), &format!("{FOLDER}/vmlinuz"))?;
    }
    programs
        .into_iter()
        .try_for_each(|program| payload.add_program(program))?;
    Ok(payload)
}
