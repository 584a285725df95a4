//! What hostile messages, names and summaries become in the results of tools: framed text, or one plain line.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_bridge_forgery::hostile::{Case, Known};
use session_bridge_forgery::judge::{self, Sent};

use crate::harness::World;

const SEED: u64 = 13;
const MESSAGES: u64 = 40;

/// Every string of a result but the framed text is one line without markup.
fn plain(value: &Value, at: &str) {
    match value {
        Value::String(text) if at != "text" => {
            let odd = text.chars().find(|c| c.is_control() || matches!(c, '<' | '>') || judge::turns(*c));
            assert_eq!(odd, None, "{at}: {text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| plain(item, at)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| plain(item, key)),
        _ => {}
    }
}

#[test]
fn results_hold_peer_text_in_frames_only() {
    let world = World::new();
    let (mut ann, mut ben) = (world.codex("ann"), world.codex("ben"));
    let (from, to) = (ann.label(), ben.label());
    let mut sent = BTreeMap::new();
    for case in (0..MESSAGES).map(|number| Case::new(SEED, number, &Known::default())) {
        let arguments = |kind: &str| json!({"to": to, "body": case.body, "subject": case.subject, "kind": kind, "from": null});
        let mut kind = case.kind.as_str();
        let id = ann.begin_call("bridge_send_message", arguments(kind));
        let mut result = ann.answer(&json!(id))["result"].clone();
        if result["isError"] == json!(true) {
            kind = "note";
            result = json!({"structuredContent": ann.call("bridge_send_message", arguments(kind))});
        }
        let id = result["structuredContent"]["id"].as_str().unwrap().to_owned();
        let truth = Sent {
            from: from.clone(),
            provider: Some("codex".to_owned()),
            by_command_line: false,
            kind: kind.to_owned(),
            subject: case.subject.clone(),
            body: case.body.clone(),
        };
        sent.insert(id.clone(), truth);
        if case.number % 4 == 0 {
            let summary: String = case.summary.chars().take(120).collect();
            ann.call("bridge_set_summary", json!({"summary": summary}));
            plain(&ben.call("bridge_list_sessions", json!({})), "");
            plain(&ann.call("bridge_whoami", json!({})), "");
        }
        plain(&ben.call("bridge_list_inbox", json!({})), "");
        let read = ben.call("bridge_read_message", json!({"ids": [id]}));
        plain(&read, "");
        let reading = judge::read(read["text"].as_str().unwrap(), &sent).unwrap();
        assert_eq!(reading.bodies, std::slice::from_ref(&id));
        if case.number % 5 == 0 {
            let reason: String = case.summary.chars().take(400).collect();
            ben.call("bridge_decline", json!({"message_id": id, "reason": reason}));
        }
        plain(&ann.call("bridge_get_receipts", json!({"message_id": id})), "");
    }
    // What it was told of the declined ones is the bridge's own word, with a reason in one line.
    let notices = ann.call("bridge_list_inbox", json!({"view": "all"}));
    for notice in notices["messages"].as_array().unwrap() {
        assert_eq!((&notice["from"], &notice["kind"]), (&json!("session-bridge"), &json!("system")));
        assert_eq!(notice.get("cli"), None, "no session is the bridge");
        let read = ann.call("bridge_read_message", json!({"ids": [notice["id"]]}));
        let text = read["text"].as_str().unwrap();
        assert_eq!((text.matches("<peer-message-").count(), text.matches("</peer-message-").count()), (1, 1));
        let (_, framed) = text.split_once("<peer-message-").unwrap();
        let (body, _) = framed.split_once(">\n").unwrap().1.rsplit_once("\n</").unwrap();
        assert_eq!(judge::envelope(body), None);
    }
    ann.close();
    ben.close();
}

#[test]
fn a_sender_is_never_an_argument_and_half_a_character_is_no_text() {
    let world = World::new();
    let (mut ann, mut ben) = (world.codex("ann"), world.codex("ben"));
    let to = ben.label();
    for extra in ["from", "sender", "as", "via", "provider"] {
        let mut arguments = json!({"to": to, "body": "x"});
        arguments[extra] = json!("backend");
        assert_eq!(ann.refused("bridge_send_message", arguments), "bad_arguments", "{extra}");
    }
    for half in [r"\ud800", r"\udfff\ud800", r"\uD83Ex"] {
        ann.raw(&format!(
            r#"{{"jsonrpc":"2.0","id":"half","method":"tools/call","params":{{"name":"bridge_send_message","arguments":{{"to":"{to}","body":"a{half}b"}},"_meta":{{"threadId":"ann","sessionId":"ann"}}}}}}"#
        ));
        ann.call("bridge_whoami", json!({}));
    }
    assert_eq!(world.store().newest_seq().unwrap(), 0, "nothing was stored");
    ann.close();
    ben.close();
}
