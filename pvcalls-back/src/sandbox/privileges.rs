//! User, groups, capabilities, `no_new_privs`: of the calling thread only.

use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use super::Identity;
use super::report::{Outcome, Report, Step};

/// Drops all but what is needed.
pub(super) fn drop(identity: Option<&Identity>, privileged_ports: bool, report: &mut Report) {
    let keep = if privileged_ports {
        CapabilitySet::NET_BIND_SERVICE
    } else {
        CapabilitySet::empty()
    };
    // The order is forced: the bounding set can be changed while CAP_SETPCAP is there, the user
    // while CAP_SETUID is, and the last capabilities survive that change only if told to.
    let bounding = drop_bounding_set(keep);
    // EINVAL from kernels before 4.3, which have no ambient set.
    let _ = clear_ambient_capability_set();
    report.add(Step::User, become_user(identity));
    report.add(Step::Capabilities, drop_capabilities(keep, bounding));
    report.add(
        Step::NoNewPrivileges,
        match set_no_new_privs(true) {
            Ok(()) => Outcome::Done("on".into()),
            Err(error) => Outcome::Failed(error.to_string()),
        },
    );
}

/// Takes all but `keep` out of the bounding set; what stayed, and why.
fn drop_bounding_set(keep: CapabilitySet) -> Option<rustix::io::Errno> {
    let mut left = None;
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match capability_is_in_bounding_set(one) {
            // There are no more.
            Err(_) => break,
            Ok(false) => {}
            Ok(true) if keep.contains(one) => {}
            Ok(true) => {
                if let Err(error) = remove_capability_from_bounding_set(one) {
                    left = Some(error);
                }
            }
        }
    }
    left
}

/// Becomes the user.
fn become_user(identity: Option<&Identity>) -> Outcome {
    let Some(identity) = identity else {
        return if geteuid().is_root() {
            Outcome::Partly("root stays".into())
        } else {
            Outcome::Done(format!("{} as before", geteuid().as_raw()))
        };
    };
    if identity.user.is_root() {
        return Outcome::Partly("root, as configured".into());
    }
    if !geteuid().is_root() {
        // Somebody dropped it for us: a unit with `User=`, or a test.
        return Outcome::Done(format!("{} as before", geteuid().as_raw()));
    }
    let changed = set_keep_capabilities(true)
        .and_then(|()| set_thread_groups(&[]))
        .and_then(|()| set_thread_res_gid(identity.group, identity.group, identity.group))
        .and_then(|()| set_thread_res_uid(identity.user, identity.user, identity.user));
    if let Err(error) = changed {
        return Outcome::Failed(format!("cannot become {identity}: {error}"));
    }
    if (geteuid(), getegid()) != (identity.user, identity.group) {
        return Outcome::Failed(format!("did not become {identity}"));
    }
    Outcome::Done(identity.name.clone())
}

/// Drops all capabilities but `keep`.
fn drop_capabilities(keep: CapabilitySet, bounding: Option<rustix::io::Errno>) -> Outcome {
    let before = match capabilities(None) {
        Ok(sets) => sets.permitted,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let after = CapabilitySets {
        effective: before & keep,
        permitted: before & keep,
        inheritable: CapabilitySet::empty(),
    };
    if let Err(error) = set_capabilities(None, after) {
        return Outcome::Failed(error.to_string());
    }
    match capabilities(None) {
        Ok(sets) if sets == after => {}
        _ => return Outcome::Failed("they are not what was set".into()),
    }
    let missing = keep - after.permitted;
    if !missing.is_empty() {
        // Less privilege than planned is no danger, but guests will ask why they cannot listen.
        return Outcome::Partly("no NET_BIND_SERVICE: ports below 1024 will be refused".into());
    }
    match bounding {
        // Without `no_new_privs` a file with capabilities could bring some back; with it none.
        Some(error) if !before.is_empty() => {
            Outcome::Partly(format!("the bounding set stays: {error}"))
        }
        _ if keep.is_empty() => Outcome::Done("none".into()),
        _ => Outcome::Done("NET_BIND_SERVICE".into()),
    }
}
