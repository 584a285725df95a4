//! The slim binary that agent CLIs run as their hook.

fn main() {}
