//! A few seconds of the soak, as somebody would run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(words: &[&str], results: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(words)
        .arg("--results")
        .arg(results)
        .env("CARGO", env!("CARGO"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_str(&std::fs::read_to_string(results).unwrap()).unwrap();
    results["rows"].as_array().unwrap().clone()
}

#[test]
fn a_short_soak_loses_nothing_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["soak", "--sessions", "12", "--minutes", "0.1", "--every", "1", "--turns", "4"];
    let pace = ["--broadcast-every", "2", "--sample-every", "1"];
    let rows = run(&[&words[..], &pace[..]].concat(), &dir.path().join("soak.json"));
    let last = rows.last().unwrap();
    let of = |field: &str| last[field].as_u64().unwrap();
    assert!(of("sent") > 20 && of("deliveries") > of("sent") && of("ends") > 0, "{last}");
    assert_eq!((of("errors"), of("pending"), of("shown")), (0, 0, of("deliveries")), "{last}");
    assert_eq!(of("processes"), 0, "{last}");
    assert_eq!(last["verdict"]["damage"], serde_json::json!([]), "{last}");
    assert!(rows.iter().any(|row| row["handles"].as_u64().unwrap() > 0), "{rows:?}");
}
