//! Single files, before and after, as people would see them.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;
use session_bridge_core::apply;
use session_bridge_core::plan::{Clash, ConfigEdit, EditOp, Format, State};
use session_bridge_core::preview::{patch, unified_diff};

use crate::support::{Machine, edit, hook, permission, plan, server};

/// Applies, checks that a second time changes nothing, and that uninstalling restores the file.
fn installed(format: Format, before: &str, edits: fn(&std::path::Path, Format) -> Vec<ConfigEdit>) -> String {
    let machine = Machine::new();
    let path = machine.write("config", before);
    machine.apply(edits(&path, format)).unwrap();
    let after = machine.read("config").unwrap();
    assert!(machine.apply(edits(&path, format)).unwrap().written.is_empty(), "second time: {after}");
    assert!(machine.states(edits(&path, format)).iter().all(|state| *state == State::Present));
    machine.revert().unwrap();
    assert_eq!(machine.read("config").as_deref(), Some(before));
    // And without the pre-image, by structure alone.
    machine.apply(edits(&path, format)).unwrap();
    let foreign = if format == Format::Toml { "\n# foreign\n" } else { "\n" };
    machine.write("config", format!("{after}{foreign}"));
    machine.revert().unwrap();
    assert_eq!(machine.read("config").unwrap(), format!("{before}{foreign}"), "by structure");
    after
}

fn hooks(path: &std::path::Path, format: Format) -> Vec<ConfigEdit> {
    vec![hook(path, format, "SessionStart"), permission(path, format)]
}

fn servers(path: &std::path::Path, format: Format) -> Vec<ConfigEdit> {
    vec![server(path, format)]
}

#[test]
fn json_with_the_hooks_of_others() {
    let before = r#"{
    "model": "opus",
    "hooks": {
        "SessionStart": [
            {
                "hooks": [{"type": "command", "command": "other"}]
            }
        ]
    },
    "permissions": {"allow": ["Bash(ls)", "Read"]}
}
"#;
    insta::assert_snapshot!(installed(Format::Json, before, hooks));
}

#[test]
fn jsonc_with_comments_and_trailing_commas() {
    let before = "// mine\n{\n\t\"a\": 1, // one\n\t\"hooks\": {\n\t\t\"SessionStart\": [\n\t\t\t{ \"hooks\": [] }, // keep\n\t\t\t// tail\n\t\t],\n\t}, /* block */\n}\n// end\n";
    insta::assert_snapshot!(installed(Format::Jsonc, before, hooks));
}

