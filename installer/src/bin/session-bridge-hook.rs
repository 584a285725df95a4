//! The slim binary that agent CLIs run as their hook.

fn main() -> std::process::ExitCode {
    session_bridge_hook::run(std::env::args_os())
}
