/* Every public Xen header that Callisto uses, and nothing else. The list decides what
 * src/bindings.rs holds: add a header here, then run `cargo run -p xen-sys-bindgen`. */
#include <stddef.h>
#include <stdint.h>

/* The core: hypercall numbers, shared_info, start_info, page-table updates. */
#include <xen/xen.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/callback.h>
#include <xen/elfnote.h>
#include <xen/features.h>
#include <xen/version.h>

/* One header per hypercall family. */
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

/* Shared pages and rings. */
#include <xen/io/9pfs.h>
#include <xen/io/console.h>
#include <xen/io/pvcalls.h>
#include <xen/io/ring.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

/* XEN_E*: the numbers a hypercall returns, negated. Included by xen.h's users under a prefix
 * so that they cannot clash with the host's errno.h. */
#include <xen/errno.h>
