//! An address, a name or a kind.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_bridge_forgery::targets::address(data));
