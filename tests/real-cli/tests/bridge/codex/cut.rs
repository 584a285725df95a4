//! Turns that are cut short: by Esc, by another tool's hook, by a host that kills ours.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags};
use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{
    Outcome, REFERENCES, WHOLE_WAY, assert_doubted, at_rest, greet, presence, receipt, shell, steps, unasked,
};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::held;

const LABEL: &str = "codex-project";
/// How long nothing must happen to count as nothing.
const QUIET: Duration = Duration::from_secs(2);

/// Esc before any output, and Esc after a tool: what was delivered is doubted, referred to once and never repeated.
pub(crate) fn escaped(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = unasked(world).tui("codex")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;

    let early = bridge.send_quietly(LABEL, "MAIL-BEFORE-OUTPUT")?;
    let (turn, asks, go) = held(Turn::text("NEVER-READ"));
    world.model().script([turn]);
    tui.prompt("PROMPT-TWO")?;
    asks.recv_timeout(PATIENCE)?;
    assert_eq!(steps(&bridge, &early)?, ["stored", "offered prompt"]);
    tui.press("Escape")?;
    at_rest(&bridge, LABEL)?;
    drop(go);
    assert_doubted(&bridge, &early)?;
    assert_eq!(steps(&bridge, &early)?, ["stored", "offered prompt"]);

    // Codex holds its queue until its user says something: nothing runs, and no receipt says that anything did.
    let began = world.model().steps().len();
    let idle = bridge.send(LABEL, "MAIL-AFTER-ESC")?;
    let (turn, asks, go) = held(Turn::text("NEVER-READ"));
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    world.model().script([shell(command), turn]);
    thread::sleep(QUIET);
    assert_eq!(world.model().steps().len(), began);
    assert!(steps(&bridge, &idle)?.iter().all(|step| step == "stored" || step == "offered codex-queue"));

    tui.prompt("PROMPT-THREE")?;
    let running = world.project().join("running");
    wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
    let beside = bridge.send(LABEL, "MAIL-BESIDE-A-TOOL")?;
    fs::write(world.project().join("go"), "")?;
    asks.recv_timeout(PATIENCE)?;
    tui.press("Escape")?;
    at_rest(&bridge, LABEL)?;
    drop(go);
    assert_eq!(bridge.states(&idle)?.last().map(String::as_str), Some("seen"), "a tool was called after it");
    assert_doubted(&bridge, &beside)?;

    // The late nudge, if there was one, has its turn after the user's; it costs no request.
    world.model().script(["FOURTH-ANSWER", "TOO-MANY"].map(Turn::text));
    tui.prompt("PROMPT-FOUR")?;
    tui.wait_for_answer("FOURTH-ANSWER")?;
    thread::sleep(QUIET);
    let asked = world.model().steps();
    let last = asked.last().ok_or("no request")?;
    assert_eq!((asked.len(), last.count("PROMPT-FOUR")), (began + 3, 1));
    for (id, body) in
        [(&early, "MAIL-BEFORE-OUTPUT"), (&idle, "MAIL-AFTER-ESC"), (&beside, "MAIL-BESIDE-A-TOOL")]
    {
        assert_eq!(last.count(body), 1, "Codex keeps prompt and context, and we repeat nothing: {body}");
        let references = usize::from(id != &idle);
        assert_eq!(last.count(id), 1 + references, "the id stands at its body, and in one reference");
    }
    assert_eq!(last.count(REFERENCES), 2, "each was referred to with the prompt after it");
    assert_doubted(&bridge, &early)?;
    assert_doubted(&bridge, &beside)
}

