//! Collections, as in std: the ordered ones are alloc's, hash tables are hashbrown's with a hasher
//! that nobody outside the guest can foresee.

pub mod hash_map;
pub mod hash_set;
#[cfg(test)]
mod tests;

pub use alloc::collections::{
    BTreeMap, BTreeSet, BinaryHeap, LinkedList, TryReserveError, VecDeque, binary_heap, btree_map,
    btree_set, linked_list, vec_deque,
};
pub use core::ops::Bound;
pub use hash_map::HashMap;
pub use hash_set::HashSet;
