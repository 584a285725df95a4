//! The bare CLIs, without session-bridge: what the driver and the mock model make possible.

use std::process::ExitCode;

use serde_json::json;
use session_bridge_mock_model::{Role, Turn};
use session_bridge_real_cli::{CaseResult, DriverError, Finished, Suite, World};

const PROBE: &str = env!("CARGO_BIN_EXE_probe-mcp-server");

fn main() -> ExitCode {
    Suite::new(env!("CARGO_TARGET_TMPDIR"))
        .package("session-bridge-real-cli")
        .case("the_pinned_versions_run", the_pinned_versions_run)
        .case("nothing_but_loopback_is_there", nothing_but_loopback_is_there)
        .case("programs_are_built_and_worlds_are_apart", programs_are_built_and_worlds_are_apart)
        .case("claude_print_answers", claude_print_answers)
        .case("codex_exec_answers", codex_exec_answers)
        .case("claude_tui_answers", claude_tui_answers)
        .case("codex_tui_answers", codex_tui_answers)
        .case("gemini_print_answers", gemini_print_answers)
        .case("opencode_run_answers", opencode_run_answers)
        .case("grok_print_answers", grok_print_answers)
        .case("cline_print_answers", cline_print_answers)
        .case("gemini_tui_answers", gemini_tui_answers)
        .case("gemini_calls_an_mcp_tool", gemini_calls_an_mcp_tool)
        .case("gemini_hooks_speak_at_prompt_tool_and_turn_end", gemini_hooks_speak)
        .case("opencode_calls_an_mcp_tool", opencode_calls_an_mcp_tool)
        .case("grok_calls_an_mcp_tool", grok_calls_an_mcp_tool)
        .case("cline_calls_an_mcp_tool", cline_calls_an_mcp_tool)
        .case("claude_calls_an_mcp_tool", claude_calls_an_mcp_tool)
        .case("codex_calls_an_mcp_tool", codex_calls_an_mcp_tool)
        .case("a_computed_turn_sees_what_a_claude_hook_said", a_computed_turn_sees_what_a_claude_hook_said)
        .case("codex_runs_hooks_once_they_are_trusted", codex_runs_hooks_once_they_are_trusted)
        .case("codex_leaves_refused_hooks_alone", codex_leaves_refused_hooks_alone)
        .case("two_sessions_share_one_model", two_sessions_share_one_model)
        .run()
}

fn the_pinned_versions_run(world: &World) -> CaseResult {
    for (command, version) in world.clis().versions() {
        let run = world.run(world.command(command).arg("--version"), b"")?.success()?;
        assert!(run.stdout.contains(version), "{command}: {}", run.stdout);
    }
    Ok(())
}

fn nothing_but_loopback_is_there(_: &World) -> CaseResult {
    let table = std::fs::read_to_string("/proc/net/dev")?;
    let devices: Vec<_> =
        table.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    assert_eq!(devices, ["lo"]);
    Ok(())
}

fn programs_are_built_and_worlds_are_apart(world: &World) -> CaseResult {
    assert!(world.built("probe-mcp-server")?.is_file() && world.built("unheard-of").is_err());
    let other = world.fresh()?;
    assert_ne!(world.home(), other.home());
    world.set_env("ONLY_HERE", "1");
    let ask = |world: &World| world.run(world.command("sh").args(["-c", "echo $HOME-$ONLY_HERE"]), b"");
    assert_eq!(ask(world)?.stdout, format!("{}-1\n", world.home().display()));
    assert_eq!(ask(&other)?.stdout, format!("{}-\n", other.home().display()));
    Ok(())
}

fn claude_print_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    let run = world.claude().print("QUESTION-ONE")?.success()?;
    assert!(run.stdout.contains("the answer is forty-two"));
    let steps = world.model().steps();
    assert_eq!((steps.len(), steps[0].count("QUESTION-ONE")), (1, 1));
    assert!(steps[0].session().is_some() && steps[0].tools().contains(&"Bash".to_owned()));
    Ok(())
}

fn codex_exec_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    let run = world.codex().exec("QUESTION-ONE")?.success()?;
    assert!(run.stdout.contains("the answer is forty-two"));
    let steps = world.model().steps();
    assert_eq!((steps.len(), steps[0].count("QUESTION-ONE")), (1, 1));
    assert!(steps[0].session().is_some());
    Ok(())
}

fn claude_tui_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    let tui = world.claude().tui("claude")?;
    tui.prompt("a first question")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.prompt("a second question")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    tui.prompt("/exit")?;
    tui.wait_closed()?;
    assert_eq!(world.model().steps_with("a first question").len(), 2);
    Ok(())
}

