//! Three readers: sessions of several providers, whose hooks and servers are killed while they deliver.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_bridge_core::frame::LATE;
use session_bridge_core::id::SessionId;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{RunFolders, Store};

use super::world::{Shown, World, lock};
use super::writers::{call_of, server_of};
use crate::launch::{Ended, Host, Pace, Run};
use crate::random::Random;
use crate::script::{Names, Scene, Script, strings};

/// How many there are.
pub(super) const READERS: usize = 3;
/// Turns after which a reader that nobody kills must have come to rest.
const TURNS_TO_REST: usize = 400;

/// One session and its host process.
pub(super) struct Reader {
    number: usize,
    native: String,
    script: Script,
    /// The program that is a host.
    chaos: Option<PathBuf>,
    /// `None`: this process is its host.
    host: Option<Host>,
    pace: Pace,
    random: Random,
    /// Its bridge id.
    pub(super) session: Option<SessionId>,
}

impl Reader {
    /// A session of one of the providers, by turns, that its hook has registered. With `chaos`, this program, it has a host of its own.
    pub(super) fn start(
        world: &World,
        chaos: Option<&Path>,
        number: usize,
        seed: u64,
        round: u64,
    ) -> Result<Self> {
        // Where a plugin of ours stands in for hooks, no payload of a turn was captured.
        let mut scripts: Vec<Script> =
            PROVIDERS.iter().filter_map(|provider| Script::of(*provider).ok()).collect();
        anyhow::ensure!(scripts.len() >= READERS, "the captured payloads are not found");
        let script = scripts.swap_remove((number + usize::try_from(round)?) % scripts.len());
        let mut random = Random::new(seed, 200 + number as u64);
        let native = format!("01a1fe22-3c08-7121-a036-{}", random.word(12));
        let host = chaos.map(Host::start).transpose()?;
        let chaos = chaos.map(Path::to_owned);
        let pace = Pace::default();
        let mut reader = Self { number, native, script, chaos, host, pace, random, session: None };
        reader.hook(world, Scene::Start, "", false)?;
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

    /// A prompt, some tools, perhaps a wait of the model, an end. Before it, perhaps something becomes of the session.
    fn turn(&mut self, world: &World, deadly: bool) -> Result<()> {
        let turn = format!("01a1fe22-3c54-7db2-91d8-{}", self.random.word(12));
        if deadly {
            match self.random.below(16) {
                0..=2 => self.die(world, &turn)?,
                3 => self.resume(world, true)?,
                4 | 5 => self.clear(world)?,
                _ => {}
            }
        }
        self.hook(world, Scene::Prompt, &turn, deadly)?;
        for _ in 0..self.random.below(4) {
            self.hook(world, Scene::Tool, &turn, deadly)?;
        }
        if deadly && self.random.one_in(5) {
            self.wait(world)?;
        }
        if deadly && self.random.one_in(16) {
            self.pass(world, Scene::Compact, &turn, true)?;
        }
        // A turn that is made to go on ends again; hosts do not do so for ever.
        for _ in 0..3 {
            if !self.hook(world, Scene::End, &turn, deadly)? {
                break;
            }
            self.hook(world, Scene::Tool, &turn, deadly)?;
        }
        Ok(())
    }

    /// The host is killed with the hook of a prompt or of a tool, and the session is resumed in another one.
    fn die(&mut self, world: &World, turn: &str) -> Result<()> {
        let Some(host) = self.host.take() else { return Ok(()) };
        let scene = *self.random.pick(&[Scene::Prompt, Scene::Tool]);
        let (event, payload) = self.tell(scene, turn)?;
        let run = self.hook_run(world, &event, payload);
        let after = Duration::from_micros(self.random.below(30_000) as u64);
        let gate = world.gate.read().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let ended = host.die_with(&run, after)?;
        drop(gate);
        world.hosts.fetch_add(1, Ordering::Relaxed);
        // What the host had got is in its transcript, which outlives it.
        if let Some(ended) = ended {
            self.look(world, &event, &ended, began);
        }
        self.resume(world, false)
    }

    /// The session goes on in another process; the one before has ended by itself, or is dead.
    fn resume(&mut self, world: &World, ends: bool) -> Result<()> {
        if ends {
            self.pass(world, Scene::Over, "", true)?;
        }
        self.host = self.chaos.as_deref().map(Host::start).transpose()?;
        self.begin(world, Scene::Resume)
    }

    /// The user clears the conversation. Where that makes another session, the user comes back to this one a turn later.
    fn clear(&mut self, world: &World) -> Result<()> {
        if !self.script.tells(Scene::Clear) {
            return Ok(());
        }
        self.pass(world, Scene::Leave, "", true)?;
        let before =
            std::mem::replace(&mut self.native, format!("01a1fe22-3c08-7121-a036-{}", self.random.word(12)));
        self.begin(world, Scene::Clear)?;
        let turn = format!("01a1fe22-3c54-7db2-91d8-{}", self.random.word(12));
        self.hook(world, Scene::Prompt, &turn, true)?;
        self.hook(world, Scene::End, &turn, true)?;
        let run = RunFolders::of(&world.home());
        let own = self.session.map(|session| run.session(session));
        let now = run.native(self.provider(), &self.native);
        let continues = own.is_some_and(|own| same_folder(own.path(), now.path()));
        if !continues {
            self.native = before;
            self.resume(world, false)?;
        }
        Ok(())
    }

    /// The start of a conversation, as it was captured for this reason, or else as a new one.
    fn begin(&mut self, world: &World, why: Scene) -> Result<()> {
        if !self.pass(world, why, "", true)? {
            self.hook(world, Scene::Start, "", true)?;
        }
        Ok(())
    }

    /// What becomes of the session between its turns. Whether such a thing was captured, and the hook has heard of it.
    fn pass(&mut self, world: &World, scene: Scene, turn: &str, deadly: bool) -> Result<bool> {
        if !self.script.tells(scene) {
            return Ok(false);
        }
        let (event, payload) = self.tell(scene, turn)?;
        world.passages.fetch_add(1, Ordering::Relaxed);
        self.run_hook(world, &event, payload, deadly)?;
        Ok(true)
    }

    /// Whether the hook said anything.
    pub(super) fn hook(&mut self, world: &World, scene: Scene, turn: &str, deadly: bool) -> Result<bool> {
        let (event, payload) = self.tell(scene, turn)?;
        self.run_hook(world, &event, payload, deadly)
    }

    /// The host's event name and payload.
    fn tell(&mut self, scene: Scene, turn: &str) -> Result<(String, String)> {
        let told = self.script.tell(scene, &Names::of(&self.native, turn), &mut self.random);
        told.context("a captured event is missing")
    }

    fn hook_run(&self, world: &World, event: &str, payload: String) -> Run {
        let mut run = world.run(&world.programs.hook, &[self.provider(), event]);
        run.input = vec![payload];
        run
    }

    fn run_hook(&mut self, world: &World, event: &str, payload: String, deadly: bool) -> Result<bool> {
        let mut run = self.hook_run(world, event, payload);
        let (began, ended) = self.carry_out(world, "hook", &mut run, deadly)?;
        Ok(self.look(world, event, &ended, began))
    }

    /// At what a hook said. Whether it said anything.
    fn look(&self, world: &World, event: &str, ended: &Ended, began: Instant) -> bool {
        if !ended.killed && !ended.success {
            world.find(format!("the hook failed at {event} of {}", self.provider()));
        }
        let output = ended.output.trim();
        if output.is_empty() {
            return false;
        }
        match serde_json::from_str::<Value>(output) {
            Ok(value) => {
                let mut text = String::new();
                strings(&value, &mut text);
                self.show(world, &text, began, event);
            }
            Err(_) => world.find(format!("the hook wrote a part at {event} of {}", self.provider())),
        }
        true
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
        let ended = match &mut self.host {
            Some(host) => host.carry_out(run)?,
            None => run.carry_out()?,
        };
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

fn same_folder(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
