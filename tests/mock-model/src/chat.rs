//! The OpenAI Chat Completions format, as far as opencode, Grok Build and Cline need it.

use serde_json::{Value, json};

use crate::request::{Message, Request, Role, array, text_of};
use crate::turn::{Block, ToolCall};

/// Where Grok Build takes every call of an MCP tool: it shows the model no tool of a server by name.
const GROK_USE: &str = "use_tool";

pub(crate) fn is_path(path: &str) -> bool {
    path == "/v1/chat/completions"
}

/// A conversation step leaves the model free to call the tools that it is offered. opencode's titles and summaries offer
/// none, and Grok Build's title is asked for as a call that the model has to make. Grok's line for its dashboard looks
/// like a step, but for the request's id: those of steps are UUIDs.
pub(crate) fn is_step(request: &Request) -> bool {
    let offers = !array(&request.body["tools"]).is_empty();
    let forced = request.body["tool_choice"].is_object();
    let aside = request.header("x-grok-req-id").is_some_and(|id| id.starts_with("xai-"));
    offers && !forced && !aside
}

/// opencode and Grok Build name their session in a header; Cline does not.
pub(crate) fn session(request: &Request) -> Option<String> {
    let named = ["x-session-id", "x-grok-session-id"].iter().find_map(|name| request.header(name));
    named.filter(|id| !id.is_empty()).map(str::to_owned)
}

pub(crate) fn tools(body: &Value) -> Vec<String> {
    let declared = array(&body["tools"]).iter();
    declared.filter_map(|tool| Some(tool["function"]["name"].as_str()?.to_owned())).collect()
}

/// Whether the model can call `tool` of `server`: Grok Build names the server in a reminder, with the number of its
/// tools, and the tool itself only to a model that searches for it.
pub(crate) fn offers(request: &Request, server: &str, tool: &str) -> bool {
    let tools = tools(&request.body);
    if tools.iter().any(|offered| offered == GROK_USE) {
        return request.contains(server);
    }
    spellings(server, tool).iter().any(|name| tools.contains(name))
}

/// The names under which Cline and opencode offer a tool of a server.
fn spellings(server: &str, tool: &str) -> [String; 2] {
    [format!("{server}__{tool}"), format!("{server}_{tool}")]
}

pub(crate) fn messages(body: &Value) -> Vec<Message> {
    let mut out = Vec::new();
    for message in array(&body["messages"]) {
        let text = text_of(&message["content"]);
        let role = match message["role"].as_str() {
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("assistant") => Role::Assistant,
            Some("tool") => {
                let mut result = Message::new(Role::ToolResult, text);
                result.call = message["tool_call_id"].as_str().map(str::to_owned);
                out.push(result);
                continue;
            }
            _ => Role::User,
        };
        // A message of the model that only calls tools has no text.
        if role != Role::Assistant || !text.is_empty() {
            out.push(Message::new(role, text));
        }
        for made in array(&message["tool_calls"]) {
            let function = &made["function"];
            let arguments = function["arguments"].as_str().unwrap_or_default();
            let mut call = Message::new(Role::ToolCall, arguments);
            call.call = made["id"].as_str().map(str::to_owned);
            call.tool = function["name"].as_str().map(str::to_owned);
            out.push(call);
        }
    }
    out
}

/// Name and arguments under which the CLI that sent `request` takes a call.
fn spelled(request: &Request, call: &ToolCall) -> (String, Value) {
    let Some(server) = &call.server else {
        return (call.name.clone(), call.arguments.clone());
    };
    let tools = tools(&request.body);
    let [double, single] = spellings(server, &call.name);
    if tools.iter().any(|offered| offered == GROK_USE) {
        (GROK_USE.to_owned(), json!({"tool_name": double, "tool_input": call.arguments}))
    } else if tools.contains(&single) {
        (single, call.arguments.clone())
    } else {
        (double, call.arguments.clone())
    }
}

fn calls(request: &Request, blocks: &[Block]) -> Vec<Value> {
    let number = request.seq;
    let tools = blocks.iter().filter_map(|block| match block {
        Block::Tool(call) => Some(spelled(request, call)),
        Block::Text(_) => None,
    });
    let one = |(index, (name, arguments)): (usize, (String, Value))| {
        json!({"index": index, "id": format!("call_mock_{number}_{index}"), "type": "function",
               "function": {"name": name, "arguments": arguments.to_string()}})
    };
    tools.enumerate().map(one).collect()
}

fn text(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.as_str()),
        Block::Tool(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn envelope(request: &Request, object: &str, choice: &Value) -> Value {
    json!({"id": format!("chatcmpl_mock_{}", request.seq), "object": object, "created": 0,
           "model": request.body["model"], "choices": [choice],
           "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
}

fn finish_reason(calls: &[Value]) -> &'static str {
    if calls.is_empty() { "stop" } else { "tool_calls" }
}

/// The answer as one document, for requests that do not stream.
pub(crate) fn whole(request: &Request, blocks: &[Block]) -> Value {
    let calls = calls(request, blocks);
    let reason = finish_reason(&calls);
    let mut message = json!({"role": "assistant", "content": text(blocks)});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    envelope(request, "chat.completion", &json!({"index": 0, "message": message, "finish_reason": reason}))
}

/// The answer as server-sent events, which the format ends with a word of its own.
pub(crate) fn events(request: &Request, blocks: &[Block]) -> Vec<Value> {
    let calls = calls(request, blocks);
    let reason = finish_reason(&calls);
    let chunk = |delta: &Value, reason: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        envelope(request, "chat.completion.chunk", &choice)
    };
    let mut events = vec![chunk(&json!({"role": "assistant", "content": text(blocks)}), None)];
    events.extend(calls.into_iter().map(|call| chunk(&json!({"tool_calls": [call]}), None)));
    events.push(chunk(&json!({}), Some(reason)));
    events
}

/// The models that there are, for a CLI that asks before it starts.
pub(crate) fn models() -> Value {
    json!({"object": "list", "data": [{"id": "mock-model", "object": "model", "created": 0, "owned_by": "mock"}]})
}

/// An error in the format's own shape.
pub(crate) fn error(message: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": "mock", "message": message}})
}
