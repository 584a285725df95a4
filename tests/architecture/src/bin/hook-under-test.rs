//! The hook as it is shipped, built here because a test may only run the binaries of its own crate.

fn main() -> std::process::ExitCode {
    session_bridge_hook::run(std::env::args_os())
}
