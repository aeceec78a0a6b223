//! The policy is asked for every datagram: it must not allocate, whatever it answers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::net::SocketAddr;

use pvcalls_back::config::Config;
use pvcalls_back::policy::{Transport, Verdict};

/// The system's allocator, with a count of what the current thread asks it for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: both calls go to the system's allocator unchanged, which keeps the trait's promises; the
// count is a plain cell without a destructor, and touching it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: our caller keeps the promises that this asks for: they are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory came from `alloc` above, and so from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_question_allocates() {
    let config = Config::parse(
        r#"
        [default]
        connect = ["deny 10.0.0.0/8", "allow 192.0.2.0/24:53", "deny tcp any", "allow any"]
        resolve = ["deny *.example.org", "allow any"]
        [[default.port_map]]
        guest = 80
        host = "192.0.2.1:8080"
        [[default.connect_map]]
        guest = "198.51.100.1:53"
        host = "127.0.0.53:53"
        "#,
    )
    .unwrap();
    let policy = config.for_domain("guest").policy.clone();
    let addresses: Vec<SocketAddr> = [
        "10.1.2.3:53",
        "192.0.2.1:53",
        "127.0.0.1:53",
        "127.0.0.53:53",
        "198.51.100.1:53",
        "[::ffff:10.0.0.1]:53",
        "[64:ff9b::7f00:1]:53",
        "[2001:db8::1]:53",
        "0.0.0.0:80",
        "0.0.0.0:22",
        "192.0.2.1:8080",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    let mut denied = 0;
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        for &address in &addresses {
            for transport in [Transport::Tcp, Transport::Udp] {
                let connect = black_box(policy.connect(transport, address));
                let bind = black_box(policy.bind(transport, address));
                denied += usize::from(matches!(connect, Verdict::Deny(_)));
                denied += usize::from(matches!(bind, Verdict::Deny(_)));
                black_box(policy.guest_address(transport, address));
                black_box(policy.guest_peer(transport, address));
            }
        }
        black_box(policy.resolve("www.example.org").is_err());
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(denied > 0);
    black_box(vec![0_u8; 100]);
    assert!(ALLOCATIONS.get() > before, "the count counts");
}
