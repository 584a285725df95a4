//! L10: captured payloads are understood, unknown fields do not matter, and no bytes make a decoder panic.

use std::borrow::Cow;
use std::fmt::Write as _;

use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use session_bridge_core::event::{DecodeError, HookCall};

use crate::fixtures::Payload;
use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject, payloads: &'static [Payload]) {
    let card = subject.provider.card();
    let provider = subject.provider;
    trial(trials, "L10::decoded", move || subject.snapshot("decoded", &decoded(subject, payloads)));
    for payload in payloads {
        let Some(call) = payload.call() else { continue };
        let title = payload.title();
        if card.hook(call.event).is_none() {
            trial(trials, format!("L10::undeclared_events_are_refused::{title}"), move || {
                let refused = provider.decode(&call);
                assert!(matches!(refused, Err(DecodeError::UnknownEvent(_))), "{refused:?}");
            });
            continue;
        }
        trial(trials, format!("L10::unknown_fields_do_not_matter::{title}"), move || {
            let plain = provider.decode(&call).unwrap();
            let mut json = payload.json.clone();
            sprinkle(&mut json);
            let bytes = serde_json::to_vec(&json).unwrap();
            assert_eq!(provider.decode(&HookCall { stdin: &bytes, ..call }).unwrap(), plain);
        });
        trial(trials, format!("L10::cut_short_is_an_error::{title}"), move || {
            let whole = payload.bytes.trim_ascii_end().len();
            for end in 0..whole {
                let cut = HookCall { stdin: &payload.bytes[..end], ..call };
                assert!(matches!(provider.decode(&cut), Err(DecodeError::Malformed { .. })), "cut at {end}");
            }
        });
        trial(trials, format!("L10::wrong_types_never_panic::{title}"), move || {
            for key in payload.json.as_object().unwrap().keys() {
                for wrong in
                    [json!(null), json!(true), json!(-1.5e300), json!(""), json!([[]]), json!({"a": {}})]
                {
                    let mut json = payload.json.clone();
                    json[key] = wrong;
                    let bytes = serde_json::to_vec(&json).unwrap();
                    let _ = provider.decode(&HookCall { stdin: &bytes, ..call });
                }
            }
        });
        trial(trials, format!("L10::a_large_payload_is_not_copied::{title}"), move || {
            let mut json = payload.json.clone();
            json["a_large_field"] = Value::String("a \"line\"\n".repeat(120_000));
            let bytes = serde_json::to_vec(&json).unwrap();
            let event = provider.decode(&HookCall { stdin: &bytes, ..call }).unwrap();
            assert!(matches!(event.native, Cow::Borrowed(_)));
            assert!(!matches!(event.turn, Some(Cow::Owned(_))));
            assert!(!matches!(event.cwd, Some(Cow::Owned(_))));
            assert!(event.tool_calls.iter().all(|id| matches!(id, Cow::Borrowed(_))));
        });
    }
    for spec in card.hooks {
        trial(trials, format!("L10::arbitrary_bytes_never_panic::{}", spec.event), move || {
            let mut runner =
                TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
            let bytes = prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                arbitrary_object().prop_map(|json| serde_json::to_vec(&json).unwrap()),
            ];
            runner
                .run(&bytes, |bytes| {
                    let _ = provider.decode(&HookCall { event: spec.event, stdin: &bytes });
                    Ok(())
                })
                .unwrap();
        });
    }
}

fn decoded(subject: Subject, payloads: &[Payload]) -> String {
    let mut out = String::new();
    for payload in payloads {
        let Some(call) = payload.call() else { continue };
        let _ = match subject.provider.decode(&call) {
            Ok(event) => writeln!(out, "{}: {event:#?}\n", payload.title()),
            Err(error) => writeln!(out, "{}: {error}\n", payload.title()),
        };
    }
    out
}

/// Adds a field to every object, before and after the others.
fn sprinkle(json: &mut Value) {
    match json {
        Value::Object(map) => {
            map.values_mut().for_each(sprinkle);
            let rest = std::mem::take(map);
            map.insert("0_new".into(), json!({"deep": [1, {"er": null}]}));
            map.extend(rest);
            map.insert("zz_new".into(), json!("\u{1f980}"));
        }
        Value::Array(items) => items.iter_mut().for_each(sprinkle),
        _ => {}
    }
}

/// Objects with the field names that hosts use, and anything at all in them.
fn arbitrary_object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        "\\PC{0,12}".prop_map(Value::String),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let key = prop_oneof![
        Just("session_id"),
        Just("hook_event_name"),
        Just("cwd"),
        Just("prompt_id"),
        Just("turn_id"),
        Just("agent_id"),
        Just("tool_calls"),
        Just("tool_use_id"),
        Just("source"),
        Just("reason"),
        Just("stop_hook_active"),
        Just("last_assistant_message"),
    ];
    proptest::collection::vec((key, value), 0..8).prop_map(|fields| {
        Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    })
}
