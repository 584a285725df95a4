//! `off` and `on`: pausing without uninstalling.

use serde_json::{Value, json};
use session_bridge_store::Pause;

use super::Status;
use super::context::{Context, session_named};
use super::init::unknown_provider;
use crate::report::Failure;
use crate::term::{one_line, put, style, wrapped};
use crate::{door, exit};

/// Pause the bridge: everything, one provider, or one session.
///
/// Sessions that are paused get no mail and are not woken, and their tools say so. Mail to them is kept, and its senders
/// are told. Nothing is uninstalled; `session-bridge on` with the same options lets everything go on.
#[derive(Debug, clap::Args)]
pub(crate) struct OffArgs {
    #[command(flatten)]
    scope: ScopeArgs,
}

/// End a pause that `session-bridge off` began with the same options.
///
/// What waited goes out, and idle sessions wake for it. What else is still paused is named.
#[derive(Debug, clap::Args)]
pub(crate) struct OnArgs {
    #[command(flatten)]
    scope: ScopeArgs,
}

/// What is meant; everything, if nothing is named.
#[derive(Debug, clap::Args)]
struct ScopeArgs {
    /// The sessions of this provider; may be given several times.
    #[arg(long, value_name = "PROVIDER")]
    provider: Vec<String>,
    /// This session: its label, role, id, `cwd:` or `repo:` address; may be given several times.
    #[arg(long, value_name = "SESSION")]
    session: Vec<String>,
}

impl ScopeArgs {
    fn resolve(&self, context: &Context) -> Result<Vec<Pause>, Failure> {
        let mut scopes = Vec::new();
        for id in &self.provider {
            if session_bridge_providers::by_id(id).is_none() {
                return Err(unknown_provider(id));
            }
            scopes.push(Pause::Provider(id.clone()));
        }
        if !self.session.is_empty() {
            let mut store = context.store()?;
            for text in &self.session {
                scopes.push(Pause::Session(session_named(&mut store, text, None, false)?.session.id));
            }
        }
        if scopes.is_empty() {
            scopes.push(Pause::Everything);
        }
        Ok(scopes)
    }
}

pub(super) fn off(args: &OffArgs, context: &Context) -> Status {
    let mut done = Vec::new();
    for pause in args.scope.resolve(context)? {
        let changed = pause.set(&context.home)?;
        done.push((pause, changed));
    }
    if context.ui.json {
        return document(context, &done);
    }
    let (good, dim) = (style::GOOD, style::DIM);
    let mut text = String::new();
    for (pause, changed) in &done {
        let already = if *changed { "" } else { "already " };
        let what = what(context, pause);
        let line = format!("{what} {already}paused: mail is kept, nothing is put out");
        put!(text, "{good}✓{good:#} {}\n", wrapped(&line, 2));
        put!(text, "  {dim}undo{dim:#}  {}\n", way_out(pause));
    }
    context.ui.say(&text)?;
    Ok(exit::OK)
}

pub(super) fn on(args: &OnArgs, context: &Context) -> Status {
    let mut done = Vec::new();
    for pause in args.scope.resolve(context)? {
        let changed = pause.lift(&context.home)?;
        if context.home.store().exists() {
            // Also where there was no pause: somebody may have been stopped between the two steps.
            let mut store = context.store()?;
            let rung = store.ring_after(&pause)?;
            door::knock(&store, &rung);
        }
        done.push((pause, changed));
    }
    if context.ui.json {
        return document(context, &done);
    }
    let (good, warn) = (style::GOOD, style::WARN);
    let mut text = String::new();
    for (pause, changed) in &done {
        let state = if *changed { "no longer paused" } else { "not paused" };
        put!(text, "{good}✓{good:#} {} {state}\n", what(context, pause));
    }
    for pause in Pause::all(&context.home) {
        put!(text, "{warn}  still: {warn:#}{}", line(context, &pause));
    }
    context.ui.say(&text)?;
    Ok(exit::OK)
}

/// A pause and the command that ends it, in a line.
pub(super) fn line(context: &Context, pause: &Pause) -> String {
    let (warn, dim) = (style::WARN, style::DIM);
    format!("{warn}{} paused{warn:#} {dim}({}){dim:#}\n", what(context, pause), way_out(pause))
}

/// Who or what is paused; a session by its label, where the store can tell it.
fn what(context: &Context, pause: &Pause) -> String {
    let label = match pause {
        Pause::Session(id) if context.home.store().exists() => {
            context.store().ok().and_then(|store| Some(store.session(*id).ok()?.label))
        }
        _ => None,
    };
    label.map_or_else(|| pause.what(), |label| format!("{} is", one_line(&label, 60)))
}

/// The command that ends a pause.
pub(super) fn way_out(pause: &Pause) -> String {
    match pause {
        Pause::Provider(id) => format!("session-bridge on --provider {id}"),
        Pause::Session(id) => format!("session-bridge on --session {id}"),
        Pause::Everything => "session-bridge on".to_owned(),
    }
}

fn document(context: &Context, done: &[(Pause, bool)]) -> Status {
    let changes: Vec<Value> = done
        .iter()
        .map(|(pause, changed)| {
            let mut entry = entry(pause);
            entry["changed"] = json!(changed);
            entry
        })
        .collect();
    let paused: Vec<Value> = Pause::all(&context.home).iter().map(entry).collect();
    context.ui.document(&json!({ "changes": changes, "paused": paused }))?;
    Ok(exit::OK)
}

fn entry(pause: &Pause) -> Value {
    let (mut provider, mut session) = (None, None);
    match pause {
        Pause::Provider(id) => provider = Some(id),
        Pause::Session(id) => session = Some(id),
        Pause::Everything => {}
    }
    json!({ "scope": pause.as_str(), "provider": provider, "session": session })
}
