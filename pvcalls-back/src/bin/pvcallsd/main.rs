//! pvcallsd: gives the guests of this Xen host sockets.

fn main() {}
