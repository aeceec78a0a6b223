//! The one call that installs a filter, with what the crate that compiles it does not offer:
//! refused calls are logged.

use std::io;

use seccompiler::BpfProgram;

/// Installs a filter for the calling thread and those that it starts. With `log` the kernel logs
/// what the filter refuses.
///
/// # Errors
/// The kernel has no seccomp, or the thread lacks `no_new_privs`.
pub(super) fn install(program: &BpfProgram, log: bool) -> io::Result<()> {
    // Before 5.16 a filter also slows the thread down against attacks by speculation from code
    // that is loaded into it, as browsers do; here no such code exists.
    let log = if log {
        libc::SECCOMP_FILTER_FLAG_LOG
    } else {
        0
    };
    let flags = log | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    match try_install(program, flags) {
        // Linux before 4.17 does not know the flags.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => try_install(program, 0),
        other => other,
    }
}

fn try_install(program: &BpfProgram, flags: libc::c_ulong) -> io::Result<()> {
    let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let argument = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(too_long)?,
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: `argument` and the `len` instructions it points to live through the call, and have
    // the layout of `struct sock_fprog` and `struct sock_filter` (both types are `repr(C)` with
    // the kernel's fields). The kernel copies them and writes nothing. A filter changes which
    // calls succeed, which no safety of Rust depends on.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const argument,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

// The cast above relies on it.
const _: () = assert!(size_of::<seccompiler::sock_filter>() == size_of::<libc::sock_filter>());
const _: () = assert!(align_of::<seccompiler::sock_filter>() == align_of::<libc::sock_filter>());
