//! Who is who: labels, `/clear`, resume, overrides, and sessions that share a folder or a process.

mod common;

use common::{BATCH, Fate, SINGLE, arrival, event, me, world};
use session_bridge_core::event::{Moment, Start};
use session_bridge_core::id::SessionId;
use session_bridge_core::message::Kind;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Arrival, Presence, State, Wanted};

#[test]
fn sessions_in_one_folder_are_themselves() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    assert_ne!(a.id, b.id);
    assert_eq!((a.label.as_str(), b.label.as_str()), ("batch-shop", "batch-shop-2"));
    assert_eq!(w.session(&BATCH, "a").id, a.id, "the same native id is the same session");
    assert_ne!(w.session(&SINGLE, "a").id, a.id, "native ids belong to their provider");
}

#[test]
fn the_first_live_session_answers_to_the_asked_label() {
    let mut w = world();
    let wanted = Wanted { label: Some("api".parse().unwrap()), ..Wanted::default() };
    let mut ask = |native: &str| {
        let wanted = wanted.clone();
        w.store.arrive(&Arrival { wanted, ..arrival(&BATCH, native, Some(Start::Fresh)) }).unwrap()
    };
    let (first, second) = (ask("1"), ask("2"));
    assert_eq!((first.label.as_str(), second.label.as_str()), ("api", "api-2"));
    w.store.end(first.id, "over").unwrap();
    let third = w.store.arrive(&Arrival { wanted, ..arrival(&BATCH, "3", Some(Start::Fresh)) }).unwrap();
    assert_eq!(third.label, "api", "the name of an ended session is free");
    let back = w.store.arrive(&arrival(&BATCH, "1", Some(Start::Resumed))).unwrap();
    assert_eq!((back.id, back.label.as_str()), (first.id, "api-3"));
}

#[test]
fn clear_goes_on_where_the_process_tells_and_not_elsewhere() {
    let mut w = world();
    let one = |native, start| Arrival { one_per_process: true, ..arrival(&BATCH, native, Some(start)) };
    let before = w.store.arrive(&one("n1", Start::Fresh)).unwrap();
    let peer = w.session(&SINGLE, "peer");
    let id = w.send(&peer, &before, Kind::Note, "x");
    w.prompt(&BATCH, &before, "t1");
    let after = w.store.arrive(&one("n2", Start::Cleared)).unwrap();
    assert_eq!((after.id, after.conversation), (before.id, before.conversation + 1));
    assert!(!after.guarded, "the guard is said again in a new context");
    assert!(w.store.run().native("batch", "n2").bell_stands(), "the alias moved, the bell did not");
    assert!(w.state(id).1, "what was under way is in doubt");

    let thread = w.session(&SINGLE, "t1");
    let cleared = w.store.arrive(&arrival(&SINGLE, "t2", Some(Start::Cleared))).unwrap();
    assert_ne!(cleared.id, thread.id, "without a predecessor's name nothing is moved");
}

#[test]
fn a_window_that_resumes_another_session_leaves_its_own() {
    let mut w = world();
    let one = |native, start| Arrival { one_per_process: true, ..arrival(&BATCH, native, Some(start)) };
    let first = w.store.arrive(&one("n1", Start::Fresh)).unwrap();
    let second = w.store.arrive(&one("n2", Start::Resumed)).unwrap();
    assert_ne!(first.id, second.id);
    assert!(w.store.session(first.id).unwrap().ended.is_some());
    assert_eq!(w.store.hosted_by("batch", me()).unwrap().map(|s| s.id), Some(second.id));
}

#[test]
fn a_fork_copies_no_mail() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    w.send(&a, &b, Kind::Note, "x");
    let fork = w.store.arrive(&arrival(&BATCH, "fork", Some(Start::Forked))).unwrap();
    assert!(w.prompt(&BATCH, &fork, "t").text.is_empty());
    assert!(w.prompt(&BATCH, &b, "t").text.contains('x'));
}

#[test]
fn sessions_whose_process_is_gone_have_ended() {
    let mut w = world();
    let dead = ProcessKey { pid: me().pid, start: me().start + 1 };
    let gone = w.store.arrive(&Arrival { host: Some(dead), ..arrival(&BATCH, "a", None) }).unwrap();
    let views = w.store.sessions(None, true).unwrap();
    assert_eq!(views.iter().find(|v| v.session.id == gone.id).unwrap().presence, Presence::Ended);
}

#[test]
fn an_override_binds_once() {
    let mut w = world();
    let claimed = Some(SessionId::generate());
    let one =
        |native, host| Arrival { claimed, host, one_per_process: true, ..arrival(&BATCH, native, None) };
    let first = w.store.arrive(&one("a", Some(me()))).unwrap();
    assert_eq!(Some(first.id), claimed);
    assert_eq!(w.store.ignored_claims().unwrap(), []);
    let second = w.store.arrive(&one("b", None)).unwrap();
    assert_ne!(Some(second.id), claimed, "a second conversation that inherits the variable ignores it");
    let told = w.store.ignored_claims().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].session, Some(told[0].claimed)), (second.id, claimed));
    assert_eq!((told[0].holder.as_ref(), told[0].shared), (Some(&first.label), false));
    // Started again without the variable, it has nothing to explain.
    let bare = Arrival { claimed: None, start: Some(Start::Resumed), ..one("b", None) };
    w.store.arrive(&bare).unwrap();
    assert_eq!(w.store.ignored_claims().unwrap(), []);
}

#[test]
fn a_process_of_several_sessions_claims_for_none() {
    let mut w = world();
    let claimed = Some(SessionId::generate());
    for native in ["a", "b"] {
        let session = w.store.arrive(&Arrival { claimed, ..arrival(&SINGLE, native, None) }).unwrap();
        assert_ne!(Some(session.id), claimed);
    }
    let told = w.store.ignored_claims().unwrap();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.shared && told.holder.is_none()), "{told:?}");
    w.store.end(told[0].session, "closed").unwrap();
    assert_eq!(w.store.ignored_claims().unwrap().len(), 1, "ended sessions need no explanation");
}

#[test]
fn an_ended_process_leaves_doubt_not_a_second_body() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "the body");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::Written);
    w.store.end(b.id, "closed").unwrap();
    assert_eq!((w.state(id).0, w.state(id).1), (State::Offered, true));
    let b = w.store.arrive(&arrival(&BATCH, "b", Some(Start::Resumed))).unwrap();
    let next = w.prompt(&BATCH, &b, "t2").text;
    assert!(next.contains(&id.to_string()) && !next.contains("the body"));
}
