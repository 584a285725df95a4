//! Collection of a part of a message's deliveries: what was sent to several and is not read by all.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, MONTH, World, draft, gc, read_all, world};
use session_bridge_core::frame;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Via};
use session_bridge_store::{
    Collected, Collection, Draft, Filter, Pull, Session, State, Store, StoreError, View,
};

/// A sender, and so many others.
fn many(w: &mut World, count: usize) -> (Session, Vec<Session>) {
    let others = (0..count).map(|n| w.session(&BATCH, &format!("r{n}"))).collect();
    (w.session(&BATCH, "sender"), others)
}

fn to_all(w: &mut World, from: &Session, to: &[Session], kind: Kind) -> MessageId {
    let ids: Vec<SessionId> = to.iter().map(|session| session.id).collect();
    w.try_send(from, &ids, kind, "to all", None).unwrap()
}

/// Who has a receipt, and how many had one.
fn left(w: &mut World, id: MessageId) -> (Vec<SessionId>, u32) {
    let receipts = w.store.receipts(id).unwrap();
    (receipts.iter().map(|receipt| receipt.session).collect(), w.store.cleared_receipts(id).unwrap())
}

fn rows(w: &World, table: &str) -> i64 {
    let db = rusqlite::Connection::open(w.store.path()).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_others_read_goes_and_who_has_not_gets_it_as_before() {
    let mut w = world();
    let (a, to) = many(&mut w, 5);
    let id = to_all(&mut w, &a, &to, Kind::Note);
    for reader in &to[1..] {
        read_all(&mut w, reader, "t");
    }
    w.clock.advance(MONTH);
    assert_eq!((gc(&mut w).singly, left(&mut w, id).1), (0, 0), "not old enough");
    w.clock.advance(1);
    let dry = w.store.gc(MONTH, true).unwrap().report().clone();
    assert_eq!(left(&mut w, id).1, 0, "nothing was changed");
    let report = gc(&mut w);
    assert_eq!(report, dry, "it says what then goes");
    assert_eq!((report.singly, report.messages, report.deliveries, report.kept.unread), (4, 0, 0, 1));
    assert!(report.traces >= 4, "with what carried them: {report:?}");
    assert_eq!(left(&mut w, id), (vec![to[0].id], 4));
    assert_eq!((rows(&w, "delivery"), rows(&w, "step"), rows(&w, "item")), (1, 1, 0));
    assert_eq!(gc(&mut w), Collected { kept: report.kept, ..Collected::default() }, "once");
    // Nobody gets it again, and the one who has not read it gets it whole.
    for reader in &to[1..] {
        assert!(!w.rings(reader) && w.prompt(&BATCH, reader, "t2").text.is_empty());
        w.stop(&BATCH, reader, "t2");
    }
    assert!(w.rings(&to[0]) && w.prompt(&BATCH, &to[0], "t").text.contains("to all"));
    w.tools(&BATCH, &to[0], "t", &["call"]);
    w.stop(&BATCH, &to[0], "t");
    assert_eq!(w.state(id).0, State::Seen);
    w.clock.advance(MONTH + 1);
    let report = gc(&mut w);
    assert_eq!((report.messages, report.deliveries, report.singly), (1, 1, 0), "now it goes as a whole");
    assert!(w.store.integrity().unwrap().is_empty());
}

#[test]
fn who_asks_for_a_part_that_went_is_told_so_and_the_message_is_out() {
    let mut w = world();
    let (a, to) = many(&mut w, 3);
    let id = to_all(&mut w, &a, &to, Kind::Question);
    let (unread, gone, declined) = (&to[0], &to[1], &to[2]);
    read_all(&mut w, gone, "t");
    w.store.mark_read(gone.id, &[id]).unwrap();
    w.store.decline(declined.id, id, None, Via::CommandLine).unwrap();
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 2);
    let told = |error: StoreError| assert_eq!(error.code(), "message_collected", "{error}");
    for session in [gone.id, declined.id] {
        told(w.store.message_for(session, id).unwrap_err());
        told(w.store.mark_read(session, &[id]).unwrap_err());
        told(w.store.decline(session, id, None, Via::Session).unwrap_err());
        told(w.store.pull(session, Pull::Read(&[id]), None, "s").unwrap_err());
        assert!(w.store.inbox(session, View::All, 10).unwrap().is_empty());
    }
    told(w.store.send(&Draft { in_reply_to: Some(id), ..draft(gone.id, "yes") }, &[a.id]).unwrap_err());
    assert_eq!(w.store.cancel(id).unwrap_err().code(), "already_out", "some have read it");
    // The sender and the one who has not read it have it as before.
    assert_eq!(w.store.message_for(a.id, id).unwrap().body, "to all");
    assert_eq!(w.store.message_for(unread.id, id).unwrap().body, "to all");
    assert_eq!(w.store.thread(id).unwrap()[0].id, id);
    w.reply(unread, id, "yes");
    assert_eq!(w.state(id).0, State::Answered);
}

