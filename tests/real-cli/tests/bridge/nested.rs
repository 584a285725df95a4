//! A CLI that a session starts from its own shell tool is itself, whatever variables it inherits.

use serde_json::json;
use session_bridge_mock_model::{Request, Turn, Wire};
use session_bridge_real_cli::{CaseResult, World};

use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::held;

const OUTER: &str = "claude-project";
const FOR_OUTER: &str = "MAIL-FOR-THE-OUTER-ONE";
const FOR_INNER: &str = "MAIL-FOR-THE-INNER-ONE";
const INNER_PROMPT: &str = "INNER-PROMPT";

/// Runs `command` in the shell tool of an outer Claude. The inner run calls a tool while mail comes for both.
fn nested(
    world: &World,
    command: &str,
    inner: &str,
    is_inner: impl Fn(&Request) -> bool + Send + Sync + Copy + 'static,
) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let (first, asks, go) =
        held(Turn::mcp(SERVER, "bridge_send_message", &json!({"to": OUTER, "body": "WORD-FROM-INSIDE"})));
    world.model().script_when(is_inner, [first, Turn::text("INNER-ANSWER")]);
    let outer = move |request: &Request| request.contains("OUTER-PROMPT") && !is_inner(request);
    let shell = json!({"command": command, "description": "start another agent"});
    world.model().script_when(outer, [Turn::tool("Bash", &shell), Turn::text("OUTER-ANSWER")]);
    let (mut to_outer, mut to_inner) = (String::new(), String::new());
    std::thread::scope(|scope| {
        let running =
            scope.spawn(|| world.claude().arg("--allowedTools").arg("Bash").print("OUTER-PROMPT")?.success());
        let mut meanwhile = || -> CaseResult {
            asks.recv_timeout(PATIENCE)?;
            bridge.session(inner)?;
            to_outer = bridge.send(OUTER, FOR_OUTER)?;
            to_inner = bridge.send(inner, FOR_INNER)?;
            go.send(())?;
            Ok(())
        };
        let done = meanwhile();
        let ended = running.join().map_err(|_| "the run panicked")?;
        done?;
        ended?;
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    for id in [&to_outer, &to_inner] {
        assert_eq!(bridge.wait_for_state(id, "seen")?, ["stored", "offered", "injected", "seen"]);
    }
    let sessions = bridge.sessions()?;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let steps = world.model().steps();
    assert_eq!(steps.len(), 4);
    let (inside, outside): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_inner);
    let both = |request: &Request| (request.count(FOR_INNER), request.count(FOR_OUTER));
    assert_eq!(inside.iter().map(both).collect::<Vec<_>>(), [(0, 0), (1, 0)]);
    assert_eq!(outside.iter().map(both).collect::<Vec<_>>(), [(0, 0), (0, 1)]);
    let last = outside.last().ok_or("no step")?;
    assert!(last.contains("INNER-ANSWER"), "the shell tool ran it to its end");
    assert_eq!(last.count("WORD-FROM-INSIDE"), 1);
    let told = last.told();
    let word = told.iter().find(|m| m.text.contains("WORD-FROM-INSIDE")).ok_or("no word")?;
    assert!(word.text.contains(&format!("from=\"{inner}\"")), "under its own name: {}", word.text);
    Ok(())
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let command = format!("codex exec --skip-git-repo-check {INNER_PROMPT} 2>&1");
    nested(world, &command, "codex-project", |request| request.wire == Wire::OpenAiResponses)
}

pub(crate) fn claude(world: &World) -> CaseResult {
    let command = format!("claude -p {INNER_PROMPT} 2>&1");
    nested(world, &command, "claude-project-2", |request| {
        request
            .messages()
            .iter()
            .any(|m| m.role == session_bridge_mock_model::Role::User && m.text.contains(INNER_PROMPT))
    })
}
