//! The lists of system calls.

use libc::c_long;
use seccompiler::{BackendError, SeccompCmpOp, SeccompRule};
use xen_dev::ioctls;

use super::super::Role;
use super::{List, rule};

// Of asm-generic/ioctls.h: the types of libc's constants differ between C libraries.
const TCGETS: u64 = 0x5401;
const TIOCOUTQ: u64 = 0x5411;
const FIONREAD: u64 = 0x541b;
const FIONBIO: u64 = 0x5421;

/// Calls that end the process, see the module above.
pub(super) fn never() -> Vec<c_long> {
    vec![
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_bpf,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_mount,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
    ]
}

/// Whether threads of this role may start others.
pub(super) fn starts_threads(role: Role) -> bool {
    matches!(role, Role::Control | Role::Resolver)
}

/// What a role may call.
pub(super) fn allowed(role: Role) -> Result<List, BackendError> {
    let mut list = List::new();
    everywhere(&mut list)?;
    match role {
        Role::Worker => {
            sockets(&mut list, &[libc::AF_INET, libc::AF_INET6])?;
            data_only(&mut list)?;
        }
        Role::Control => {
            sockets(&mut list, &[libc::AF_UNIX])?;
            data_only(&mut list)?;
            files(&mut list);
            plain(&mut list, &[libc::SYS_unlinkat]);
            #[cfg(target_arch = "x86_64")]
            plain(&mut list, &[libc::SYS_unlink]);
            threads(&mut list)?;
        }
        Role::Resolver => {
            sockets(
                &mut list,
                &[
                    libc::AF_INET,
                    libc::AF_INET6,
                    libc::AF_UNIX,
                    libc::AF_NETLINK,
                ],
            )?;
            files(&mut list);
            threads(&mut list)?;
            // Loading the libraries of the name service switch maps code.
            plain(&mut list, &[libc::SYS_mmap, libc::SYS_mprotect]);
        }
        Role::Metrics => {
            sockets(&mut list, &[])?;
            data_only(&mut list)?;
            plain(&mut list, &[libc::SYS_getdents64]);
            // The limits of this process. The hard ones cannot be raised any more.
            let ours = rule(&[(0, SeccompCmpOp::Eq, 0)])?;
            list.insert(libc::SYS_prlimit64, vec![ours]);
        }
    }
    Ok(list)
}

/// Allows calls whatever their arguments.
fn plain(list: &mut List, calls: &[c_long]) {
    for call in calls {
        list.insert(*call, Vec::new());
    }
}

