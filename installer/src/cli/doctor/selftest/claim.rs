//! Receipts against what really came out: no receipt may claim what did not happen.

use session_bridge_store::{Receipt, State};

/// What really happened to one message, as the host saw it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Truth {
    /// Its body came out of a hook, whole.
    pub(super) came_out: bool,
    /// After that, the host told of another event of the same turn.
    pub(super) turn_went_on: bool,
}

impl Truth {
    /// The farthest state that a receipt may show.
    fn most(self) -> State {
        match (self.came_out, self.turn_went_on) {
            (false, _) => State::Stored,
            (true, false) => State::Offered,
            (true, true) => State::Seen,
        }
    }
}

/// What the receipt claims beyond the truth. One that says "nobody can tell whether it arrived" claims nothing.
pub(super) fn beyond(receipt: &Receipt, truth: Truth) -> Option<String> {
    let states = receipt.steps.iter().map(|step| step.state).chain([receipt.state]);
    let claims = states.filter(|state| matches!(state, State::Offered | State::Injected | State::Seen));
    let farthest = claims.max_by_key(|state| rank(*state))?;
    let honest = rank(farthest) <= rank(truth.most()) || (farthest == State::Offered && receipt.doubt);
    (!honest).then(|| {
        let what = match (truth.came_out, truth.turn_went_on) {
            (false, _) => "its text never came out",
            _ => "no later event of its turn came",
        };
        format!("a receipt says `{}`, and {what}", farthest.as_str())
    })
}

fn rank(state: State) -> u8 {
    match state {
        State::Offered => 1,
        State::Injected => 2,
        State::Seen => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::id::SessionId;
    use session_bridge_store::Step;

    use super::*;

    fn receipt(state: State, doubt: bool) -> Receipt {
        Receipt {
            session: SessionId::generate(),
            label: String::new(),
            provider: String::new(),
            state,
            doubt,
            parked: false,
            marked: None,
            answer: None,
            remark: None,
            steps: vec![Step { state, at: 0, surface: None, evidence: None }],
        }
    }

    #[test]
    fn a_claim_needs_its_event() {
        let out = |came_out, turn_went_on| Truth { came_out, turn_went_on };
        for (state, doubt, truth, is_honest) in [
            (State::Stored, false, out(false, false), true),
            (State::Offered, false, out(false, false), false),
            (State::Offered, true, out(false, false), true),
            (State::Offered, false, out(true, false), true),
            (State::Injected, false, out(true, false), false),
            (State::Seen, false, out(true, false), false),
            (State::Seen, true, out(false, false), false),
            (State::Seen, false, out(true, true), true),
        ] {
            assert_eq!(beyond(&receipt(state, doubt), truth).is_none(), is_honest, "{state:?} {truth:?}");
        }
    }

    #[test]
    fn a_step_that_was_claimed_is_not_taken_back_by_the_state() {
        let mut receipt = receipt(State::Stored, false);
        receipt.steps[0].state = State::Seen;
        assert!(beyond(&receipt, Truth::default()).is_some());
    }
}
