//! The attribute on a function with a result, with a renamed crate and under the strictest lint.

/// Stands for `rt`.
mod other {
    pub(crate) mod __private {
        pub(crate) fn run(main: fn() -> Result<(), i32>, _name: Option<&str>) -> i32 {
            main().err().unwrap_or(0)
        }
    }
}

mod workload {
    #![forbid(unsafe_code)]

    /// Attributes, visibility and a result type are kept.
    #[rt_macros::main(crate = crate::other)]
    #[inline(never)]
    pub(crate) fn main() -> Result<(), i32> {
        Err(CODE)
    }

    const CODE: i32 = 42;
}

#[test]
fn the_glue_returns_the_code_of_the_function() {
    unsafe extern "Rust" {
        safe fn callisto_main() -> i32;
    }
    assert_eq!(callisto_main(), 42);
}

#[test]
fn the_function_stays_callable() {
    assert_eq!(workload::main(), Err(42));
}
