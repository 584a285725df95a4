//! What a CLI sent to the model, and the questions a test asks about it.

use serde_json::Value;

use crate::{anthropic, chat, gemini, responses};

/// The wire format of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /v1/responses`.
    OpenAiResponses,
    /// `POST /v1/chat/completions`.
    OpenAiChat,
    /// `POST /v1beta/models/<model>:generateContent` and its kin.
    Gemini,
    /// Anything else that was asked of the server.
    Other,
}

/// Who a piece of the conversation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// System text: the system prompt, and what Claude Code adds under this role in mid-conversation (hook context).
    System,
    /// Codex's instructions and hook context.
    Developer,
    /// The user's side, reminders that a CLI writes there included.
    User,
    /// What the model said itself.
    Assistant,
    /// A tool call that the model made; the text is its arguments.
    ToolCall,
    /// A tool's result.
    ToolResult,
}

/// A piece of a conversation: the text of one message, one tool call, or one tool result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Whose words they are.
    pub role: Role,
    /// All of its text; blocks are joined by a line feed.
    pub text: String,
    /// The call's id, for calls and results.
    pub call: Option<String>,
    /// The tool's name as it went over the wire, for calls.
    pub tool: Option<String>,
}

impl Message {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), call: None, tool: None }
    }
}

/// One recorded request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Order of arrival at this server, from 0, conversation steps and others counted together.
    pub seq: usize,
    /// The format it came in.
    pub wire: Wire,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The parsed body; `Null` if there was none or it was no JSON.
    pub body: Value,
}

impl Request {
    /// Whether this is a step of a conversation, so that a scripted turn answers it.
    pub fn is_step(&self) -> bool {
        match self.wire {
            Wire::AnthropicMessages => anthropic::is_step(self),
            Wire::OpenAiResponses => responses::is_step(self),
            Wire::OpenAiChat => chat::is_step(self),
            Wire::Gemini => gemini::is_step(self),
            Wire::Other => false,
        }
    }

    /// Whether the path, without its query, is `path`.
    pub(crate) fn path_is(&self, path: &str) -> bool {
        self.path.split('?').next() == Some(path)
    }

    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The CLI's own session or thread id, if the request says it.
    pub fn session(&self) -> Option<String> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::session(self),
            Wire::OpenAiResponses => responses::session(self),
            Wire::OpenAiChat => chat::session(self),
            // Gemini CLI tells its model server nothing of the kind.
            Wire::Gemini | Wire::Other => None,
        }
    }

    /// Everything the model was sent, in order, flattened.
    pub fn messages(&self) -> Vec<Message> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::messages(&self.body),
            Wire::OpenAiResponses => responses::messages(&self.body),
            Wire::OpenAiChat => chat::messages(&self.body),
            Wire::Gemini => gemini::messages(&self.body),
            Wire::Other => Vec::new(),
        }
    }

    /// The messages of others than the model: instructions, prompts, contexts and tool results.
    pub fn told(&self) -> Vec<Message> {
        let own = [Role::Assistant, Role::ToolCall];
        self.messages().into_iter().filter(|message| !own.contains(&message.role)).collect()
    }

    /// How often `needle` stands in what the model was told (see [`Request::told`]).
    pub fn count(&self, needle: &str) -> usize {
        self.told().iter().map(|message| message.text.matches(needle).count()).sum()
    }

    /// Whether the model was told `needle` (see [`Request::told`]).
    pub fn contains(&self, needle: &str) -> bool {
        self.count(needle) > 0
    }

    /// Whether any string of the request holds `needle`: tool descriptions, schemas and metadata too.
    pub fn holds(&self, needle: &str) -> bool {
        fn within(value: &Value, needle: &str) -> bool {
            match value {
                Value::String(text) => text.contains(needle),
                Value::Array(items) => items.iter().any(|item| within(item, needle)),
                Value::Object(fields) => fields.values().any(|field| within(field, needle)),
                _ => false,
            }
        }
        within(&self.body, needle)
    }

    /// The names of the tools offered, in order. A tool that Codex puts into a namespace is named
    /// `<namespace>__<tool>`, much as Claude Code names it: `mcp__<server>__<tool>` (but see [`Request::offers`]:
    /// Codex replaces a hyphen in the server's name).
    pub fn tools(&self) -> Vec<String> {
        match self.wire {
            Wire::Gemini => return gemini::tools(&self.body),
            Wire::OpenAiChat => return chat::tools(&self.body),
            Wire::AnthropicMessages | Wire::OpenAiResponses | Wire::Other => {}
        }
        let mut names = Vec::new();
        for tool in array(&self.body["tools"]) {
            let name = tool["name"].as_str().or(tool["type"].as_str()).unwrap_or_default();
            if tool["type"] == "namespace" {
                let inner = array(&tool["tools"]).iter().filter_map(|inner| inner["name"].as_str());
                names.extend(inner.map(|inner| format!("{name}__{inner}")));
            } else {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Whether `tool` of the MCP server that the configuration names `server` is offered with its schema. Grok Build shows
    /// no model any tool of a server: there it is enough that the model is told of the server.
    pub fn offers(&self, server: &str, tool: &str) -> bool {
        let name = match self.wire {
            Wire::OpenAiResponses => format!("{}__{tool}", responses::namespace(server)),
            Wire::Gemini => gemini::wire_name(server, tool),
            Wire::OpenAiChat => return chat::offers(self, server, tool),
            _ => format!("mcp__{server}__{tool}"),
        };
        self.tools().contains(&name)
    }

    /// The results of tool calls, in order.
    pub fn tool_results(&self) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.role == Role::ToolResult).collect()
    }

    /// The newest tool result.
    pub fn last_tool_result(&self) -> Option<String> {
        self.tool_results().pop().map(|message| message.text)
    }
}

/// The elements of a JSON array; none for anything else.
pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a string, or of the text blocks of an array, joined by line feeds.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
