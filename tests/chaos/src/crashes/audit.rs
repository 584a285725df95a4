//! What must hold, whoever was killed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{State, Store, StoreError, View};

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
pub(super) fn in_the_end(world: &World, readers: &[SessionId]) -> Result<usize> {
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
    world.remember()?;
    let place = lock(&world.places).clone();
    for reader in 0..READERS {
        let mut last = 0;
        for one in shown.iter().filter(|one| one.reader == reader && !one.late && !excused(one.began)) {
            // What is not known was collected before anybody looked.
            let Some(&seq) = place.get(one.mark.as_str()) else { continue };
            if seq < last {
                world.find(format!("{} came after a later one, by {}", one.mark, one.by));
            }
            last = last.max(seq);
        }
    }

    // Nothing lost, and nothing to somebody else.
    let bodies: BTreeMap<_, _> = messages.iter().map(|message| (message.id, message.body.as_str())).collect();
    let marks: BTreeSet<(&str, SessionId)> =
        shown.iter().map(|one| (one.mark.as_str(), readers[one.reader])).collect();
    let mut unread = BTreeMap::new();
    for message in lock(&world.acknowledged).iter().filter(|message| !excused(message.began)) {
        let mark = message.mark.as_str();
        if !bodies.contains_key(&message.id) {
            // Collected, but only if nothing of it was unread: it was shown, or somebody answered for its reader.
            let read = message.to.is_none_or(|to| marks.contains(&(mark, to)))
                || lock(&world.answered).contains(&message.id);
            let told = store.receipts(message.id);
            if !read || !matches!(told, Err(StoreError::Collected(_))) {
                world.find(format!("{mark} was acknowledged and is not in the store"));
            }
            continue;
        }
        let receipts = store.receipts(message.id)?;
        if message.to.is_some_and(|to| receipts.iter().all(|receipt| receipt.session != to)) {
            world.find(format!("{mark} is not on its way to the session it was sent to"));
        }
        for receipt in receipts {
            let waiting = match unread.entry(receipt.session) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(unread_by(&mut store, receipt.session)?),
            };
            // A person who answers a message has dealt with it.
            let done = receipt.state == State::Answered || marks.contains(&(mark, receipt.session));
            // What no host got, no model can have.
            if matches!(receipt.state, State::Injected | State::Seen) && !done {
                world.find(format!("{mark} was never shown, and its receipt claims so: {receipt:?}"));
            }
            if !done && !waiting.contains(&message.id) {
                world.find(format!("{mark} was acknowledged, never shown, and is not waiting: {receipt:?}"));
            }
        }
        let of_this = shown.iter().filter(|one| one.mark == mark);
        if of_this.into_iter().any(|one| message.to.is_some_and(|to| to != readers[one.reader])) {
            world.find(format!("{mark} was shown to another session"));
        }
    }
    Ok(marks.len())
}

fn unread_by(store: &mut Store, session: SessionId) -> Result<BTreeSet<MessageId>> {
    Ok(store.inbox(session, View::Unread, u32::MAX)?.into_iter().map(|entry| entry.message.id).collect())
}
