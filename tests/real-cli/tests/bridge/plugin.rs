//! The bridge as a plugin: installed offline by the commands that `plugin emit-manifest` prints, alone and beside `init`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::doorbell;

/// Our server in Claude Code if the plugin started it.
const PLUGGED: &str = "plugin_session-bridge_session-bridge";
/// Both names under which Claude Code may run our tools.
const CONSENT: [&str; 2] = ["mcp__session-bridge", "mcp__plugin_session-bridge_session-bridge"];
const BODY: &str = "The schema of table ORDERS-77 changed.";
const INTRODUCTION: &str = "session-bridge: this session is";
/// A sentence of each skill that stands nowhere else.
const COMMANDS: &str = "list these seven and do no more";
const ADVICE: &str = "never ask";

/// Runs the printed commands that name `program`, as a person would.
fn plug(world: &World, bridge: &Bridge<'_>, program: &str) -> CaseResult {
    plug_changed(world, bridge, program, |_| Ok(()))
}

/// The same with a folder that the test changed.
fn plug_changed(
    world: &World,
    bridge: &Bridge<'_>,
    program: &str,
    change: impl FnOnce(&Path) -> CaseResult,
) -> CaseResult {
    let dir = world.tmp().join("marketplace");
    let made = bridge.json(&["plugin", "emit-manifest", "--dir", &dir.to_string_lossy()])?;
    let steps = made["steps"].as_array().cloned().unwrap_or_default();
    let steps: Vec<&str> = steps.iter().filter_map(Value::as_str).collect();
    let own: Vec<&str> = steps.into_iter().filter(|step| step.starts_with(program)).collect();
    assert_eq!(own.len(), 2, "{made}");
    change(&dir.join("session-bridge"))?;
    run(world, &own)
}

/// Takes it out by the commands that `doctor` prints.
fn unplug(world: &World, group: &str) -> CaseResult {
    let detail = plugin_check(world, group)?["detail"].as_str().unwrap_or_default().to_owned();
    assert!(!detail.is_empty());
    run(world, &detail.lines().collect::<Vec<_>>())
}

fn run(world: &World, commands: &[&str]) -> CaseResult {
    for command in commands {
        world.run(world.command("sh").args(["-c", command]), b"")?.success()?;
    }
    Ok(())
}

/// What `doctor` says of the plugin of a CLI; it may find other things that are not well.
fn plugin_check(world: &World, group: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let mut doctor = world.command(world.built("session-bridge")?);
    let report = world.run(doctor.args(["doctor", "--json"]), b"")?.stdout;
    let report: Value = serde_json::from_str(&report)?;
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    let found = checks.into_iter().find(|check| check["id"] == "plugin" && check["group"] == group);
    found.ok_or_else(|| format!("doctor names no plugin of {group}: {report}").into())
}

/// The person lets the tools of ours run, whichever server offers them.
fn consent(world: &World) -> CaseResult {
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        settings["permissions"]["allow"] = json!(CONSENT);
    })?;
    Ok(())
}

fn assert_introduced(request: &Request, server: &str, label: &str) {
    assert!(request.offers(server, "bridge_ask"), "the tools: {:?}", request.tools());
    assert!(request.holds("Answer a question with bridge_reply"), "the server's instructions");
    assert!(request.contains(&format!("{INTRODUCTION} `{label}`")), "the session start's text");
    assert!(request.holds("session-bridge:ask-a-peer"), "the skill is listed");
    assert!(!request.holds(ADVICE), "its text is read only when it is used");
    assert!(!request.holds("session-bridge:bridge"), "what only a person calls is not listed");
}

/// The answer is on the screen before the turn has ended, and the first of two hooks notes its end before the second.
fn wait_for_the_end(bridge: &Bridge<'_>, tui: &Tui<'_>) -> CaseResult {
    let idle = || bridge.sessions().ok()?.into_iter().find(|session| session["presence"] == "idle");
    wait_until("the end of the turn", PATIENCE, || idle().filter(|_| !tui.shows("esc to interrupt")))?;
    Ok(())
}

