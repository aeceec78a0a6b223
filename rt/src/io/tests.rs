//! Tests of what knows no kernel.
