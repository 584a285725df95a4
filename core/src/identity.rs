//! Which session makes an MCP call: declared sources in, one answer out. Nothing is guessed.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::provider::{Card, Source};

/// The argument by which a plugin of ours says who calls: an object with `session` and `nonce`, and `subagent: true` where
/// a subagent calls. The plugin overwrites whatever the model put there (rule W4).
pub const ARGUMENT: &str = "_session_bridge";

/// What [`ARGUMENT`] says. It counts only with the nonce that the plugin also gave to the hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The host's own session id.
    pub session: String,
    /// The secret of the plugin's load.
    pub nonce: String,
    /// A subagent calls.
    pub subagent: bool,
}

impl Claim {
    /// Takes the claim out of a call's arguments. Whatever else stands under that name goes as well.
    pub fn take(arguments: &mut Map<String, Value>) -> Option<Self> {
        serde_json::from_value(arguments.remove(ARGUMENT)?).ok()
    }
}

/// What a call brings along.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// Its `_meta`.
    pub meta: Option<&'a Value>,
    /// What our plugin added to its arguments.
    pub claim: Option<&'a Claim>,
    /// Whether a claim has the nonce of the session that it names.
    pub valid: &'a dyn Fn(&Claim) -> bool,
    /// The server's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

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
pub fn caller(card: &Card, evidence: Evidence<'_>) -> Caller {
    let Evidence { meta, claim, valid, env } = evidence;
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
            Source::Argument => match claim {
                Some(claim) if claim.subagent => return Caller::Subagent,
                Some(claim) if valid(claim) => return Caller::Native(claim.session.clone()),
                _ => {}
            },
            Source::ServerEnv(key) => {
                if let Some(native) = env(key) {
                    return Caller::Native(native);
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

    const NOTHING: Evidence<'_> = Evidence { meta: None, claim: None, valid: &|_| false, env: &|_| None };

    fn card(mcp: &'static [Source]) -> Card {
        Card {
            id: ProviderId::new("x"),
            name: "X",
            short: "x",
            binaries: &[],
            marks: &[],
            packages: &[],
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
        let call = |meta: Value| caller(&card, Evidence { meta: Some(&meta), ..NOTHING });
        assert_eq!(call(json!({"threadId": "t", "sessionId": "t"})), Caller::Native("t".into()));
        assert_eq!(call(json!({"threadId": "t", "sessionId": "s"})), Caller::Subagent);
        assert_eq!(call(json!({"threadId": 7})), Caller::Unknown);
        assert_eq!(caller(&card, NOTHING), Caller::Unknown);
    }

    #[test]
    fn a_claim_counts_with_its_nonce_alone() {
        let card = card(&[Source::Argument]);
        let call = |value: Value| {
            let mut arguments = Map::from_iter([(ARGUMENT.to_owned(), value), ("to".into(), "x".into())]);
            let claim = Claim::take(&mut arguments);
            assert_eq!(arguments.len(), 1, "the tool never sees it");
            caller(&card, Evidence { claim: claim.as_ref(), valid: &|claim| claim.nonce == "n", ..NOTHING })
        };
        assert_eq!(call(json!({"session": "s", "nonce": "n"})), Caller::Native("s".into()));
        assert_eq!(call(json!({"session": "s", "nonce": "n", "subagent": true})), Caller::Subagent);
        for worthless in
            [json!({"session": "s", "nonce": "m"}), json!({"session": "s"}), json!("s"), json!([])]
        {
            assert_eq!(call(worthless), Caller::Unknown);
        }
        assert_eq!(caller(&card, NOTHING), Caller::Unknown);
    }

    #[test]
    fn the_process_goes_before_the_environment() {
        let card = card(&[Source::HostProcess, Source::SpawnEnv("ID")]);
        let found = caller(&card, Evidence { env: &|key| (key == "ID").then(|| "n".to_owned()), ..NOTHING });
        assert_eq!(found, Caller::HostProcess { spawn: Some("n".into()) });
    }

    #[test]
    fn a_server_of_its_own_names_its_session() {
        let card = card(&[Source::ServerEnv("ID")]);
        let found = caller(&card, Evidence { env: &|key| (key == "ID").then(|| "n".to_owned()), ..NOTHING });
        assert_eq!(found, Caller::Native("n".into()));
        assert_eq!(caller(&card, NOTHING), Caller::Unknown);
    }
}
