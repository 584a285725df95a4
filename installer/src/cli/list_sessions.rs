//! `list-sessions`: who is there.

use serde_json::{Value, json};
use session_bridge_core::host::Host as _;
use session_bridge_core::name::Name;
use session_bridge_providers::by_id;
use session_bridge_store::{Pause, Presence, RunFolders, SessionView};

use super::Status;
use super::context::Context;
use super::{pause, show};
use crate::exit;
use crate::term::{Table, cell, folder, one_line, plain, style};

/// List the sessions that can be reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this room; by default those of all rooms.
    #[arg(long)]
    room: Option<Name>,
    /// Show sessions that have ended as well.
    #[arg(long)]
    ended: bool,
    /// Only those of this provider.
    #[arg(long)]
    provider: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let mut views = store.sessions(args.room.as_ref().map(Name::as_str), args.ended)?;
    if let Some(provider) = &args.provider {
        views.retain(|view| view.session.provider == *provider);
    }
    let mut unbound = store.run().unbound();
    if let Some(provider) = &args.provider {
        unbound.retain(|server| server.provider == *provider);
    }
    if context.ui.json {
        let sessions: Vec<_> = views.iter().map(|view| document(view, store.run())).collect();
        let unbound: Vec<_> = unbound
            .iter()
            .map(|s| json!({ "provider": s.provider, "pid": s.pid, "started": s.since, "cwd": s.cwd }))
            .collect();
        context.ui.document(&json!({ "sessions": sessions, "unbound": unbound }))?;
        return Ok(exit::OK);
    }
    if views.is_empty() && unbound.is_empty() {
        context.ui.say(
            "no sessions yet. A session is listed once it ran a hook or a tool of the bridge; `session-bridge doctor` says whether it can.\n",
        )?;
        return Ok(exit::OK);
    }
    if !views.is_empty() {
        context.ui.say(&table(context, &views, store.run()))?;
    }
    for pause in Pause::all(&context.home) {
        context.ui.say(&pause::line(context, &pause))?;
    }
    for server in &unbound {
        let (name, dim) = (style::DIM, style::DIM);
        context.ui.say(&format!(
            "{name}started, not bound{name:#}  {} in {} {dim}{}: it can be addressed after its first turn{dim:#}\n",
            server.provider,
            one_line(&server.cwd, 60),
            context.ui.ago(server.since)
        ))?;
    }
    Ok(exit::OK)
}

fn table(context: &Context, views: &[SessionView], run: &RunFolders) -> String {
    let rooms = views.iter().any(|view| view.session.room != views[0].session.room)
        || views[0].session.room != Name::default_room().as_str();
    let mut table = Table::new(&[
        "LABEL", "PROVIDER", "STATE", "SEEN", "UNREAD", "ROOM", "ROLES", "ID", "FOLDER", "DOING",
    ]);
    for view in views {
        let session = &view.session;
        let unread = if view.unread == 0 { plain("") } else { cell(view.unread.to_string(), style::WARN) };
        let name = if view.presence == Presence::Ended { style::DIM } else { style::NAME };
        table.row(vec![
            cell(&session.label, name),
            plain(&session.provider),
            cell(state(view, run), show::presence_style(view.presence)),
            cell(context.ui.ago(view.seen), style::DIM),
            unread,
            plain(if rooms { session.room.as_str() } else { "" }),
            plain(session.roles.join(", ")),
            cell(session.id.to_string(), style::DIM),
            plain(folder(&session.cwd, context.host.home().as_deref())),
            plain(session.summary.as_deref().map(|text| one_line(text, 100)).unwrap_or_default()),
        ]);
    }
    table.render()
}

/// Its presence; of an idle session that no door leads to, that as well.
fn state(view: &SessionView, run: &RunFolders) -> String {
    let door = if view.presence == Presence::Idle && !wakes(view, run) { ", no door" } else { "" };
    format!("{}{door}", show::presence(view))
}

/// Whether mail can start a turn in it.
fn wakes(view: &SessionView, run: &RunFolders) -> bool {
    let watched = || run.session(view.session.id).is_watched();
    by_id(&view.session.provider).is_some_and(|provider| provider.card().wakes(watched()))
}

/// A session as JSON.
pub(super) fn document(view: &SessionView, run: &RunFolders) -> Value {
    let session = &view.session;
    json!({
        "session": session.id,
        "label": session.label,
        "provider": session.provider,
        "native": session.native,
        "room": session.room,
        "roles": session.roles,
        "presence": view.presence,
        "wakes": wakes(view, run),
        "paused": view.paused.as_ref().map(Pause::as_str),
        "seen": view.seen,
        "unread": view.unread,
        "cwd": session.cwd,
        "repo": session.repo,
        "summary": session.summary,
        "pid": session.host.map(|host| host.pid),
        "conversation": session.conversation,
        "started": session.started,
        "ended": session.ended,
        "end_reason": session.end_reason,
    })
}
