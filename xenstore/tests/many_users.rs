//! Raw streams and typed requests on one connection, in random order and pieces, with an honest
//! server and one that lies. What must hold is said at `test_utils::fuzz`.

use proptest::collection::vec;
use proptest::prelude::*;
use xenstore::test_utils::fuzz;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_honest_server(steps in vec(any::<u8>(), 0..2000)) {
        fuzz(&[&[1][..], &steps].concat());
    }

    #[test]
    fn a_server_that_lies(steps in vec(any::<u8>(), 0..800)) {
        fuzz(&[&[0][..], &steps].concat());
    }
}
