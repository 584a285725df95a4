//! An empty process, built as the shipped programs are: what any of them costs at least.

fn main() {}
