//! The command for people, scripts and MCP hosts. Under the hook's name it is the hook, for installations that have
//! no slim one.

use std::process::ExitCode;

fn main() -> ExitCode {
    session_bridge::cli::run(std::env::args_os().collect())
}
