//! The smallest MCP server that shows whether a call arrived: one tool, `ping`, which answers with what it was sent.
//!
//! With `PROBE_LOG` set, every line that the client sends is appended to that file.

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut log = match std::env::var_os("PROBE_LOG") {
        Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
        None => None,
    };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if let Some(log) = &mut log {
            writeln!(log, "{line}")?;
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(answer) = answer(&message) {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The answer to a request; notifications have none.
fn answer(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    let method = message["method"].as_str()?;
    let parameters = &message["params"];
    let result = match method {
        "initialize" => json!({
            "protocolVersion": parameters["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "probe", "version": "1"},
            "instructions": "PROBE-INSTRUCTIONS",
        }),
        "ping" => json!({}),
        "tools/list" => json!({"tools": [{
            "name": "ping",
            "description": "Gives back what it is sent",
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
            "annotations": {"readOnlyHint": true},
        }]}),
        "tools/call" => {
            let text = parameters["arguments"]["text"].as_str().unwrap_or_default();
            json!({"content": [{"type": "text", "text": format!("PONG({text})")}]})
        }
        _ => {
            let error = json!({"code": -32601, "message": format!("no method {method}")});
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}
