//! Sequences that once failed, shrunk and made readable. The file of seeds beside it holds only as long as nobody changes
//! how steps are drawn.

use crate::replay;
use crate::spec::{By, Fate, Size, Word};
use crate::steps::{Act, To};

/// What a session was told as its process died was forgotten, and said again by the next one.
#[test]
fn what_was_noted_counts_also_for_a_session_that_is_resumed_elsewhere() {
    let resume = |fate| Act::Resume { who: 0, elsewhere: true, said: true, fate };
    replay([begin(), begin(), resume(Fate::Written), resume(Fate::Locked), resume(Fate::Written)]);
    // A body that provably never went out goes out (E2), instead of being named as if it might have.
    let killed = Act::Prompt(0, By::User, Fate::KilledBeforeWriting);
    replay([begin(), begin(), send(1), killed, resume(Fate::Written), prompt(0)]);
}

/// The bell of somebody who gets nothing was left standing.
#[test]
fn an_answer_that_is_refused_rings_nobody() {
    let decline = Act::Decline { who: 0, which: 0, person: false };
    let answer = Act::Reply { who: 0, which: 0, person: false };
    replay([begin(), begin(), send(1), decline, prompt(1), end_of_turn(1), prompt(1), answer]);
}

fn begin() -> Act {
    Act::Begin { single: false }
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
