//! What the models know of the bridge in their very first request.

use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, World};

use crate::bridge::{Bridge, SERVER};

const TOOLS: [&str; 12] = [
    "bridge_whoami",
    "bridge_list_sessions",
    "bridge_send_message",
    "bridge_broadcast",
    "bridge_ask",
    "bridge_reply",
    "bridge_list_inbox",
    "bridge_read_message",
    "bridge_mark_read",
    "bridge_wait_for_message",
    "bridge_get_receipts",
    "bridge_set_summary",
];

pub(crate) fn assert_introduced(request: &Request) {
    for tool in TOOLS {
        assert!(request.offers(SERVER, tool), "{tool} is not offered: {:?}", request.tools());
    }
    assert!(request.holds("Answer a question with bridge_reply"), "the server's instructions");
    assert!(request.contains("session-bridge: this session is"), "the session start's text");
}

pub(crate) fn claude(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    world.model().script([Turn::text("HEADLESS-ANSWER"), Turn::text("TUI-ANSWER")]);
    world.claude().print("hello")?.success()?;
    let tui = world.claude().tui("claude")?;
    tui.prompt("hello again")?;
    tui.wait_for_answer("TUI-ANSWER")?;
    for request in &world.model().steps()[..2] {
        assert_introduced(request);
        assert!(request.contains("`claude-project`"));
    }
    Ok(())
}

pub(crate) fn codex(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    world.model().script([Turn::text("HEADLESS-ANSWER"), Turn::text("TUI-ANSWER")]);
    world.codex().exec("hello")?.success()?;
    let tui = world.codex().tui("codex")?;
    assert!(!tui.asks_about_hooks(), "trust was stored for our hooks");
    tui.prompt("hello again")?;
    tui.wait_for_answer("TUI-ANSWER")?;
    for request in &world.model().steps()[..2] {
        assert_introduced(request);
        assert!(request.contains("`codex-project`"));
    }
    Ok(())
}

/// Gemini CLI takes no text at a session's start: the first prompt says who the session is.
pub(crate) fn gemini(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    world.model().script([Turn::text("HEADLESS-ANSWER"), Turn::text("TUI-ANSWER"), Turn::text("AGAIN")]);
    world.gemini().print("hello")?.success()?;
    let tui = world.gemini().tui("gemini")?;
    tui.prompt("hello again")?;
    tui.wait_for_answer("TUI-ANSWER")?;
    for request in &world.model().steps()[..2] {
        assert_introduced(request);
        assert!(request.contains("`gemini-project`"));
    }
    tui.prompt("and once more")?;
    tui.wait_for_answer("AGAIN")?;
    let last = world.model().steps().pop().ok_or("no request")?;
    assert_eq!(last.count("session-bridge: this session is"), 1, "it is said once");
    Ok(())
}

/// Without consent no tool runs unasked: `gemini -p`, which cannot ask, is not offered them. Mail arrives all the same.
pub(crate) fn gemini_without_consent(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    let told = bridge.run(&["init", "--provider", "gemini-cli", "--yes"])?;
    assert!(told.contains("--allow-tools"), "init names the human's step: {told}");
    world.model().script([Turn::text("HEADLESS")]);
    world.gemini().print("hello")?.success()?;
    let request = world.model().steps().pop().ok_or("no request")?;
    assert!(!request.offers(SERVER, "bridge_whoami") && request.contains("this session is `gemini-project`"));
    Ok(())
}

/// Without consent nothing is trusted: Codex itself asks, and the person decides.
pub(crate) fn codex_review(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    let told = bridge.run(&["init", "--provider", "codex", "--yes"])?;
    assert!(told.contains("Hooks need review"), "init names the human's step: {told}");
    world.model().script([Turn::text("HEADLESS"), Turn::text("REVIEWED")]);
    world.codex().exec("hello")?.success()?;
    assert!(!world.model().steps()[0].contains("this session is"), "unreviewed hooks do not run");
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    tui.prompt("hello")?;
    tui.wait_for_answer("REVIEWED")?;
    assert!(world.model().steps()[1].contains("this session is `codex-project`"));
    Ok(())
}
