//! The calls into Xen that this kernel makes, each with its arguments typed.
//!
//! A 64-bit PV guest enters Xen with `syscall`: number in rax, arguments in rdi, rsi, rdx,
//! r10, r8; rcx and r11 are lost, and Xen may overwrite the argument registers when it
//! continues a preempted call (xen/arch-x86/xen-x86_64.h). The instruction is used directly
//! instead of going through a hypercall page: it is what Xen puts there for PV guests, and
//! it spares a call per hypercall and a page that would have to be executable.

use core::arch::asm;

use xen_sys as xen;

use crate::errno::Errno;

/// Names one of this domain's event channels. Xen hands them out from 1.
pub type Port = u32;

/// Names a domain of the host; 0 is dom0.
pub type DomId = u16;

/// # Safety
/// The call must be one that keeps Rust's memory as it is, or changes only what the caller
/// owns and describes; pointers among the arguments must be valid for what `number` does.
#[inline(always)]
unsafe fn hypercall(number: u32, a: u64, b: u64, c: u64, d: u64) -> i64 {
    let result: i64;
    // SAFETY: `syscall` from guest-kernel mode enters Xen and comes back with the registers
    // changed as declared (see the module text). It does not touch the guest's stack. What
    // the call itself does is the caller's obligation.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") u64::from(number) => result,
            inlateout("rdi") a => _,
            inlateout("rsi") b => _,
            inlateout("rdx") c => _,
            inlateout("r10") d => _,
            lateout("r8") _, lateout("r9") _, lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

fn check(result: i64) -> Result<u64, Errno> {
    match u64::try_from(result) {
        Ok(value) => Ok(value),
        Err(_) => Err(Errno(i32::try_from(-result).unwrap_or(i32::MAX))),
    }
}

fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// Installs the exception handlers; the table ends with an all-zero entry.
///
/// # Safety
/// Every `address` in the table must be code that can serve that exception.
pub(crate) unsafe fn set_trap_table(table: &'static [xen::trap_info]) -> Result<(), Errno> {
    assert!(
        table.last().is_some_and(|end| end.address == 0),
        "trap table without end"
    );
    // SAFETY: Xen reads the table up to its end, which was just checked; handlers: caller.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_set_trap_table,
            address(table.as_ptr()),
            0,
            0,
            0,
        )
    })?;
    Ok(())
}

/// Tells Xen where event upcalls and failed returns to the guest enter.
///
/// # Safety
/// Both must be code written for Xen's entry conventions.
pub(crate) unsafe fn set_callbacks(event: usize, failsafe: usize) -> Result<(), Errno> {
    // SAFETY: the addresses are only stored by Xen; what they hold is the caller's promise.
    // The third address, for system calls of a guest user mode, stays unset: there is none.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_set_callbacks,
            event as u64,
            failsafe as u64,
            0,
            0,
        )
    })?;
    Ok(())
}

/// Changes page-table entries: each request names the entry's machine address and new value.
///
/// # Safety
/// The new mappings must not give Rust code a second way to memory it believes its own, nor
/// take away memory in use.
pub(crate) unsafe fn mmu_update(requests: &[xen::mmu_update]) -> Result<(), Errno> {
    let count = requests.len() as u64;
    // SAFETY: Xen reads `count` requests; their meaning is the caller's obligation. A null
    // pointer for the number done is allowed.
    let result = unsafe {
        hypercall(
            xen::__HYPERVISOR_mmu_update,
            address(requests.as_ptr()),
            count,
            0,
            u64::from(xen::DOMID_SELF),
        )
    };
    check(result)?;
    Ok(())
}

/// Flushes this vCPU's translations.
pub(crate) fn tlb_flush() {
    let operation = xen::mmuext_op {
        cmd: xen::MMUEXT_TLB_FLUSH_LOCAL,
        ..Default::default()
    };
    // SAFETY: flushing changes no mapping; Xen reads one operation from the pointer.
    let result = unsafe {
        hypercall(
            xen::__HYPERVISOR_mmuext_op,
            address(&raw const operation),
            1,
            0,
            u64::from(xen::DOMID_SELF),
        )
    };
    check(result).expect("a TLB flush cannot fail");
}