#[test]
fn what_somebody_can_still_ask_for_stays() {
    let mut w = world();
    let (a, to) = many(&mut w, 4);
    let id = to_all(&mut w, &a, &to, Kind::Question);
    // 0 does not read it, 1 answers, 2 has not said anything yet, 3 is in a turn that goes on.
    for reader in &to[1..3] {
        read_all(&mut w, reader, "t");
    }
    let answer = w.reply(&to[1], id, "yes");
    read_all(&mut w, &a, "t");
    w.prompt(&BATCH, &to[3], "t");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 0);
    let found = w.store.receipts(id).unwrap().iter().find_map(|receipt| receipt.answer);
    assert_eq!(found, Some(answer), "who resumes the question finds the answer");
    // The one who may come back ended as long ago; what was under way is read; but somebody waits.
    w.store.end(to[2].id, "over").unwrap();
    w.tools(&BATCH, &to[3], "t", &["call"]);
    w.stop(&BATCH, &to[3], "t");
    w.store.mark_read(to[3].id, &[id]).unwrap();
    w.clock.advance(MONTH + 1);
    let filter = Filter { reply_to: Some(id), ..Filter::default() };
    w.store.claim(a.id, "server", &filter, 1_000).unwrap();
    assert_eq!(gc(&mut w).singly, 0);
    w.clock.advance(1_001);
    assert_eq!(gc(&mut w).singly, 2);
    assert_eq!(left(&mut w, id).0.len(), 2, "the unread one and the answered one");
}

#[test]
fn a_thread_that_goes_on_and_what_went_to_one_stay_whole() {
    let mut w = world();
    let (a, to) = many(&mut w, 3);
    let id = to_all(&mut w, &a, &to, Kind::Note);
    let single = w.send(&a, &to[1], Kind::Note, "for one");
    read_all(&mut w, &to[1], "t");
    let reply = w.reply(&to[1], single, "an unread reply");
    read_all(&mut w, &to[2], "t");
    w.clock.advance(MONTH + 1);
    let late = w.reply(&to[2], id, "the thread goes on");
    assert_eq!(gc(&mut w).singly, 0);
    assert_eq!(left(&mut w, single), (vec![to[1].id], 0), "{reply} is unread");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 1, "{late} is as old, and unread");
    assert_eq!(left(&mut w, single).1, 0);
}

#[test]
fn what_is_late_stays_late() {
    let mut w = world();
    let (a, to) = many(&mut w, 2);
    let older = w.send(&a, &to[1], Kind::Note, "older");
    let younger = to_all(&mut w, &a, &to, Kind::Status);
    let filter = Filter { kind: Some(Kind::Status), ..Filter::default() };
    let pulled = w.store.pull(to[1].id, Pull::Next(&filter, None), Some("call"), "s").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.tools(&BATCH, &to[1], "t0", &["call"]);
    w.tools(&BATCH, &to[1], "t0", &["another"]);
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 1);
    assert_eq!((left(&mut w, younger).1, left(&mut w, older).1), (1, 0));
    let text = w.prompt(&BATCH, &to[1], "t1").text;
    assert!(text.contains("older") && text.contains(frame::LATE), "{text}");
}

