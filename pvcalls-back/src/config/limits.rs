//! What a domain may use up of the host, and what that costs at worst.

use std::time::Duration;

/// What a domain may use up of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sockets of all kinds, waiting connects and those that still send what was written before
    /// their release included.
    pub sockets: u32,
    /// Listeners among them.
    pub listeners: u32,
    /// Connections that may wait in the kernel per listener; a longer backlog is cut to it.
    pub backlog: u32,
    /// Connects under way at a time.
    pub pending_connects: u32,
    /// Names being resolved at a time.
    pub pending_lookups: u32,
    /// Pages of the domain mapped at a time, command ring and rings kept for reuse included.
    pub mapped_pages: u32,
    /// The largest ring order that is offered and taken: 1 to 9.
    pub max_page_order: u8,
    /// Commands per second, on average; twice as many at once. More wait in the ring.
    pub commands_per_second: u32,
    /// Bytes of the kernel's send and of its receive buffer per socket, as given to `SO_SNDBUF`
    /// and `SO_RCVBUF` (the kernel doubles them for its bookkeeping); without, what the kernel
    /// finds right, up to `net.ipv4.tcp_wmem` and `tcp_rmem`.
    pub socket_buffer_bytes: Option<u32>,
    /// As long as the domain has fewer sockets than this, new ones that connect have buffers that
    /// the kernel fits to the connection all the same.
    pub autotuned_sockets: u32,
    /// How long a released socket may go on sending what was written before.
    pub linger: Duration,
    /// Audit lines per second, on average; what exceeds them is counted.
    pub audit_lines_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 1024,
            listeners: 32,
            backlog: 64,
            pending_connects: 256,
            pending_lookups: 8,
            mapped_pages: 32768,
            max_page_order: 9,
            commands_per_second: 20_000,
            socket_buffer_bytes: Some(Self::KERNEL_BUFFER_BYTES),
            autotuned_sockets: 32,
            linger: Duration::from_secs(60),
            audit_lines_per_second: 20,
        }
    }
}

/// The host's memory that one domain costs at worst, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// Kernel: data in the buffers of the sockets, and of connections that wait to be accepted.
    pub buffers: u64,
    /// Kernel and daemon: the sockets themselves.
    pub sockets: u64,
    /// Kernel: bookkeeping for mapped pages. The pages are the guest's own memory.
    pub mappings: u64,
}

impl WorstCase {
    /// All of it.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.buffers + self.sockets + self.mappings
    }
}

impl Limits {
    /// What `net.core.wmem_max` and `rmem_max` are unless somebody changed them: the kernel cuts
    /// larger wishes to it.
    pub const KERNEL_BUFFER_BYTES: u32 = 212_992;
    /// What `net.ipv4.tcp_rmem` and `tcp_wmem` let the buffers of one socket grow to unless
    /// somebody changed them: 6 and 4 MiB.
    pub const AUTOTUNED_BYTES: u64 = 10 << 20;
    /// A socket in the kernel (`tcp_sock`, file, inode, directory entry) and in the daemon,
    /// rounded up.
    pub const BYTES_PER_SOCKET: u64 = 8192;
    /// A mapped page: its `struct page`, the operations kept to unmap it, page tables; rounded
    /// up. On a kernel without unpopulated allocations it takes a page of the host's away as
    /// well.
    pub const BYTES_PER_MAPPED_PAGE: u64 = 512;

    /// What the host's memory these limits cost at worst: all sockets open, the buffers of all
    /// filled by an accomplice at the other end. Not without a bound for the buffers.
    #[must_use]
    pub fn worst_case(&self) -> Option<WorstCase> {
        // The kernel charges up to twice the number given.
        let buffer = 2 * u64::from(self.socket_buffer_bytes?);
        let waiting = u64::from(self.listeners.min(self.sockets)) * u64::from(self.backlog);
        let sockets = u64::from(self.sockets);
        let autotuned = u64::from(self.autotuned_sockets.min(self.sockets));
        Some(WorstCase {
            // A connection that waits to be accepted has received, but sent nothing.
            buffers: (2 * (sockets - autotuned) + waiting) * buffer
                + autotuned * Self::AUTOTUNED_BYTES.max(2 * buffer),
            sockets: (sockets + waiting) * Self::BYTES_PER_SOCKET,
            mappings: u64::from(self.mapped_pages) * Self::BYTES_PER_MAPPED_PAGE,
        })
    }
}
