//! Every file of the fuzzer's corpus for the server's input (`tests/fuzz`), after an introduction.

use std::fs;
use std::path::Path;

use serde_json::Value;
use session_bridge_core::home::Home;

#[test]
fn the_corpus_breaks_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/mcp");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5, "{} files", files.len());
    for file in files {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let mut input = include_bytes!("../../../tests/fuzz/introduction.jsonl").to_vec();
        input.extend(fs::read(&file).unwrap());
        let output = session_bridge::mcp::answer(home, input).unwrap();
        let output = String::from_utf8(output).unwrap();
        let answers: Vec<Value> =
            output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(answers[0]["id"], 0, "{}: {output}", file.display());
    }
}