#[test]
fn a_notice_counts_those_that_went() {
    let mut w = world();
    let (a, to) = many(&mut w, 5);
    let ids: Vec<SessionId> = to.iter().map(|session| session.id).collect();
    w.try_send(&a, &ids, Kind::Note, "lunch", Some(2 * MONTH)).unwrap();
    for reader in &to[2..] {
        read_all(&mut w, reader, "t");
    }
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 3);
    w.clock.advance(MONTH);
    for reader in &to {
        w.store.inbox(reader.id, View::Unread, 10).unwrap();
    }
    let told = w.store.inbox(a.id, View::All, 10).unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].message.body.ends_with("expired unread for 2 of 5 recipients."), "{told:?}");
}

/// A session that ended goes, though a message stays that it read; with more recipients than one transaction takes, and also
/// if the first collection dies between two of them.
#[test]
fn sessions_whose_deliveries_went_are_free_wherever_it_was_cut_off() {
    const MANY: usize = 70;
    for dies in [true, false] {
        let mut w = world();
        let (a, to) = many(&mut w, MANY);
        let id = to_all(&mut w, &a, &to, Kind::Note);
        for reader in &to[1..] {
            read_all(&mut w, reader, "t");
            w.store.end(reader.id, "over").unwrap();
        }
        w.clock.advance(MONTH + 1);
        let dry = w.store.gc(MONTH, true).unwrap().report().clone();
        let mut cut_off = Collection::new(&w.store, MONTH, false);
        while w.store.collect(&mut cut_off).unwrap() && !(dies && cut_off.report().singly > 0) {}
        let (there, cleared) = left(&mut w, id);
        assert_eq!((1..MANY - 1).contains(&(cleared as usize)), dies, "{cleared}");
        assert_eq!(there.len() + cleared as usize, MANY, "what went is counted in the same transaction");
        let first = cut_off.report().clone();
        let then = gc(&mut w);
        let sum = |of: fn(&Collected) -> u64| of(&first) + of(&then);
        assert_eq!((sum(|r| r.singly), sum(|r| r.sessions)), (MANY as u64 - 1, MANY as u64 - 1));
        assert_eq!(
            (dry.singly, dry.sessions, dry.traces),
            (MANY as u64 - 1, MANY as u64 - 1, sum(|r| r.traces))
        );
        assert_eq!(left(&mut w, id), (vec![to[0].id], u32::try_from(MANY - 1).unwrap()));
        assert!(w.store.unheard(false).unwrap().is_empty() && w.rings(&to[0]));
    }
}

/// The message is in a file that was set aside, too, and there nobody has read it.
#[test]
fn what_was_salvaged_long_after_is_in_doubt_and_not_shown_again() {
    let mut w = world();
    let (a, to) = many(&mut w, 2);
    let id = to_all(&mut w, &a, &to, Kind::Note);
    let old = rusqlite::Connection::open(w.store.path()).unwrap();
    old.execute_batch("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name = 'claim_session'")
        .unwrap();
    drop(old);
    assert!(Store::set_aside(w.store.home(), &w.clock).unwrap().is_some());
    w.store.refresh().unwrap();
    w.store.send(&Draft { id, ..draft(a.id, "to all") }, &[to[0].id, to[1].id]).unwrap();
    read_all(&mut w, &to[1], "t");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).singly, 1);
    w.store.salvage().unwrap();
    let text = w.prompt(&BATCH, &to[1], "t2").text;
    assert!(text.contains(&id.to_string()) && !text.contains("to all"), "{text}");
    assert!(w.prompt(&BATCH, &to[0], "t").text.contains("to all"), "it has not read it");
}
