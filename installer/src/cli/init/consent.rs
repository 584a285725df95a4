//! What is done only if the person agreed to just that.

use serde_json::Value;
use session_bridge_core::plan::EditOp;

use super::Args;
use crate::cli::context::Context;
use crate::install::{Target, trust};
use crate::report::Failure;

/// The two consents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consent {
    pub(super) allow_tools: bool,
    pub(super) trust_hooks: bool,
}

/// By flag, by what was agreed before, or by a question. A provider that is installed already is not asked about again:
/// whoever said no once can use the flags.
pub(super) fn ask(args: &Args, context: &Context, target: &Target) -> Result<Consent, Failure> {
    let has_rule = target.allow_edit(&context.home, &context.host).is_some();
    let reviews = target.id() == trust::PROVIDER;
    let mut consent = Consent {
        allow_tools: has_rule && (args.allow_tools || target.is_allowed(&context.home, &context.host)?),
        trust_hooks: reviews && args.trust_codex_hooks,
    };
    let is_new = target.record(&context.home)?.files.is_empty();
    if args.yes || !is_new || !context.ui.is_interactive() {
        return Ok(consent);
    }
    let name = target.card().name;
    if has_rule && !consent.allow_tools {
        consent.allow_tools =
            context.ui.confirm(&format!("Let {name} run the bridge's tools without asking each time?"))?;
    }
    if reviews && !consent.trust_hooks && target.site.program.is_some() {
        context.ui.note(&format!("{name} runs hooks only after a review. The bridge's are:\n"))?;
        for command in commands(context, target) {
            context.ui.note(&format!("  {command}\n"))?;
        }
        consent.trust_hooks = context.ui.confirm("Note them as reviewed by you?")?;
    }
    Ok(consent)
}

/// The command lines of a target's hooks.
fn commands(context: &Context, target: &Target) -> Vec<String> {
    let plan = target.plan(&context.home, &context.host, false);
    let handlers = |value: Value| match value {
        Value::Object(mut group) => {
            group.remove("hooks").and_then(|hooks| hooks.as_array().cloned()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    plan.edits
        .into_iter()
        .filter_map(|edit| match edit.op {
            EditOp::Item { value, .. } => Some(handlers(value)),
            _ => None,
        })
        .flatten()
        .filter_map(|handler| handler.get("command").and_then(Value::as_str).map(str::to_owned))
        .collect()
}
