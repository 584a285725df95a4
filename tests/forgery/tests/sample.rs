//! A sample of the full size, with a fixed seed. `cargo run --release -p session-bridge-forgery` runs all of it.

use session_bridge_forgery::trial;
use session_bridge_providers::PROVIDERS;

#[test]
fn no_message_leaves_its_frame_or_passes_for_another() {
    let parts = std::thread::scope(|scope| {
        let part = |from| scope.spawn(move || trial::run(7, from..from + 1_000).unwrap());
        [part(0), part(500_000)].map(|part| part.join().unwrap())
    });
    let mut tally = trial::Tally::default();
    for part in parts {
        tally.add(part);
    }
    assert_eq!(tally.findings.iter().take(5).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(tally.messages, 2_000);
    // Each way was gone.
    assert_eq!(tally.bodies.len(), PROVIDERS.len(), "{tally:?}");
    assert_eq!(tally.bodies.values().sum::<u64>() + tally.pulled, tally.messages, "{tally:?}");
    for count in [tally.pulled, tally.headers, tally.prompts, tally.refused, tally.compared] {
        assert!(count > 0, "{tally:?}");
    }
}
