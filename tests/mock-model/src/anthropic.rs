//! The Anthropic Messages format, as far as Claude Code needs it.

use serde_json::{Value, json};

use crate::request::{Message, Request, Role, array, text_of};
use crate::turn::{Block, ToolCall};

/// A conversation step offers tools; titles, summaries and connection checks do not.
pub(crate) fn is_step(request: &Request) -> bool {
    request.path_is("/v1/messages") && !array(&request.body["tools"]).is_empty()
}

/// Claude Code sends its session id in a header, and again inside `metadata.user_id`, a string of JSON.
pub(crate) fn session(request: &Request) -> Option<String> {
    if let Some(id) = request.header("x-claude-code-session-id") {
        return Some(id.to_owned());
    }
    let user: Value = serde_json::from_str(request.body["metadata"]["user_id"].as_str()?).ok()?;
    user["session_id"].as_str().map(str::to_owned)
}

pub(crate) fn messages(body: &Value) -> Vec<Message> {
    let mut out = Vec::new();
    let system = text_of(&body["system"]);
    if !system.is_empty() {
        out.push(Message::new(Role::System, system));
    }
    for message in array(&body["messages"]) {
        let role = match message["role"].as_str() {
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => Role::User,
        };
        match &message["content"] {
            Value::Array(blocks) => flatten(role, blocks, &mut out),
            content => out.push(Message::new(role, text_of(content))),
        }
    }
    out
}

/// Joins neighbouring text blocks; calls and results stand alone.
fn flatten(role: Role, blocks: &[Value], out: &mut Vec<Message>) {
    let mut open = false;
    for block in blocks {
        match block["type"].as_str() {
            Some("text") => {
                let text = block["text"].as_str().unwrap_or_default();
                match out.last_mut() {
                    Some(last) if open => {
                        last.text.push('\n');
                        last.text.push_str(text);
                    }
                    _ => out.push(Message::new(role, text)),
                }
                open = true;
            }
            Some("tool_use") => {
                let mut call = Message::new(Role::ToolCall, block["input"].to_string());
                call.call = block["id"].as_str().map(str::to_owned);
                call.tool = block["name"].as_str().map(str::to_owned);
                out.push(call);
                open = false;
            }
            Some("tool_result") => {
                let mut result = Message::new(Role::ToolResult, text_of(&block["content"]));
                result.call = block["tool_use_id"].as_str().map(str::to_owned);
                out.push(result);
                open = false;
            }
            _ => open = false,
        }
    }
}

/// The name under which Claude Code offers a tool.
fn wire_name(call: &ToolCall) -> String {
    match &call.server {
        Some(server) => format!("mcp__{server}__{}", call.name),
        None => call.name.clone(),
    }
}

fn content(number: usize, blocks: &[Block]) -> Vec<Value> {
    let one = |(index, block): (usize, &Block)| match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Tool(call) => json!({"type": "tool_use", "id": format!("toolu_mock_{number}_{index}"),
                                    "name": wire_name(call), "input": call.arguments}),
    };
    blocks.iter().enumerate().map(one).collect()
}

fn stop_reason(blocks: &[Block]) -> &'static str {
    if blocks.iter().any(|block| matches!(block, Block::Tool(_))) { "tool_use" } else { "end_turn" }
}

/// The answer as one document, for requests that do not stream.
pub(crate) fn whole(number: usize, model: &Value, blocks: &[Block]) -> Value {
    json!({"id": format!("msg_mock_{number}"), "type": "message", "role": "assistant", "model": model,
           "content": content(number, blocks), "stop_reason": stop_reason(blocks), "stop_sequence": null,
           "usage": {"input_tokens": 1, "output_tokens": 1}})
}

/// The answer as server-sent events.
pub(crate) fn events(number: usize, model: &Value, blocks: &[Block]) -> Vec<Value> {
    let mut start = whole(number, model, &[]);
    start["stop_reason"] = Value::Null;
    let mut events = vec![json!({"type": "message_start", "message": start})];
    for (index, block) in content(number, blocks).into_iter().enumerate() {
        let mut opening = block.clone();
        let delta = if block["type"] == "text" {
            opening["text"] = json!("");
            json!({"type": "text_delta", "text": block["text"]})
        } else {
            opening["input"] = json!({});
            json!({"type": "input_json_delta", "partial_json": block["input"].to_string()})
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": opening}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let stop = stop_reason(blocks);
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
                       "usage": {"output_tokens": 1}}));
    events.push(json!({"type": "message_stop"}));
    events
}

/// An error in the format's own shape.
pub(crate) fn error(message: &str) -> Value {
    json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
}
