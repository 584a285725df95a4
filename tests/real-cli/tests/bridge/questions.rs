//! The main job: one CLI's model asks, the other's answers.

use std::time::Duration;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn, Wire};
use session_bridge_real_cli::{CaseResult, Finished, Suite, Tui, World};

use crate::bridge::{Bridge, PATIENCE, SERVER, field_in};
use crate::peers::{Peer, peer};

pub(crate) const QUESTION: &str = "Which port does the API listen on?";
pub(crate) const ANSWER: &str = "It listens on port 8443.";

/// What the asker's first prompt says, and stays in its conversation.
pub(crate) const ASKER: &str = "BE-THE-FRONTEND and ask";
/// The same for the one who answers.
pub(crate) const ANSWERER: &str = "BE-THE-BACKEND and wait";

/// Waits for one message, answers it, and says so.
fn answers(world: &World, prompt: &str) {
    world.model().script_for(
        prompt,
        [
            Turn::mcp(SERVER, "bridge_wait_for_message", &json!({"timeout": 60})),
            Turn::with(|request| {
                assert!(request.contains(QUESTION), "the question is in the tool's result");
                let id = field_in(request, "id");
                Turn::mcp(SERVER, "bridge_reply", &json!({"message_id": id, "body": ANSWER}))
            }),
            Turn::text("ANSWERED"),
        ],
    );
}

/// Asks `label`, and repeats the answer.
pub(crate) fn asks(world: &World, prompt: &str, label: &str) {
    world.model().script_for(
        prompt,
        [
            Turn::mcp(SERVER, "bridge_ask", &json!({"to": label, "question": QUESTION, "timeout": 60})),
            Turn::with(|request| {
                let result = request.last_tool_result().unwrap_or_default();
                assert!(result.contains("peer-message-"), "the answer is framed: {result}");
                Turn::text(if result.contains(ANSWER) { "ASKER-GOT-THE-ANSWER" } else { "ASKER-GOT-NOTHING" })
            }),
        ],
    );
}

/// Adds the cases in which one waits for the other's question.
pub(crate) fn cases(suite: Suite) -> Suite {
    let pairs = [
        ("claude", "codex"),
        ("codex", "claude"),
        ("gemini", "claude"),
        ("codex", "gemini"),
        ("opencode", "claude"),
        ("codex", "opencode"),
        ("grok", "claude"),
        ("codex", "grok"),
        ("cline", "claude"),
        ("codex", "cline"),
    ];
    pairs.into_iter().fold(suite, |suite, (asker, answerer)| {
        let name = format!("{asker}_asks_{answerer}");
        suite.case(&name, move |world| asked_while_it_waits(world, peer(asker), peer(answerer)))
    })
}

fn asked_while_it_waits(world: &World, asker: &Peer, answerer: &Peer) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    answers(world, ANSWERER);
    asks(world, ASKER, answerer.label);
    let window = (answerer.open)(world, "answerer")?;
    window.prompt(ANSWERER)?;
    bridge.session(answerer.label)?;
    // What comes with the prompt itself, nobody would wait for.
    let works = |steps: &[Request]| steps.iter().any(|step| step.contains(ANSWERER));
    assert!(world.model().wait_for(PATIENCE, works), "{} got its prompt", answerer.name);
    let run = (asker.run)(world, ASKER)?;
    assert_answered(world, &bridge, asker, run, &window)
}

/// The asker's model has the answer, both models were told once, and the receipts of both messages say so.
pub(crate) fn assert_answered(
    world: &World,
    bridge: &Bridge<'_>,
    asker: &Peer,
    run: Finished,
    answerer: &Tui<'_>,
) -> CaseResult {
    let run = run.success()?;
    assert!(run.stdout.contains("ASKER-GOT-THE-ANSWER"), "{}", run.stdout);
    answerer.wait_for("ANSWERED")?;
    let last = world.model().steps_with(ASKER).pop().ok_or("the asker never asked")?;
    let id = field_in(&last, "question_id");
    let states = bridge.wait_for_state(&id, "answered")?;
    assert_eq!(states.first().map(String::as_str), Some("stored"));
    assert!(states.contains(&"offered".to_owned()), "{states:?}");
    let receipts = bridge.json(&["receipts", &id])?;
    let answer = receipts["receipts"][0]["answer"].as_str().unwrap_or_default().to_owned();
    bridge.wait_for_state(&answer, asker.proves)?;
    for request in world.model().steps() {
        assert!(request.count(ANSWER) <= 1, "the answer reached a model twice");
        assert!(request.count(QUESTION) <= 1, "the question reached a model twice");
    }
    Ok(())
}

