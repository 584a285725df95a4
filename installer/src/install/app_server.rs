//! One conversation with `codex app-server`. Measured with Codex 0.169.0; see the provider's README.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::conversation::Conversation;
use crate::exit;
use crate::report::Failure;

/// The running server. It is ended when this goes.
pub(crate) struct AppServer(Conversation);

impl AppServer {
    /// Starts the server and shakes hands.
    pub(crate) fn start(program: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.arg("app-server");
        let started = Conversation::start(command, json!({}));
        let mut server = Self(started.map_err(|error| Failure::file("start", program, &error))?);
        let client = json!({ "name": "session-bridge", "title": "session-bridge", "version": env!("CARGO_PKG_VERSION") });
        server.call("initialize", &json!({ "clientInfo": client }))?;
        server.0.say("initialized").map_err(|why| failed("initialized", &why))?;
        Ok(server)
    }

    /// Asks one thing and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.0.request(method, params).map_err(|why| failed(method, &why))
    }
}

fn failed(method: &str, why: &str) -> Failure {
    Failure::new(
        "codex_app_server",
        exit::NOT_WELL,
        format!("`codex app-server` did not do `{method}`"),
        "review the hooks in Codex itself: start `codex` and open /hooks",
    )
    .because(why)
}
