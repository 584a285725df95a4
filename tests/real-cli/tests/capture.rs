//! Writes down what each CLI tells hooks and MCP servers in a headless run, for `fixtures/` of its provider. Run by hand, for the
//! versions that `SESSION_BRIDGE_TEST_VERSIONS` chooses:
//!
//! ```sh
//! cargo test -p session-bridge-real-cli --test capture
//! ```
//!
//! It names the folder with the files, in which the places of the run are replaced as fixtures need it. Review them and copy
//! what is wanted; what only a window or a subagent fires is not among them.

#![expect(clippy::print_stdout, reason = "where the files are is the output")]

#[path = "bridge/bridge.rs"]
#[allow(dead_code, reason = "the cases of the bridge use the rest")]
mod bridge;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bridge::{Bridge, SERVER};
use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, DriverError, Finished, Suite, World};

type Run = fn(&World, &str) -> Result<Finished, DriverError>;

fn main() -> ExitCode {
    let runs: [(&str, &str, Run); 6] = [
        ("claude-code", "claude", |world, prompt| world.claude().print(prompt)),
        ("codex", "codex", |world, prompt| world.codex().exec(prompt)),
        ("gemini-cli", "gemini", |world, prompt| world.gemini().print(prompt)),
        ("opencode", "opencode", |world, prompt| world.opencode().print(prompt)),
        ("grok", "grok", |world, prompt| world.grok().unasked().print(prompt)),
        ("cline", "cline", |world, prompt| world.cline().print(prompt)),
    ];
    let suite = Suite::new(env!("CARGO_TARGET_TMPDIR")).package("session-bridge");
    let add = |suite: Suite, (id, command, run): (&'static str, &'static str, Run)| {
        suite.case(id, move |world| capture(world, id, command, run))
    };
    runs.into_iter().fold(suite, add).run()
}

fn capture(world: &World, id: &str, command: &str, run: Run) -> CaseResult {
    Bridge::installed(world)?;
    let raw = world.tmp().join("captured");
    fs::create_dir_all(&raw)?;
    listen(world, &raw)?;
    world.model().script([Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("the answer")]);
    run(world, "a first prompt")?.success()?;

    let version = world.clis().versions().find(|(name, _)| *name == command).map(|(_, version)| version);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("captured").join(id).join(version.unwrap_or("?"));
    fs::create_dir_all(&folder)?;
    let files = fixtures(world, &raw)?;
    assert!(files.len() > 2, "hooks and server were started: {:?}", files.keys());
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    println!("{}", folder.display());
    Ok(())
}

/// Puts scripts in the place of our programs: hooks write down what they are told and say nothing, the server does its work.
fn listen(world: &World, raw: &Path) -> CaseResult {
    let bin = world.home().join(".session-bridge/bin");
    let real = world.built("session-bridge")?;
    let (to, real) = (raw.display(), real.display());
    let hook = format!("#!/bin/sh\nexec cat > \"$(mktemp -p {to})\"\n");
    let server = format!("#!/bin/sh\ntee \"$(mktemp -p {to})\" | {real} \"$@\"\n");
    for (name, text) in [("session-bridge-hook", hook), ("session-bridge", server)] {
        let path = bin.join(name);
        fs::remove_file(&path)?;
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The captured texts by the name of their file, the earliest of each name.
fn fixtures(world: &World, raw: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut captured: Vec<PathBuf> =
        fs::read_dir(raw)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    captured.sort_by_key(|path| fs::metadata(path).and_then(|about| about.modified()).ok());
    let mut files = BTreeMap::new();
    for path in captured {
        let text = fs::read_to_string(&path)?;
        // A server is told one message per line, a hook is told one in all.
        for message in serde_json::Deserializer::from_str(&text).into_iter::<Value>().map_while(Result::ok) {
            if message.get("method").is_some() && message.get("id").is_none() {
                // A notification says nothing of the one who sends it.
                continue;
            }
            let text = format!("{message:#}\n");
            files.entry(format!("{}.json", title(&message))).or_insert_with(|| scrubbed(world, &text));
        }
    }
    Ok(files)
}

/// `post-tool-use-mcp`, `session-start-resume`, `mcp-tools-call`.
fn title(message: &Value) -> String {
    if let Some(method) = message["method"].as_str() {
        return format!("mcp-{}", method.replace('/', "-"));
    }
    let event = ["hook_event_name", "hookEventName", "hookName"].iter().find_map(|key| message[key].as_str());
    let mut title = String::new();
    for c in event.unwrap_or("unnamed").chars() {
        if c.is_ascii_uppercase() && !title.is_empty() {
            title.push('-');
        }
        title.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    if message["tool_name"].as_str().is_some_and(|tool| tool.contains(SERVER) || tool.contains("mcp")) {
        title += "-mcp";
    }
    title
}

fn scrubbed(world: &World, text: &str) -> String {
    let project = world.project().display().to_string();
    text.replace(&project, "$PROJECT")
        .replace(&project.replace('/', "-"), "$PROJECT_SLUG")
        .replace(&world.home().display().to_string(), "$HOME")
        .replace(&world.tmp().display().to_string(), "$TMPDIR")
}