fn codex_tui_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    let tui = world.codex().tui("codex")?;
    tui.prompt("a first question")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.prompt("a second question")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert_eq!(world.model().steps().len(), 2);
    assert_eq!(world.model().unscripted(), 0, "title requests take no turn of the script");
    let daemon = |(_, line): &(i32, String)| line.contains("--managed-daemon");
    assert!(world.processes().iter().any(daemon), "the daemon runs, and this world must end it");
    Ok(())
}

fn gemini_print_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    let run = world.gemini().print("QUESTION-ONE")?.success()?;
    assert!(run.stdout.contains("the answer is forty-two"));
    let steps = world.model().steps();
    assert_eq!((steps.len(), steps[0].count("QUESTION-ONE")), (1, 1));
    assert!(steps[0].tools().contains(&"read_file".to_owned()));
    Ok(())
}

fn answers_once(world: &World, run: Result<Finished, DriverError>, tool: &str) -> CaseResult {
    let run = run?.success()?;
    assert!(run.stdout.contains("the answer is forty-two"), "{}", run.stdout);
    let steps = world.model().steps();
    assert_eq!(
        (steps.len(), steps[0].count("QUESTION-ONE")),
        (1, 1),
        "side requests take no turn of the script"
    );
    assert!(steps[0].tools().contains(&tool.to_owned()), "{:?}", steps[0].tools());
    Ok(())
}

fn opencode_run_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    answers_once(world, world.opencode().print("QUESTION-ONE of mine"), "bash")?;
    assert!(world.model().steps()[0].session().is_some());
    Ok(())
}

fn grok_print_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    answers_once(world, world.grok().print("QUESTION-ONE of mine"), "run_terminal_command")?;
    assert!(world.model().steps()[0].session().is_some());
    Ok(())
}

fn cline_print_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("the answer is forty-two")]);
    answers_once(world, world.cline().print("QUESTION-ONE of mine"), "run_commands")
}

fn gemini_tui_answers(world: &World) -> CaseResult {
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    let tui = world.gemini().tui("gemini")?;
    tui.prompt("a first question")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.prompt("a second question")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    tui.prompt("/quit")?;
    tui.wait_closed()?;
    assert_eq!(world.model().steps_with("a first question").len(), 2);
    assert_eq!(world.model().unscripted(), 0, "side requests take no turn of the script");
    Ok(())
}

/// The script that all CLIs follow: call `ping`, then say what came back.
fn ping_and_tell(world: &World) -> CaseResult {
    world.add_mcp_server("probe-server", PROBE)?;
    world.model().script([
        Turn::mcp("probe-server", "ping", &json!({"text": "over there"})),
        Turn::with(|request| Turn::text(format!("I got {}", request.last_tool_result().unwrap_or_default()))),
    ]);
    Ok(())
}

fn assert_pinged(world: &World, stdout: &str) {
    assert_called(world, stdout);
    assert!(world.model().steps()[0].holds("PROBE-INSTRUCTIONS"));
}

fn assert_called(world: &World, stdout: &str) {
    assert!(stdout.contains("PONG(over there)"), "{stdout}");
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2);
    assert!(steps[0].offers("probe-server", "ping"), "{:?}", steps[0].tools());
    let results = steps[1].tool_results();
    assert_eq!(results.len(), 1);
    assert!(results[0].role == Role::ToolResult && results[0].text.contains("PONG(over there)"));
}

fn opencode_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.opencode().print("please ping")?.success()?;
    assert_pinged(world, &run.stdout);
    Ok(())
}

fn grok_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.grok().print("please ping")?.success()?;
    assert_pinged(world, &run.stdout);
    Ok(())
}

/// Cline tells no model what a server says of itself.
fn cline_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.cline().print("please ping")?.success()?;
    assert_called(world, &run.stdout);
    Ok(())
}

fn claude_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.claude().print("please ping")?.success()?;
    assert_pinged(world, &run.stdout);
    Ok(())
}

fn codex_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.codex().exec("please ping")?.success()?;
    assert_pinged(world, &run.stdout);
    Ok(())
}

fn gemini_calls_an_mcp_tool(world: &World) -> CaseResult {
    ping_and_tell(world)?;
    let run = world.gemini().print("please ping")?.success()?;
    assert_pinged(world, &run.stdout);
    Ok(())
}