#[test]
fn compact_json_stays_compact() {
    insta::assert_snapshot!(installed(Format::Json, r#"{"a":1}"#, hooks), @r#"{"a":1,"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"/home/u/.session-bridge/bin/session-bridge-hook codex","timeout":10}]}]},"permissions":{"allow":["mcp__session-bridge"]}}"#);
}

#[test]
fn json_keeps_mark_and_line_ends() {
    let after = installed(Format::Json, "\u{feff}{\r\n  \"a\": 1\r\n}", hooks);
    assert!(after.starts_with("\u{feff}{\r\n") && after.ends_with("\r\n}"), "{after:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn toml_gets_a_table_at_the_end() {
    let before = "model = \"x\" # mine\n\n[mcp_servers.other]\ncommand = \"o\"\n\n[tui]\n# nothing yet";
    insta::assert_snapshot!(installed(Format::Toml, before, servers));
}

#[test]
fn toml_with_servers_in_braces() {
    let before = "mcp_servers = { other = { command = \"o\" } } # all\n[tui]\nx = 1\n";
    insta::assert_snapshot!(installed(Format::Toml, before, servers));
}

#[test]
fn toml_with_dotted_servers() {
    let before = "mcp_servers.other.command = \"o\"\n[tui]\nx = 1\n";
    insta::assert_snapshot!(installed(Format::Toml, before, servers));
}

#[test]
fn toml_keeps_mark_and_line_ends() {
    let after = installed(Format::Toml, "\u{feff}a = 1\r\n[b]\r\nc = 2\r\n", servers);
    assert!(after.starts_with("\u{feff}a = 1\r\n"), "{after:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn toml_takes_single_keys_everywhere() {
    fn keys(path: &std::path::Path, format: Format) -> Vec<ConfigEdit> {
        let key = |id, at: session_bridge_core::plan::KeyPath, value| {
            edit(id, path, format, EditOp::Key { at, value, clash: Clash::Refuse })
        };
        vec![
            key("root", ["ours"].into(), json!(true)),
            key("table", ["tui", "ours"].into(), json!(["a", "b"])),
            key("dotted", ["d", "e", "ours"].into(), json!(1)),
            key("implicit", ["i", "ours"].into(), json!("x\"y")),
            key("new", ["new", "deep", "ours"].into(), json!({"k": {"l": 2.5}})),
        ]
    }
    let before = "m = 1\nd.e.f = 2\n\n[tui]\nx = 1 # c\n\n[i.j]\nk = 3\n";
    insta::assert_snapshot!(installed(Format::Toml, before, keys));
}

#[test]
fn a_missing_file_is_made_and_goes_again() {
    let machine = Machine::new();
    let path = machine.path("deep/er/settings.json");
    machine.apply(vec![hook(&path, Format::Json, "Stop")]).unwrap();
    insta::assert_snapshot!(machine.read("deep/er/settings.json").unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    machine.revert().unwrap();
    assert!(!machine.path("").exists(), "folders that we made go, too");
}

#[test]
fn copies_of_files_go_when_nothing_needs_them() {
    let machine = Machine::new();
    let path = machine.write("config", "{\"key\": \"secret\"}");
    let backups = || std::fs::read_dir(machine.disk.home().join("backup")).unwrap().count();
    machine.apply(hooks(&path, Format::Json)).unwrap();
    assert_eq!(backups(), 1);
    machine.revert().unwrap();
    assert_eq!(backups(), 0);
}

#[test]
fn a_missing_file_can_be_left_missing() {
    let machine = Machine::new();
    let mut edit = hook(&machine.path("settings.json"), Format::Json, "Stop");
    edit.file = edit.file.existing_only();
    assert!(machine.apply(vec![edit.clone()]).unwrap().written.is_empty());
    assert_eq!(machine.states(vec![edit]), [State::Absent]);
    assert!(!machine.path("settings.json").exists());
}

#[test]
fn symlinks_and_modes_stay() {
    let machine = Machine::new();
    let real = machine.write("dotfiles/settings.json", "{}\n");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = machine.path("settings.json");
    symlink("dotfiles/settings.json", &link).unwrap();
    machine.apply(vec![hook(&link, Format::Json, "Stop")]).unwrap();
    assert!(link.is_symlink());
    assert!(machine.read("dotfiles/settings.json").unwrap().contains("Stop"));
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    machine.revert().unwrap();
    assert!(link.is_symlink());
    assert_eq!(machine.read("dotfiles/settings.json").unwrap(), "{}\n");
}

#[test]
fn previews_are_printed_for_people_and_programs() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\n  \"a\": 1\n}\n");
    let plan = plan(vec![permission(&path, Format::Json)]);
    let preview = apply::preview(&plan, &machine.disk).unwrap();
    let shown = |text: String| text.replace(path.to_str().unwrap(), "/settings.json");
    insta::assert_snapshot!("unified_diff", shown(unified_diff(&preview)));
    insta::assert_snapshot!("rfc_6902", shown(format!("{:#}", patch(&preview))));
    assert!(!machine.disk.home().exists(), "a preview writes nothing");
    apply::apply(&plan, &machine.disk).unwrap();
    let preview = apply::preview(&plan, &machine.disk).unwrap();
    assert!(preview.is_empty() && unified_diff(&preview).is_empty());
    let preview = apply::preview_revert("codex", &machine.disk).unwrap();
    assert_eq!(preview.changes().count(), 1);
}

#[test]
fn blocks_and_files_come_and_go() {
    let machine = Machine::new();
    let notes = machine.write("AGENTS.md", "# Mine");
    let skill = machine.path("skills/bridge/SKILL.md");
    let block = |text: &'static str| {
        let op = EditOp::Block {
            open: "<!-- bridge -->".into(),
            close: "<!-- /bridge -->".into(),
            text: text.into(),
        };
        edit("block", &notes, Format::Text, op)
    };
    let file = |text: &'static str| edit("file", &skill, Format::Text, EditOp::File { text: text.into() });
    machine.apply(vec![block("one"), file("skill\n")]).unwrap();
    assert_eq!(machine.read("AGENTS.md").unwrap(), "# Mine\n<!-- bridge -->\none\n<!-- /bridge -->");
    machine.apply(vec![block("two\nlines"), file("better\n")]).unwrap();
    assert_eq!(machine.read("AGENTS.md").unwrap(), "# Mine\n<!-- bridge -->\ntwo\nlines\n<!-- /bridge -->");
    assert_eq!(machine.read("skills/bridge/SKILL.md").unwrap(), "better\n");
    machine.write("AGENTS.md", "# Mine\n<!-- bridge -->\ntwo\nlines\n<!-- /bridge -->\nmore\n");
    machine.write("skills/bridge/SKILL.md", "theirs now\n");
    let reverted = machine.revert().unwrap();
    assert_eq!(machine.read("AGENTS.md").unwrap(), "# Mine\nmore\n");
    assert_eq!(machine.read("skills/bridge/SKILL.md").unwrap(), "theirs now\n");
    assert_eq!(reverted.kept, [skill]);
}

#[test]
fn a_handler_that_others_put_into_our_group_stays() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}\n");
    let edits = || vec![hook(&path, Format::Json, "Stop")];
    machine.apply(edits()).unwrap();
    let theirs = machine
        .read("settings.json")
        .unwrap()
        .replace("\"timeout\": 10\n          }", "\"timeout\": 10\n          }, {\"command\": \"theirs\"}");
    machine.write("settings.json", &theirs);
    assert_eq!(machine.states(edits()), [State::Present]);
    assert!(machine.apply(edits()).unwrap().written.is_empty());
    machine.revert().unwrap();
    let left: serde_json::Value = serde_json::from_str(&machine.read("settings.json").unwrap()).unwrap();
    assert_eq!(left, json!({ "hooks": { "Stop": [{ "hooks": [{ "command": "theirs" }] }] } }));
}

