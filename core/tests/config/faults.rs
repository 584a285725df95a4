//! What cannot be edited is named and left as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use session_bridge_core::apply;
use session_bridge_core::edit::ConfigError;
use session_bridge_core::plan::{Format, State};

use crate::support::{Machine, hook, permission, plan, server};

fn refused(format: Format, before: &[u8]) -> ConfigError {
    let machine = Machine::new();
    let path = machine.write("config", before);
    let edits = || match format {
        Format::Toml => vec![server(&path, format)],
        _ => vec![hook(&path, format, "Stop"), permission(&path, format)],
    };
    let error = machine.apply(edits()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before, "bytes unchanged");
    assert!(!error.help().is_empty());
    assert!(machine.states(edits()).iter().any(|state| !matches!(state, State::Present | State::Absent)));
    let preview = apply::preview(&plan(edits()), &machine.disk).unwrap();
    assert!(!preview.is_empty() && preview.changes().count() == 0);
    assert_eq!(machine.revert().unwrap().written, Vec::<std::path::PathBuf>::new());
    error
}

#[test]
fn broken_files_have_line_and_column() {
    for (format, before, place) in [
        (Format::Json, "{\n  \"a\": 1,\n}".as_bytes(), (2, 9)),
        (Format::Json, b"{\n  // no\n}", (2, 3)),
        (Format::Json, b"{\"a\": \xff}", (1, 7)),
        (Format::Jsonc, b"{\n  \"a\" 1\n}", (2, 7)),
        (Format::Jsonc, b"{'a': 1}", (1, 2)),
        (Format::Toml, b"a = 1\nb = \n", (2, 5)),
        (Format::Toml, b"a = 1\na = 2\n", (2, 1)),
    ] {
        let error = refused(format, before);
        assert_eq!(error.code(), "config_unparsable", "{error}");
        let ConfigError::Unparsable { line, column, .. } = error else { panic!("{error}") };
        assert_eq!((line, column), place, "{}: {error}", String::from_utf8_lossy(before));
    }
}

#[test]
fn wrong_types_are_a_clash() {
    for (format, before) in [
        (Format::Json, "[]"),
        (Format::Json, "{\"hooks\": []}"),
        (Format::Json, "{\"hooks\": {\"Stop\": {}}}"),
        (Format::Jsonc, "{\"permissions\": null}"),
        (Format::Jsonc, "{\"permissions\": {\"allow\": \"x\"}}"),
        (Format::Toml, "mcp_servers = 1\n"),
        (Format::Toml, "[[mcp_servers]]\nx = 1\n"),
        (Format::Toml, "[mcp_servers]\nsession-bridge = 3\n"),
        (Format::Toml, "[mcp_servers.session-bridge]\ncommand = \"mine\"\n"),
    ] {
        let error = refused(format, before.as_bytes());
        assert_eq!(error.code(), "config_clash", "{before}: {error}");
    }
}

#[test]
fn read_only_files_and_odd_ones_are_denied() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let error = machine.apply(vec![hook(&path, Format::Json, "Stop")]).unwrap_err();
    assert_eq!(error.code(), "config_denied");
    assert_eq!(machine.read("settings.json").unwrap(), "{}");
}

#[test]
fn one_file_in_the_way_keeps_all_from_being_written() {
    let machine = Machine::new();
    let good = machine.write("good.json", "{}");
    let bad = machine.write("bad.json", "{\"hooks\": 1}");
    let edits = vec![permission(&good, Format::Json), hook(&bad, Format::Json, "Stop")];
    assert_eq!(machine.apply(edits).unwrap_err().code(), "config_clash");
    assert_eq!(machine.read("good.json").unwrap(), "{}");
}

#[test]
fn a_newer_ledger_is_not_written_over() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}");
    machine.apply(vec![permission(&path, Format::Json)]).unwrap();
    let ledger = machine.disk.home().join("ledger/codex.json");
    assert_eq!(fs::metadata(&ledger).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&ledger).unwrap().replace("\"version\": 1", "\"version\": 2");
    fs::write(&ledger, &text).unwrap();
    let before = machine.read("settings.json");
    assert_eq!(machine.revert().unwrap_err().code(), "config_newer_ledger");
    assert_eq!(machine.apply(Vec::new()).unwrap_err().code(), "config_newer_ledger");
    assert_eq!(machine.states(vec![permission(&path, Format::Json)]), [State::Present], "but it is read");
    assert_eq!((machine.read("settings.json"), fs::read_to_string(&ledger).unwrap()), (before, text));
    fs::write(&ledger, "{").unwrap();
    assert_eq!(machine.revert().unwrap_err().code(), "config_damaged_ledger");
}

#[test]
fn our_folders_are_private_and_are_tightened() {
    let machine = Machine::new();
    fs::create_dir_all(machine.disk.home()).unwrap();
    fs::set_permissions(machine.disk.home(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = machine.write("settings.json", "{ }");
    machine.apply(vec![permission(&path, Format::Json)]).unwrap();
    for name in ["", "ledger", "backup", "locks"] {
        let mode = fs::metadata(machine.disk.home().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    for file in fs::read_dir(machine.disk.home().join("backup")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn deep_nesting_is_a_fault_and_no_crash() {
    for (format, before) in [
        (Format::Json, format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
        (Format::Toml, format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000))),
    ] {
        assert_eq!(refused(format, before.as_bytes()).code(), "config_unparsable");
    }
    let machine = Machine::new();
    let path = machine.write("deep.json", format!("{{\"a\": {}{}}}", "[".repeat(500), "]".repeat(500)));
    machine.apply(vec![permission(&path, Format::Json)]).unwrap();
    machine.revert().unwrap();
}

#[test]
fn a_file_that_became_something_else_keeps_it() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}");
    machine.apply(vec![permission(&path, Format::Json)]).unwrap();
    machine.write("settings.json", "[1]");
    machine.revert().unwrap();
    assert_eq!(machine.read("settings.json").unwrap(), "[1]");
    assert!(!machine.disk.home().join("ledger/codex.json").exists());
}
