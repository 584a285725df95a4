//! `mute`, `block` and their opposites: what a person lets a peer do.

use serde_json::{Value, json};
use session_bridge_core::address::AddressError;
use session_bridge_core::id::SessionId;
use session_bridge_store::{Rule, RuleKind, SessionView, Store};

use super::Status;
use super::context::{Context, brief, session_named};
use crate::report::Failure;
use crate::term::{Table, cell, one_line, plain, style};
use crate::{door, exit};

/// Let a peer's mail wait until its reader has time.
///
/// It starts no turn, prolongs none and does not come in the middle of one. It comes with the next prompt of a person, or
/// when it is read. Without PEER, list who is muted.
#[derive(Debug, clap::Args)]
pub(crate) struct MuteArgs {
    #[command(flatten)]
    about: OptionalAbout,
}

/// End what `session-bridge mute` began with the same options. What waited may wake its reader.
#[derive(Debug, clap::Args)]
pub(crate) struct UnmuteArgs {
    #[command(flatten)]
    about: About,
}

/// Refuse a peer's mail.
///
/// The peer is told so when it sends. Its messages to everybody leave out who blocks it. What it sent before stays. Without
/// PEER, list who is blocked.
#[derive(Debug, clap::Args)]
pub(crate) struct BlockArgs {
    #[command(flatten)]
    about: OptionalAbout,
}

/// End what `session-bridge block` began with the same options.
#[derive(Debug, clap::Args)]
pub(crate) struct UnblockArgs {
    #[command(flatten)]
    about: About,
}

#[derive(Debug, clap::Args)]
struct OptionalAbout {
    /// The session whose mail it is about: its label, role, id, `cwd:` or `repo:` address.
    #[arg(value_name = "PEER")]
    peer: Option<String>,
    /// For this session alone; by default for all of yours.
    #[arg(long = "for", value_name = "SESSION", requires = "peer")]
    reader: Option<String>,
}

#[derive(Debug, clap::Args)]
struct About {
    /// The session whose mail it is about: its label, role, id, `cwd:` or `repo:` address.
    #[arg(value_name = "PEER")]
    peer: String,
    /// For this session alone; by default for all of yours.
    #[arg(long = "for", value_name = "SESSION")]
    reader: Option<String>,
}

pub(super) fn mute(args: &MuteArgs, context: &Context) -> Status {
    begin(RuleKind::Mute, &args.about, context)
}

pub(super) fn block(args: &BlockArgs, context: &Context) -> Status {
    begin(RuleKind::Block, &args.about, context)
}

pub(super) fn unmute(args: &UnmuteArgs, context: &Context) -> Status {
    end(RuleKind::Mute, &args.about, context)
}

pub(super) fn unblock(args: &UnblockArgs, context: &Context) -> Status {
    end(RuleKind::Block, &args.about, context)
}

/// `muted` or `blocked`.
fn done(kind: RuleKind) -> &'static str {
    match kind {
        RuleKind::Mute => "muted",
        RuleKind::Block => "blocked",
    }
}

fn begin(kind: RuleKind, about: &OptionalAbout, context: &Context) -> Status {
    let mut store = context.store()?;
    let Some(peer) = &about.peer else { return list(kind, &store, context) };
    let (peer, reader) = resolve(&mut store, peer, about.reader.as_deref())?;
    let changed = store.set_rule(kind, peer.session.id, reader.as_ref().map(|view| view.session.id))?;
    let already = if changed { "" } else { "already " };
    tell(context, &peer, reader.as_ref(), changed, &format!("{already}{}", done(kind)))
}

fn end(kind: RuleKind, about: &About, context: &Context) -> Status {
    let mut store = context.store()?;
    let (peer, reader) = resolve(&mut store, &about.peer, about.reader.as_deref())?;
    let (changed, rung) =
        store.lift_rule(kind, peer.session.id, reader.as_ref().map(|view| view.session.id))?;
    door::knock(&store, &rung);
    let word = if changed { "no longer " } else { "not " };
    tell(context, &peer, reader.as_ref(), changed, &format!("{word}{}", done(kind)))?;
    let rest = store.rules(kind)?;
    let rest: Vec<&Rule> = rest.iter().filter(|rule| rule.peer == peer.session.id).collect();
    if !context.ui.json {
        for rule in rest {
            let warn = style::WARN;
            let whom = whom(&store, rule.reader)?;
            context.ui.say(&format!("{warn}  still {} for {whom}{warn:#}\n", done(kind)))?;
        }
    }
    Ok(exit::OK)
}

fn resolve(
    store: &mut Store,
    peer: &str,
    reader: Option<&str>,
) -> Result<(SessionView, Option<SessionView>), Failure> {
    let peer = session_named(store, peer, None, false)?;
    let reader = reader.map(|text| session_named(store, text, None, false)).transpose()?;
    if reader.as_ref().is_some_and(|reader| reader.session.id == peer.session.id) {
        return Err(AddressError::Oneself(peer.session.label).into());
    }
    Ok((peer, reader))
}

fn tell(
    context: &Context,
    peer: &SessionView,
    reader: Option<&SessionView>,
    changed: bool,
    state: &str,
) -> Status {
    if context.ui.json {
        context.ui.document(&json!({ "peer": brief(peer), "for": reader.map(brief), "changed": changed }))?;
        return Ok(exit::OK);
    }
    let (good, name) = (style::GOOD, style::NAME);
    let whom = reader.map_or_else(|| EVERYBODY.to_owned(), |view| one_line(&view.session.label, 60));
    let label = one_line(&peer.session.label, 60);
    context.ui.say(&format!("{good}✓{good:#} {name}{label}{name:#} is {state} for {whom}\n"))?;
    Ok(exit::OK)
}

const EVERYBODY: &str = "all sessions";

fn whom(store: &Store, reader: Option<SessionId>) -> Result<String, Failure> {
    Ok(match reader {
        None => EVERYBODY.to_owned(),
        Some(id) => one_line(&store.session(id)?.label, 60),
    })
}

fn list(kind: RuleKind, store: &Store, context: &Context) -> Status {
    let rules = store.rules(kind)?;
    let view = |id: SessionId| store.session(id).and_then(|session| store.view(session));
    if context.ui.json {
        let mut entries = Vec::new();
        for rule in &rules {
            let reader = rule.reader.map(view).transpose()?;
            entries.push(json!({
                "peer": brief(&view(rule.peer)?), "for": reader.as_ref().map(brief), "since": rule.since
            }));
        }
        context.ui.document(&json!({ "rules": Value::Array(entries) }))?;
        return Ok(exit::OK);
    }
    if rules.is_empty() {
        context.ui.say(&format!("nobody is {}\n", done(kind)))?;
        return Ok(exit::OK);
    }
    let mut table = Table::new(&["PEER", "FOR", "SINCE", "ID"]);
    for rule in &rules {
        table.row(vec![
            cell(one_line(&store.session(rule.peer)?.label, 60), style::NAME),
            plain(whom(store, rule.reader)?),
            cell(context.ui.ago(rule.since), style::DIM),
            cell(rule.peer.to_string(), style::DIM),
        ]);
    }
    context.ui.say(&table.render())?;
    Ok(exit::OK)
}
