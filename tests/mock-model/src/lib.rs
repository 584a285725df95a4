//! A scripted model server on loopback that records every request.
//!
//! It speaks as much of four wire formats as the agent CLIs need to run a turn: Anthropic Messages
//! (`POST /v1/messages`, streamed or whole), OpenAI Responses (`POST /v1/responses`, streamed), OpenAI Chat Completions
//! (`POST /v1/chat/completions`, streamed or whole) and the Gemini API (`POST /v1beta/models/<model>:…`, streamed or
//! whole). A test says what the model answers, turn by turn, and
//! afterwards asks what the model was shown.
//!
//! ```
//! use session_bridge_mock_model::{MockModel, Turn};
//!
//! let model = MockModel::start()?;
//! model.script([
//!     Turn::mcp("probe", "ping", &serde_json::json!({"text": "hello"})),
//!     // A turn may be computed from what the model was just sent.
//!     Turn::with(|request| Turn::text(format!("saw {} messages", request.messages().len()))),
//! ]);
//! println!("point the CLI at {}", model.base_url());
//! # Ok::<(), session_bridge_mock_model::MockError>(())
//! ```
//!
//! Requests that are not a step of a conversation (thread titles, token counts, connection checks) are answered
//! inertly, recorded apart, and consume no turn of the script. One thing cannot be told apart: Claude Code asks for the
//! summary of a compaction with a request that looks like any other step, so `/compact` takes a scripted turn there.

mod anthropic;
mod chat;
mod gemini;
mod http;
mod request;
mod responses;
mod server;
mod turn;

pub use request::{Message, Request, Role, Wire};
pub use server::{MockError, MockModel};
pub use turn::{Block, ToolCall, Turn};
