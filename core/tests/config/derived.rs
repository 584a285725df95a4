//! Rule C2: what the host derives from our entries goes with them, and nothing else.

use session_bridge_core::plan::{Format, State};

use crate::support::{Machine, hook, reviewed, server};

#[test]
fn reviews_and_approvals_of_ours_go_and_others_stay() {
    let machine = Machine::new();
    let hooks = machine.write("hooks.json", "{\n  \"hooks\": {\n    \"SessionStart\": [\n      {\"hooks\": [{\"command\": \"a\"}]}\n    ]\n  }\n}\n");
    let config = machine.write("config.toml", "model = \"x\"\n");
    let edits =
        || vec![reviewed(hook(&hooks, Format::Json, "SessionStart"), &config), server(&config, Format::Toml)];
    machine.apply(edits()).unwrap();

    // The host writes: reviews of three groups, an approval of our tool. Someone adds a group after ours.
    let key = |group: usize| {
        format!(
            "\n[hooks.state.\"{}:session_start:{group}:0\"]\ntrusted_hash = \"sha256:{group}\"\n",
            hooks.display()
        )
    };
    let approval = "\n[mcp_servers.session-bridge.tools.bridge_send]\napproval_mode = \"approve\"\n";
    let config_text = machine.read("config.toml").unwrap();
    machine.write(
        "config.toml",
        format!("{config_text}{approval}\n[hooks.state]\n{}{}{}", key(0), key(1), key(2)),
    );
    let hooks_text = machine.read("hooks.json").unwrap();
    let last = hooks_text.rfind("\n    ]").unwrap();
    machine.write(
        "hooks.json",
        format!(
            "{},\n      {{\"hooks\": [{{\"command\": \"z\"}}]}}{}",
            &hooks_text[..last],
            &hooks_text[last..]
        ),
    );
    assert_eq!(machine.states(edits()), [State::Present, State::Present]);
    assert!(machine.apply(edits()).unwrap().written.is_empty());

    machine.revert().unwrap();
    insta::assert_snapshot!(machine.read("hooks.json").unwrap());
    let left = machine.read("config.toml").unwrap();
    insta::assert_snapshot!(left.replace(hooks.to_str().unwrap(), "/hooks.json"));
}

#[test]
fn tables_that_only_held_our_review_go() {
    let machine = Machine::new();
    let hooks = machine.path("hooks.json");
    let config = machine.write("config.toml", "model = \"x\"");
    let edits =
        || vec![reviewed(hook(&hooks, Format::Json, "SessionStart"), &config), server(&config, Format::Toml)];
    machine.apply(edits()).unwrap();
    let text = machine.read("config.toml").unwrap();
    machine.write("config.toml", format!("{text}\n\n[hooks]\n[hooks.state]\n[hooks.state.\"{}:session_start:0:0\"]\ntrusted_hash = \"h\"\n", hooks.display()));
    machine.revert().unwrap();
    assert_eq!(machine.read("config.toml").unwrap().trim_end(), "model = \"x\"");
    assert!(!hooks.exists());
}

#[test]
fn the_position_is_not_kept_for_nobody() {
    let machine = Machine::new();
    let before = "{\"hooks\": {\"SessionStart\": [{\"hooks\": []}]}}";
    let hooks = machine.write("hooks.json", before);
    machine
        .apply(vec![reviewed(hook(&hooks, Format::Json, "SessionStart"), &machine.path("config.toml"))])
        .unwrap();
    let text = machine.read("hooks.json").unwrap();
    machine.write("hooks.json", format!("{text}\n"));
    machine.revert().unwrap();
    assert_eq!(machine.read("hooks.json").unwrap(), format!("{before}\n"));
    assert!(!machine.path("config.toml").exists(), "files of derived keys are never made");
}

#[test]
fn the_index_is_that_of_today_or_nobodys() {
    for removed_by_hand in [false, true] {
        let machine = Machine::new();
        let hooks = machine.write("hooks.json", "{}");
        let config = machine.write("config.toml", "");
        machine.apply(vec![reviewed(hook(&hooks, Format::Json, "SessionStart"), &config)]).unwrap();
        // A group comes in before ours, or takes its place.
        let theirs = "{\"hooks\": [{\"command\": \"theirs\"}]}";
        if removed_by_hand {
            machine.write("hooks.json", format!("{{\"hooks\": {{\"SessionStart\": [{theirs}]}}}}"));
        } else {
            let text = machine.read("hooks.json").unwrap();
            machine.write("hooks.json", text.replacen('[', &format!("[{theirs}, "), 1));
        }
        let review = |group: usize| {
            format!(
                "[hooks.state.\"{}:session_start:{group}:0\"]\ntrusted_hash = \"{group}\"\n",
                hooks.display()
            )
        };
        let text = format!("{}{}", review(0), review(1));
        machine.write("config.toml", &text);
        machine.revert().unwrap();
        let left = machine.read("config.toml").unwrap();
        assert_eq!(left, if removed_by_hand { text } else { review(0) });
        assert!(machine.read("hooks.json").unwrap().contains("theirs"));
    }
}

#[test]
fn reviews_stay_as_long_as_what_was_reviewed() {
    let machine = Machine::new();
    let hooks = machine.path("hooks.json");
    let config = machine.path("config.toml");
    let edits = || vec![reviewed(hook(&hooks, Format::Json, "SessionStart"), &config)];
    machine.apply(edits()).unwrap();
    let review = format!("[hooks.state.\"{}:session_start:0:0\"]\ntrusted_hash = \"h\"\n", hooks.display());
    machine.write("config.toml", &review);
    assert!(machine.apply(edits()).unwrap().written.is_empty());
    let more = || [edits(), vec![server(&config, Format::Toml)]].concat();
    machine.apply(more()).unwrap();
    assert!(machine.read("config.toml").unwrap().starts_with(&review));
    machine.apply(edits()).unwrap();
    assert_eq!(machine.read("config.toml").unwrap(), review);
    // The hook goes by an upgrade, and its review with it.
    machine.apply(vec![server(&config, Format::Toml)]).unwrap();
    assert!(!machine.read("config.toml").unwrap().contains("trusted_hash"));
    assert!(!hooks.exists());
}
