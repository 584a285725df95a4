//! What others do to the files that we edit: hosts that rewrite them, users that damage them.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use session_bridge_core::plan::{ConfigEdit, EditOp, Format, KeyPart, KeyPath, OnRemove, Plan};

use crate::home::TestHome;

/// A file's value, whatever its syntax, with the home as `$HOME`. A missing or blank file is an empty object.
pub(crate) fn value_of(file: &Path, home: &TestHome) -> Value {
    let text = fs::read_to_string(file).unwrap_or_default().replace(home.path().to_str().unwrap(), "$HOME");
    parse(&text, is_toml(file))
}

/// The text with one more member in front.
pub(crate) fn with_member(file: &Path, text: &str) -> String {
    if is_toml(file) {
        let (mark, rest) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
        format!("{mark}foreign = \"kept\" # theirs\n{rest}")
    } else {
        text.replacen('{', "{\"foreign\" :\"kept\",", 1)
    }
}

/// As a host or another tool might, adds members beside ours and elements after ours, and writes the file anew. With
/// `installed`, it also adds a member inside of what is ours.
pub(crate) fn meddle(file: &Path, plan: &Plan, installed: bool) {
    let mut value = parse(&fs::read_to_string(file).unwrap_or_default(), is_toml(file));
    value["foreign"] = json!({"kept": [1, 2.5, "x"]});
    for edit in plan.edits.iter().filter(|edit| edit.file.path == file) {
        match &edit.op {
            EditOp::Item { at, value: ours, .. } => {
                let list = reach(&mut value, &at.0);
                if list.is_null() {
                    *list = json!([]);
                }
                let other = match ours {
                    Value::String(_) => json!("somebody-elses"),
                    _ => json!({"hooks": [{"type": "command", "command": "somebody-elses"}]}),
                };
                list.as_array_mut().unwrap().push(other);
            }
            EditOp::Key { at, value: ours, .. } => {
                let parent = reach(&mut value, &at.0[..at.0.len() - 1]);
                if parent.is_null() {
                    *parent = json!({});
                }
                parent["somebody-elses"] = json!({"command": "x"});
                if installed && ours.is_object() {
                    parent[at.0.last().unwrap()]["added_by_the_host"] = json!({"deep": true});
                }
            }
            other => panic!("the suite does not know {other:?}"),
        }
    }
    write(file, &value);
}

/// Spoils one edit: takes out an item, or a part of a value.
pub(crate) fn damage(edit: &ConfigEdit) {
    let file = &edit.file.path;
    if let EditOp::File { text } = &edit.op {
        fs::write(file, &text[1..]).unwrap();
        return;
    }
    let mut value = parse(&fs::read_to_string(file).unwrap(), is_toml(file));
    match &edit.op {
        EditOp::Item { at, value: ours, .. } => {
            reach(&mut value, &at.0).as_array_mut().unwrap().retain(|item| item != ours);
        }
        EditOp::Key { at, value: ours, .. } if ours.is_object() => {
            let server = reach(&mut value, &at.0).as_object_mut().unwrap();
            server.remove("args").or_else(|| server.remove("command")).unwrap();
        }
        EditOp::Key { at, .. } => {
            let (key, parent) = at.0.split_last().unwrap();
            reach(&mut value, parent).as_object_mut().unwrap().remove(key).unwrap();
        }
        other => panic!("the suite does not know {other:?}"),
    }
    write(file, &value);
}

/// Writes down what the host would derive from our edits, and a note of somebody else's. Returns our keys.
pub(crate) fn derive(plan: &Plan) -> Vec<(PathBuf, String)> {
    let mut noted = Vec::new();
    for edit in &plan.edits {
        for derived in &edit.derived {
            let name: String = derived
                .starts_with
                .iter()
                .map(|part| match part {
                    KeyPart::Text(text) => text.clone(),
                    KeyPart::Index => position(edit).to_string(),
                })
                .collect();
            let key = format!("{name}0");
            note(&derived.file.path, &derived.under, &key);
            note(&derived.file.path, &derived.under, "somebody-elses-key");
            noted.push((derived.file.path.clone(), key));
        }
    }
    noted
}

