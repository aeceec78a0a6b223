//! The steady state allocates nothing: bytes flow, tasks sleep and wake, and the heap stands still.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pvcalls_front::test_utils::{CountingWaker, FakeStore, Rig};
use pvcalls_front::{Call, Config, Interest, RingOrder, SocketOption, TryError};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations that `work` makes on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_steady_state_allocates_nothing() {
    let mut rig = Rig::new(Config::default());
    let id = rig.connect(RingOrder::MIN);
    let (_, waker) = CountingWaker::pair();
    let mut into = [0; 3000];
    let mut worst = 0;
    for round in 0..100 {
        rig.backend.stream(id).expect("connected").send(&[1; 2500]);
        let mut events = Vec::from_iter(std::iter::from_fn(|| rig.platform.next_event()));
        let count = allocations(|| {
            let frontend = &mut rig.frontend;
            for port in events.drain(..) {
                frontend.on_event(port, rig.now_ns);
            }
            assert_eq!(frontend.try_read(id, &mut into), Ok(2500));
            for _ in 0..10 {
                frontend.try_write(id, &[2; 100], rig.now_ns).expect("room");
            }
            for interest in [Interest::Read, Interest::Write] {
                frontend.register(id, interest, &waker).expect("good");
            }
            frontend.flush(rig.now_ns);
            frontend.poll(rig.now_ns);
        });
        assert_eq!(
            rig.backend
                .stream(id)
                .expect("connected")
                .receive(5000)
                .len(),
            1000
        );
        rig.now_ns += 7_000_000;
        // The first rounds may grow what then stays.
        if round > 2 {
            worst = worst.max(count);
        }
    }
    assert_eq!(worst, 0);
}

#[test]
fn calls_allocate_nothing_in_the_steady_state() {
    let mut rig = Rig::with_store(Config::default(), FakeStore::with_features());
    let id = rig.connect(RingOrder::MIN);
    let (_, waker) = CountingWaker::pair();
    let ask = Call::SetOption(SocketOption::NoDelay, 1);
    let mut worst = 0;
    for round in 0..100 {
        let mut begun = None;
        let before = allocations(|| {
            let call = rig.frontend.call(id, ask, rig.now_ns).expect("room");
            let pending = rig.frontend.try_call(call, &waker);
            assert_eq!(pending, Err(TryError::WouldBlock));
            rig.frontend.flush(rig.now_ns);
            begun = Some(call);
        });
        rig.backend.serve();
        let mut events = Vec::from_iter(std::iter::from_fn(|| rig.platform.next_event()));
        let after = allocations(|| {
            for port in events.drain(..) {
                rig.frontend.on_event(port, rig.now_ns);
            }
            let call = begun.expect("it was begun");
            assert_eq!(rig.frontend.try_call(call, &waker), Ok(0));
        });
        rig.now_ns += 3_000_000_000;
        rig.frontend.poll(rig.now_ns);
        if round > 2 {
            worst = worst.max(before + after);
        }
    }
    assert_eq!(worst, 0);
}

#[test]
fn datagrams_allocate_nothing() {
    let mut rig = Rig::with_store(Config::default(), FakeStore::with_features());
    let id = rig.bind(RingOrder::MIN);
    let (_, waker) = CountingWaker::pair();
    let mut into = [0; 3000];
    let mut worst = 0;
    for round in 0..100 {
        let ring = rig.backend.stream(id).expect("attached");
        ring.wait_for_bytes();
        assert!(ring.send_datagram(Rig::PEER, &[1; 2500]));
        let mut events = Vec::from_iter(std::iter::from_fn(|| rig.platform.next_event()));
        let count = allocations(|| {
            let frontend = &mut rig.frontend;
            for port in events.drain(..) {
                frontend.on_event(port, rig.now_ns);
            }
            let received = frontend.try_receive_from(id, &mut into, true);
            assert_eq!(received.map(|it| it.bytes), Ok(2500));
            // The last of them finds no room.
            for n in 0..31 {
                let sent = frontend.try_send_to(id, &[2; 100], Some(Rig::PEER), rig.now_ns);
                assert_eq!(sent.is_ok(), n < 30);
            }
            for interest in [Interest::Read, Interest::Write] {
                frontend.register(id, interest, &waker).expect("good");
            }
            frontend.flush(rig.now_ns);
            frontend.poll(rig.now_ns);
        });
        let ring = rig.backend.stream(id).expect("attached");
        let taken = std::iter::from_fn(|| ring.receive_datagram()).count();
        assert_eq!(taken, 30);
        rig.now_ns += 7_000_000;
        // The first rounds may grow what then stays.
        if round > 2 {
            worst = worst.max(count);
        }
    }
    assert_eq!(worst, 0);
}
