//! A message.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_bridge_forgery::targets::frame(data));
