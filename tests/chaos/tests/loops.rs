//! A sample of the loops, with a fixed seed.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use session_bridge_chaos::loops::polite::companies;

#[test]
fn polite_agents_of_any_cli_stop_by_themselves() {
    for (agents, seeds) in [(2, 20), (3, 12), (5, 6)] {
        let company = companies(agents, 1, 0, seeds).unwrap();
        println!("{company:?}");
        assert!(company.findings.is_empty(), "{company:#?}");
        assert!(company.deepest == 6 && company.messages > 6 * seeds, "{company:#?}");
    }
}
