//! One session's life: turns with hooks and tool calls, ends, and new beginnings.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use session_bridge_chaos::random::Random;
use session_bridge_chaos::script::{Names, Scene, Script, strings};
use session_bridge_chaos::server::Server;
use session_bridge_core::provider::Provider;
use session_bridge_store::Session;

use super::World;
use super::board::{Board, Phase, Shown, count};
use super::host::Host;

/// A first hook may not get the store in time, and the prompt after it not either. More often is a finding.
const PROMPTS: usize = 20;
/// How often a turn may be made to go on; more than the bridge does.
const ENDS: usize = 8;
/// How long a model waits for the answer to a question, in seconds.
const WAIT: u64 = 45;
/// What stands before the id of an attempt that its host gives back.
const ATTEMPT: &str = "[session-bridge delivery ";

/// A session with its host process and its server, and whoever comes after it.
pub(super) struct Life<'w> {
    world: &'w World,
    number: usize,
    script: Script,
    random: Random,
    native: String,
    turn: String,
    alive: Option<Alive>,
    /// What it was shown and has not dealt with, and when.
    shown: Vec<(Shown, Instant)>,
    /// A message that it sent.
    sent: Option<String>,
    /// For how many turns something has waited for it.
    waited: u32,
}

/// Its processes.
struct Alive {
    host: Host,
    server: Server,
}

impl<'w> Life<'w> {
    pub(super) fn new(world: &'w World, number: usize, provider: &'static dyn Provider) -> Result<Self> {
        let mut random = Random::new(world.options.seed, number as u64);
        Ok(Self {
            world,
            number,
            script: Script::of(provider)?,
            native: name(&mut random),
            turn: String::new(),
            random,
            alive: None,
            shown: Vec::new(),
            sent: None,
            waited: 0,
        })
    }

    /// Lives until the run is over.
    pub(super) fn live(mut self) {
        let who = self.script.provider.card().id;
        if let Err(error) = self.turns() {
            self.world.board.error(format!("session {} of {who} broke off: {error:#}", self.number));
        }
    }

    fn turns(&mut self) -> Result<()> {
        let board = &self.world.board;
        self.begin(Scene::Start)?;
        loop {
            let phase = board.phase();
            let pause = self
                .world
                .options
                .every
                .mul_f64(f64::from(500 + u16::try_from(self.random.below(1000))?) / 1000.0);
            board.pause(if phase == Phase::Calm { pause / 4 } else { pause });
            match board.phase() {
                Phase::Over => {
                    // One after another: nobody leaves so many windows in one moment.
                    let _roster = self.world.roster.lock().unwrap_or_else(PoisonError::into_inner);
                    return self.end();
                }
                Phase::Calm if board.waiting(self.number) == 0 => {}
                _ => self.turn()?,
            }
            // A quarter stays to the end, so that the growth of a process shows.
            let leaves = !self.number.is_multiple_of(4) && self.random.one_in(self.world.options.turns);
            if leaves && board.phase() == Phase::Busy {
                self.begin_anew()?;
            }
        }
    }

