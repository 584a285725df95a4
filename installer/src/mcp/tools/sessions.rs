//! Who is here.

use serde_json::{Value, json};
use session_bridge_core::frame;
use session_bridge_core::provider::Provider;
use session_bridge_store::SessionView;

use super::args;
use crate::mcp::call::Call;
use crate::mcp::result::{Refusal, Reply};
use crate::term::ago;

/// Longest summary in characters.
const MAX_SUMMARY: usize = 200;
/// Most sessions in one list.
const MAX_LISTED: usize = 50;

pub(super) async fn whoami(call: &Call, _: args::None) -> Result<Reply, Refusal> {
    call.work(|desk, me| {
        let store = desk.store()?;
        let view = store.view(me.session(store)?)?;
        let s = &view.session;
        Ok(Reply::plain(json!({
            "label": s.label,
            "id": s.id,
            "provider": s.provider,
            "room": s.room,
            "roles": s.roles,
            "cwd": frame::quoted(&s.cwd),
            "repo": s.repo.as_deref().map(frame::quoted),
            "summary": s.summary,
            "unread": view.unread,
        })))
    })
    .await
}

pub(super) async fn list(call: &Call, args: args::ListSessions) -> Result<Reply, Refusal> {
    call.work(move |desk, me| {
        let store = desk.store()?;
        let now = store.now();
        let views = store.sessions(Some(&me.room), args.ended)?;
        let more = views.len().saturating_sub(MAX_LISTED);
        let run = store.run();
        let line = |view: &SessionView| {
            let s = &view.session;
            let provider = session_bridge_providers::by_id(&s.provider).map(Provider::card);
            // Its server may live on with nobody before the window (rule W7).
            let unattended = s.ended.is_none() && provider.is_some_and(|card| card.servers_outlive_window);
            // Mail for an idle session waits there for its user's next prompt.
            let doorless = s.ended.is_none() && provider.is_some_and(|card| !card.wakes(run.session(s.id).is_watched()));
            json!({
                "label": s.label,
                "id": s.id,
                "you": (s.id == me.id).then_some(true),
                "provider": s.provider,
                "state": view.presence.as_str(),
                "paused": view.paused.is_some().then_some(true),
                "attended": unattended.then_some("unknown"),
                "wakes": doorless.then_some(false),
                "seen": ago(now, view.seen),
                "roles": s.roles,
                "cwd": frame::quoted(&s.cwd),
                "repo": s.repo.as_deref().map(frame::quoted),
                "summary": s.summary.as_deref().map(frame::quoted),
                "unread": (view.unread > 0).then_some(view.unread),
            })
        };
        let sessions: Vec<Value> = views.iter().take(MAX_LISTED).map(line).collect();
        let alone = sessions.len() < 2;
        Ok(Reply::plain(json!({
            "room": me.room,
            "sessions": sessions,
            "more": (more > 0).then_some(more),
            "next": alone.then_some("nobody else is here; a session shows up once it runs with session-bridge installed"),
        })))
    })
    .await
}

pub(super) async fn set_summary(call: &Call, args: args::Summary) -> Result<Reply, Refusal> {
    let summary = frame::quoted(args.summary.trim());
    if summary.chars().count() > MAX_SUMMARY {
        return Err(Refusal::new(
            "summary_too_long",
            format!("the summary has more than {MAX_SUMMARY} characters"),
            "say it in one line",
        ));
    }
    call.work(move |desk, me| {
        let summary = (!summary.is_empty()).then_some(summary);
        desk.store()?.set_summary(me.id, summary.as_deref())?;
        Ok(Reply::plain(json!({"status": "set", "summary": summary})))
    })
    .await
}
