//! What is compared after each step: bells always; lists and receipts when somebody looks, since looking is a step itself.

use session_bridge_store::{State as Kept, View};

use crate::bridge::Bridge;
use crate::spec::{Doubt, M, Model, State};

/// The bell stands exactly while the rules say so (B1, I7).
pub fn bells(bridge: &Bridge, want: &[bool]) {
    for (s, want) in want.iter().enumerate() {
        assert_eq!(bridge.folder(s).bell_stands(), *want, "the bell of session {s}");
    }
}

/// Somebody reads every list, and the receipts of one message.
pub fn look(bridge: &mut Bridge, model: &Model, which: Option<M>) {
    let ids = bridge.ids.clone();
    for id in &ids {
        bridge.store().inbox(*id, View::All, 1_000).unwrap();
    }
    bridge.note_new_messages(model);
    let receipts = which.map(|m| {
        let id = bridge.messages[m];
        (m, bridge.store().receipts(id).unwrap())
    });
    for (s, id) in ids.iter().enumerate() {
        let all = bridge.store().inbox(*id, View::All, 1_000).unwrap();
        let got: Vec<_> =
            all.iter().map(|e| (e.message.id, e.state, e.parked, e.doubt, e.marked.is_some())).collect();
        let want: Vec<_> = model
            .of(s)
            .map(|d| &model.deliveries[d])
            .map(|d| (bridge.messages[d.message], kept(d.state), d.parked, d.doubt != Doubt::None, d.marked))
            .collect();
        assert_eq!(got, want, "what session {s} was sent");
        let unread = bridge.store().inbox(*id, View::Unread, 1_000).unwrap();
        let want: Vec<_> =
            all.iter().filter(|e| e.state.is_unread() && e.marked.is_none()).cloned().collect();
        assert_eq!(unread, want, "what session {s} has not read");
    }
    let Some((m, receipts)) = receipts else { return };
    let mut got: Vec<_> =
        receipts.iter().map(|r| (r.session, r.state, r.doubt, r.parked, r.answer)).collect();
    let mut want: Vec<_> = model
        .deliveries
        .iter()
        .filter(|d| d.message == m)
        .map(|d| {
            let answer = d.answer.map(|m| bridge.messages[m]);
            (bridge.ids[d.to], kept(d.state), d.doubt != Doubt::None, d.parked, answer)
        })
        .collect();
    got.sort_by_key(|r| r.0);
    want.sort_by_key(|r| r.0);
    assert_eq!(got, want, "the receipts of message {m}");
    for receipt in receipts {
        let mut least = 0;
        for step in &receipt.steps {
            assert!(rank(step.state) >= least, "states only move forward: {:?}", receipt.steps);
            // A nudge is a step, and takes nothing.
            least = if step.state == Kept::Offered { least } else { rank(step.state) };
        }
    }
}

fn rank(state: Kept) -> u8 {
    match state {
        Kept::Stored => 0,
        Kept::Offered => 1,
        Kept::Injected => 2,
        Kept::Seen => 3,
        Kept::Expired | Kept::Failed => 4,
        _ => 5,
    }
}

fn kept(state: State) -> Kept {
    match state {
        State::Stored => Kept::Stored,
        State::Offered => Kept::Offered,
        State::Injected => Kept::Injected,
        State::Seen => Kept::Seen,
        State::Answered => Kept::Answered,
        State::Declined => Kept::Declined,
        State::Expired => Kept::Expired,
        State::Failed => Kept::Failed,
    }
}
