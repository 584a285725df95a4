//! The OpenAI Responses format, as far as Codex needs it.

use serde_json::{Value, json};

use crate::request::{Message, Request, Role, array, text_of};
use crate::turn::Block;

/// Codex says in its metadata what a request is for: conversation steps have the kind `turn`, and the thread's title
/// is asked for by a thread of its own.
pub(crate) fn is_step(request: &Request) -> bool {
    let about = metadata(request);
    let turn = about["request_kind"].as_str().is_none_or(|kind| kind == "turn");
    request.path_is("/v1/responses")
        && turn
        && about["thread_source"] != "thread_title"
        && request.body["generate"] != false
}

pub(crate) fn session(request: &Request) -> Option<String> {
    let named = metadata(request)["thread_id"].as_str().map(str::to_owned);
    named.or_else(|| request.header("thread-id").map(str::to_owned))
}

/// `x-codex-turn-metadata`, a string of JSON in a header and in the body's `client_metadata`.
fn metadata(request: &Request) -> Value {
    let name = "x-codex-turn-metadata";
    let text = request.body["client_metadata"][name].as_str().or_else(|| request.header(name));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub(crate) fn messages(body: &Value) -> Vec<Message> {
    let mut out = Vec::new();
    let instructions = text_of(&body["instructions"]);
    if !instructions.is_empty() {
        out.push(Message::new(Role::System, instructions));
    }
    for item in array(&body["input"]) {
        match item["type"].as_str() {
            Some("function_call" | "custom_tool_call") => {
                let arguments = item["arguments"].as_str().or(item["input"].as_str());
                let mut call = Message::new(Role::ToolCall, arguments.unwrap_or_default());
                let name = item["name"].as_str().unwrap_or_default();
                call.tool = Some(match item["namespace"].as_str() {
                    Some(namespace) => format!("{namespace}__{name}"),
                    None => name.to_owned(),
                });
                call.call = item["call_id"].as_str().map(str::to_owned);
                out.push(call);
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                let mut result = Message::new(Role::ToolResult, text_of(&item["output"]));
                result.call = item["call_id"].as_str().map(str::to_owned);
                out.push(result);
            }
            _ => {
                let role = match item["role"].as_str() {
                    Some("assistant") => Role::Assistant,
                    Some("developer") => Role::Developer,
                    Some("system") => Role::System,
                    Some("user") => Role::User,
                    _ => continue,
                };
                out.push(Message::new(role, text_of(&item["content"])));
            }
        }
    }
    out
}

/// The namespace in which Codex 0.169.0 offers a server's tools: measured to replace a hyphen by an underscore.
pub(crate) fn namespace(server: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    format!("mcp__{}", server.chars().map(plain).collect::<String>())
}

/// The namespace in which the request offers a tool of Codex's own, if in any: some stand alone, such as
/// `exec_command`, and some in a namespace, such as `spawn_agent`. A call that does not name it is refused.
fn own_namespace<'a>(request: &'a Request, tool: &str) -> Option<&'a str> {
    let offered = array(&request.body["tools"]).iter().filter(|offered| offered["type"] == "namespace");
    let mut own =
        offered.filter(|offered| !offered["name"].as_str().unwrap_or_default().starts_with("mcp__"));
    let holds = |offered: &&Value| array(&offered["tools"]).iter().any(|inner| inner["name"] == tool);
    own.find(holds)?["name"].as_str()
}

/// The answer to `request` as server-sent events.
pub(crate) fn events(number: usize, request: &Request, blocks: &[Block]) -> Vec<Value> {
    let response = format!("resp_mock_{number}");
    let mut events = vec![json!({"type": "response.created", "response": {"id": response}})];
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Text(text) => {
                let id = format!("msg_mock_{number}_{index}");
                let mut item = json!({"type": "message", "id": id, "role": "assistant", "content": []});
                events
                    .push(json!({"type": "response.output_item.added", "output_index": index, "item": item}));
                events
                    .push(json!({"type": "response.output_text.delta", "item_id": id, "output_index": index,
                                   "content_index": 0, "delta": text}));
                item["content"] = json!([{"type": "output_text", "text": text, "annotations": []}]);
                events
                    .push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
            }
            Block::Tool(call) => {
                let mut item = json!({"type": "function_call", "id": format!("fc_mock_{number}_{index}"),
                                      "call_id": format!("call_mock_{number}_{index}"), "name": call.name,
                                      "arguments": call.arguments.to_string()});
                let namespace = match &call.server {
                    Some(server) => Some(namespace(server)),
                    None => own_namespace(request, &call.name).map(str::to_owned),
                };
                if let Some(namespace) = namespace {
                    item["namespace"] = json!(namespace);
                }
                events
                    .push(json!({"type": "response.output_item.added", "output_index": index, "item": item}));
                events
                    .push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
            }
        }
    }
    let usage = json!({"input_tokens": 1, "input_tokens_details": null, "output_tokens": 1,
                       "output_tokens_details": null, "total_tokens": 2});
    events.push(json!({"type": "response.completed", "response": {"id": response, "usage": usage}}));
    events
}

/// An error in the format's own shape.
pub(crate) fn error(message: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": "mock", "message": message}})
}
