//! What a host sends the MCP server, after an introduction.

#![no_main]

use session_bridge_core::home::Home;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(dir) = tempfile::tempdir() else { return };
    let mut input = include_bytes!("../introduction.jsonl").to_vec();
    input.extend_from_slice(data);
    let output = session_bridge::mcp::answer(Home::at(dir.path()), input).expect("a server serves to the end");
    assert!(std::str::from_utf8(&output).is_ok(), "hosts read text");
});
