//! What a host tells of a session, made of payloads that were captured from its CLI.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use session_bridge_core::event::{HookCall, HookEvent, Moment, Start};
use session_bridge_core::provider::{Provider, Source};

use crate::random::Random;

/// One captured event, and what in it is of one moment only.
struct Sample {
    event: String,
    text: String,
    native: String,
    turn: Option<String>,
    calls: Vec<String>,
    nonce: Option<String>,
    attempt: Option<String>,
    stamp: Option<String>,
    said: Option<String>,
    /// What was asked in the turn, where only prompts and ends say.
    asked: Option<String>,
}

/// What can be told of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// A new conversation.
    Start,
    /// One that was there before.
    Resume,
    /// A new one in place of another, which the user cleared.
    Clear,
    /// It was made shorter, and goes on.
    Compact,
    /// A prompt.
    Prompt,
    /// A request to the model that holds a text of ours, where the host tells of those.
    Request,
    /// A tool has run.
    Tool,
    /// Anything that a subagent does.
    Subagent,
    /// The turn would end.
    End,
    /// It would end, and was made to go on before. The same as [`Self::End`] where no such payload was captured.
    EndAgain,
    /// The conversation is over, and its process goes on with another one.
    Leave,
    /// The session is over, where the host tells it.
    Over,
}

/// What in a payload is of one moment only.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The session, as its host calls it.
    pub native: &'a str,
    /// Its turn.
    pub turn: &'a str,
    /// What a plugin of ours made up for its process; one of the session's own, if it is not said.
    pub nonce: Option<&'a str>,
    /// The tool call that ran; any, if it is not said.
    pub call: Option<&'a str>,
    /// The attempt that stands in a request.
    pub attempt: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// Of a moment of which nothing else is said.
    pub const fn of(native: &'a str, turn: &'a str) -> Self {
        Self { native, turn, nonce: None, call: None, attempt: None }
    }
}

/// The events of sessions. No two that are told by one, or by clones of it, have the same time.
#[derive(Clone)]
pub struct Script {
    /// Whose.
    pub provider: &'static dyn Provider,
    samples: Arc<BTreeMap<Scene, Sample>>,
    clock: Arc<AtomicU64>,
}

impl Script {
    /// From what was captured; an error if no whole turn was.
    pub fn of(provider: &'static dyn Provider) -> Result<Self> {
        let script = Self::of_any(provider)?;
        for scene in [Scene::Start, Scene::Prompt, Scene::Tool, Scene::End] {
            ensure!(script.sample(scene).is_some(), "a captured event is missing: {scene:?}");
        }
        Ok(script)
    }

    /// The same, however little was captured.
    pub fn of_any(provider: &'static dyn Provider) -> Result<Self> {
        Ok(Self { provider, samples: Arc::new(samples(provider)?), clock: Arc::default() })
    }

    /// The host's event name and payload; nothing if the host tells of no such thing.
    pub fn tell(&self, scene: Scene, names: &Names<'_>, random: &mut Random) -> Option<(String, String)> {
        let clock = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        let sample = self.sample(scene)?;
        let mut text = sample.text.clone();
        // What the model said is free text and may hold the others, so it goes first.
        if let Some(said) = &sample.said {
            let quoted = json!(said).to_string();
            text = text.replace(&quoted, &json!(random.word(24)).to_string());
        }
        let mut known = names.call;
        for call in &sample.calls {
            let now = known.take().map_or_else(|| format!("call_{}", random.word(12)), str::to_owned);
            text = text.replace(call.as_str(), &now);
        }
        for (before, now) in [
            (sample.turn.as_deref(), Some(names.turn.to_owned())),
            (sample.asked.as_deref(), Some(names.turn.to_owned())),
            (sample.nonce.as_deref(), Some(names.nonce.map_or_else(|| nonce(names.native), str::to_owned))),
            (sample.attempt.as_deref(), names.attempt.map(str::to_owned)),
        ] {
            if let (Some(before), Some(now)) = (before, now) {
                text = text.replace(before, &now);
            }
        }
        if let Some(stamp) = &sample.stamp {
            let (minutes, ms) = (clock / 60_000, clock % 60_000);
            let (hours, minutes) = (15 + minutes / 60, minutes % 60);
            let now = format!("2026-11-21T{hours:02}:{minutes:02}:{:02}.{:03}Z", ms / 1000, ms % 1000);
            text = text.replace(stamp.as_str(), &now);
        }
        Some((sample.event.clone(), text.replace(&sample.native, names.native)))
    }

    fn sample(&self, scene: Scene) -> Option<&Sample> {
        let next_best = match scene {
            // Some hosts do not tell these two apart.
            Scene::Start => Scene::Resume,
            Scene::Resume => Scene::Start,
            Scene::EndAgain => Scene::End,
            scene => scene,
        };
        self.samples.get(&scene).or_else(|| self.samples.get(&next_best))
    }

