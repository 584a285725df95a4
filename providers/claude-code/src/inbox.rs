//! What a Claude Code session's inbox socket takes: two lines of JSON.

use serde::Serialize;
use session_bridge_core::provider::Wake;

/// It is in the environment of the session's own children.
pub(crate) const DOOR: Wake = Wake::Socket {
    name: "claude-inbox-socket",
    path: "CLAUDE_CODE_MESSAGING_SOCKET",
    token: "CLAUDE_CODE_MESSAGING_TOKEN",
    not_where: ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"),
    lines,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Auth { token: &'a str },
    User { message: Message<'a> },
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

/// Who writes, and a text that begins a turn. There is no answer.
fn lines(token: &str, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in [Line::Auth { token }, Line::User { message: Message { role: "user", content: text } }] {
        // Strings always serialise.
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_a_text() {
        let wire = String::from_utf8(lines("t\"1", "a\nb")).unwrap();
        assert_eq!(
            wire,
            "{\"type\":\"auth\",\"token\":\"t\\\"1\"}\n\
             {\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"a\\nb\"}}\n"
        );
    }
}
