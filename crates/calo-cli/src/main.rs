//! The `calo` command.
fn main() {}
