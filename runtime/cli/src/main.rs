//! aril.
fn main() {}
