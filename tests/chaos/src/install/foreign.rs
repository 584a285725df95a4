//! What others write between `init` and `uninstall`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_bridge_core::edit;
use session_bridge_core::plan::{ConfigEdit, EditOp, Format, OnRemove, Plan};

use super::home::edited;
use crate::random::Random;

/// How somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// By hand, a member in front.
    Front,
    /// By hand, something at the end.
    End,
    /// A program that writes the whole file anew, with members beside ours and elements after ours.
    Anew,
}

impl Hand {
    pub(super) fn any(random: &mut Random) -> Self {
        *random.pick(&[Self::Front, Self::End, Self::Anew])
    }

    /// Writes to every file of the plan.
    pub(super) fn write(self, plan: &Plan) -> Result<()> {
        for (path, edits) in edited(plan) {
            let format = edits[0].file.format;
            let text = fs::read_to_string(path).unwrap_or_default();
            let text = match self {
                Self::Front => front(&text, format),
                Self::End => end(&text, format),
                Self::Anew => anew(&text, format, &edits)?,
            };
            fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
            fs::write(path, text)?;
        }
        Ok(())
    }
}

fn front(text: &str, format: Format) -> String {
    let (mark, rest) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
    if format == Format::Toml {
        return format!("{mark}foreign = \"kept\" # theirs\n{rest}");
    }
    // The first bracket is the root's: comments before it hold none.
    let member =
        if meaning(text, format).as_object().is_none_or(serde_json::Map::is_empty) { "" } else { "," };
    if rest.contains('{') {
        format!("{mark}{}", rest.replacen('{', &format!("{{\"foreign\" :\"kept\"{member}"), 1))
    } else {
        format!("{mark}{{\"foreign\" :\"kept\"}}{rest}")
    }
}

fn end(text: &str, format: Format) -> String {
    match format {
        Format::Toml => format!("{text}\n# theirs\n[foreign]\nkept = true\n"),
        Format::Json => format!("{text} \n\n"),
        _ => format!("{text}\n// theirs\n"),
    }
}

fn anew(text: &str, format: Format, edits: &[&ConfigEdit]) -> Result<String> {
    let mut value = meaning(text, format);
    value["foreign"] = json!({"kept": [1, 2.5, "x"]});
    for edit in edits {
        match &edit.op {
            EditOp::Item { at, value: ours, .. } => {
                let list = reach(&mut value, &at.0);
                if list.is_null() {
                    *list = json!([]);
                }
                let other = if ours.is_string() {
                    json!("theirs")
                } else {
                    json!({"hooks": [{"command": "theirs"}]})
                };
                list.as_array_mut().context("a list")?.push(other);
            }
            EditOp::Key { at, .. } => {
                reach(&mut value, &at.0[..at.0.len() - 1])["theirs"] = json!({"command": "x"});
            }
            _ => {}
        }
    }
    if format == Format::Toml {
        Ok(toml_edit::ser::to_string_pretty(&value)?)
    } else {
        Ok(format!("{value:#}\n"))
    }
}

/// The value at a path; objects on the way are made.
fn reach<'v>(value: &'v mut Value, path: &[String]) -> &'v mut Value {
    path.iter().fold(value, |value, key| &mut value[key])
}

/// What a text means; a blank one is an empty object.
pub(super) fn meaning(text: &str, format: Format) -> Value {
    edit::value(text.as_bytes(), format).filter(|value| !value.is_null()).unwrap_or_else(|| json!({}))
}

/// What a file means, without what is left in our place where a host knows others by theirs.
pub(super) fn meaning_of(path: &Path, edits: &[&ConfigEdit]) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut value = meaning(&text, edits[0].file.format);
    for edit in edits {
        if let EditOp::Item { at, on_remove: OnRemove::KeepPosition(inert), .. } = &edit.op {
            let pointer = format!("/{}", at.0.join("/"));
            if let Some(list) = value.pointer_mut(&pointer).and_then(Value::as_array_mut) {
                list.retain(|item| item != inert);
            }
        }
    }
    value
}
