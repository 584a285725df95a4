//! What can happen, drawn at random: a step names whom it concerns by a number, which is taken among those whom it can
//! concern by then. A step that can concern nobody does nothing, so that a failing sequence shrinks by leaving steps out.

use proptest::prelude::*;

use crate::spec::{A, By, Door, Event, Fate, Letter, M, Refusal, Rule, S, Size, Spoke, Wish, Word};

/// One step: an act, and then perhaps somebody who reads everything and the receipts of one message.
#[derive(Debug, Clone)]
pub struct Step {
    pub act: Act,
    pub look: Option<u8>,
}

/// Who opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    Hook,
    Server,
    CommandLine,
}

/// How a message is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Label(u8),
    Id(u8),
    Everyone,
    EveryoneUrgently,
}

#[derive(Debug, Clone)]
pub enum Act {
    Begin {
        single: bool,
    },
    Fork(u8),
    Clear(u8, Fate),
    Compact(u8, Fate),
    Resume {
        who: u8,
        elsewhere: bool,
        said: bool,
        fate: Fate,
    },
    End(u8, Fate),
    /// The process of a host is killed.
    Die(u8),
    Prompt(u8, By, Fate),
    Tool {
        who: u8,
        lists: bool,
        fate: Fate,
    },
    TurnEnd(u8, Fate),
    Interrupt(u8),
    /// A turn stops and no event tells.
    Abandon(u8),
    Send {
        from: u8,
        to: To,
        word: Word,
        size: Size,
        lifetime: Option<u8>,
    },
    Reply {
        who: u8,
        which: u8,
        person: bool,
    },
    Mark(u8, u8),
    Decline {
        who: u8,
        which: u8,
        person: bool,
    },
    Cancel(u8),
    Read(u8, u8),
    Wait {
        who: u8,
        wish: u8,
        which: u8,
        for_s: u8,
    },
    Take(u8),
    GiveUp(u8),
    /// The result of a call was written, or the call was cancelled.
    EndPull {
        which: u8,
        written: bool,
    },
    ServerDies(u8),
    Pause(u8),
    Unpause(u8),
    Rule {
        block: bool,
        peer: u8,
        reader: Option<u8>,
    },
    Lift(u8),
    Pass(u32),
    /// A door is rung, and takes the nudge or does not.
    Ring {
        who: u8,
        queue: bool,
        taken: bool,
    },
    Overdue,
    Open(Opener),
}

/// A step as it was carried out, with what the model says comes of it.
#[derive(Debug, Clone)]
pub enum Done {
    Nothing,
    Hook {
        who: S,
        event: Event,
        fate: Fate,
        spoke: Spoke,
    },
    Died(usize),
    Sent {
        letter: Letter,
        how: To,
        end: Result<M, Refusal>,
    },
    /// Somebody looked for a recipient and found none.
    Reaped,
    Replied {
        who: S,
        parent: M,
        person: bool,
        end: Result<M, Refusal>,
    },
    Marked {
        who: S,
        which: M,
        end: Result<(), Refusal>,
    },
    Declined {
        who: S,
        which: M,
        person: bool,
        end: Result<(), Refusal>,
    },
    Cancelled {
        which: M,
        end: Result<(), Refusal>,
    },
    Read {
        who: S,
        which: M,
        call: u32,
        attempt: Option<A>,
        late: bool,
    },
    Waited {
        who: S,
        wish: Wish,
        claim: usize,
        for_ms: i64,
    },
    Took {
        claim: usize,
        call: u32,
        found: Option<(M, Option<A>, bool)>,
    },
    GaveUp(usize),
    PullEnded {
        attempt: A,
        written: bool,
    },
    ServerDied(S),
    Paused(S),
    Unpaused(S),
    Ruled(Rule),
    Lifted(Rule),
    Passed(i64),
    Rung {
        who: S,
        queue: bool,
        taken: bool,
        door: Door,
    },
    TookOverdue(Vec<S>),
    Opened(Opener),
}