/// Mail with the next prompt, then mail for the idle session: each once. The window had its first turn. Returns how many
/// nudges the second took.
fn gets_mail(
    world: &World,
    bridge: &Bridge<'_>,
    tui: &Tui<'_>,
    label: &str,
) -> Result<usize, Box<dyn std::error::Error>> {
    let id = bridge.send_quietly(label, BODY)?;
    world.model().script([Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);
    let request = world.model().steps_with("PROMPT-TWO").pop().ok_or("no second request")?;
    assert_eq!(request.count(BODY), 1, "once");

    bridge.idle(label)?;
    let began = world.model().steps().len();
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let id = bridge.send(label, "WOKEN-BY-THIS")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 1, "one turn of one request");
    assert_eq!(steps[began].count("WOKEN-BY-THIS"), 1);
    Ok(steps[began].count("[session-bridge wake "))
}

/// Mail beside a tool's result, and mail that makes the turn go on: each once.
fn gets_mail_in_a_turn(
    world: &World,
    bridge: &Bridge<'_>,
    tui: &Tui<'_>,
    (label, server): (&str, &str),
) -> CaseResult {
    let (first, second) = std::sync::mpsc::channel::<()>();
    let (asked, asks) = std::sync::mpsc::channel();
    let server = server.to_owned();
    let hold = move |_: &Request| {
        let _ = asked.send(());
        let _ = second.recv_timeout(PATIENCE);
        Turn::mcp(server, "bridge_whoami", &json!({}))
    };
    world.model().script([Turn::with(hold)]);
    let (last_asked, last_asks) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let hold = move |_: &Request| {
        let _ = last_asked.send(());
        let _ = gone.recv_timeout(PATIENCE);
        Turn::text("NEARLY-DONE")
    };
    world.model().script([Turn::with(hold), Turn::text("REALLY-DONE")]);
    tui.prompt("PROMPT-THREE")?;
    asks.recv_timeout(PATIENCE)?;
    let beside = bridge.send(label, "MAIL-BESIDE-A-TOOL")?;
    first.send(())?;
    last_asks.recv_timeout(PATIENCE)?;
    let at_end = bridge.send(label, "MAIL-AT-THE-END")?;
    go.send(())?;
    tui.wait_for_answer("REALLY-DONE")?;
    for id in [&beside, &at_end] {
        bridge.wait_for_state(id, "seen")?;
    }
    let last = world.model().steps_with("PROMPT-THREE").pop().ok_or("no last request")?;
    assert_eq!(last.count("MAIL-BESIDE-A-TOOL"), 1, "once");
    assert_eq!(last.count("MAIL-AT-THE-END"), 1, "once");
    Ok(())
}

/// How many of our servers run, as the CLIs started them.
fn servers(world: &World) -> usize {
    let ours = |line: &str| line.contains("session-bridge mcp --client");
    world.processes().iter().filter(|(_, line)| ours(line)).count()
}