/// Esc while a call waits for mail. The call's claim ends with it, and the mail comes with the next prompt.
pub(crate) fn waiting(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let wait = Turn::mcp(SERVER, "bridge_wait_for_message", &json!({"timeout": 280}));
    world.model().script([wait, Turn::text("THIRD-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for("bridge_wait_for_message")?;
    tui.press("Escape")?;
    tui.wait_for("interrupted")?;
    at_rest(&bridge, LABEL)?;
    let id = bridge.send_quietly(LABEL, "MAIL-AFTER-THE-WAIT")?;
    assert_eq!(steps(&bridge, &id)?, ["stored"]);
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, WHOLE_WAY);
    let asked = world.model().steps_with("PROMPT-THREE");
    assert_eq!((asked.len(), asked[0].count("MAIL-AFTER-THE-WAIT"), asked[0].count(REFERENCES)), (1, 1, 0));
    Ok(())
}

/// Another tool's hook blocks the prompt beside which our hook delivered. No event of that turn follows, and the next
/// prompt proves nothing.
pub(crate) fn blocked(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.edit_json(&world.codex_dir().join("hooks.json"), |hooks| {
        if let Some(groups) = hooks["hooks"]["UserPromptSubmit"].as_array_mut() {
            let command = r#"grep -q BLOCK-ME && echo '{"decision":"block","reason":"NOT-NOW"}' || true"#;
            groups.push(json!({"hooks": [{"type": "command", "command": command}]}));
        }
    })?;
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let id = bridge.send_quietly(LABEL, "MAIL-WITH-A-BLOCKED-PROMPT")?;
    let began = world.model().steps().len();
    tui.prompt("PLEASE BLOCK-ME")?;
    tui.wait_for("NOT-NOW")?;
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered prompt"]);
    assert_eq!(world.model().steps().len(), began);

    world.model().script(["SECOND-ANSWER", "THIRD-ANSWER"].map(Turn::text));
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    at_rest(&bridge, LABEL)?;
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    at_rest(&bridge, LABEL)?;
    for request in &world.model().steps()[began..] {
        // Codex drops the prompt and keeps what our hook said with it.
        assert_eq!(request.count("BLOCK-ME"), 0);
        assert_eq!((request.count("MAIL-WITH-A-BLOCKED-PROMPT"), request.count(REFERENCES)), (1, 1));
    }
    assert_doubted(&bridge, &id)?;
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered prompt"]);
    Ok(())
}

/// The hook of a prompt is killed by its host's time limit: while it waits for the store, and in its one write.
pub(crate) fn killed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    unasked(world).exec("PROMPT-ONE")?.success()?;
    let session = presence(&bridge, LABEL, "ended")?;
    let to = session["session"].as_str().unwrap_or_default();
    let native = session["native"].as_str().unwrap_or_default();
    let run = |prompt: &str| unasked(world).unreviewed_hooks().resume(native, prompt);
    let hooks = world.codex_dir().join("hooks.json");
    world.edit_json(&hooks, |hooks| {
        if let Some(groups) = hooks["hooks"]["UserPromptSubmit"].as_array_mut() {
            let command = "echo SAID-AND-KILLED; exec sleep 9";
            groups.push(json!({"hooks": [{"type": "command", "command": command, "timeout": 1}]}));
        }
    })?;
    let as_installed = fs::read(&hooks)?;
    limit_to(world, "", 1)?;

    // Killed before it committed anything: the next event brings the body.
    let waited = bridge.send(to, "MAIL-BEHIND-A-LOCK")?;
    let database = world.home().join(".session-bridge/store/bridge-1.db");
    let lock = OpenOptions::new().read(true).write(true).open(database)?;
    rustix::fs::fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    let unlock = move |_: &_| {
        drop(lock);
        shell("echo TOOL-RESULT")
    };
    world.model().script([Turn::with(unlock), Turn::text("SECOND-ANSWER")]);
    run("PROMPT-TWO")?.success()?;
    let way = ["stored", "offered after-tool", "injected after-tool", "seen after-tool"];
    assert_eq!(steps(&bridge, &waited)?, way);
    let asked = world.model().steps();
    assert_eq!([1, 2].map(|n| asked[n].count("MAIL-BEHIND-A-LOCK")), [0, 1]);

    // Killed while it wrote: nobody can tell what the host made of it, so there is a reference, once, and no claim.
    fs::write(&hooks, &as_installed)?;
    let full = full_pipe(world)?;
    limit_to(world, &format!(" > {}", world.tmp().join("full").display()), 1)?;
    let cut = bridge.send(to, "MAIL-THAT-WAS-CUT")?;
    world.model().script([Turn::text("THIRD-ANSWER")]);
    run("PROMPT-THREE")?.success()?;
    drop(full);
    let now = receipt(&bridge, &cut)?;
    assert_eq!((&now["state"], &now["doubt"]), (&json!("stored"), &json!(true)), "{now}");

    fs::write(&hooks, &as_installed)?;
    let read = Turn::mcp(SERVER, "bridge_read_message", &json!({"ids": [&cut]}));
    world.model().script([Turn::text("FOURTH-ANSWER"), read, Turn::text("FIFTH-ANSWER")]);
    run("PROMPT-FOUR")?.success()?;
    run("PROMPT-FIVE")?.success()?;
    let asked = world.model().steps();
    assert!(asked.iter().all(|request| !request.contains("SAID-AND-KILLED")), "why `written` proves nothing");
    let counts = |needle: &str| asked[3..].iter().map(|request| request.count(needle)).collect::<Vec<_>>();
    assert_eq!(counts(REFERENCES), [0, 1, 1, 1], "with the next prompt, and never again");
    assert_eq!(counts("MAIL-THAT-WAS-CUT"), [0, 0, 0, 1], "only when it is read");
    let way = ["stored", "offered mcp-pull", "injected mcp-pull", "seen mcp-pull"];
    assert_eq!(steps(&bridge, &cut)?, way);
    Ok(())
}

/// Gives our prompt hook another time limit, in seconds, and a tail to its command line.
fn limit_to(world: &World, tail: &str, seconds: u32) -> CaseResult {
    world.edit_json(&world.codex_dir().join("hooks.json"), |hooks| {
        for event in ["SessionStart", "UserPromptSubmit"] {
            let hook = &mut hooks["hooks"][event][0]["hooks"][0];
            hook["timeout"] = json!(seconds);
            if event == "UserPromptSubmit" {
                hook["command"] = json!(format!("{}{tail}", hook["command"].as_str().unwrap_or_default()));
            }
        }
    })?;
    Ok(())
}

/// A named pipe that takes no byte more.
fn full_pipe(world: &World) -> Outcome<File> {
    let path = world.tmp().join("full");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
    let mut pipe = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path)?;
    while pipe.write(&[b' '; 4096]).is_ok() {}
    while pipe.write(b" ").is_ok() {}
    Ok(pipe)
}
