//! Compile-time checks of the layouts a peer or the hypervisor relies on.
//!
//! bindgen asserts what the headers of the generating machine said; these numbers come from the
//! protocol documents instead, so a header that drifts away from the wire cannot be committed.

use core::mem::{offset_of, size_of};

use crate::{
    arch_vcpu_info, evtchn_alloc_unbound, evtchn_send, gnttab_copy, gnttab_map_grant_ref,
    gnttab_setup_table, grant_entry_v1, iret_context, mmu_update, mmuext_op, multicall_entry,
    pvcalls_data_intf, sched_poll, shared_info, start_info, trap_info, vcpu_guest_context,
    vcpu_info, vcpu_register_vcpu_info, vcpu_runstate_info, vcpu_set_singleshot_timer,
    vcpu_time_info, xen_9pfs_data_intf, xen_memory_reservation, xen_pvcalls_accept,
    xen_pvcalls_bind, xen_pvcalls_connect, xen_pvcalls_listen, xen_pvcalls_poll,
    xen_pvcalls_release, xen_pvcalls_request, xen_pvcalls_response, xen_pvcalls_socket,
    xen_pvcalls_sring, xencons_interface, xenstore_domain_interface, xsd_sockmsg,
};

/// `TYPE: SIZE { field @ OFFSET, … }`, all checked by the compiler.
macro_rules! layout {
    ($($type:ty: $size:literal { $($field:ident @ $offset:literal),* $(,)? })*) => {
        $(const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(offset_of!($type, $field) == $offset);)*
        };)*
    };
}

// PV Calls: commands. Offsets inside the argument union count from 8, where it lies in a request.
layout! {
    xen_pvcalls_request: 64 { req_id @ 0, cmd @ 4, u @ 8 }
    xen_pvcalls_socket: 24 { id @ 0, domain @ 8, type_ @ 12, protocol @ 16 }
    xen_pvcalls_connect: 56 { id @ 0, addr @ 8, len @ 36, flags @ 40, ref_ @ 44, evtchn @ 48 }
    xen_pvcalls_release: 16 { id @ 0, reuse @ 8 }
    xen_pvcalls_bind: 40 { id @ 0, addr @ 8, len @ 36 }
    xen_pvcalls_listen: 16 { id @ 0, backlog @ 8 }
    xen_pvcalls_accept: 24 { id @ 0, id_new @ 8, ref_ @ 16, evtchn @ 20 }
    xen_pvcalls_poll: 8 { id @ 0 }
    xen_pvcalls_response: 24 { req_id @ 0, cmd @ 4, ret @ 8, u @ 16 }
    xen_pvcalls_sring: 128 { req_prod @ 0, req_event @ 4, rsp_prod @ 8, rsp_event @ 12, ring @ 64 }
}

// PV Calls and 9pfs: data rings. The figures in both documents show an older layout; this is the deployed one.
layout! {
    pvcalls_data_intf: 132 {
        in_cons @ 0, in_prod @ 4, in_error @ 8, out_cons @ 64, out_prod @ 68, out_error @ 72, ring_order @ 128, ref_ @ 132,
    }
    xen_9pfs_data_intf: 132 { in_cons @ 0, in_prod @ 4, out_cons @ 64, out_prod @ 68, ring_order @ 128, ref_ @ 132 }
}

// xenstore and console.
layout! {
    xsd_sockmsg: 16 { type_ @ 0, req_id @ 4, tx_id @ 8, len @ 12 }
    xenstore_domain_interface: 2076 {
        req @ 0, rsp @ 1024, req_cons @ 2048, req_prod @ 2052, rsp_cons @ 2056, rsp_prod @ 2060,
        server_features @ 2064, connection @ 2068, error @ 2072,
    }
    xencons_interface: 3088 { in_ @ 0, out @ 1024, in_cons @ 3072, in_prod @ 3076, out_cons @ 3080, out_prod @ 3084 }
}

// What the hypervisor reads and writes. Assembly relies on several of these offsets.
layout! {
    start_info: 1168 {
        magic @ 0, nr_pages @ 32, shared_info @ 40, flags @ 48, store_mfn @ 56, store_evtchn @ 64, console @ 72,
        pt_base @ 88, nr_pt_frames @ 96, mfn_list @ 104, mod_start @ 112, mod_len @ 120, cmd_line @ 128,
        first_p2m_pfn @ 1152, nr_p2m_frames @ 1160,
    }
    shared_info: 3136 { vcpu_info @ 0, evtchn_pending @ 2048, evtchn_mask @ 2560, wc_version @ 3072, wc_sec @ 3076, wc_nsec @ 3080, arch @ 3088 }
    vcpu_info: 64 { evtchn_upcall_pending @ 0, evtchn_upcall_mask @ 1, evtchn_pending_sel @ 8, arch @ 16, time @ 32 }
    arch_vcpu_info: 16 { cr2 @ 0 }
    vcpu_time_info: 32 { version @ 0, tsc_timestamp @ 8, system_time @ 16, tsc_to_system_mul @ 24, tsc_shift @ 28, flags @ 29 }
    trap_info: 16 { vector @ 0, flags @ 1, cs @ 2, address @ 8 }
    iret_context: 72 { rax @ 0, r11 @ 8, rcx @ 16, flags @ 24, rip @ 32, cs @ 40, rflags @ 48, rsp @ 56, ss @ 64 }
    vcpu_guest_context: 5168 {}
    mmu_update: 16 { ptr @ 0, val @ 8 }
    mmuext_op: 24 { cmd @ 0, arg1 @ 8, arg2 @ 16 }
    multicall_entry: 64 { op @ 0, result @ 8, args @ 16 }
    xen_memory_reservation: 32 { extent_start @ 0, nr_extents @ 8, extent_order @ 16, mem_flags @ 20, domid @ 24 }
    sched_poll: 24 { ports @ 0, nr_ports @ 8, timeout @ 16 }
    vcpu_register_vcpu_info: 16 { mfn @ 0, offset @ 8 }
    vcpu_set_singleshot_timer: 16 { timeout_abs_ns @ 0, flags @ 8 }
    vcpu_runstate_info: 48 {}
}

// Event channels and grants.
layout! {
    evtchn_alloc_unbound: 8 { dom @ 0, remote_dom @ 2, port @ 4 }
    evtchn_send: 4 { port @ 0 }
    grant_entry_v1: 8 { flags @ 0, domid @ 2, frame @ 4 }
    gnttab_setup_table: 24 { dom @ 0, nr_frames @ 4, status @ 8, frame_list @ 16 }
    gnttab_map_grant_ref: 32 {}
    gnttab_copy: 40 {}
}
