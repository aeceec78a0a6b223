//! Tests of hash tables: what ours add to hashbrown's.

use super::{HashMap, HashSet};

#[test]
fn a_map_is_made_and_taken_apart_as_in_std() {
    let mut map = HashMap::from([("a", 1), ("b", 2)]);
    map.extend([("c", 3)]);
    *map.entry("a").or_insert(0) += 10;
    assert_eq!((map["a"], map.get("d"), map.len()), (11, None, 3));
    for (_, value) in &mut map {
        *value += 1;
    }
    let copy: HashMap<_, _> = map.iter().map(|(k, v)| (*k, *v)).collect();
    assert_eq!(copy, map);
    let mut values: Vec<_> = copy.into_values().collect();
    values.sort_unstable();
    assert_eq!(values, [3, 4, 12]);
    assert_eq!(format!("{:?}", HashMap::from([(1, 2)])), "{1: 2}");
}

#[test]
#[should_panic(expected = "no entry found for key")]
fn indexing_needs_the_key() {
    let _ = HashMap::<u8, u8>::new()[&1];
}

#[test]
fn sets_have_their_operators() {
    let (a, b) = (HashSet::from([1, 2, 3]), HashSet::from([2, 3, 4]));
    assert_eq!(&a & &b, HashSet::from([2, 3]));
    assert_eq!(&a | &b, HashSet::from([1, 2, 3, 4]));
    assert_eq!(&a ^ &b, HashSet::from([1, 4]));
    assert_eq!(&a - &b, [1].into_iter().collect());
    assert!(a.contains(&1) && !a.is_subset(&b));
}

#[test]
fn every_table_hashes_in_its_own_way() {
    use core::hash::BuildHasher;
    let (a, b) = (HashMap::<u8, u8>::new(), HashMap::<u8, u8>::new());
    assert_ne!(a.hasher().hash_one(1), b.hasher().hash_one(1));
    assert_eq!(a.hasher().hash_one(1), a.hasher().clone().hash_one(1));
}

#[test]
fn the_default_hasher_is_that_of_std() {
    use core::hash::{Hash, Hasher};
    let (mut ours, mut theirs) = (
        crate::hash::DefaultHasher::new(),
        std::hash::DefaultHasher::new(),
    );
    let value = (7u8, "text", [1u16, 2, 3], vec![u64::MAX; 5], Some('x'));
    value.hash(&mut ours);
    value.hash(&mut theirs);
    assert_eq!(ours.finish(), theirs.finish());
}
