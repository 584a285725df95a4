//! Which session makes an MCP call: declared sources in, one answer out. Nothing is guessed.

use serde_json::Value;

use crate::provider::{Card, Source};

/// What a call's own evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// This native session.
    Native(String),
    /// A subagent: it owns no inbox.
    Subagent,
    /// Whatever session the host process is bound to now; `spawn` is the native id at server start, if the host gave one.
    HostProcess {
        /// Native id from the environment, used only while no hook has bound the process.
        spawn: Option<String>,
    },
    /// The host gives no evidence in this call.
    Unknown,
}

/// Resolves a call by the card's sources, best attested first.
pub fn caller(card: &Card, meta: Option<&Value>, env: &dyn Fn(&str) -> Option<String>) -> Caller {
    let mut by_process = false;
    let mut spawn = None;
    for source in card.identity.mcp {
        match *source {
            Source::Meta { thread, root } => {
                let text =
                    |key| meta.and_then(|m| m.get(key)).and_then(Value::as_str).filter(|t| !t.is_empty());
                if let Some(thread) = text(thread) {
                    return match text(root) {
                        Some(root) if root != thread => Caller::Subagent,
                        _ => Caller::Native(thread.to_owned()),
                    };
                }
            }
            Source::HostProcess | Source::SharedProcess => by_process = true,
            Source::SpawnEnv(key) => spawn = spawn.or_else(|| env(key)),
            Source::Field(_) => {}
        }
    }
    if by_process { Caller::HostProcess { spawn } } else { Caller::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProviderId;
    use crate::provider::{Identity, Proof};
    use serde_json::json;

    fn card(mcp: &'static [Source]) -> Card {
        Card {
            id: ProviderId::new("x"),
            name: "X",
            short: "x",
            binaries: &[],
            marks: &[],
            mcp_clients: &[],
            mcp_call_id: &[],
            identity: Identity { hook: &[], mcp },
            hooks: &[],
            inject: &[],
            wake: &[],
            pull: Proof::NONE,
            servers_outlive_window: false,
            human_steps: &[],
            verified: &[],
            not_run: None,
        }
    }

    #[test]
    fn meta_names_the_thread_and_tells_a_subagent() {
        let card = card(&[Source::Meta { thread: "threadId", root: "sessionId" }]);
        let env = |_: &str| None;
        let call = |meta: Value| caller(&card, Some(&meta), &env);
        assert_eq!(call(json!({"threadId": "t", "sessionId": "t"})), Caller::Native("t".into()));
        assert_eq!(call(json!({"threadId": "t", "sessionId": "s"})), Caller::Subagent);
        assert_eq!(call(json!({"threadId": 7})), Caller::Unknown);
        assert_eq!(caller(&card, None, &env), Caller::Unknown);
    }

    #[test]
    fn the_process_goes_before_the_environment() {
        let card = card(&[Source::HostProcess, Source::SpawnEnv("ID")]);
        let found = caller(&card, None, &|key| (key == "ID").then(|| "n".to_owned()));
        assert_eq!(found, Caller::HostProcess { spawn: Some("n".into()) });
    }
}