    /// Whether the host tells of such a thing, and tells it from all others.
    pub fn tells(&self, scene: Scene) -> bool {
        self.samples.contains_key(&scene)
    }

    /// What names this session to a server: variables of its environment, and `_meta` of each call. Nothing where a plugin of ours does it.
    pub fn names_itself(&self, native: &str) -> Option<(Vec<(String, String)>, Value)> {
        match *self.provider.card().identity.mcp.first()? {
            Source::HostProcess => Some((Vec::new(), json!({}))),
            Source::SpawnEnv(name) | Source::ServerEnv(name) => {
                Some((vec![(name.to_owned(), native.to_owned())], json!({})))
            }
            Source::Meta { thread, root } => Some((Vec::new(), json!({ thread: native, root: native }))),
            _ => None,
        }
    }

    /// What a plugin of ours adds to the arguments of each call, where it is that which names the session.
    pub fn claims(&self, native: &str) -> Option<Value> {
        let by_argument = self.provider.card().identity.mcp.contains(&Source::Argument);
        by_argument.then(|| json!({"session": native, "nonce": nonce(native)}))
    }
}

/// All strings of a value, one after another.
pub fn strings(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.extend([text, "\n"]),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(members) => members.values().for_each(|item| strings(item, out)),
        _ => {}
    }
}

fn nonce(native: &str) -> String {
    native.chars().rev().filter(char::is_ascii_alphanumeric).take(16).collect()
}

/// The captured hook payload for each scene: of the newest version, the one with the plainest name.
fn samples(provider: &dyn Provider) -> Result<BTreeMap<Scene, Sample>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers");
    let fixtures = fixtures.join(provider.card().id.as_str()).join("fixtures");
    let mut found = BTreeMap::new();
    for version in entries(&fixtures)? {
        let name = version.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let mut files = entries(&version)?;
        files.sort_by_key(|file| std::cmp::Reverse(file.as_os_str().len()));
        for file in files {
            let Some((event, text)) = read(&file)? else { continue };
            if provider.card().hook(&event).is_none() {
                continue;
            }
            let call = HookCall { event: &event, stdin: text.as_bytes() };
            let Ok(decoded) = provider.decode(&call) else { continue };
            if let Some(scene) = scene(&decoded) {
                found.insert(scene, sample(&decoded, &event, &text));
            }
        }
    }
    Ok(found)
}

fn scene(event: &HookEvent<'_>) -> Option<Scene> {
    let plain = !event.subagent_done && event.nudge.is_none() && !event.by_host;
    let echo = event.echo.is_some();
    match event.moment {
        _ if event.subagent.is_some() => Some(Scene::Subagent),
        _ if !plain => None,
        Moment::ModelRequest => echo.then_some(Scene::Request),
        _ if echo => None,
        Moment::SessionStart => match event.start {
            Start::Fresh => Some(Scene::Start),
            Start::Resumed => Some(Scene::Resume),
            Start::Cleared => Some(Scene::Clear),
            Start::Compacted => Some(Scene::Compact),
            Start::Forked => None,
        },
        Moment::PromptSubmit => Some(Scene::Prompt),
        Moment::AfterTool => Some(Scene::Tool),
        Moment::TurnEnd if event.continued => Some(Scene::EndAgain),
        Moment::TurnEnd => Some(Scene::End),
        Moment::SessionEnd if event.continues => Some(Scene::Leave),
        Moment::SessionEnd => Some(Scene::Over),
        _ => None,
    }
}

fn sample(event: &HookEvent<'_>, name: &str, text: &str) -> Sample {
    let own = str::to_owned;
    let attempt = event.echo.map(|attempt| attempt.to_string());
    Sample {
        native: own(&event.native),
        turn: event.turn.as_deref().map(own),
        calls: event.tool_calls.iter().map(|call| own(call)).collect(),
        nonce: event.nonce.as_deref().map(own),
        attempt,
        // Some hosts count where others tell the time; a number is no text to look for.
        stamp: event.stamp.as_deref().filter(|stamp| stamp.contains('T') && stamp.contains(':')).map(own),
        said: event.said.map(own).filter(|said| !said.is_empty()),
        // Words stand in the quotes of the payload.
        asked: event.asked.as_deref().map(|asked| own(asked.trim_matches('"'))),
        event: own(name),
        text: own(text),
    }
}

fn read(file: &Path) -> Result<Option<(String, String)>> {
    let text = fs::read_to_string(file)?.replace('$', "/");
    let json: Value = serde_json::from_str(&text)?;
    let event = ["hook_event_name", "hookEventName"].iter().find_map(|key| json[*key].as_str());
    Ok(event.map(|event| (event.to_owned(), json.to_string())))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
