//! The command for people, scripts and MCP hosts.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let served = match words.as_slice() {
        ["mcp"] => session_bridge::mcp::serve(None),
        ["mcp", "--client", client] => session_bridge::mcp::serve(Some(client)),
        _ => Err(anyhow::anyhow!("usage: session-bridge mcp [--client <provider>]")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error:#}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
