//! What must hold, whoever was killed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use session_bridge_core::id::SessionId;
use session_bridge_store::View;

use super::readers::READERS;
use super::world::{Shown, World, lock};

/// While nobody runs: the store is whole, and nobody has mail without a bell.
pub(super) fn in_silence(world: &World) -> Result<()> {
    let mut store = world.store()?;
    for problem in store.integrity()? {
        world.find(format!("the store is damaged: {problem}"));
    }
    for session in store.unheard(false)? {
        world.find(format!("{session} has mail and no bell"));
    }
    Ok(())
}

/// When all are at rest. Returns how many bodies were shown.
pub(super) fn in_the_end(world: &World, everybody: &[SessionId]) -> Result<usize> {
    in_silence(world)?;
    let mut store = world.store()?;
    let messages = store.since(None, 0, u32::MAX)?;
    let shown = lock(&world.shown).clone();
    let lost_before = *lock(&world.lost_before);
    let excused = |began| lost_before.is_some_and(|moment| began < moment);

    // Nothing twice. After the database was lost, nobody can know what was shown before.
    let mut seen: BTreeMap<(&str, usize), &Shown> = BTreeMap::new();
    for one in &shown {
        let before = seen.insert((&one.mark, one.reader), one);
        if let Some(before) = before.filter(|before| !excused(before.began)) {
            world.find(format!("{} was shown twice: by {}, then by {}", one.mark, before.by, one.by));
        }
    }

    // In order, but for what says that it is late.
    let place: BTreeMap<&str, i64> =
        messages.iter().filter_map(|message| Some((message.body.lines().next()?, message.seq))).collect();
    for reader in 0..READERS {
        let mut last = 0;
        for one in shown.iter().filter(|one| one.reader == reader && !one.late && !excused(one.began)) {
            let Some(&seq) = place.get(one.mark.as_str()) else {
                world.find(format!("{} was shown by {} and is not in the store", one.mark, one.by));
                continue;
            };
            if seq < last {
                world.find(format!("{} came after a later one, by {}", one.mark, one.by));
            }
            last = last.max(seq);
        }
    }

    // Nothing lost.
    let mut unread = BTreeSet::new();
    for &session in everybody {
        let entries = store.inbox(session, View::Unread, u32::MAX)?;
        unread.extend(entries.into_iter().map(|entry| (session, entry.message.id)));
    }
    let bodies: BTreeMap<_, _> = messages.iter().map(|message| (message.id, message.body.as_str())).collect();
    let marks: BTreeSet<&str> = shown.iter().map(|one| one.mark.as_str()).collect();
    for message in lock(&world.acknowledged).iter().filter(|message| !excused(message.began)) {
        let Some(body) = bodies.get(&message.id) else {
            world.find(format!("{} was acknowledged and is not in the store", message.id));
            continue;
        };
        let was_shown = body.lines().next().is_some_and(|mark| marks.contains(mark));
        // A person who answered it has dealt with it.
        let state = store.receipts(message.id)?.into_iter().find(|r| r.session == message.to).map(|r| r.state);
        let answered = state == Some(session_bridge_store::State::Answered);
        if !was_shown && !answered && !unread.contains(&(message.to, message.id)) {
            world.find(format!("{} was acknowledged, never shown, and is not waiting: {state:?}", message.id));
        }
    }
    Ok(marks.len())
}
