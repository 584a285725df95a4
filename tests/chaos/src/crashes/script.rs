//! A provider's turn, made of payloads that were captured from its CLI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_bridge_core::event::{HookCall, Moment, Start};
use session_bridge_core::provider::{Provider, Source};

use crate::random::Random;

/// One captured event, and what in it is of one moment only.
struct Sample {
    event: String,
    text: String,
    native: String,
    turn: Option<String>,
    calls: Vec<String>,
    stamp: Option<String>,
    said: Option<String>,
}

/// The events of a turn.
pub(super) struct Script {
    pub(super) provider: &'static dyn Provider,
    start: Sample,
    prompt: Sample,
    tool: Sample,
    end: Sample,
    /// Starts that are no new conversation, the end that a new conversation of the same session follows, and the plain one; as far as they
    /// were captured.
    again: Vec<(Start, Sample)>,
    leave: Option<Sample>,
    exit: Option<Sample>,
    clock: u64,
}

/// What happens to a session between its turns, or in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It starts for such a reason.
    Start(Start),
    /// Its conversation ends, and the process goes on with another one.
    Leave,
    /// Its process ends.
    Exit,
}

impl Script {
    pub(super) fn of(provider: &'static dyn Provider) -> Result<Self> {
        let samples = samples(provider)?;
        let last = |moment, start, continues| {
            let mut fit = samples.iter().filter(|(found, ..)| *found == (moment, start, continues));
            fit.next_back().map(|(_, path)| sample(provider, path)).transpose()
        };
        let find = |moment| last(moment, Start::Fresh, false)?.context("a captured event is missing");
        let mut again = Vec::new();
        for start in [Start::Resumed, Start::Cleared, Start::Compacted] {
            again.extend(last(Moment::SessionStart, start, false)?.map(|sample| (start, sample)));
        }
        Ok(Self {
            provider,
            start: find(Moment::SessionStart)?,
            prompt: find(Moment::PromptSubmit)?,
            tool: find(Moment::AfterTool)?,
            end: find(Moment::TurnEnd)?,
            again,
            leave: last(Moment::SessionEnd, Start::Fresh, true)?,
            exit: last(Moment::SessionEnd, Start::Fresh, false)?,
            clock: 0,
        })
    }

    /// The host's event name and payload for a moment of a turn.
    pub(super) fn payload(
        &mut self,
        moment: Moment,
        native: &str,
        turn: &str,
        random: &mut Random,
    ) -> (String, String) {
        self.clock += 1;
        let sample = match moment {
            Moment::SessionStart => &self.start,
            Moment::PromptSubmit => &self.prompt,
            Moment::AfterTool => &self.tool,
            _ => &self.end,
        };
        self.fill(sample, native, turn, random)
    }

    /// Whether a start for this reason was captured.
    pub(super) fn knows(&self, why: Start) -> bool {
        self.again.iter().any(|(start, _)| *start == why)
    }

    /// As [`Script::payload`], if such a passage was captured.
    pub(super) fn passage(
        &mut self,
        passage: Passage,
        native: &str,
        turn: &str,
        random: &mut Random,
    ) -> Option<(String, String)> {
        self.clock += 1;
        let sample = match passage {
            Passage::Start(why) => {
                self.again.iter().find(|(start, _)| *start == why).map(|(_, sample)| sample)?
            }
            Passage::Leave => self.leave.as_ref()?,
            Passage::Exit => self.exit.as_ref()?,
        };
        Some(self.fill(sample, native, turn, random))
    }

    fn fill(&self, sample: &Sample, native: &str, turn: &str, random: &mut Random) -> (String, String) {
        let mut text = sample.text.clone();
        // What the model said is free text and may hold the others, so it goes first.
        if let Some(said) = &sample.said {
            let quoted = json!(said).to_string();
            text = text.replace(&quoted, &json!(random.word(24)).to_string());
        }
        for call in &sample.calls {
            text = text.replace(call.as_str(), &format!("call_{}", random.word(12)));
        }
        if let Some(before) = &sample.turn {
            text = text.replace(before.as_str(), turn);
        }
        if let Some(stamp) = &sample.stamp {
            let (minutes, ms) = (self.clock / 60_000, self.clock % 60_000);
            let now = format!("2026-11-21T15:{minutes:02}:{:02}.{:03}Z", ms / 1000, ms % 1000);
            text = text.replace(stamp.as_str(), &now);
        }
        (sample.event.clone(), text.replace(&sample.native, native))
    }

    /// What names this session to a server: variables of its environment, and `_meta` of each call. Nothing where a plugin of ours does it.
    pub(super) fn names_itself(&self, native: &str) -> Option<(Vec<(String, String)>, Value)> {
        match *self.provider.card().identity.mcp.first()? {
            Source::HostProcess => Some((Vec::new(), json!({}))),
            Source::SpawnEnv(name) | Source::ServerEnv(name) => {
                Some((vec![(name.to_owned(), native.to_owned())], json!({})))
            }
            Source::Meta { thread, root } => Some((Vec::new(), json!({ thread: native, root: native }))),
            _ => None,
        }
    }
}

/// A moment; why it starts, if it is a start; whether the process goes on, if it is an end.
type What = (Moment, Start, bool);

/// Every captured hook payload of the provider that stands for a plain moment, newest version last, plainest name last within one.
fn samples(provider: &dyn Provider) -> Result<Vec<(What, PathBuf)>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers");
    let fixtures = fixtures.join(provider.card().id.as_str()).join("fixtures");
    let mut found = Vec::new();
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
            let Ok(event) = provider.decode(&call) else { continue };
            let plain = event.subagent.is_none()
                && !event.subagent_done
                && event.nudge.is_none()
                && event.echo.is_none()
                && !event.by_host
                && !event.continued;
            if plain {
                found.push(((event.moment, event.start, event.continues), file));
            }
        }
    }
    Ok(found)
}

fn sample(provider: &dyn Provider, file: &Path) -> Result<Sample> {
    let (name, text) = read(file)?.context("a hook's payload")?;
    let event = provider.decode(&HookCall { event: &name, stdin: text.as_bytes() })?;
    let own = str::to_owned;
    Ok(Sample {
        native: own(&event.native),
        turn: event.turn.as_deref().map(own),
        calls: event.tool_calls.iter().map(|call| own(call)).collect(),
        // Some hosts count where others tell the time; a number is no text to look for.
        stamp: event.stamp.as_deref().filter(|stamp| stamp.contains('T')).map(own),
        said: event.said.map(own).filter(|said| !said.is_empty()),
        event: name,
        text,
    })
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
