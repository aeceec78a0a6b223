//! The table of sockets: places that are used again, under ids that are not.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::socket::Socket;
use crate::units::SocketId;

/// Sockets by place; an id also carries the generation of its place.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// In memory of its own: a table of thousands in one piece, which is moved to another whenever
    /// it grows, is more than a guest has when rings have taken most of its memory.
    socket: Option<Box<Socket>>,
}

impl Table {
    /// Puts a socket, made for the id it gets, into a free place.
    pub(crate) fn insert(&mut self, make: impl FnOnce(SocketId) -> Socket) -> SocketId {
        let place = self.free.pop().unwrap_or_else(|| {
            assert!(self.slots.len() < SocketId::MAX_PLACES);
            self.slots.push(Slot {
                generation: 0,
                socket: None,
            });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[place];
        slot.generation = slot.generation.wrapping_add(1);
        let id = SocketId::new(place, slot.generation);
        slot.socket = Some(Box::new(make(id)));
        id
    }

    /// Empties a place.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Socket> {
        let socket = self.slots.get_mut(place)?.socket.take()?;
        self.free.push(place);
        Some(*socket)
    }

    /// The socket at that place.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Socket> {
        self.slots.get_mut(place)?.socket.as_deref_mut()
    }

    /// The socket of that id, if it is still the one.
    pub(crate) fn get(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.at(id.place()).filter(|socket| socket.id == id)
    }

    /// The socket of that id, to look at.
    pub(crate) fn look(&self, id: SocketId) -> Option<&Socket> {
        let socket = self.slots.get(id.place())?.socket.as_deref();
        socket.filter(|socket| socket.id == id)
    }

    /// How many places there are, free ones included.
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// All sockets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.slots.iter().filter_map(|slot| slot.socket.as_deref())
    }
}