pub(crate) fn claude(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    bridge.run(&["plugin", "link"])?;
    plug(world, &bridge, "claude")?;
    run(world, &[&format!("claude plugin validate {}", world.tmp().join("marketplace").display())])?;
    consent(world)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::mcp(PLUGGED, "bridge_whoami", &json!({})), Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    assert_introduced(&world.model().steps()[0], PLUGGED, "claude-project");
    let result = world.model().steps()[1].last_tool_result().unwrap_or_default();
    assert!(result.contains("claude-project"), "{result}");
    assert_eq!(gets_mail(world, &bridge, &tui, "claude-project")?, 1, "its door is rung");
    gets_mail_in_a_turn(world, &bridge, &tui, ("claude-project", PLUGGED))?;

    world.model().script([Turn::text("PEERS-ANSWER")]);
    tui.prompt("/bridge peers")?;
    tui.wait_for_answer("PEERS-ANSWER")?;
    let request = world.model().steps().pop().ok_or("no request")?;
    assert!(
        request.contains(COMMANDS) && request.contains("ARGUMENTS: peers"),
        "the command reaches the model"
    );

    unplug(world, "Claude Code")?;
    world.model().script([Turn::text("WITHOUT-US")]);
    world.claude().print("LONG-AFTER-US")?.success()?;
    let request = world.model().steps_with("LONG-AFTER-US").pop().ok_or("no request")?;
    assert!(!request.holds("session-bridge"), "nothing of it is left");
    Ok(())
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    bridge.run(&["plugin", "link"])?;
    plug(world, &bridge, "codex")?;
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    world.model().script([Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.session("codex-project")?;
    assert_introduced(&world.model().steps()[0], SERVER, "codex-project");
    let result = world.model().steps()[1].last_tool_result().unwrap_or_default();
    assert!(result.contains("codex-project"), "{result}");
    assert_eq!(gets_mail(world, &bridge, &tui, "codex-project")?, 1, "its door is rung");
    gets_mail_in_a_turn(world, &bridge, &tui, ("codex-project", SERVER))?;

    world.model().script([Turn::text("PEERS-ANSWER")]);
    world.codex().exec("$session-bridge:bridge peers")?.success()?;
    let request = world.model().steps_with("$session-bridge:bridge peers").pop().ok_or("no request")?;
    assert!(request.contains(COMMANDS), "the command reaches the model");

    unplug(world, "Codex CLI")?;
    world.model().script([Turn::text("WITHOUT-US")]);
    world.codex().exec("LONG-AFTER-US")?.success()?;
    let request = world.model().steps_with("LONG-AFTER-US").pop().ok_or("no request")?;
    assert!(!request.offers(SERVER, "bridge_ask") && !request.contains(INTRODUCTION));
    assert!(!request.holds("session-bridge:ask-a-peer"));
    Ok(())
}

/// `init` and the plugin at once: one server, one introduction, and each message once on each surface.
pub(crate) fn claude_both(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    plug(world, &bridge, "claude")?;
    consent(world)?;
    let summary = plugin_check(world, "Claude Code")?["summary"].clone();
    assert!(summary.as_str().is_some_and(|text| text.contains("as well")), "{summary}");
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    let request = world.model().steps().pop().ok_or("no request")?;
    assert_introduced(&request, SERVER, "claude-project");
    assert!(!request.offers(PLUGGED, "bridge_ask"), "the tools are offered once: {:?}", request.tools());
    assert_eq!(servers(world), 1, "{:?}", world.processes());
    assert_eq!(gets_mail(world, &bridge, &tui, "claude-project")?, 1, "one nudge");
    gets_mail_in_a_turn(world, &bridge, &tui, ("claude-project", SERVER))?;
    assert_eq!(request.count(INTRODUCTION), 1, "it is introduced once");
    Ok(())
}

pub(crate) fn codex_both(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    plug(world, &bridge, "codex")?;
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.session("codex-project")?;
    let request = world.model().steps().pop().ok_or("no request")?;
    assert_introduced(&request, SERVER, "codex-project");
    let tools = request.tools();
    assert_eq!(tools.iter().filter(|tool| tool.ends_with("bridge_ask")).count(), 1, "{tools:?}");
    assert_eq!(servers(world), 1, "{:?}", world.processes());
    assert_eq!(gets_mail(world, &bridge, &tui, "codex-project")?, 1, "one nudge");
    gets_mail_in_a_turn(world, &bridge, &tui, ("codex-project", SERVER))?;
    assert_eq!(request.count(INTRODUCTION), 1, "it is introduced once");
    Ok(())
}

/// Where Claude Code cannot tell that both entries start the same program, it starts two servers of ours. Each serves; a
/// wake, and an answer that one of them waits for, come once.
pub(crate) fn two_servers(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    plug(world, &bridge, "claude")?;
    consent(world)?;
    // The same program by another path.
    let bin = world.home().join(".session-bridge/bin");
    std::os::unix::fs::symlink(&bin, world.home().join("programs"))?;
    world.edit_json(&world.claude_state(), |state| {
        state["mcpServers"][SERVER]["command"] = json!(world.home().join("programs/session-bridge"));
    })?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    let started = || (servers(world) == 2).then_some(());
    wait_until("two servers", PATIENCE, started)?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    let request = world.model().steps().pop().ok_or("no request")?;
    assert!(request.offers(SERVER, "bridge_ask") && request.offers(PLUGGED, "bridge_ask"));
    assert_eq!(gets_mail(world, &bridge, &tui, "claude-project")?, 1, "one nudge");
    gets_mail_in_a_turn(world, &bridge, &tui, ("claude-project", SERVER))?;

    // One waits, the other is there: the answer is the result of the call, and nothing else.
    let wait = json!({"timeout": 60});
    world.model().script([
        Turn::mcp(PLUGGED, "bridge_wait_for_message", &wait),
        Turn::mcp(SERVER, "bridge_whoami", &json!({})),
        Turn::text("WAITED-ANSWER"),
    ]);
    tui.prompt("PROMPT-FOUR")?;
    let claimed = || bridge.json(&["list-sessions"]).ok().filter(|_| world.model().turns_left() == 2);
    wait_until("the call to be made", PATIENCE, claimed)?;
    let id = bridge.send("claude-project", "WAITED-FOR")?;
    tui.wait_for_answer("WAITED-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let last = world.model().steps_with("PROMPT-FOUR").pop().ok_or("no last request")?;
    assert_eq!(last.count("WAITED-FOR"), 1, "once");
    Ok(())
}

/// Without the inbox socket the plugin's hook follows the bell, and with `init` beside it one of the two does.
pub(crate) fn bell(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    bridge.run(&["plugin", "link"])?;
    wakes_by_its_bell(world, &bridge)
}

pub(crate) fn bell_both(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    doorbell::hide_socket(world)?;
    wakes_by_its_bell(world, &bridge)
}

fn wakes_by_its_bell(world: &World, bridge: &Bridge<'_>) -> CaseResult {
    plug_changed(world, bridge, "claude", |folder| {
        let hooks = folder.join("hooks/hooks.json");
        let unset = doorbell::MISSING.map(|name| format!("-u {name} ")).concat();
        fs::write(&hooks, fs::read_to_string(&hooks)?.replace("exec ", &format!("exec env {unset}")))?;
        let server = |file: &mut Value| doorbell::without_socket(&mut file["mcpServers"][SERVER]);
        Ok(world.edit_json(&folder.join(".mcp.json"), server)?)
    })?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    wait_for_the_end(bridge, &tui)?;
    let id = bridge.send("claude-project", BODY)?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2, "one turn");
    assert_eq!(steps[1].count(BODY), 1, "once");
    let receipt = bridge.json(&["receipts", &id])?;
    assert_eq!(receipt["receipts"][0]["steps"][1]["surface"], "claude-file-changed", "{receipt}");
    Ok(())
}

/// The plugin is there and the programs are not: hooks end in silence, turns go on, and `doctor` says why there are no tools.
pub(crate) fn program_missing(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    plug(world, &bridge, "claude")?;
    plug(world, &bridge, "codex")?;
    fs::remove_dir_all(world.home().join(".session-bridge")).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    world.model().script(["STILL-CLAUDE", "STILL-CODEX"].map(Turn::text));
    let run = world.claude().print("hello claude")?.success()?;
    assert!(run.stdout.contains("STILL-CLAUDE"));
    assert!(!run.stderr.contains("session-bridge"), "{}", run.stderr);
    let run = world.codex().unreviewed_hooks().exec("hello codex")?.success()?;
    assert!(run.stdout.contains("STILL-CODEX"));
    assert!(!run.stderr.contains("Failed"), "no hook fails: {}", run.stderr);
    for request in world.model().steps() {
        assert!(!request.contains(INTRODUCTION) && !request.contains("session-bridge-hook"));
    }
    for group in ["Claude Code", "Codex CLI"] {
        let check = plugin_check(world, group)?;
        assert_eq!(check["level"], "fail", "{check}");
        assert_eq!(check["help"], "session-bridge plugin link", "{check}");
    }
    Ok(())
}
