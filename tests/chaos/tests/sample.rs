//! A few seconds of each harness, with a fixed seed.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs the harness as a person would, and returns the rows of its results.
fn run(words: &[&str], results: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(words)
        .arg("--results")
        .arg(results)
        .env("CARGO", env!("CARGO"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(results).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let rows = results["rows"].as_array().unwrap().clone();
    assert!(rows.iter().all(|row| row["findings"] == serde_json::json!([])), "{text}");
    rows
}

fn sum(rows: &[Value], field: &str) -> u64 {
    rows.iter().map(|row| row[field].as_u64().unwrap()).sum()
}

/// One round with kills alone, one on a disk that is full again and again. Started again, it goes on.
#[test]
fn killed_programs_lose_nothing_and_repeat_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let results = dir.path().join("crashes.json");
    let rows = run(&["crashes", "--kills", "40", "--per-round", "40"], &results);
    assert!(
        sum(&rows, "kills") >= 40 && sum(&rows, "acknowledged") > 0 && sum(&rows, "shown") > 0,
        "{rows:?}"
    );
    let before = rows.len();
    let rows = run(&["crashes", "--kills", "110", "--per-round", "40"], &results);
    assert!(rows.len() > before && rows[before]["trouble"] == "full", "{rows:?}");
    assert!(sum(&rows, "kills") >= 110);
}

/// A few calls of each operation fail.
#[test]
fn calls_that_fail_lose_nothing_and_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let rows = run(&["faults", "--faults", "2", "--rows", "10"], &dir.path().join("faults.json"));
    assert_eq!(rows.len(), 10);
    // Calls whose number is a matter of chance may not come as far.
    assert!(sum(&rows, "faults") >= 16 && sum(&rows, "succeeded") < sum(&rows, "faults"), "{rows:?}");
}

/// Servers that are open meanwhile go on afterwards.
#[test]
fn a_disk_that_becomes_read_only_below_open_servers_loses_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .arg("remount")
        .env("CARGO", env!("CARGO"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_init_adds_to_generated_files_uninstall_takes_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let rows = run(&["install", "--configs", "12"], &dir.path().join("install.json"));
    assert_eq!((rows.len(), sum(&rows, "configs")), (4, 48));
    assert!(sum(&rows, "taken") > 30 && sum(&rows, "crashes") > 50, "{rows:?}");
}
