//! The HTTP surface in process.
fn main() {}
