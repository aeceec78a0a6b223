//! A platform made of heap pages and counters.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Mutex;

use crate::memory::{HeapPages, SharedPages};
use crate::platform::{NoPort, Platform, ShareError, StillMapped};
use crate::units::{DomainId, GrantRef, PAGE_SIZE, PageCount, Port};

/// Fills pages that were given back; nobody may write them any more.
const POISON: u8 = 0xa5;

/// What happens to events on their way, in percent. Decided by a generator with a fixed seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mischief {
    /// Lost.
    pub dropped: u8,
    /// Delivered twice.
    pub repeated: u8,
    /// Delivered behind the events that follow.
    pub delayed: u8,
}

/// Pages, grants and ports of a pretended guest. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct FakePlatform {
    world: Arc<Mutex<World>>,
}

#[derive(Debug, Default)]
struct World {
    last_grant: u32,
    last_port: u32,
    grants: BTreeMap<GrantRef, Grant>,
    graveyard: Vec<SharedPages>,
    ports: BTreeMap<Port, PortState>,
    events: VecDeque<Port>,
    /// Notifications to the backend in all, also of ports that are closed by now.
    notified: u64,
    share_error: Option<ShareError>,
    no_port: bool,
    unbound: bool,
    free_pages: Option<usize>,
    mischief: Mischief,
    random: u32,
}

#[derive(Debug)]
struct Grant {
    heap: Arc<HeapPages>,
    page: usize,
    domain: DomainId,
    mapped: u32,
}

#[derive(Debug)]
struct PortState {
    domain: DomainId,
    masked: bool,
    pending: bool,
    notified: u64,
}

impl World {
    fn percent(&mut self, chance: u8) -> bool {
        self.next_random() % 100 < u32::from(chance)
    }

    /// xorshift32: good enough to be unkind.
    fn next_random(&mut self) -> u32 {
        let mut x = self.random.max(1);
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random = x;
        x
    }
}

impl FakePlatform {
    /// A guest with nothing shared.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next calls of `share` fail, or work again.
    pub fn set_share_error(&self, error: Option<ShareError>) {
        self.world.lock().share_error = error;
    }

    /// Says how much memory there is: `share` of more fails.
    pub fn set_free_pages(&self, pages: usize) {
        self.world.lock().free_pages = Some(pages);
    }

    /// Makes the next calls of `open_port` fail, or work again.
    pub fn set_no_port(&self, no_port: bool) {
        self.world.lock().no_port = no_port;
    }

    /// Takes the other ends of all ports from the backend, as its death does, or gives them back.
    pub fn set_unbound(&self, unbound: bool) {
        self.world.lock().unbound = unbound;
    }

    /// Sets what happens to events from the backend, and the seed that decides.
    pub fn set_mischief(&self, mischief: Mischief, seed: u32) {
        let mut world = self.world.lock();
        world.mischief = mischief;
        world.random = seed;
    }

    /// Maps a granted page as the backend; `None` if there is no such grant for `domain`.
    pub fn map(&self, domain: DomainId, grant: u32) -> Option<SharedPages> {
        let reference = GrantRef::new(grant)?;
        let mut world = self.world.lock();
        let grant = world.grants.get_mut(&reference)?;
        if grant.domain != domain {
            return None;
        }
        grant.mapped += 1;
        Some(grant.heap.view(grant.page, Box::from([reference])))
    }

    /// Sets a trap in the page of a grant: see [`HeapPages::set_trap`].
    pub fn set_trap(&self, grant: GrantRef, offset: usize, changes: &[(usize, u32)]) {
        let world = self.world.lock();
        let grant = &world.grants[&grant];
        let begin = grant.page * PAGE_SIZE;
        let changes: Vec<_> = changes
            .iter()
            .map(|(offset, value)| (begin + offset, *value))
            .collect();
        grant.heap.set_trap(begin + offset, &changes);
    }

    /// Ends such a mapping.
    pub fn unmap(&self, grant: GrantRef) {
        let mut world = self.world.lock();
        if let Some(grant) = world.grants.get_mut(&grant) {
            grant.mapped -= 1;
        }
    }

    /// Whether `domain` could bind that port.
    pub fn port_is_open(&self, domain: DomainId, port: u32) -> bool {
        let world = self.world.lock();
        Port::new(port)
            .and_then(|port| world.ports.get(&port))
            .is_some_and(|state| state.domain == domain)
    }

    /// Sends an event to the frontend, as the backend does.
    pub fn raise(&self, port: Port) {
        let mut world = self.world.lock();
        let mischief = world.mischief;
        if world.percent(mischief.dropped) {
            return;
        }
        let repeated = world.percent(mischief.repeated);
        let Some(state) = world.ports.get_mut(&port) else {
            return;
        };
        if state.masked {
            state.pending = true;
            return;
        }
        world.events.push_back(port);
        if repeated {
            world.events.push_back(port);
        }
    }

