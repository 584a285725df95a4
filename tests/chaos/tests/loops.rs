//! A sample of the loops, with a fixed seed.
use session_bridge_chaos::loops::polite::companies;
use session_bridge_chaos::loops::recorded::{HANDOFFS, chains, replay};

#[test]
fn polite_agents_of_any_cli_stop_by_themselves() {
    let mut deepest = 0;
    for (agents, seeds) in [(2, 12), (3, 6), (5, 3)] {
        let company = companies(agents, 1, 0, seeds).unwrap();
        assert!(company.findings.is_empty() && company.messages > 2 * seeds, "{company:#?}");
        deepest = deepest.max(company.deepest);
    }
    assert_eq!(deepest, 6, "six hops, and no further");
}

#[test]
fn honest_chains_are_not_stopped() {
    let chains = chains(HANDOFFS).unwrap();
    assert_eq!(chains.len(), 100);
    for chain in &chains {
        let replayed = replay(chain).unwrap();
        assert!(replayed.findings.is_empty() && replayed.wakes > 0, "{replayed:#?}");
    }
}
