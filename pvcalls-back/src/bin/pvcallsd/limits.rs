//! The limit of open descriptors.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are wanted: tens of thousands of sockets, with room. More than the 1024 that
/// a process usually gets, and less than what a kernel allows without being asked.
pub(crate) const DESCRIPTORS: u64 = 262_144;

/// Raises the limit to `wanted`, or as far as it goes, and says what holds now.
///
/// # Errors
/// That of the system call; the limit is what it was then.
pub(crate) fn raise_descriptors(wanted: u64) -> io::Result<u64> {
    let now = getrlimit(Resource::Nofile);
    let Some(current) = now.current.filter(|current| *current < wanted) else {
        return Ok(now.current.unwrap_or(u64::MAX));
    };
    // Root may raise both limits, anybody the soft one as far as the hard one.
    let both = Rlimit {
        current: Some(wanted),
        maximum: now.maximum.map(|maximum| maximum.max(wanted)),
    };
    if setrlimit(Resource::Nofile, both).is_ok() {
        return Ok(wanted);
    }
    let soft = now
        .maximum
        .map_or(wanted, |maximum| maximum.min(wanted))
        .max(current);
    let soft_only = Rlimit {
        current: Some(soft),
        maximum: now.maximum,
    };
    setrlimit(Resource::Nofile, soft_only)?;
    Ok(soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_goes_up_and_never_down() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(raise_descriptors(1).unwrap(), before);
        assert!(raise_descriptors(before.saturating_add(1)).unwrap() >= before);
    }
}
