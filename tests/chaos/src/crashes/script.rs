//! A provider's turn, made of payloads that were captured from its CLI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_bridge_core::event::{HookCall, Moment, Start};
use session_bridge_core::provider::{Provider, Source};

use crate::random::Random;

/// One captured event, and what in it is of one moment only.
pub(crate) struct Sample {
    pub(crate) event: String,
    text: String,
    native: String,
    turn: Option<String>,
    nonce: Option<String>,
    calls: Vec<String>,
    stamp: Option<String>,
    said: Option<String>,
    pub(crate) facts: Facts,
}

/// What a captured event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) moment: Moment,
    pub(crate) start: Start,
    /// It is a subagent's.
    pub(crate) subagent: bool,
    /// The session goes on in the same process.
    pub(crate) continues: bool,
    /// Neither a subagent nor a text of ours has to do with it, nor an earlier end of the turn.
    pub(crate) plain: bool,
}

/// What stands in a payload in place of what was captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now<'n> {
    pub(crate) native: &'n str,
    pub(crate) turn: &'n str,
    /// The captured one stays, if none is given.
    pub(crate) nonce: Option<&'n str>,
    /// The time of hosts that tell it; never the same twice.
    pub(crate) clock: u64,
}

impl Sample {
    /// The payload of such an event now.
    pub(crate) fn at(&self, now: Now<'_>, random: &mut Random) -> String {
        let mut text = self.text.clone();
        // What the model said is free text and may hold the others, so it goes first.
        if let Some(said) = &self.said {
            let quoted = json!(said).to_string();
            text = text.replace(&quoted, &json!(random.word(24)).to_string());
        }
        for call in &self.calls {
            text = text.replace(call.as_str(), &format!("call_{}", random.word(12)));
        }
        if let Some(before) = &self.turn {
            text = text.replace(before.as_str(), now.turn);
        }
        if let (Some(before), Some(nonce)) = (&self.nonce, now.nonce) {
            text = text.replace(before.as_str(), nonce);
        }
        if let Some(stamp) = &self.stamp {
            let (minutes, ms) = (now.clock / 60_000, now.clock % 60_000);
            let time = format!("2026-11-21T15:{minutes:02}:{:02}.{:03}Z", ms / 1000, ms % 1000);
            text = text.replace(stamp.as_str(), &time);
        }
        text.replace(&self.native, now.native)
    }
}

/// The events of a turn.
pub(super) struct Script {
    pub(super) provider: &'static dyn Provider,
    start: Sample,
    prompt: Sample,
    tool: Sample,
    end: Sample,
    clock: u64,
}

impl Script {
    pub(super) fn of(provider: &'static dyn Provider) -> Result<Self> {
        let mut samples = captured(provider)?;
        let mut find = |moment| {
            let fits = |sample: &Sample| {
                sample.facts.plain && sample.facts.start == Start::Fresh && sample.facts.moment == moment
            };
            let at = samples.iter().rposition(fits).context("a captured event is missing")?;
            Ok::<_, anyhow::Error>(samples.remove(at))
        };
        Ok(Self {
            provider,
            start: find(Moment::SessionStart)?,
            prompt: find(Moment::PromptSubmit)?,
            tool: find(Moment::AfterTool)?,
            end: find(Moment::TurnEnd)?,
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
        let now = Now { native, turn, nonce: None, clock: self.clock };
        (sample.event.clone(), sample.at(now, random))
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

/// Every captured hook payload of the provider, newest version last, plainest name last within one.
pub(crate) fn captured(provider: &dyn Provider) -> Result<Vec<Sample>> {
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
            found.extend(sample(provider, &file)?);
        }
    }
    Ok(found)
}

fn sample(provider: &dyn Provider, file: &Path) -> Result<Option<Sample>> {
    let Some((name, text)) = read(file)? else { return Ok(None) };
    if provider.card().hook(&name).is_none() {
        return Ok(None);
    }
    let Ok(event) = provider.decode(&HookCall { event: &name, stdin: text.as_bytes() }) else {
        return Ok(None);
    };
    let own = str::to_owned;
    let facts = Facts {
        moment: event.moment,
        start: event.start,
        subagent: event.subagent.is_some(),
        continues: event.continues,
        plain: event.subagent.is_none()
            && !event.subagent_done
            && event.nudge.is_none()
            && event.echo.is_none()
            && !event.by_host
            && !event.continued,
    };
    Ok(Some(Sample {
        native: own(&event.native),
        turn: event.turn.as_deref().map(own),
        nonce: event.nonce.as_deref().map(own),
        calls: event.tool_calls.iter().map(|call| own(call)).collect(),
        // Some hosts count where others tell the time; a number is no text to look for.
        stamp: event.stamp.as_deref().filter(|stamp| stamp.contains('T')).map(own),
        said: event.said.map(own).filter(|said| !said.is_empty()),
        facts,
        event: name.clone(),
        text,
    }))
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