fn note(file: &Path, under: &KeyPath, key: &str) {
    let mut value = parse(&fs::read_to_string(file).unwrap_or_default(), is_toml(file));
    let notes = reach(&mut value, &under.0);
    if notes.is_null() {
        *notes = json!({});
    }
    notes[key] = json!({"trusted_hash": "sha256:0"});
    write(file, &value);
}

fn position(edit: &ConfigEdit) -> usize {
    let EditOp::Item { at, value: ours, .. } = &edit.op else { panic!("{} has no position", edit.id) };
    let mut value = parse(&fs::read_to_string(&edit.file.path).unwrap(), edit.file.format == Format::Toml);
    let list = reach(&mut value, &at.0).as_array().unwrap();
    list.iter().position(|item| item == ours).unwrap()
}

/// Where the elements of others stand in the edit's list, if the host knows them by that.
pub(crate) fn places_of(edit: &ConfigEdit) -> Option<Vec<(usize, Value)>> {
    let EditOp::Item { at, value: ours, on_remove: OnRemove::KeepPosition(inert), .. } = &edit.op else {
        return None;
    };
    let mut value =
        parse(&fs::read_to_string(&edit.file.path).unwrap_or_default(), edit.file.format == Format::Toml);
    let list = reach(&mut value, &at.0).as_array().cloned().unwrap_or_default();
    Some(list.into_iter().enumerate().filter(|(_, item)| item != ours && item != inert).collect())
}

/// A value without the inert groups that keep a place in a list.
pub(crate) fn without_inert(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            items.retain(|item| *item != json!({"hooks": []}));
            for item in items {
                *item = without_inert(item.take());
            }
        }
        Value::Object(map) => {
            for item in map.values_mut() {
                *item = without_inert(item.take());
            }
        }
        _ => {}
    }
    value
}

/// The value at a path; objects on the way are made.
fn reach<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, key| {
        if value.is_null() {
            *value = json!({});
        }
        value.as_object_mut().unwrap().entry(key.clone()).or_insert(Value::Null)
    })
}

fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "toml")
}

fn parse(text: &str, toml: bool) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    if toml {
        toml_edit::de::from_str(text).unwrap()
    } else if text.trim().is_empty() {
        json!({})
    } else {
        serde_json::from_str(&without_comments(text)).unwrap()
    }
}

/// JSON without its comments and trailing commas, for formats that have them.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let whole = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|&(_, c)| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let end = end.map_or(rest.len(), |(at, _)| at + 1);
            out.push_str(&rest[..end]);
            end
        } else {
            if matches!(c, '}' | ']')
                && let Some(kept) = out.trim_end().strip_suffix(',')
            {
                out.truncate(kept.len());
            }
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[whole..];
    }
    out
}

fn write(file: &Path, value: &Value) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let text = if is_toml(file) {
        toml_edit::ser::to_string_pretty(value).unwrap()
    } else {
        serde_json::to_string_pretty(value).unwrap()
    };
    fs::write(file, text).unwrap();
}

/// JSON objects in many layouts: any values, indents, line endings, spaces around colons, final newline or none.
pub(crate) fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        "\\PC{0,10}".prop_map(Value::String),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let members = proptest::collection::btree_map("[a-z]{1,6}", value, 0..5);
    let layout =
        (any::<bool>(), prop_oneof![Just("  "), Just("    "), Just("\t")], any::<bool>(), any::<bool>());
    (members, any::<bool>(), layout).prop_map(|(members, hooks, (compact, indent, crlf, newline))| {
        let mut map: Map<String, Value> =
            members.into_iter().filter(|(key, _)| key != "hooks" && key != "permissions").collect();
        if hooks {
            map.insert("hooks".into(), json!({"Stop": [{"hooks": []}], "Other": []}));
        }
        let value = Value::Object(map);
        let mut text = if compact {
            value.to_string()
        } else {
            let mut out = Vec::new();
            let format = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            serde::Serialize::serialize(
                &value,
                &mut serde_json::Serializer::with_formatter(&mut out, format),
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        if newline {
            text.push('\n');
        }
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}