    /// The next event to hand to the driver.
    #[must_use]
    pub fn next_event(&self) -> Option<Port> {
        let mut world = self.world.lock();
        let delayed = world.mischief.delayed;
        if world.events.len() > 1 && world.percent(delayed) {
            world.events.rotate_left(1);
        }
        world.events.pop_front()
    }

    /// How often the backend was notified through that port.
    #[must_use]
    pub fn notifications(&self, port: Port) -> u64 {
        let world = self.world.lock();
        world.ports.get(&port).map_or(0, |state| state.notified)
    }

    /// How often the backend was notified in all.
    #[must_use]
    pub fn all_notifications(&self) -> u64 {
        self.world.lock().notified
    }

    /// Whether events of that port are held back.
    #[must_use]
    pub fn is_masked(&self, port: Port) -> bool {
        let world = self.world.lock();
        world.ports.get(&port).is_some_and(|state| state.masked)
    }

    /// Pages that are shared at present.
    #[must_use]
    pub fn shared_pages(&self) -> usize {
        self.world.lock().grants.len()
    }

    /// Grants and ports that were made so far.
    #[must_use]
    pub fn made(&self) -> (u32, u32) {
        let world = self.world.lock();
        (world.last_grant, world.last_port)
    }

    /// Ports that are open at present.
    #[must_use]
    pub fn open_ports(&self) -> usize {
        self.world.lock().ports.len()
    }

    /// Checks that nobody wrote to pages after they were given back.
    ///
    /// # Panics
    /// If somebody did.
    #[track_caller]
    pub fn assert_graves_untouched(&self) {
        let world = self.world.lock();
        let mut page = [0; PAGE_SIZE];
        for pages in &world.graveyard {
            for number in 0..pages.pages().get() {
                pages.read(number * PAGE_SIZE, &mut page);
                assert!(
                    page.iter().all(|&byte| byte == POISON),
                    "{pages:?} was written after it was given back"
                );
            }
        }
    }
}

impl Platform for FakePlatform {
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        let mut world = self.world.lock();
        if let Some(error) = world.share_error {
            return Err(error);
        }
        if world.free_pages.is_some_and(|free| pages.get() > free) {
            return Err(ShareError::OutOfMemory);
        }
        let heap = Arc::new(HeapPages::new(pages));
        let mut references = Vec::new();
        for page in 0..pages.get() {
            // Not adjacent, so that nobody can count on it.
            world.last_grant += 3;
            let reference = GrantRef::new(world.last_grant).expect("not zero");
            references.push(reference);
            let heap = heap.clone();
            let grant = Grant {
                heap,
                page,
                domain,
                mapped: 0,
            };
            world.grants.insert(reference, grant);
        }
        Ok(heap.view(0, references.into()))
    }

    fn free_pages(&self) -> usize {
        let free = self.world.lock().free_pages;
        free.unwrap_or(usize::MAX)
    }

    fn unshare(&mut self, pages: SharedPages) -> Result<(), StillMapped> {
        let mut world = self.world.lock();
        let mapped = pages
            .grants()
            .iter()
            .any(|reference| world.grants[reference].mapped > 0);
        if mapped {
            return Err(StillMapped(pages));
        }
        for reference in pages.grants() {
            world.grants.remove(reference);
        }
        for number in 0..pages.pages().get() {
            pages.write(number * PAGE_SIZE, &[POISON; PAGE_SIZE]);
        }
        world.graveyard.push(pages);
        Ok(())
    }

    fn random(&mut self) -> u64 {
        self.world.lock().next_random().into()
    }

    fn open_port(&mut self, domain: DomainId) -> Result<Port, NoPort> {
        let mut world = self.world.lock();
        if world.no_port {
            return Err(NoPort);
        }
        world.last_port += 1;
        let port = Port::new(world.last_port).ok_or(NoPort)?;
        let state = PortState {
            domain,
            masked: false,
            pending: false,
            notified: 0,
        };
        world.ports.insert(port, state);
        Ok(port)
    }

    fn close_port(&mut self, port: Port) {
        let mut world = self.world.lock();
        world.ports.remove(&port).expect("the port is open");
        world.events.retain(|&event| event != port);
    }

    fn is_bound(&self, port: Port) -> bool {
        let world = self.world.lock();
        world.ports.contains_key(&port) && !world.unbound
    }

    fn notify(&mut self, port: Port) {
        let mut world = self.world.lock();
        world.notified += 1;
        let state = world.ports.get_mut(&port).expect("the port is open");
        state.notified += 1;
    }

    fn mask_port(&mut self, port: Port) {
        let mut world = self.world.lock();
        let state = world.ports.get_mut(&port).expect("the port is open");
        state.masked = true;
        let before = world.events.len();
        world.events.retain(|&event| event != port);
        let pending = world.events.len() != before;
        if let Some(state) = world.ports.get_mut(&port) {
            state.pending |= pending;
        }
    }

    fn unmask_port(&mut self, port: Port) {
        let mut world = self.world.lock();
        let state = world.ports.get_mut(&port).expect("the port is open");
        state.masked = false;
        if core::mem::take(&mut state.pending) {
            world.events.push_back(port);
        }
    }
}
