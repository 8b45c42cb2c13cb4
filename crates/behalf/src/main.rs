//! The `behalf` command.
#[cfg_attr(not(test), expect(dead_code, reason = "the command line that calls it comes next"))]
mod inspect;

fn main() {}