    /// Who waits for what.
    pub(super) fn board(&self) -> &'w Board {
        &self.world.board
    }

    /// The oldest message that it was shown, by its mark, and when that was.
    pub(super) fn next(&mut self) -> Option<(u64, Instant)> {
        (!self.shown.is_empty()).then(|| self.shown.remove(0)).map(|(message, at)| (message.mark, at))
    }

    /// A person begins a turn.
    pub(super) fn prompt(&mut self) -> Result<()> {
        self.turn = name(&mut self.random);
        self.hook(Scene::Prompt, None).map(drop)
    }

    /// A prompt, some tools, an end.
    fn turn(&mut self) -> Result<()> {
        count(&self.world.board.counts.turns);
        self.prompt()?;
        self.answer()?;
        for _ in 0..=self.random.below(3) {
            self.work()?;
            self.answer()?;
        }
        let mut scene = Scene::End;
        for _ in 0..ENDS {
            // A turn that is made to go on ends again.
            if !self.hook(scene, None)? {
                break;
            }
            self.answer()?;
            self.hook(Scene::Tool, None)?;
            scene = Scene::EndAgain;
        }
        Ok(())
    }

    /// One thing that a model does.
    fn work(&mut self) -> Result<()> {
        let world = self.world;
        if world.board.phase() != Phase::Busy {
            return self.catch_up();
        }
        if world.broadcast_is_due() {
            return self.broadcast();
        }
        match self.random.below(24) {
            0..=5 => self.write("bridge_send_message", "note"),
            6..=8 => self.write("bridge_send_message", "question"),
            9..=10 => self.write("bridge_ask", "question"),
            11 => self.call("bridge_list_inbox", json!({}), false).map(drop),
            12 => self.call("bridge_whoami", json!({}), false).map(drop),
            13 => {
                let summary = format!("on {}", self.random.word(12));
                self.call("bridge_set_summary", json!({"summary": summary}), false).map(drop)
            }
            14 if self.random.one_in(4) => self.call("bridge_list_sessions", json!({}), false).map(drop),
            15 => match self.sent.take() {
                Some(id) => self.call("bridge_get_receipts", json!({"message_id": id}), false).map(drop),
                None => Ok(()),
            },
            _ => {
                self.hook(Scene::Tool, None)?;
                self.catch_up()
            }
        }
    }

    fn write(&mut self, tool: &str, kind: &str) -> Result<()> {
        let asks = kind == "question";
        let Some((to, mark)) = self.world.board.write(self.number, asks, &mut self.random) else {
            return Ok(());
        };
        let body = self.body(&mark);
        let waits = tool == "bridge_ask";
        let arguments = if waits {
            json!({"to": to, "question": body, "timeout": WAIT})
        } else {
            json!({"to": to, "body": body, "kind": kind})
        };
        let answer = self.call(tool, arguments, false)?;
        if answer.is_none() {
            self.world.board.withdraw(&mark);
        }
        if !waits {
            self.sent = answer.and_then(|answer| answer["id"].as_str().map(str::to_owned));
        }
        Ok(())
    }

    fn broadcast(&mut self) -> Result<()> {
        let world = self.world;
        // Nobody comes or goes meanwhile, so it is known who is to get it.
        let roster = world.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let (mark, many) = world.board.broadcast(self.number);
        let body = self.body(&mark);
        let answer = self.call("bridge_broadcast", json!({"body": body}), false)?;
        drop(roster);
        let told = answer.map(|answer| answer["recipients"].clone()).unwrap_or_default();
        if told != many {
            world.board.error(format!("a broadcast went to {told} instead of {many}"));
        }
        Ok(())
    }

    /// Reads what has waited for some turns: it did not fit beside a prompt, or nobody can tell whether it was shown.
    fn catch_up(&mut self) -> Result<()> {
        self.waited = if self.world.board.waiting(self.number) == 0 { 0 } else { self.waited + 1 };
        if self.waited < 4 {
            return Ok(());
        }
        self.waited = 0;
        let Some(list) = self.call("bridge_list_inbox", json!({"limit": 20}), false)? else { return Ok(()) };
        let messages = list["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<&str> = messages.iter().filter_map(|message| message["id"].as_str()).collect();
        if !ids.is_empty() {
            self.call("bridge_read_message", json!({"ids": ids}), true)?;
        }
        Ok(())
    }

    /// Answers every question that the model was shown.
    fn answer(&mut self) -> Result<()> {
        while let Some((message, _)) = self.shown.pop() {
            if message.asks {
                let mark = self.world.board.answer(self.number, &message);
                let body = self.body(&mark);
                self.call("bridge_reply", json!({"message_id": message.id, "body": body}), false)?;
            }
        }
        Ok(())
    }

    fn body(&mut self, mark: &str) -> String {
        let words: Vec<String> = (0..5 + self.random.below(60)).map(|_| self.random.word(6)).collect();
        format!("{mark} {}", words.join(" "))
    }

    /// A tool call with the host's event after it. Nothing if it was refused, which is an error unless the limit of hops
    /// did it.
    pub(super) fn call(&mut self, tool: &str, mut arguments: Value, again: bool) -> Result<Option<Value>> {
        let world = self.world;
        let call = format!("call_{}", self.random.word(16));
        let card = self.script.provider.card();
        if let Some(claim) = self.script.claims(&self.native) {
            arguments[session_bridge_core::identity::ARGUMENT] = claim;
        }
        let mut meta = self.script.names_itself(&self.native).map_or_else(|| json!({}), |(_, meta)| meta);
        for key in card.mcp_call_id {
            meta[*key] = json!(call);
        }
        let alive = self.alive.as_mut().context("the session has ended")?;
        let answer = alive.server.call(tool, &arguments, &meta).with_context(|| tool.to_owned())?;
        count(&world.board.counts.calls);
        let answer = match answer {
            Ok(answer) => Some(answer),
            // Nobody types here: a chain of questions is stopped as it should be.
            Err(refusal) if refusal.code() == "too_many_hops" => {
                count(&world.board.counts.stopped);
                None
            }
            Err(refusal) => {
                world.board.error(format!("{tool} of {}: {refusal}", card.id));
                None
            }
        };
        if let Some(answer) = &answer {
            self.show(answer, again);
        }
        self.hook(Scene::Tool, Some(&call))?;
        Ok(answer)
    }

    /// Has the host run a hook. Whether it said anything.
    pub(super) fn hook(&mut self, scene: Scene, call: Option<&str>) -> Result<bool> {
        let said = self.tell(scene, call, None)?;
        let attempt = said.split_once(ATTEMPT).and_then(|(_, rest)| rest.split_once(']'));
        if let (Some((attempt, _)), true) = (attempt, self.script.tells(Scene::Request)) {
            // The host asks its model next, and tells that the text is in the request.
            self.tell(Scene::Request, None, Some(attempt))?;
        }
        Ok(!said.is_empty())
    }

    /// What the hook said, as text.
    fn tell(&mut self, scene: Scene, call: Option<&str>, attempt: Option<&str>) -> Result<String> {
        let world = self.world;
        let card = self.script.provider.card();
        let names = Names { call, attempt, ..Names::of(&self.native, &self.turn) };
        let Some((event, payload)) = self.script.tell(scene, &names, &mut self.random) else {
            return Ok(String::new());
        };
        let program = world.program(&world.programs.hook, &[card.id.as_str(), &event], Vec::new());
        let alive = self.alive.as_mut().context("the session has ended")?;
        let done = alive.host.run(program, payload)?;
        world.board.took(Duration::from_micros(done.micros));
        if let Some(failure) = done.failure {
            world.board.error(format!("the hook of {} at {event}: {failure}", card.id));
        }
        if done.output.trim().is_empty() {
            return Ok(String::new());
        }
        let Ok(value) = serde_json::from_str::<Value>(&done.output) else {
            world.board.error(format!("the hook of {} at {event} wrote no JSON", card.id));
            return Ok(String::new());
        };
        self.show(&value, false);
        let mut text = String::new();
        strings(&value, &mut text);
        Ok(text)
    }

    fn show(&mut self, value: &Value, again: bool) {
        let mut text = String::new();
        strings(value, &mut text);
        let now = Instant::now();
        let shown = self.world.board.show(self.number, &text, again);
        self.shown.extend(shown.into_iter().map(|message| (message, now)));
    }

    /// Starts host, session and server.
    pub(super) fn begin(&mut self, scene: Scene) -> Result<()> {
        let world = self.world;
        let roster = world.roster.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin_in(scene)?;
        drop(roster);
        Ok(())
    }

    fn begin_in(&mut self, scene: Scene) -> Result<()> {
        let world = self.world;
        let card = self.script.provider.card();
        let mut host = Host::start()?;
        // The first hook is run before the server can be asked anything, as most hosts do.
        let names = Names::of(&self.native, &self.turn);
        let (event, payload) = self.script.tell(scene, &names, &mut self.random).context("a start")?;
        let hook = world.program(&world.programs.hook, &[card.id.as_str(), &event], Vec::new());
        let done = host.run(hook, payload)?;
        world.board.took(Duration::from_micros(done.micros));
        if let Some(failure) = done.failure {
            world.board.error(format!("the hook of {} at {event}: {failure}", card.id));
        }
        let env = self.script.names_itself(&self.native).map(|(env, _)| env).unwrap_or_default();
        let program = world.program(&world.programs.main, &["mcp", "--client", card.id.as_str()], env);
        let (stream, pid) = host.serve(program, &world.socket(self.number))?;
        world.processes.note(self.number, Some((host.pid(), pid)));
        let client = card.mcp_clients.first().copied().unwrap_or(card.id.as_str());
        let (server, host_pid) = (Server::greet(stream, client)?, host.pid());
        self.alive = Some(Alive { host, server });
        for _ in 0..PROMPTS {
            self.prompt()?;
            let known = world.store()?.named_by(card.id.as_str(), &self.native)?;
            let here = |session: &Session| {
                session.ended.is_none() && session.host.is_some_and(|host| host.pid == host_pid)
            };
            if let Some(session) = known.filter(here) {
                world.board.arrive(self.number, session.id.to_string());
                return self.hook(Scene::End, None).map(drop);
            }
        }
        bail!("no prompt made it known")
    }

    /// Ends, and goes on: as the same session if something is still to come to it, or by chance; else as another one.
    fn begin_anew(&mut self) -> Result<()> {
        let world = self.world;
        let roster = world.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let resumes = self.random.one_in(2) || !world.board.retire(self.number);
        self.end()?;
        if resumes {
            count(&world.board.counts.resumed);
            self.begin_in(Scene::Resume)?;
        } else {
            count(&world.board.counts.replaced);
            self.native = name(&mut self.random);
            self.sent = None;
            self.begin_in(Scene::Start)?;
        }
        drop(roster);
        Ok(())
    }

    /// As a host ends: it tells so, closes its server's input and waits for it.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.alive.is_none() {
            return Ok(());
        }
        self.hook(Scene::Over, None)?;
        if let Some(Alive { host, server }) = self.alive.take() {
            self.world.processes.note(self.number, None);
            server.close()?;
            if let Some(failure) = host.end()? {
                self.world.board.error(format!("the server of session {} ended with {failure}", self.number));
            }
        }
        Ok(())
    }
}

fn name(random: &mut Random) -> String {
    format!("01a1fe22-3c08-7121-{}-{}", random.word(4), random.word(12))
}
