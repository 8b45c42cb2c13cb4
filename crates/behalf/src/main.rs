//! The `behalf` command.
fn main() {}
