//! Three readers: sessions of several providers, whose hooks and servers are killed while they deliver.

use std::path::Path;
use std::sync::PoisonError;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use session_bridge_core::event::Moment;
use session_bridge_core::frame::LATE;
use session_bridge_core::id::SessionId;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::Store;

use super::script::Script;
use super::world::{Shown, World, lock};
use super::writers::{call_of, server_of};
use crate::launch::{Ended, Host, Pace, Run};
use crate::random::Random;

/// How many there are.
pub(super) const READERS: usize = 3;
/// Turns after which a reader that nobody kills must have come to rest.
const TURNS_TO_REST: usize = 400;

/// One session and its host process.
pub(super) struct Reader {
    number: usize,
    native: String,
    script: Script,
    host: Host,
    pace: Pace,
    random: Random,
    /// Its bridge id.
    pub(super) session: Option<SessionId>,
}

impl Reader {
    /// A session of one of the providers, by turns, that its hook has registered.
    pub(super) fn start(world: &World, chaos: &Path, number: usize, seed: u64, round: u64) -> Result<Self> {
        // Where a plugin of ours stands in for hooks, no payload of a turn was captured.
        let mut scripts: Vec<Script> =
            PROVIDERS.iter().filter_map(|provider| Script::of(*provider).ok()).collect();
        anyhow::ensure!(scripts.len() >= READERS, "the captured payloads are not found");
        let script = scripts.swap_remove((number + usize::try_from(round)?) % scripts.len());
        let mut random = Random::new(seed, 200 + number as u64);
        let native = format!("01a1fe22-3c08-7121-a036-{}", random.word(12));
        let host = Host::start(chaos)?;
        let mut reader = Self { number, native, script, host, pace: Pace::default(), random, session: None };
        reader.hook(world, Moment::SessionStart, "", false)?;
        Ok(reader)
    }

    /// The provider's id.
    pub(super) fn provider(&self) -> &'static str {
        self.script.provider.card().id.as_str()
    }

    /// Finds out which session of the bridge it is.
    pub(super) fn look_up(&mut self, store: &mut Store) -> Result<()> {
        let all = store.sessions(None, true)?;
        self.session =
            all.into_iter().map(|view| view.session).find(|s| s.native == self.native).map(|s| s.id);
        Ok(())
    }

    /// Turns, until the round is over.
    pub(super) fn read(&mut self, world: &World) -> Result<()> {
        while !world.is_over() {
            self.turn(world, true)?;
        }
        Ok(())
    }

    /// Nobody is killed from here on: what still waits comes out. Whether the session then is at rest.
    pub(super) fn rest(&mut self, world: &World) -> Result<bool> {
        let store = world.store()?;
        self.turn(world, false)?;
        for _ in 0..TURNS_TO_REST {
            let rings = self.session.is_none_or(|session| store.run().session(session).bell_stands());
            if !rings {
                return Ok(true);
            }
            self.turn(world, false)?;
        }
        Ok(false)
    }

    /// A prompt, some tools, perhaps a wait of the model, an end.
    fn turn(&mut self, world: &World, deadly: bool) -> Result<()> {
        let turn = format!("01a1fe22-3c54-7db2-91d8-{}", self.random.word(12));
        self.hook(world, Moment::PromptSubmit, &turn, deadly)?;
        for _ in 0..self.random.below(4) {
            self.hook(world, Moment::AfterTool, &turn, deadly)?;
        }
        if deadly && self.random.one_in(5) {
            self.wait(world)?;
        }
        // A turn that is made to go on ends again; hosts do not do so for ever.
        for _ in 0..3 {
            if !self.hook(world, Moment::TurnEnd, &turn, deadly)? {
                break;
            }
            self.hook(world, Moment::AfterTool, &turn, deadly)?;
        }
        Ok(())
    }

    /// Whether the hook said anything.
    fn hook(&mut self, world: &World, moment: Moment, turn: &str, deadly: bool) -> Result<bool> {
        let (event, payload) = self.script.payload(moment, &self.native, turn, &mut self.random);
        let mut run = world.run(&world.programs.hook, &[self.provider(), &event]);
        run.input = vec![payload];
        let ended = self.carry_out(world, "hook", &mut run, deadly)?;
        if !ended.1.killed && !ended.1.success {
            world.find(format!("the hook failed at {event} of {}", self.provider()));
        }
        let output = ended.1.output.trim();
        if output.is_empty() {
            return Ok(false);
        }
        match serde_json::from_str::<Value>(output) {
            Ok(value) => {
                let mut text = String::new();
                strings(&value, &mut text);
                self.show(world, &text, ended.0, &event);
            }
            Err(_) => world.find(format!("the hook wrote a part at {event} of {}", self.provider())),
        }
        Ok(true)
    }

    /// A model that waits for a message, for a second.
    fn wait(&mut self, world: &World) -> Result<()> {
        let Some((env, meta)) = self.script.names_itself(&self.native) else { return Ok(()) };
        let mut run = server_of(world, self.script.provider);
        run.env.extend(env);
        run.input.push(call_of("bridge_wait_for_message", &json!({"timeout": 1}), &meta, 1));
        let (began, ended) = self.carry_out(world, "wait", &mut run, true)?;
        let lines = ended.output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for line in lines.filter(|line| line["id"] == 1) {
            let mut text = String::new();
            strings(&line["result"]["structuredContent"], &mut text);
            self.show(world, &text, began, "a wait");
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        world: &World,
        sort: &'static str,
        run: &mut Run,
        deadly: bool,
    ) -> Result<(Instant, Ended)> {
        run.kill_after = self.pace.kill_after(sort, &mut self.random).filter(|_| deadly);
        let gate = world.gate.read().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let ended = self.host.carry_out(run)?;
        drop(gate);
        self.pace.learn(sort, &ended);
        world.note(run, &ended);
        Ok((began, ended))
    }

    fn show(&self, world: &World, text: &str, began: Instant, by: &str) {
        let mut shown = lock(&world.shown);
        for (at, _) in text.match_indices("=w") {
            let Some(length) = text[at + 1..].find('=') else { continue };
            let mark = &text[at..at + length + 2];
            let numbers = mark.trim_matches('=').trim_start_matches('w');
            if numbers.split('.').any(|number| number.parse::<u64>().is_err()) {
                continue;
            }
            let head = text[..at].rfind("<peer-message-").map_or("", |from| &text[from..at]);
            let late = head.contains(LATE);
            let by = format!("{by} of {}", self.provider());
            shown.push(Shown { mark: mark.to_owned(), late, reader: self.number, began, by });
        }
    }
}

/// All strings of a value, one after another.
pub(crate) fn strings(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.extend([text, "\n"]),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(members) => members.values().for_each(|item| strings(item, out)),
        _ => {}
    }
}
