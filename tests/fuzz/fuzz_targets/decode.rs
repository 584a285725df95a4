//! A hook's payload.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_bridge_forgery::targets::decode(data));
