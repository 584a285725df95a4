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

/// A round of a few messages, which is to end with findings: what they are.
fn mistaken(mistake: &str) -> (Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let results = dir.path().join("identity.json");
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["identity", "--messages", "10", "--per-round", "10", "--mistake", mistake])
        .arg("--results")
        .arg(&results)
        .env("CARGO", env!("CARGO"))
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    let results: Value = serde_json::from_str(&std::fs::read_to_string(&results).unwrap()).unwrap();
    let row = results["rows"][0].clone();
    let findings = row["findings"].to_string();
    (row, findings)
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

#[test]
fn what_init_adds_to_generated_files_uninstall_takes_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let rows = run(&["install", "--configs", "12"], &dir.path().join("install.json"));
    assert_eq!((rows.len(), sum(&rows, "configs")), (4, 48));
    assert!(sum(&rows, "taken") > 30 && sum(&rows, "crashes") > 50, "{rows:?}");
}

#[test]
fn everybody_is_who_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["identity", "--messages", "150", "--per-round", "250"];
    let rows = run(&words, &dir.path().join("identity.json"));
    assert_eq!((sum(&rows, "misrouted"), sum(&rows, "guessed")), (0, 0));
    let refused = &rows[0]["refused"];
    for code in ["not_bound", "evidence_disagrees", "unknown_client", "ambiguous_recipient"] {
        assert!(refused[code].as_u64() > Some(0), "{code}: {refused}");
    }
}

/// The audit is worth something: a call with another session's evidence, and a body in another session's process.
#[test]
fn a_wrong_sender_and_a_wrong_reader_are_found() {
    for mistake in ["sender", "reader"] {
        let (row, findings) = mistaken(mistake);
        assert!(row["misrouted"].as_u64() > Some(0), "{mistake}: {findings}");
    }
}
