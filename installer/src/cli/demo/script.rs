//! The story, step by step.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::host::{Cli, Heard, Host};
use super::transcript::{Said, Transcript};
use super::world::{World, failed};
use crate::report::Failure;
use crate::term::Ui;

const QUESTION: &str = "Which port does the API listen on, and is TLS on?";
const ANSWER: &str = "Port 8443, TLS on. Use https://localhost:8443/v2; the old /v1 prefix is gone.";

/// Two hosts and what they live through.
pub(super) struct Story<'w> {
    world: &'w World,
    frontend: Host<'w>,
    backend: Host<'w>,
    script: Transcript,
}

impl Story<'_> {
    /// Tells the whole story; true if everything went as it should.
    pub(super) fn tell(ui: Ui, keep: bool) -> Result<bool, Failure> {
        let world = World::new(keep)?;
        let script = Transcript::new(ui);
        script.opening(&[
            ("home", format!("{}{}", world.home().display(), if keep { "" } else { ", removed at the end" })),
            ("hook", hook_in_use()),
        ])?;
        let mut story = Story {
            frontend: Host::new(&world, Cli::Claude, "web"),
            backend: Host::new(&world, Cli::Codex, "api"),
            world: &world,
            script,
        };
        story.install()?;
        story.sessions_start()?;
        let question = story.question_and_answer()?;
        story.receipts(&question)?;
        story.leave()
    }

    fn install(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        let mut said = Vec::new();
        for (provider, label) in [("claude-code", "frontend"), ("codex", "backend")] {
            let words = ["init", "--provider", provider, "--label", label, "--yes"];
            said.push(Said::new("you", format!("session-bridge {}", words.join(" "))));
            let told = self.world.bridge(&words)?;
            let changed: Vec<&str> =
                told.lines().map(str::trim).filter(|line| line.contains("entr")).collect();
            said.push(Said::new("bridge", changed.join("\n")));
        }
        self.script.step("Install into the files of Claude Code and Codex", began.elapsed(), &said)
    }

    fn sessions_start(&mut self) -> Result<(), Failure> {
        let front = self.frontend.event("SessionStart", &json!({"source": "startup"}))?;
        self.script.step(
            "A Claude Code session starts in shop/web",
            front.took,
            &[Said::new("host", "hook SessionStart"), shown_to("frontend", &front)?],
        )?;
        let back = self.backend.event("SessionStart", &json!({"source": "startup"}))?;
        let quiet = self
            .backend
            .event("UserPromptSubmit", &with(self.backend.turn("t1"), "prompt", "tidy the routes"))?;
        self.backend.event("Stop", &self.backend.turn("t1"))?;
        self.script.step(
            "A Codex session starts in shop/api and has its first turn",
            back.took,
            &[
                Said::new("host", "hook SessionStart"),
                shown_to("backend", &back)?,
                Said::new(
                    "host",
                    format!("hook UserPromptSubmit: nothing waits, silent after {:.1} ms", ms(quiet.took)),
                ),
            ],
        )
    }

    /// The main job. Returns the question's id.
    fn question_and_answer(&mut self) -> Result<String, Failure> {
        let prompt = with(self.frontend.turn("p1"), "prompt", "wire the login page to the API");
        self.frontend.event("UserPromptSubmit", &prompt)?;
        let began = Instant::now();
        let mut server = self.frontend.server()?;
        let tools = server.tool_count()?;
        self.script.step(
            "Claude Code starts the MCP server",
            began.elapsed(),
            &[Said::new("host", format!("initialize, tools/list: {tools} tools"))],
        )?;

        let meta = self.frontend.call_meta("toolu_ask");
        let arguments = json!({"to": "backend", "question": QUESTION, "timeout": 60});
        let asked = Instant::now();
        let (asker, told) = std::thread::scope(|scope| {
            let wait = scope.spawn(|| {
                let answer = server.call("bridge_ask", &arguments, &meta);
                (answer, asked.elapsed())
            });
            let told = self.backend_answers();
            let waited = wait.join().map_err(|_| failed("the asking thread panicked"));
            waited.map(|waited| (waited, told))
        })?;
        let told = told?;
        let (answer, waited) = (asker.0?, asker.1);

        let ask = format!("calls bridge_ask(to: \"backend\", question: \"{QUESTION}\") and waits");
        self.script.step("The frontend's model asks", told.stored, &[Said::new("frontend", ask)])?;
        self.script.step(
            "The backend's user types a prompt: the question stands beside it",
            told.prompt.took,
            &[Said::new("host", "hook UserPromptSubmit"), shown_to("backend", &told.prompt)?],
        )?;
        self.script.step(
            "The backend's model answers",
            told.replied,
            &[Said::new("backend", format!("calls bridge_reply(\"{ANSWER}\")"))],
        )?;
        let text = answer["text"].as_str().ok_or_else(|| failed(format!("no answer came: {answer}")))?;
        self.script.step(
            "The frontend's call returns with the answer",
            waited.saturating_sub(told.replied_at.duration_since(asked)),
            &[Said::new("frontend", text)],
        )?;
        // The frontend's turn goes on and ends: that is what proves that the answer was seen.
        self.frontend.after_tool("p1", "toolu_ask")?;
        self.frontend.event("Stop", &self.frontend.turn("p1"))?;
        Ok(answer["question_id"].as_str().unwrap_or_default().to_owned())
    }

    /// What happens in the other window while the frontend waits.
    fn backend_answers(&self) -> Result<Told, Failure> {
        let began = Instant::now();
        let stored = loop {
            let list: Value = serde_json::from_str(&self.world.bridge(&["inbox", "backend", "--json"])?)
                .unwrap_or_default();
            if list["messages"].as_array().is_some_and(|messages| !messages.is_empty()) {
                break began.elapsed();
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err(failed("the question was never stored"));
            }
        };
        let prompt = with(self.backend.turn("t2"), "prompt", "go on");
        let prompt = self.backend.event("UserPromptSubmit", &prompt)?;
        let text = prompt.text.clone().unwrap_or_default();
        let id =
            text.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        let mut server = self.backend.server()?;
        let began = Instant::now();
        let arguments = json!({"message_id": id, "body": ANSWER});
        server.call("bridge_reply", &arguments, &self.backend.call_meta("call_reply"))?;
        let (replied, replied_at) = (began.elapsed(), Instant::now());
        self.backend.after_tool("t2", "call_reply")?;
        self.backend.event("Stop", &self.backend.turn("t2"))?;
        Ok(Told { stored, prompt, replied, replied_at })
    }

    fn receipts(&mut self, question: &str) -> Result<(), Failure> {
        let began = Instant::now();
        let text = self.world.bridge(&["receipts", question])?;
        let took = began.elapsed();
        let receipts: Value =
            serde_json::from_str(&self.world.bridge(&["receipts", question, "--json"])?).unwrap_or_default();
        let answer = receipts["receipts"][0]["answer"].as_str().unwrap_or_default().to_owned();
        let said = [
            Said::new("you", format!("session-bridge receipts {question}")),
            Said::new("bridge", text.trim_end()),
            Said::new("you", format!("session-bridge receipts {answer}")),
            Said::new("bridge", self.world.bridge(&["receipts", &answer])?.trim_end()),
        ];
        self.script.step("What became of both messages, and how that is known", took, &said)
    }

    fn leave(mut self) -> Result<bool, Failure> {
        self.frontend.event("SessionEnd", &json!({"reason": "prompt_input_exit"}))?;
        self.backend.event("SessionEnd", &json!({"reason": "other"}))?;
        let began = Instant::now();
        self.world.bridge(&["uninstall", "--all"])?;
        let changed = self.world.changed_files();
        let count = World::file_count();
        let (well, verdict) = if changed.is_empty() {
            (true, format!("all {count} configuration files are byte for byte what they were"))
        } else {
            (false, format!("these files are not what they were: {}", changed.join(", ")))
        };
        let said = [Said::new("you", "session-bridge uninstall --all"), Said::new("bridge", verdict.clone())];
        self.script.step("Uninstall", began.elapsed(), &said)?;
        self.script.close(well, if well { "asked, answered, and gone without a trace" } else { &verdict })?;
        Ok(well)
    }
}

/// What the backend's window saw, and when.
struct Told {
    stored: Duration,
    prompt: Heard,
    replied: Duration,
    replied_at: Instant,
}

/// The hook binary that `init` links: the slim one where it was built, else this program under the hook's name.
fn hook_in_use() -> String {
    let slim = std::env::current_exe().ok().and_then(|me| Some(me.parent()?.join("session-bridge-hook")));
    if slim.is_some_and(|path: std::path::PathBuf| Path::is_file(&path)) {
        "session-bridge-hook, the slim binary".to_owned()
    } else {
        "session-bridge under the name session-bridge-hook; `cargo install` also builds the slim, faster one"
            .to_owned()
    }
}

fn shown_to(who: &'static str, heard: &Heard) -> Result<Said, Failure> {
    let text = heard.text.as_deref().ok_or_else(|| failed(format!("the hook said nothing to the {who}")))?;
    Ok(Said::new(who, text))
}

fn with(mut payload: Value, key: &str, value: &str) -> Value {
    payload[key] = json!(value);
    payload
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
