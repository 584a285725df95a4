//! The Gemini API's format, as far as Gemini CLI needs it.

use serde_json::{Value, json};

use crate::request::{Message, Request, Role, array, text_of};
use crate::turn::Block;

/// What is asked of a model: the word behind the colon of `/v1beta/models/<model>:<verb>`.
pub(crate) fn verb(path: &str) -> Option<&str> {
    let (_, verb) = path.split('?').next()?.strip_prefix("/v1beta/models/")?.split_once(':')?;
    ["generateContent", "streamGenerateContent", "countTokens"].contains(&verb).then_some(verb)
}

/// A conversation step offers tools; routing, titles, summaries and token counts do not.
pub(crate) fn is_step(request: &Request) -> bool {
    verb(&request.path).is_some_and(|verb| verb != "countTokens") && !tools(&request.body).is_empty()
}

pub(crate) fn tools(body: &Value) -> Vec<String> {
    let declared = array(&body["tools"]).iter().flat_map(|tool| array(&tool["functionDeclarations"]));
    declared.filter_map(|function| Some(function["name"].as_str()?.to_owned())).collect()
}

pub(crate) fn messages(body: &Value) -> Vec<Message> {
    let mut out = Vec::new();
    let system = text_of(&body["systemInstruction"]["parts"]);
    if !system.is_empty() {
        out.push(Message::new(Role::System, system));
    }
    for content in array(&body["contents"]) {
        let role = if content["role"] == "model" { Role::Assistant } else { Role::User };
        flatten(role, array(&content["parts"]), &mut out);
    }
    out
}

/// Joins neighbouring texts; calls and results stand alone.
fn flatten(role: Role, parts: &[Value], out: &mut Vec<Message>) {
    let mut open = false;
    for part in parts {
        if let Some(text) = part["text"].as_str() {
            match out.last_mut() {
                Some(last) if open => {
                    last.text.push('\n');
                    last.text.push_str(text);
                }
                _ => out.push(Message::new(role, text)),
            }
            open = true;
            continue;
        }
        open = false;
        let (call, response) = (&part["functionCall"], &part["functionResponse"]);
        if call.is_object() {
            let mut message = Message::new(Role::ToolCall, call["args"].to_string());
            message.call = call["id"].as_str().map(str::to_owned);
            message.tool = call["name"].as_str().map(str::to_owned);
            out.push(message);
        } else if response.is_object() {
            let said = &response["response"];
            let text = said["output"].as_str().or(said["error"].as_str());
            let mut message =
                Message::new(Role::ToolResult, text.map_or_else(|| said.to_string(), str::to_owned));
            message.call = response["id"].as_str().map(str::to_owned);
            out.push(message);
        }
    }
}

/// The name under which Gemini CLI offers a tool of a server.
pub(crate) fn wire_name(server: &str, tool: &str) -> String {
    format!("mcp_{server}_{tool}")
}

/// The answer as one document; a stream is this document as its only event. Calls have no ids, as with the real API.
pub(crate) fn whole(blocks: &[Block]) -> Value {
    let part = |block: &Block| match block {
        Block::Text(text) => json!({"text": text}),
        Block::Tool(call) => {
            let name = call.server.as_ref().map(|server| wire_name(server, &call.name));
            json!({"functionCall": {"name": name.as_ref().unwrap_or(&call.name), "args": call.arguments}})
        }
    };
    let parts: Vec<_> = blocks.iter().map(part).collect();
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
           "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
           "modelVersion": "mock"})
}

/// An error in the format's own shape.
pub(crate) fn error(status: u16, message: &str) -> Value {
    json!({"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}})
}
