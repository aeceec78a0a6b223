//! Random bytes are not obviously something else.

use rt::kernel::entropy;
use rt::println;

pub(crate) fn all() {
    println!("entropy available: {}", entropy::is_available());
    let mut bytes = [0; 4096];
    entropy::fill(&mut bytes);
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    // 16384 expected; 12 standard deviations either way.
    assert!(
        (15_300..17_500).contains(&ones),
        "{ones} ones in {} bits",
        bytes.len() * 8
    );
    let mut again = [0; 4096];
    entropy::fill(&mut again);
    assert_ne!(bytes, again);
    let mut odd = [0; 13];
    entropy::fill(&mut odd);
    assert_ne!(odd, [0; 13]);
}