pub fn any_step() -> BoxedStrategy<Step> {
    let who = || any::<u8>();
    let fate = || {
        prop_oneof![
            8 => Just(Fate::Written),
            1 => Just(Fate::KilledBeforeWriting),
            1 => Just(Fate::KilledWhileWriting),
            1 => Just(Fate::Late),
            1 => Just(Fate::Locked),
        ]
    };
    let to = prop_oneof![
        3 => who().prop_map(To::Label),
        4 => who().prop_map(To::Id),
        1 => Just(To::Everyone),
        1 => Just(To::EveryoneUrgently),
    ];
    let word = prop_oneof![3 => Just(Word::Note), 3 => Just(Word::Question), 1 => Just(Word::Status)];
    let size = prop_oneof![6 => Just(Size::Short), 1 => Just(Size::Huge)];
    let by = prop_oneof![4 => Just(By::User), 3 => Just(By::Nudge), 1 => Just(By::Nobody)];
    let opener = prop_oneof![Just(Opener::Hook), Just(Opener::Server), Just(Opener::CommandLine)];
    let act = prop_oneof![
        1 => any::<bool>().prop_map(|single| Act::Begin { single }),
        1 => who().prop_map(Act::Fork),
        1 => (who(), fate()).prop_map(|(s, fate)| Act::Clear(s, fate)),
        1 => (who(), fate()).prop_map(|(s, fate)| Act::Compact(s, fate)),
        2 => (who(), any::<bool>(), any::<bool>(), fate())
            .prop_map(|(who, elsewhere, said, fate)| Act::Resume { who, elsewhere, said, fate }),
        1 => (who(), fate()).prop_map(|(s, fate)| Act::End(s, fate)),
        1 => who().prop_map(Act::Die),
        12 => (who(), by, fate()).prop_map(|(s, by, fate)| Act::Prompt(s, by, fate)),
        12 => (who(), any::<bool>(), fate()).prop_map(|(who, lists, fate)| Act::Tool { who, lists, fate }),
        10 => (who(), fate()).prop_map(|(s, fate)| Act::TurnEnd(s, fate)),
        1 => who().prop_map(Act::Interrupt),
        1 => who().prop_map(Act::Abandon),
        14 => (who(), to, word, size, proptest::option::weighted(0.3, any::<u8>()))
            .prop_map(|(from, to, word, size, lifetime)| Act::Send { from, to, word, size, lifetime }),
        6 => (who(), who(), proptest::bool::weighted(0.2))
            .prop_map(|(who, which, person)| Act::Reply { who, which, person }),
        2 => (who(), who()).prop_map(|(s, m)| Act::Mark(s, m)),
        2 => (who(), who(), any::<bool>()).prop_map(|(who, which, person)| Act::Decline { who, which, person }),
        1 => who().prop_map(Act::Cancel),
        4 => (who(), who()).prop_map(|(s, m)| Act::Read(s, m)),
        3 => (who(), 0u8..4, who(), 1u8..90)
            .prop_map(|(who, wish, which, for_s)| Act::Wait { who, wish, which, for_s }),
        5 => who().prop_map(Act::Take),
        2 => who().prop_map(Act::GiveUp),
        6 => (who(), proptest::bool::weighted(0.7)).prop_map(|(which, written)| Act::EndPull { which, written }),
        1 => who().prop_map(Act::ServerDies),
        1 => who().prop_map(Act::Pause),
        2 => who().prop_map(Act::Unpause),
        1 => (any::<bool>(), who(), proptest::option::weighted(0.7, any::<u8>()))
            .prop_map(|(block, peer, reader)| Act::Rule { block, peer, reader }),
        2 => who().prop_map(Act::Lift),
        8 => prop_oneof![1u32..1_000, 1_000u32..30_000, 30_000u32..200_000].prop_map(Act::Pass),
        10 => (who(), any::<bool>(), proptest::bool::weighted(0.8))
            .prop_map(|(who, queue, taken)| Act::Ring { who, queue, taken }),
        2 => Just(Act::Overdue),
        1 => opener.prop_map(Act::Open),
    ];
    (act, proptest::option::weighted(0.6, any::<u8>())).prop_map(|(act, look)| Step { act, look }).boxed()
}
