//! Turns that a host leaves without a name, told apart by the prompts that began them.

use std::fmt;
use std::str::FromStr;

use crate::event::{HookEvent, Moment, fingerprint};

/// One turn of a session: which prompt event began it, and what was asked there, each by a fingerprint. The second is what the
/// turn's end says as well ([`HookEvent::asked`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnMark {
    asked: u32,
    /// Never zero for a prompt that was heard.
    event: u32,
}

impl TurnMark {
    /// How many bytes it takes as text.
    pub const BYTES: usize = 16;

    /// The turn that an event begins, if it is a prompt whose turn the host leaves without a name. A text of ours that comes
    /// back as a prompt begins none.
    pub fn begun_by(event: &HookEvent<'_>) -> Option<Self> {
        let begins = event.moment == Moment::PromptSubmit
            && event.turn.is_none()
            && event.stamp.is_some()
            && event.echo.is_none();
        begins.then(|| Self::of(event))
    }

    /// The turn that a prompt begins, whatever it looks like.
    pub fn of(prompt: &HookEvent<'_>) -> Self {
        Self { asked: asked(prompt), event: half(prompt.identity()) | 1 }
    }

    /// The turn that an end is of, if no event told that it began.
    pub fn unheard(end: &HookEvent<'_>) -> Self {
        Self { asked: asked(end), event: 0 }
    }

    /// Whether an end may be this turn's: it says that the same was asked.
    pub fn may_end_with(self, end: &HookEvent<'_>) -> bool {
        self.asked == asked(end)
    }
}

impl fmt::Display for TurnMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:08x}", self.asked, self.event)
    }
}

/// Not the text of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the mark of a turn")]
pub struct NoMark;

impl FromStr for TurnMark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let part = |range| text.get(range).and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or(NoMark);
        if text.len() != Self::BYTES {
            return Err(NoMark);
        }
        Ok(Self { asked: part(0..8)?, event: part(8..16)? })
    }
}

fn asked(event: &HookEvent<'_>) -> u32 {
    event.asked.as_deref().map_or(0, half)
}

fn half(text: impl AsRef<[u8]>) -> u32 {
    let whole = fingerprint(text);
    #[expect(clippy::cast_possible_truncation, reason = "half of a fingerprint is one, too")]
    let half = (whole ^ whole >> 32) as u32;
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(moment: Moment, asked: &'static str, stamp: &'static str) -> HookEvent<'static> {
        let event = HookEvent::of(moment, "X".into(), "n".into());
        HookEvent { asked: Some(asked.into()), stamp: Some(stamp.into()), ..event }
    }

    #[test]
    fn an_end_is_of_the_turn_that_was_asked_the_same() {
        let one = TurnMark::begun_by(&event(Moment::PromptSubmit, "one", "1")).unwrap();
        assert!(one.may_end_with(&event(Moment::TurnEnd, "one", "2")));
        assert!(!one.may_end_with(&event(Moment::TurnEnd, "two", "2")));
        let silent = HookEvent { asked: None, ..event(Moment::TurnEnd, "", "2") };
        assert!(!one.may_end_with(&silent), "an end that does not say");
        let again = TurnMark::begun_by(&event(Moment::PromptSubmit, "one", "3")).unwrap();
        assert_ne!(one, again, "the same words, asked again");
        assert_ne!(one, TurnMark::unheard(&event(Moment::TurnEnd, "one", "2")));
    }

    #[test]
    fn only_a_prompt_of_an_unnamed_turn_begins_one() {
        let prompt = event(Moment::PromptSubmit, "one", "1");
        let echo = HookEvent { echo: Some(crate::id::AttemptId::generate()), ..prompt.clone() };
        let named = HookEvent { turn: Some("t".into()), ..prompt };
        for other in [echo, named, event(Moment::TurnEnd, "one", "1"), event(Moment::AfterTool, "one", "1")] {
            assert_eq!(TurnMark::begun_by(&other), None);
        }
    }

    #[test]
    fn a_mark_is_read_back() {
        let mark = TurnMark::begun_by(&event(Moment::PromptSubmit, "one", "1")).unwrap();
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!(mark.to_string().len(), TurnMark::BYTES);
        for text in ["", "0123456789abcde", "0123456789abcdefg", "0123456789abcdeg", "0123456é89abcdef"] {
            assert_eq!(text.parse::<TurnMark>(), Err(NoMark), "{text}");
        }
    }
}
