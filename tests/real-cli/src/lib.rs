//! The real agent CLIs, driven against the mock model.
//!
//! A test binary of this kind sets `harness = false` and hands its cases to a [`Suite`]. Before any case runs, the
//! suite installs the CLIs that `versions.toml` pins from npm into the target folder, and then starts the binary again
//! inside a network namespace that has nothing but loopback: whatever a CLI tries, nothing leaves the machine.
//!
//! Every case gets a [`World`] of its own: an empty HOME with the first-start questions of the CLIs already answered,
//! a project folder, a cleared environment, a tmux server and a mock model. What a case leaves running is ended, and
//! when it fails, the requests, screens and logs of its world are part of the report.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use session_bridge_mock_model::Turn;
//! use session_bridge_real_cli::{CaseResult, Suite, World};
//!
//! fn claude_answers(world: &World) -> CaseResult {
//!     world.model().script([Turn::text("forty-two")]);
//!     let run = world.claude().print("what is it?")?;
//!     assert!(run.stdout.contains("forty-two"));
//!     Ok(())
//! }
//!
//! // In a test binary: env!("CARGO_TARGET_TMPDIR").
//! const TARGET_TMPDIR: &str = "target/tmp";
//!
//! fn main() -> ExitCode {
//!     Suite::new(TARGET_TMPDIR).case("claude_answers", claude_answers).run()
//! }
//! ```
//!
//! A suite that needs programs of this workspace names their packages with [`Suite::package`]; they are built first, and
//! [`World::built`] says where they are.
//!
//! Linux only: network namespaces, `/proc` and tmux.

mod again;
mod error;
mod install;
mod isolate;
mod launch;
mod process;
mod programs;
mod suite;
mod tree;
mod tui;
mod wait;
mod world;

pub use error::DriverError;
pub use install::{Clis, Versions};
pub use launch::{Claude, Cline, Codex, Gemini, Grok, Launch, Opencode};
pub use process::Finished;
pub use suite::{CaseResult, Suite};
pub use tree::Tree;
pub use tui::Tui;
pub use wait::wait_until;
pub use world::World;