#[test]
fn an_upgrade_replaces_what_changed_and_undoes_what_went() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\n  \"a\": 1\n}\n");
    machine
        .apply(vec![
            hook(&path, Format::Json, "Stop"),
            hook(&path, Format::Json, "Old"),
            server(&path, Format::Json),
        ])
        .unwrap();
    let theirs = machine.read("settings.json").unwrap().replace("\"a\": 1", "\"a\": 2");
    machine.write("settings.json", &theirs);
    let mut newer = server(&path, Format::Json);
    let EditOp::Key { value, .. } = &mut newer.op else { panic!() };
    *value = json!({ "command": "/b/session-bridge", "args": ["mcp"], "alwaysLoad": true });
    let edits = || vec![hook(&path, Format::Json, "Stop"), newer.clone()];
    let states = machine.states(edits());
    assert!(matches!(states[1], State::Drifted { .. }), "{states:?}");
    assert_eq!(states[2], State::Orphaned);
    machine.apply(edits()).unwrap();
    let after: serde_json::Value = serde_json::from_str(&machine.read("settings.json").unwrap()).unwrap();
    assert_eq!(
        after["mcpServers"]["session-bridge"],
        json!({ "command": "/b/session-bridge", "args": ["mcp"], "alwaysLoad": true })
    );
    assert!(after["hooks"].get("Old").is_none());
    assert_eq!(after["hooks"]["Stop"].as_array().unwrap().len(), 1);
    machine.revert().unwrap();
    assert_eq!(machine.read("settings.json").unwrap(), "{\n  \"a\": 2\n}\n");
}