/// Codex declines; Claude, which waits for its answer, is told at once, and once.
pub(crate) fn declined(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script_for(
        "BE-THE-BACKEND",
        [
            Turn::mcp(SERVER, "bridge_wait_for_message", &json!({"timeout": 60})),
            Turn::with(|request| {
                let arguments = json!({"message_id": field_in(request, "id"), "reason": "NOT-MY-JOB"});
                Turn::mcp(SERVER, "bridge_decline", &arguments)
            }),
            Turn::text("DECLINED"),
        ],
    );
    world.model().script_for(
        "BE-THE-FRONTEND",
        [
            // Longer than this case takes.
            Turn::mcp(
                SERVER,
                "bridge_ask",
                &json!({"to": "codex-project", "question": QUESTION, "timeout": 280}),
            ),
            Turn::with(|request| {
                let result = request.last_tool_result().unwrap_or_default();
                assert!(result.contains("declined") && result.contains("NOT-MY-JOB"), "{result}");
                Turn::text("ASKER-KNOWS")
            }),
        ],
    );
    let codex = world.codex().tui("codex")?;
    codex.prompt("BE-THE-BACKEND")?;
    bridge.session("codex-project")?;
    let run = world.claude().print("BE-THE-FRONTEND")?.success()?;
    assert!(run.stdout.contains("ASKER-KNOWS"), "{}", run.stdout);
    codex.wait_for_answer("DECLINED")?;
    let last = world.model().steps_with("BE-THE-FRONTEND").pop().ok_or("the asker never asked")?;
    let id = field_in(&last, "question_id");
    let states = bridge.wait_for_state(&id, "declined")?;
    assert_eq!(states, ["stored", "offered", "injected", "declined"]);
    for request in world.model().steps_with("BE-THE-FRONTEND") {
        assert!(request.count("NOT-MY-JOB") <= 1, "the notice reached its reader twice");
    }
    Ok(())
}

/// Nobody answers in time. The question wakes the idle Codex, its answer wakes the idle Claude, and no person types.
pub(crate) fn answered_later(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let codex = world.codex().tui("codex")?;
    world.model().script_for("FIRST-WORDS", [Turn::text("CODEX-IS-THERE")]);
    codex.prompt("FIRST-WORDS")?;
    codex.wait_for_answer("CODEX-IS-THERE")?;

    let reply = |request: &Request| {
        let told = request.told();
        let piece = told.iter().rev().find(|message| message.text.contains(QUESTION));
        let id = crate::bridge::id_in(&piece.map(|m| m.text.clone()).unwrap_or_default());
        Turn::mcp(SERVER, "bridge_reply", &json!({"message_id": id, "body": ANSWER}))
    };
    world.model().script_when(
        |request| request.wire == Wire::OpenAiResponses && request.contains(QUESTION),
        // Longer than the asker waits.
        [Turn::with(reply).after(Duration::from_secs(3)), Turn::text("REPLIED")],
    );
    let claude = world.claude().tui("claude")?;
    world.model().script_for(
        "ASK-NOW",
        [
            Turn::mcp(
                SERVER,
                "bridge_ask",
                &json!({"to": "codex-project", "question": QUESTION, "timeout": 1}),
            ),
            Turn::with(|request| {
                let result = request.last_tool_result().unwrap_or_default();
                assert!(result.contains("waiting"), "{result}");
                Turn::text("NOTHING-YET")
            }),
            Turn::text("NOW-I-KNOW"),
        ],
    );
    claude.prompt("ASK-NOW")?;
    claude.wait_for_answer("NOTHING-YET")?;
    codex.wait_for_answer("REPLIED")?;
    claude.wait_for_answer("NOW-I-KNOW")?;
    let request = world.model().steps_with(ANSWER).remove(0);
    assert_eq!(request.count(ANSWER), 1);
    let asked = world.model().steps_with("ASK-NOW").into_iter().find(|r| r.last_tool_result().is_some());
    let id = field_in(&asked.ok_or("no tool result")?, "question_id");
    let mut states = bridge.wait_for_state(&id, "answered")?;
    // Offered twice: the nudge through the door, then the body with the prompt.
    states.dedup();
    assert_eq!(states, ["stored", "offered", "answered"]);
    Ok(())
}
