//! A sample of the full size, with another seed, and lies that the oracle must find.
//! `cargo run --release -p session-bridge-receipts` runs all of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use session_bridge_receipts::{Lie, Plan, Tally, run};

fn worlds(seed: u64, deliveries: u64, lie: Option<Lie>) -> Tally {
    let plan = Plan { seed, deliveries, lie };
    let halves = std::thread::scope(|scope| {
        let half = |from| scope.spawn(move || run(plan, from..from + 1).unwrap());
        [half(0), half(1)].map(|half| half.join().unwrap())
    });
    let mut tally = Tally::default();
    for half in halves {
        tally.add(half);
    }
    tally
}

#[test]
fn no_receipt_claims_what_did_not_happen() {
    let tally = worlds(7, 400, None);
    assert_eq!(tally.findings.iter().take(3).collect::<Vec<_>>(), Vec::<&String>::new(), "{tally:#?}");
    assert!(tally.deliveries >= 800 && tally.notices > 0 && tally.receipts > tally.deliveries, "{tally:#?}");
    for state in ["seen", "answered", "expired", "offered, in doubt"] {
        assert!(tally.states.contains_key(state), "{tally:#?}");
    }
}

#[test]
fn hosts_that_lie_are_found() {
    for (lie, claim) in [
        (Lie::PromptsLost, "`injected`"),
        (Lie::ToolsLost, "`injected`"),
        (Lie::ResultsLost, "`injected`"),
        (Lie::EmptyEnds, "`seen`"),
    ] {
        let tally = worlds(11, 200, Some(lie));
        let found = tally.findings.iter().any(|finding| finding.contains(claim));
        assert!(found, "{lie:?}: {tally:#?}");
    }
}
