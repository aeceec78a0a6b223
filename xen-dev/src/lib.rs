//! Xen's devices for programs: event channels, grants and xenstore, by the kernel's `/dev/xen` files.
