//! A preview, printed: unified diffs for people, RFC 6902 operations for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use similar::TextDiff;

use crate::apply::{FileChange, Preview};
use crate::edit::meaning;

/// One unified diff per changed file. Empty if nothing would change.
pub fn unified_diff(preview: &Preview) -> String {
    preview.changes().map(diff_of).collect()
}

/// What `doctor` shows of a drifted edit.
pub fn drift(want: &str, have: &str) -> String {
    TextDiff::from_lines(have, want).unified_diff().context_radius(3).to_string()
}

fn diff_of(file: &FileChange) -> String {
    let text = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let before = text(file.before.as_ref());
    let after = text(file.after.as_ref().ok().and_then(Option::as_ref));
    let path = file.path.display();
    let name =
        |side: &Option<String>| side.as_ref().map_or_else(|| "/dev/null".to_owned(), |_| path.to_string());
    let (from, to) = (name(&before), name(&after));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let diff = TextDiff::from_lines(&before, &after);
    let body = diff.unified_diff().context_radius(3).header(&from, &to).to_string();
    if body.is_empty() { format!("--- {from}\n+++ {to}\n") } else { body }
}

/// One entry per changed file: its path, what happens to it, and the operations that lead from its old value to its
/// new one. Text files have their whole content as value. Empty if nothing would change.
pub fn patch(preview: &Preview) -> Value {
    preview.changes().map(patch_of).collect()
}

fn patch_of(file: &FileChange) -> Value {
    let value = |bytes: Option<&Vec<u8>>| bytes.map_or(Value::Null, |bytes| meaning(bytes, file.format));
    let after = file.after.as_ref().ok().and_then(Option::as_ref);
    let operations = json_patch::diff(&value(file.before.as_ref()), &value(after));
    let action = match (&file.before, after) {
        (None, _) => "create",
        (_, None) => "remove",
        _ => "edit",
    };
    json!({ "path": file.path.to_string_lossy(), "action": action, "operations": operations })
}

/// Why files cannot be edited, one paragraph each. Empty if nothing is in the way.
pub fn problems(preview: &Preview) -> String {
    let mut out = String::new();
    for error in preview.files.iter().filter_map(|file| file.after.as_ref().err()) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{error} [{}]\n  help: {}", error.code(), error.help());
    }
    out
}
