//! L12: the same payload is the same session, two sessions in one folder are two, and a subagent is not its parent.

use libtest_mimic::Trial;
use serde_json::json;
use session_bridge_core::event::HookCall;
use session_bridge_core::identity::{Caller, Claim, Evidence, caller};
use session_bridge_core::provider::Source;

use crate::fixtures::Payload;
use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject, payloads: &'static [Payload]) {
    let provider = subject.provider;
    let card = provider.card();
    for payload in payloads {
        let Some(call) = payload.call().filter(|call| card.hook(call.event).is_some()) else { continue };
        let title = payload.title();
        trial(trials, format!("L12::same_payload_same_session::{title}"), move || {
            let event = provider.decode(&call).unwrap();
            assert_eq!(event, provider.decode(&call).unwrap());
            assert_eq!(event.identity(), provider.decode(&call).unwrap().identity());
            assert!(!event.native.is_empty());
        });
        trial(trials, format!("L12::two_sessions_in_one_folder_differ::{title}"), move || {
            let one = provider.decode(&call).unwrap();
            let text = String::from_utf8(payload.bytes.clone()).unwrap();
            let other = text.replace(one.native.as_ref(), "another-session");
            let two = provider.decode(&HookCall { stdin: other.as_bytes(), ..call }).unwrap();
            assert_eq!(two.cwd, one.cwd);
            assert_eq!(two.native, "another-session");
        });
        trial(trials, format!("L12::a_subagent_is_told_by_its_id::{title}"), move || {
            let event = provider.decode(&call).unwrap();
            if let Some(id) = payload.json.get("agent_id").and_then(|id| id.as_str()) {
                assert_eq!(event.subagent.as_deref(), Some(id));
            }
            if event.subagent.is_none() {
                let mut started_as_agent = payload.json.clone();
                started_as_agent["agent_type"] = json!("reviewer");
                let bytes = serde_json::to_vec(&started_as_agent).unwrap();
                assert_eq!(provider.decode(&HookCall { stdin: &bytes, ..call }).unwrap().subagent, None);
            }
        });
    }
    for source in card.identity.mcp {
        match *source {
            Source::Meta { thread, root } => {
                let call = move |meta| caller(card, Evidence { meta: Some(&meta), ..NOTHING });
                trial(trials, "L12::a_subagents_call_is_not_its_parents", move || {
                    assert_eq!(call(json!({ thread: "child", root: "parent" })), Caller::Subagent);
                    let own = call(json!({ thread: "parent", root: "parent" }));
                    assert_eq!(own, Caller::Native("parent".into()));
                });
                trial(trials, "L12::a_call_without_evidence_is_nobodys", move || {
                    assert_eq!(caller(card, NOTHING), Caller::Unknown);
                    assert_eq!(call(json!({ thread: "" })), Caller::Unknown);
                });
            }
            Source::Argument => {
                let call = move |claim: &Claim| {
                    let valid = |claim: &Claim| claim.nonce == "secret";
                    caller(card, Evidence { claim: Some(claim), valid: &valid, ..NOTHING })
                };
                let own = Claim { session: "own".into(), nonce: "secret".into(), subagent: false };
                let child = Claim { subagent: true, ..own.clone() };
                let forged = Claim { nonce: "guess".into(), ..own.clone() };
                trial(trials, "L12::a_subagents_call_is_not_its_parents", move || {
                    assert_eq!(call(&child), Caller::Subagent);
                    assert_eq!(call(&own), Caller::Native("own".into()));
                });
                trial(trials, "L12::a_call_without_evidence_is_nobodys", move || {
                    assert_eq!(caller(card, NOTHING), Caller::Unknown);
                    assert_eq!(call(&forged), Caller::Unknown);
                });
            }
            Source::ServerEnv(name) => {
                trial(trials, "L12::a_server_serves_the_session_that_it_was_started_for", move || {
                    let env = |key: &str| (key == name).then(|| "own".to_owned());
                    let found = caller(card, Evidence { env: &env, ..NOTHING });
                    assert_eq!(found, Caller::Native("own".into()));
                    assert_eq!(caller(card, Evidence { env: &|_| None, ..NOTHING }), Caller::Unknown);
                });
            }
            _ => {}
        }
    }
}

/// A call that brings nothing along, under a server whose environment names a session of old.
const NOTHING: Evidence<'_> =
    Evidence { meta: None, claim: None, valid: &|_| false, env: &|_| Some("stale".into()) };