/// Replaces the lowest-level entry that maps `va` and forgets the old translation.
///
/// # Safety
/// As for [`mmu_update`].
pub(crate) unsafe fn update_va_mapping(va: usize, entry: u64) -> Result<(), Errno> {
    let flags = xen::UVMF_INVLPG | xen::UVMF_LOCAL;
    // SAFETY: no pointer is passed; the mapping is the caller's obligation.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_update_va_mapping,
            va as u64,
            entry,
            flags,
            0,
        )
    })?;
    Ok(())
}

/// An event-channel operation on `argument`, which Xen reads and, for some, writes.
///
/// # Safety
/// `T` must be the structure of `operation` (xen/event_channel.h).
unsafe fn event_channel_op<T>(operation: u32, argument: &mut T) -> Result<(), Errno> {
    let pointer: *mut T = argument;
    // SAFETY: `argument` is exclusively borrowed and of the operation's type.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_event_channel_op,
            u64::from(operation),
            address(pointer),
            0,
            0,
        )
    })?;
    Ok(())
}

/// Makes a new port that `remote` may bind to.
pub(crate) fn evtchn_alloc_unbound(remote: DomId) -> Result<Port, Errno> {
    let mut argument = xen::evtchn_alloc_unbound {
        dom: xen::DOMID_SELF,
        remote_dom: remote,
        port: 0,
    };
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_alloc_unbound, &mut argument)? };
    Ok(argument.port)
}

/// Binds a virtual interrupt of vCPU 0 to a new port.
pub(crate) fn evtchn_bind_virq(virq: u32) -> Result<Port, Errno> {
    let mut argument = xen::evtchn_bind_virq {
        virq,
        vcpu: 0,
        port: 0,
    };
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_bind_virq, &mut argument)? };
    Ok(argument.port)
}

/// Closes a port; the other end sees it unbound.
pub(crate) fn evtchn_close(port: Port) -> Result<(), Errno> {
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_close, &mut xen::evtchn_close { port }) }
}

/// The status of a port whose other end another domain has.
pub(crate) const BOUND: u32 = xen::EVTCHNSTAT_interdomain;

/// What a port of this domain is: [`BOUND`], or another of `EVTCHNSTAT_…`.
pub(crate) fn evtchn_status(port: Port) -> Result<u32, Errno> {
    let mut argument = xen::evtchn_status {
        dom: xen::DOMID_SELF,
        port,
        status: xen::EVTCHNSTAT_closed,
        vcpu: 0,
        u: xen::evtchn_status__bindgen_ty_1 { pirq: 0 },
    };
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_status, &mut argument)? };
    Ok(argument.status)
}

/// Raises the event at the other end of the port.
pub(crate) fn evtchn_send(port: Port) -> Result<(), Errno> {
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_send, &mut xen::evtchn_send { port }) }
}

/// Opens a masked port; Xen raises the upcall again when it was pending.
pub(crate) fn evtchn_unmask(port: Port) -> Result<(), Errno> {
    // SAFETY: the structure belongs to the operation.
    unsafe { event_channel_op(xen::EVTCHNOP_unmask, &mut xen::evtchn_unmask { port }) }
}

/// Asks for the first `frames.len()` pages of the grant table, growing it as needed, and
/// stores their machine frame numbers.
pub(crate) fn grant_setup_table(frames: &mut [u64]) -> Result<(), Errno> {
    let mut argument = xen::gnttab_setup_table {
        dom: xen::DOMID_SELF,
        nr_frames: u32::try_from(frames.len())
            .map_err(|_| Errno(xen::xen_errno::XEN_EINVAL as i32))?,
        ..Default::default()
    };
    argument.frame_list.p = frames.as_mut_ptr();
    // SAFETY: Xen writes `frames.len()` numbers to the exclusively borrowed slice and the
    // status to `argument`.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_grant_table_op,
            u64::from(xen::GNTTABOP_setup_table),
            address(&raw mut argument),
            1,
            0,
        )
    })?;
    match argument.status {
        0 => Ok(()),
        status => Err(Errno(i32::from(-status))),
    }
}

