//! All memory of the domain is there, once, and comes back.

use alloc::vec::Vec;

use rt::kernel::mem::{PAGE_SIZE, Pages, free_pages, total_pages};
use rt::println;

/// Allocates pages until none is left, writes each one's number into it, and looks again
/// once all are written: a frame handed out twice, or mapped in two places, shows.
pub(crate) fn all_of_it() {
    let free = free_pages();
    // The list of the pages is made first, so that it takes nothing later on.
    let mut pages: Vec<Pages> = Vec::with_capacity(free);
    let expected = free_pages();
    while let Some(page) = Pages::new(1) {
        let words = words(&page);
        for word in [0, 1, 255, 511] {
            // SAFETY: a page of our own has 512 words.
            unsafe {
                words
                    .wrapping_add(word)
                    .write_volatile(pages.len() as u64 ^ word as u64)
            };
        }
        pages.push(page);
    }
    for (number, page) in pages.iter().enumerate() {
        let words = words(page);
        for word in [0, 1, 255, 511] {
            // SAFETY: as above.
            let value = unsafe { words.wrapping_add(word).read_volatile() };
            assert_eq!(
                value,
                number as u64 ^ word as u64,
                "page {number}, word {word}"
            );
        }
    }
    // Page tables for what was not mapped before come out of it: one page in 512, and the
    // tables above them.
    let got = pages.len();
    let tables = total_pages().div_ceil(512) + 8;
    assert!(got + tables >= expected, "{got} pages of {expected}");
    assert_eq!(free_pages(), 0);
    drop(pages);
    println!("{got} of {} pages written and read", total_pages());
    assert!(free_pages() >= got);
    // What was cut into single pages is whole again, as far as no page table lies in it.
    assert!(Pages::new(256).is_some(), "memory is in pieces");
}

fn words(page: &Pages) -> *mut u64 {
    page.as_ptr().as_ptr().cast()
}

/// Sizes from a byte to megabytes, grown and freed in a scattered order, with contents.
pub(crate) fn heap() {
    let before = free_pages();
    let mut state = 1u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut kept: Vec<(u8, Vec<u8>)> = Vec::new();
    for round in 0..20_000u32 {
        let [tag, ..] = round.to_le_bytes();
        let size = match random() % 100 {
            0 => random() % 300_000,
            1..=10 => random() % 20_000,
            _ => 1 + random() % 500,
        };
        match random() % 3 {
            0 if kept.len() > 200 => {
                let (tag, bytes) = kept.swap_remove(random() % kept.len());
                assert!(bytes.iter().all(|byte| *byte == tag), "contents changed");
            }
            1 if !kept.is_empty() => {
                let index = random() % kept.len();
                let (tag, bytes) = &mut kept[index];
                bytes.resize(bytes.len() + size % 1000, *tag);
            }
            _ if kept.len() < 400 => kept.push((tag, alloc::vec![tag; size])),
            _ => {}
        }
    }
    for (tag, bytes) in kept {
        assert!(bytes.iter().all(|byte| *byte == tag), "contents changed");
    }
    let after = free_pages();
    println!("heap: {before} pages free before, {after} after");
    assert!(
        after + 64 >= before,
        "the heap keeps {} pages",
        before - after
    );
    // A large buffer is memory of its own, and goes back.
    let page_count = before / 2;
    drop(alloc::vec![1u8; page_count * PAGE_SIZE]);
    assert!(free_pages() + 1024 >= after);
}