/// What every thread needs: to read, write, wait, allocate, panic and end.
fn everywhere(list: &mut List) -> Result<(), BackendError> {
    plain(
        list,
        &[
            // Descriptors.
            libc::SYS_read,
            libc::SYS_readv,
            libc::SYS_pread64,
            libc::SYS_write,
            libc::SYS_writev,
            libc::SYS_pwrite64,
            libc::SYS_lseek,
            libc::SYS_close,
            libc::SYS_dup,
            libc::SYS_dup3,
            libc::SYS_fcntl,
            libc::SYS_fstat,
            libc::SYS_ftruncate,
            libc::SYS_pipe2,
            libc::SYS_eventfd2,
            libc::SYS_memfd_create,
            libc::SYS_timerfd_create,
            libc::SYS_timerfd_settime,
            libc::SYS_timerfd_gettime,
            // Waiting.
            libc::SYS_epoll_create1,
            libc::SYS_epoll_ctl,
            libc::SYS_epoll_pwait,
            libc::SYS_epoll_pwait2,
            libc::SYS_ppoll,
            libc::SYS_futex,
            libc::SYS_nanosleep,
            libc::SYS_clock_nanosleep,
            libc::SYS_clock_gettime,
            libc::SYS_clock_getres,
            libc::SYS_gettimeofday,
            libc::SYS_sched_yield,
            libc::SYS_restart_syscall,
            // Memory; mapping and protecting are below.
            libc::SYS_munmap,
            libc::SYS_mremap,
            libc::SYS_madvise,
            libc::SYS_brk,
            libc::SYS_membarrier,
            // Being a thread.
            libc::SYS_gettid,
            libc::SYS_getpid,
            libc::SYS_getuid,
            libc::SYS_geteuid,
            libc::SYS_getgid,
            libc::SYS_getegid,
            libc::SYS_sched_getaffinity,
            libc::SYS_getcpu,
            libc::SYS_getrandom,
            libc::SYS_uname,
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
            libc::SYS_set_robust_list,
            libc::SYS_rseq,
            libc::SYS_exit,
            libc::SYS_exit_group,
            // Sockets; making them is below.
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_accept4,
            libc::SYS_accept,
            libc::SYS_connect,
            libc::SYS_getsockopt,
            libc::SYS_setsockopt,
            libc::SYS_getsockname,
            libc::SYS_getpeername,
            libc::SYS_shutdown,
            libc::SYS_sendto,
            libc::SYS_sendmsg,
            libc::SYS_sendmmsg,
            libc::SYS_recvfrom,
            libc::SYS_recvmsg,
            libc::SYS_recvmmsg,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    plain(
        list,
        &[
            libc::SYS_dup2,
            libc::SYS_epoll_wait,
            libc::SYS_poll,
            libc::SYS_time,
        ],
    );
    // Signals to ourselves only: abort().
    let ourselves = u64::from(std::process::id());
    list.insert(
        libc::SYS_tgkill,
        vec![rule(&[(0, SeccompCmpOp::Eq, ourselves)])?],
    );
    // The name of the thread.
    let name = u64::from(libc::PR_SET_NAME.unsigned_abs());
    list.insert(libc::SYS_prctl, vec![rule(&[(0, SeccompCmpOp::Eq, name)])?]);
    // What is open already, by its descriptor: fstat() of newer C libraries.
    let by_descriptor = |argument| {
        rule(&[(
            argument,
            has(libc::AT_EMPTY_PATH),
            flag(libc::AT_EMPTY_PATH),
        )])
    };
    list.insert(libc::SYS_newfstatat, vec![by_descriptor(3)?]);
    list.insert(libc::SYS_statx, vec![by_descriptor(2)?]);
    list.insert(libc::SYS_ioctl, ioctl_rules()?);
    Ok(())
}

/// The ioctls: of the Xen devices, of sockets, and the question whether the log is a terminal.
fn ioctl_rules() -> Result<Vec<SeccompRule>, BackendError> {
    let xen = [
        // First, because it is the one call on the path of every byte that the kernel does not
        // find in its cache of calls that are always allowed.
        ioctls::NOTIFY,
        ioctls::BIND_INTERDOMAIN,
        ioctls::UNBIND,
        ioctls::MAP_GRANT_REF,
        ioctls::UNMAP_GRANT_REF,
        ioctls::SET_UNMAP_NOTIFY,
    ];
    xen.into_iter()
        .map(u64::from)
        .chain([FIONREAD, FIONBIO, TIOCOUTQ, TCGETS])
        .map(|request| rule(&[(1, SeccompCmpOp::Eq, request)]))
        .collect()
}

/// Memory without code: neither new nor changed pages may become executable.
fn data_only(list: &mut List) -> Result<(), BackendError> {
    let no_code = || rule(&[(2, has(libc::PROT_EXEC), 0)]);
    list.insert(libc::SYS_mmap, vec![no_code()?]);
    list.insert(libc::SYS_mprotect, vec![no_code()?]);
    Ok(())
}

/// Sockets of these families, and of no type but streams and datagrams.
fn sockets(list: &mut List, families: &[i32]) -> Result<(), BackendError> {
    // The type has flags above its lowest four bits.
    let types = [libc::SOCK_STREAM, libc::SOCK_DGRAM];
    let mut rules = Vec::new();
    for family in families {
        for kind in types {
            rules.push(rule(&[
                (0, SeccompCmpOp::Eq, flag(*family)),
                (1, has(0xf), flag(kind)),
            ])?);
        }
        if *family == libc::AF_NETLINK {
            // getaddrinfo asks which addresses the host has.
            rules.push(rule(&[
                (0, SeccompCmpOp::Eq, flag(*family)),
                (1, has(0xf), flag(libc::SOCK_RAW)),
                (2, SeccompCmpOp::Eq, flag(libc::NETLINK_ROUTE)),
            ])?);
        }
    }
    // No rules would mean: whatever the arguments.
    if !rules.is_empty() {
        list.insert(libc::SYS_socket, rules);
    }
    // A pair is of unix sockets, whose ends are here.
    let pair = rule(&[(0, SeccompCmpOp::Eq, flag(libc::AF_UNIX))])?;
    list.insert(libc::SYS_socketpair, vec![pair]);
    Ok(())
}

/// Opening and looking at files: landlock says which.
fn files(list: &mut List) {
    plain(
        list,
        &[
            libc::SYS_openat,
            libc::SYS_newfstatat,
            libc::SYS_statx,
            libc::SYS_statfs,
            libc::SYS_fstatfs,
            libc::SYS_faccessat,
            libc::SYS_faccessat2,
            libc::SYS_readlinkat,
            libc::SYS_getdents64,
            libc::SYS_getcwd,
            libc::SYS_sysinfo,
            libc::SYS_fadvise64,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    plain(
        list,
        &[
            libc::SYS_open,
            libc::SYS_stat,
            libc::SYS_lstat,
            libc::SYS_access,
            libc::SYS_readlink,
        ],
    );
}

/// Starting threads, but no processes.
fn threads(list: &mut List) -> Result<(), BackendError> {
    let thread = rule(&[(0, has(libc::CLONE_THREAD), flag(libc::CLONE_THREAD))])?;
    list.insert(libc::SYS_clone, vec![thread]);
    // Answered by another filter with ENOSYS.
    plain(list, &[libc::SYS_clone3, libc::SYS_set_tid_address]);
    Ok(())
}

/// Compares only the bits of a mask.
fn has(mask: i32) -> SeccompCmpOp {
    SeccompCmpOp::MaskedEq(flag(mask))
}

/// A constant of C as the kernel sees it in an argument.
fn flag(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_process_is_on_no_list() {
        for role in Role::ALL {
            let allowed = allowed(role).unwrap();
            for call in never() {
                assert!(!allowed.contains_key(&call), "{role:?} allows {call}");
            }
        }
    }

    #[test]
    fn calls_whose_arguments_matter_have_rules() {
        // A call without rules is allowed whatever its arguments.
        for role in Role::ALL {
            let allowed = allowed(role).unwrap();
            for call in [
                libc::SYS_ioctl,
                libc::SYS_socket,
                libc::SYS_socketpair,
                libc::SYS_clone,
                libc::SYS_prctl,
                libc::SYS_tgkill,
            ] {
                let rules = allowed.get(&call);
                assert!(
                    rules.is_none_or(|rules| !rules.is_empty()),
                    "{role:?}, {call}"
                );
            }
        }
        let files = |role| allowed(role).unwrap().contains_key(&libc::SYS_openat);
        assert_eq!(Role::ALL.map(files), [false, true, true, false]);
    }
}