/// How many pages the grant table has and may have: `(now, at most)`.
pub(crate) fn grant_query_size() -> Result<(u32, u32), Errno> {
    let mut argument = xen::gnttab_query_size {
        dom: xen::DOMID_SELF,
        ..Default::default()
    };
    // SAFETY: Xen reads and writes this one structure.
    check(unsafe {
        hypercall(
            xen::__HYPERVISOR_grant_table_op,
            u64::from(xen::GNTTABOP_query_size),
            address(&raw mut argument),
            1,
            0,
        )
    })?;
    match argument.status {
        0 => Ok((argument.nr_frames, argument.max_nr_frames)),
        status => Err(Errno(i32::from(-status))),
    }
}

/// Asks for the timer interrupt at `deadline_ns` of Xen's system time; 0 cancels.
pub(crate) fn set_timer(deadline_ns: u64) {
    // SAFETY: a value, no pointer; an interrupt cannot reach Rust code by itself (upcalls
    // are masked while it runs).
    let result = unsafe { hypercall(xen::__HYPERVISOR_set_timer_op, deadline_ns, 0, 0, 0) };
    check(result).expect("set_timer_op takes any time");
}

/// Stops the interrupt that Xen raises 100 times a second in a PV guest that does not ask
/// otherwise.
pub(crate) fn stop_periodic_timer() {
    let operation = u64::from(xen::VCPUOP_stop_periodic_timer);
    // SAFETY: no pointer; vCPU 0 is ours. A refusal leaves useless interrupts, no more.
    let _ = unsafe { hypercall(xen::__HYPERVISOR_vcpu_op, operation, 0, 0, 0) };
}

/// Sleeps until one of `ports` is pending or Xen's system time reaches `deadline_ns`; works
/// with upcalls masked, for the few places that may not go through the scheduler.
pub(crate) fn poll_ports(ports: &[Port], deadline_ns: u64) {
    let mut argument = xen::sched_poll {
        nr_ports: u32::try_from(ports.len()).unwrap_or(0),
        timeout: deadline_ns,
        ..Default::default()
    };
    argument.ports.p = ports.as_ptr().cast_mut();
    // SAFETY: Xen reads the structure and `nr_ports` numbers. A failure (too many ports, a
    // port closed) only means that we did not sleep, and callers look again.
    let _ = unsafe {
        hypercall(
            xen::__HYPERVISOR_sched_op,
            u64::from(xen::SCHEDOP_poll),
            address(&raw const argument),
            0,
            0,
        )
    };
}

/// Why a domain ends (`SHUTDOWN_*` of xen/sched.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ShutdownReason {
    /// Finished, the toolstack applies `on_poweroff`.
    PowerOff = xen::SHUTDOWN_poweroff,
    /// The toolstack applies `on_reboot`.
    Reboot = xen::SHUTDOWN_reboot,
    /// Something was wrong; the toolstack applies `on_crash`.
    Crash = xen::SHUTDOWN_crash,
}

/// Ends the domain.
pub(crate) fn shutdown(reason: ShutdownReason) -> ! {
    let argument = xen::sched_shutdown {
        reason: reason as u32,
    };
    loop {
        // SAFETY: Xen reads the structure; the call does not return to a domain that ended.
        unsafe {
            hypercall(
                xen::__HYPERVISOR_sched_op,
                u64::from(xen::SCHEDOP_shutdown),
                address(&raw const argument),
                0,
                0,
            )
        };
    }
}

/// Xen's version as (major, minor).
pub fn xen_version() -> (u16, u16) {
    // SAFETY: XENVER_version takes no pointer.
    let result = unsafe {
        hypercall(
            xen::__HYPERVISOR_xen_version,
            u64::from(xen::XENVER_version),
            0,
            0,
            0,
        )
    };
    let version = check(result).unwrap_or(0);
    ((version >> 16) as u16, (version & 0xffff) as u16)
}