#[test]
fn a_foreign_value_can_be_replaced_and_put_back() {
    let machine = Machine::new();
    let path = machine.write("config.toml", "[features]\nhooks = false\n");
    let op = EditOp::Key { at: ["features", "hooks"].into(), value: json!(true), clash: Clash::Replace };
    machine.apply(vec![edit("switch", &path, Format::Toml, op)]).unwrap();
    assert_eq!(machine.read("config.toml").unwrap(), "[features]\nhooks = true\n");
    machine.write("config.toml", "[features]\nhooks = true\nother = 1\n");
    machine.revert().unwrap();
    assert_eq!(machine.read("config.toml").unwrap(), "[features]\nhooks = false\nother = 1\n");
}

#[test]
fn entries_whose_ledger_was_lost_are_found_again() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\n  \"a\": 1\n}\n");
    let edits = || vec![permission(&path, Format::Json), server(&path, Format::Json)];
    machine.apply(edits()).unwrap();
    std::fs::remove_dir_all(machine.disk.home()).unwrap();
    assert!(machine.apply(edits()).unwrap().written.is_empty());
    machine.revert().unwrap();
    let left = machine.read("settings.json").unwrap();
    assert!(!left.contains("session-bridge") && left.contains("\"a\": 1"), "{left}");
}

#[test]
fn of_equal_keys_the_last_one_counts() {
    let machine = Machine::new();
    let before = "{\"hooks\": 1, \"hooks\": {\"Stop\": []}, \"hooks\": {\"Stop\": [], \"Stop\": [{}]}}";
    let path = machine.write("settings.json", before);
    machine.apply(vec![hook(&path, Format::Json, "Stop")]).unwrap();
    let after = machine.read("settings.json").unwrap();
    let value: serde_json::Value = serde_json::from_str(&after).unwrap();
    assert_eq!(value["hooks"]["Stop"].as_array().unwrap().len(), 2);
    machine.write("settings.json", format!("{after}\n"));
    machine.revert().unwrap();
    assert_eq!(machine.read("settings.json").unwrap(), format!("{before}\n"));
}

#[test]
fn doctor_names_exactly_the_edit_that_was_damaged() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\n}\n");
    let config = machine.write("config.toml", "a = 1\n");
    let skill = machine.path("SKILL.md");
    let edits = || {
        vec![
            hook(&path, Format::Json, "Stop"),
            hook(&path, Format::Json, "Start"),
            permission(&path, Format::Json),
            server(&config, Format::Toml),
            edit("file", &skill, Format::Text, EditOp::File { text: "skill".into() }),
        ]
    };
    machine.apply(edits()).unwrap();
    let whole = |name: &str| machine.read(name).unwrap();
    let settings = whole("settings.json");
    let start = settings.find("\"Start\"").unwrap();
    let damages = [
        (0, "settings.json", settings.replacen("\"timeout\": 10", "\"timeout\": 99", 1)),
        (0, "settings.json", settings.replacen("\"Stop\"", "\"Stopp\"", 1)),
        (
            1,
            "settings.json",
            format!("{}{}", &settings[..start], settings[start..].replacen("command", "c", 1)),
        ),
        (2, "settings.json", settings.replace("mcp__session-bridge", "mcp__session")),
        (3, "config.toml", whole("config.toml").replace("\"mcp\"", "\"npm\"")),
        (3, "config.toml", "a = 1\n".to_owned()),
        (4, "SKILL.md", "other".to_owned()),
    ];
    for (damaged, name, text) in damages {
        let good = whole(name);
        machine.write(name, &text);
        let states = machine.states(edits());
        for (index, state) in states.iter().enumerate() {
            assert_eq!(*state == State::Present, index != damaged, "{text}: {states:?}");
        }
        machine.apply(edits()).unwrap();
        assert!(machine.states(edits()).iter().all(|state| *state == State::Present), "repaired");
        machine.write(name, &good);
    }
    machine.revert().unwrap();
    assert!(machine.states(edits()).iter().all(|state| *state == State::Absent));
}