/// Where each answer of a hook stands, and in which form: tags are escaped, but not in the reason of a block.
fn gemini_hooks_speak(world: &World) -> CaseResult {
    let says = |event: &str| {
        let context = json!({"hookEventName": event, "additionalContext": format!("<{event}>")});
        format!("echo '{}'", json!({"hookSpecificOutput": context}))
    };
    // A turn that goes on ends a second time; the block must not come again.
    let block =
        "[ -e blocked ] || { touch blocked; echo '{\"decision\":\"block\",\"reason\":\"<REASON>\"}'; }";
    world.edit_json(&world.gemini_settings(), |settings| {
        for (event, command) in [
            ("BeforeAgent", says("BeforeAgent")),
            ("AfterTool", says("AfterTool")),
            ("AfterAgent", block.to_owned()),
        ] {
            let hook = json!({"type": "command", "name": "test", "command": command, "timeout": 5000});
            settings["hooks"][event] = json!([{"hooks": [hook]}]);
        }
    })?;
    ping_and_tell(world)?;
    world.model().script([Turn::text("LAST-WORDS")]);
    let run = world.gemini().print("please ping")?.success()?;
    assert!(run.stdout.contains("LAST-WORDS"), "{}", run.stdout);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0].count("<hook_context>&lt;BeforeAgent&gt;</hook_context>"), 1);
    let result = steps[1].last_tool_result().unwrap_or_default();
    assert!(result.contains("<hook_context>&lt;AfterTool&gt;</hook_context>"), "{result}");
    let reason = steps[2].told().pop().ok_or("no message")?;
    assert_eq!(reason.role, Role::User);
    assert!(reason.text.starts_with("<REASON>"), "{}", reason.text);
    Ok(())
}

fn a_computed_turn_sees_what_a_claude_hook_said(world: &World) -> CaseResult {
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        // The form without a shell: a program and its arguments.
        let hook = json!({"type": "command", "command": "/bin/echo", "args": ["CONTEXT", "OF", "A", "HOOK"]});
        settings["hooks"]["UserPromptSubmit"] = json!([{"hooks": [hook]}]);
    })?;
    world.model().script([Turn::with(|request| {
        let heard = request.messages().into_iter().find(|message| message.text.contains("CONTEXT OF A HOOK"));
        Turn::text(format!("heard as {:?}", heard.map(|message| message.role)))
    })]);
    let run = world.claude().print("anything")?.success()?;
    assert!(run.stdout.contains("heard as Some(System)"), "{}", run.stdout);
    Ok(())
}

fn with_codex_hook(world: &World) -> CaseResult {
    world.edit_json(&world.codex_dir().join("hooks.json"), |hooks| {
        let hook = json!({"type": "command", "command": "echo CONTEXT OF A HOOK", "timeout": 3});
        hooks["hooks"]["UserPromptSubmit"] = json!([{"hooks": [hook]}]);
    })?;
    world.model().script([Turn::text("THE-ANSWER")]);
    Ok(())
}

fn codex_runs_hooks_once_they_are_trusted(world: &World) -> CaseResult {
    with_codex_hook(world)?;
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    tui.prompt("a question")?;
    tui.wait_for_answer("THE-ANSWER")?;
    let heard = world.model().steps()[0].messages();
    let heard = heard.iter().find(|message| message.text.contains("CONTEXT OF A HOOK"));
    assert_eq!(heard.map(|message| message.role), Some(Role::Developer));
    Ok(())
}

fn codex_leaves_refused_hooks_alone(world: &World) -> CaseResult {
    with_codex_hook(world)?;
    let tui = world.codex().tui("codex")?;
    tui.refuse_hooks()?;
    tui.prompt("a question")?;
    tui.wait_for_answer("THE-ANSWER")?;
    assert!(!world.model().steps()[0].contains("CONTEXT OF A HOOK"));
    Ok(())
}

fn two_sessions_share_one_model(world: &World) -> CaseResult {
    world.model().script_for("I-AM-ALPHA", [Turn::text("FOR-ALPHA")]);
    world.model().script_for("I-AM-BETA", [Turn::text("FOR-BETA")]);
    let alpha = world.claude().tui("alpha")?;
    let beta = world.codex().folder(world.add_project("elsewhere")?).tui("beta")?;
    beta.prompt("I-AM-BETA")?;
    alpha.prompt("I-AM-ALPHA")?;
    alpha.wait_for_answer("FOR-ALPHA")?;
    beta.wait_for_answer("FOR-BETA")?;
    assert_eq!(world.model().unscripted(), 0);
    Ok(())
}
