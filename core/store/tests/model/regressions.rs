//! Sequences that once failed, shrunk and made readable. The file of seeds beside it holds only as long as nobody changes
//! how steps are drawn.

use crate::replay;
use crate::spec::{By, Fate, Size, Word};
use crate::steps::{Act, To};

/// The guard was said twice: that it had been said was noted, and forgotten as another process resumed the session.
#[test]
fn what_was_noted_counts_also_for_a_session_that_is_resumed_elsewhere() {
    replay([begin(), begin(), resume(Fate::Written), resume(Fate::Locked), resume(Fate::Written)]);
}

/// A body that provably never went out (E2) was named as if it might have, and never shown, once its host was another
/// process or its conversation another one.
#[test]
fn a_hook_that_was_killed_before_its_write_has_put_out_nothing_whatever_comes_next() {
    let killed = Act::Prompt(0, By::User, Fate::KilledBeforeWriting);
    for next in [resume(Fate::Written), Act::Clear(0, Fate::Written)] {
        replay([begin(), begin(), send(1), killed.clone(), next, prompt(0)]);
    }
}

/// The bell of somebody who gets nothing was left standing.
#[test]
fn an_answer_that_is_refused_rings_nobody() {
    let decline = Act::Decline { who: 0, which: 0, person: false };
    let answer = Act::Reply { who: 0, which: 0, person: false };
    replay([begin(), begin(), send(1), decline, prompt(1), end_of_turn(1), prompt(1), answer]);
}

/// What a person begins in a paused session went on with the chain of its last mail, in the model's eyes.
#[test]
fn a_person_begins_a_chain_in_a_paused_session_too() {
    let typed = Act::Prompt(0, By::Nobody, Fate::Written);
    let reply = |who| Act::Reply { who, which: 0, person: false };
    let tool = Act::Tool { who: 0, lists: false, fate: Fate::Written };
    let quiet = Act::Pass(45_000);
    let acts = [send(0), prompt(0), reply(1), tool, Act::Pause(0), end_of_turn(0), typed, quiet, reply(0)];
    replay([begin(), begin()].into_iter().chain(acts));
}

fn begin() -> Act {
    Act::Begin { single: false }
}

/// In another process.
fn resume(fate: Fate) -> Act {
    Act::Resume { who: 0, elsewhere: true, said: true, fate }
}

fn prompt(s: u8) -> Act {
    Act::Prompt(s, By::User, Fate::Written)
}

fn end_of_turn(s: u8) -> Act {
    Act::TurnEnd(s, Fate::Written)
}

fn send(from: u8) -> Act {
    Act::Send { from, to: To::Id(0), word: Word::Note, size: Size::Short, lifetime: None }
}