#[test]
fn entries_around_ours_survive_in_any_order() {
    let machine = Machine::new();
    let path = machine
        .write("settings.json", "{\n  \"permissions\": {\n    \"allow\": [\n      \"a\"\n    ]\n  }\n}\n");
    let edits = || vec![permission(&path, Format::Jsonc)];
    machine.apply(edits()).unwrap();
    let ours = "\"mcp__session-bridge\"";
    for (list, left) in [
        (format!("[\n \"a\", // one\n {ours}, // ours\n \"b\"\n]"), "[\n \"a\", // one\n // ours\n \"b\"\n]"),
        (format!("[{ours}, \"b\"]"), "[\"b\"]"),
        (format!("[ {ours} , \"b\" ]"), "[ \"b\" ]"),
        (format!("[\"a\", {ours}, \"b\"]"), "[\"a\", \"b\"]"),
        (format!("[\"a\", {ours}]"), "[\"a\"]"),
        (format!("[\"a\" // one\n, {ours}]"), "[\"a\" // one\n]"),
        (format!("[\n  \"a\", // one\n  {ours}]"), "[\n  \"a\" // one\n  ]"),
        (format!("[\n  {ours},\n  // two\n  \"b\",\n]"), "[\n  // two\n  \"b\",\n]"),
        (format!("[{ours}, \"b\", {ours}]"), "[\"b\"]"),
        (format!("[\n  \"a\" /* , */ , /* x */ {ours} /* y */\n]"), "[\n  \"a\" /* , */  /* x */ /* y */\n]"),
    ] {
        machine.apply(edits()).unwrap();
        machine.write("settings.json", format!("{{\"permissions\": {{\"allow\": {list}}}}}"));
        machine.revert().unwrap();
        assert_eq!(
            machine.read("settings.json").unwrap(),
            format!("{{\"permissions\": {{\"allow\": {left}}}}}")
        );
        machine.write("settings.json", "{}");
    }
}

#[test]
fn two_providers_in_one_file_do_not_know_of_each_other() {
    let machine = Machine::new();
    let before = "{\n  \"a\": 1\n}\n";
    let path = machine.write("settings.json", before);
    let other = || {
        let edits = vec![server(&path, Format::Json)];
        session_bridge_core::plan::Plan { provider: "other".to_owned(), edits }
    };
    let revert_other = || apply::revert("other", &machine.disk).unwrap();
    for first_in_first_out in [false, true] {
        machine.apply(vec![hook(&path, Format::Json, "Stop")]).unwrap();
        apply::apply(&other(), &machine.disk).unwrap();
        if first_in_first_out {
            machine.revert().unwrap();
            assert!(apply::check(&other(), &machine.disk).unwrap().iter().all(|f| f.state == State::Present));
            revert_other();
        } else {
            revert_other();
            machine.revert().unwrap();
        }
        assert_eq!(machine.read("settings.json").unwrap(), before);
    }
}

#[test]
fn a_file_that_we_made_stays_if_others_use_it() {
    let machine = Machine::new();
    let path = machine.path("new/config.toml");
    machine.apply(vec![server(&path, Format::Toml)]).unwrap();
    let text = machine.read("new/config.toml").unwrap();
    machine.write("new/config.toml", format!("model = \"x\"\n\n{text}\n# about tui\n[tui]\nx = 1\n"));
    let reverted = machine.revert().unwrap();
    assert_eq!(machine.read("new/config.toml").unwrap(), "model = \"x\"\n\n# about tui\n[tui]\nx = 1\n");
    assert_eq!(reverted.kept, [path]);
}

#[test]
fn the_ledger_can_be_read_by_people() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}\n");
    machine.apply(vec![permission(&path, Format::Json), server(&path, Format::Json)]).unwrap();
    let ledger = std::fs::read_to_string(machine.disk.home().join("ledger/codex.json")).unwrap();
    insta::assert_snapshot!(ledger.replace(path.to_str().unwrap(), "/settings.json"));
}
