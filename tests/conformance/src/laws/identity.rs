//! L12: the same payload is the same session, two sessions in one folder are two, and a subagent is not its parent.

use libtest_mimic::Trial;
use serde_json::json;
use session_bridge_core::event::HookCall;
use session_bridge_core::identity::{Caller, caller};
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
        if let Source::Meta { thread, root } = *source {
            trial(trials, "L12::a_subagents_call_is_not_its_parents", move || {
                let call = |thread_id: &str| {
                    caller(card, Some(&json!({ thread: thread_id, root: "parent" })), &|_| None)
                };
                assert_eq!(call("child"), Caller::Subagent);
                assert_eq!(call("parent"), Caller::Native("parent".into()));
            });
            trial(trials, "L12::a_call_without_evidence_is_nobodys", move || {
                assert_eq!(caller(card, None, &|_| Some("stale".into())), Caller::Unknown);
                assert_eq!(caller(card, Some(&json!({ thread: "" })), &|_| None), Caller::Unknown);
            });
        }
    }
}
