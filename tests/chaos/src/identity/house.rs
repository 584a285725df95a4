//! A process of a CLI with the sessions in it: their hooks and their server, with the evidence that such a host gives.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use session_bridge_core::identity::ARGUMENT;
use session_bridge_core::marks::Mark;
use session_bridge_core::provider::{Provider, Source};
use session_bridge_providers::PROVIDERS;

use super::world::{World, marks};
use crate::launch::Host;
use crate::random::Random;
use crate::script::{Names, Scene, Script, strings};
use crate::server::{Said, Server};

/// What tells a server of this provider whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One session per process; the process tells. Perhaps a variable says what was true at the server's start.
    Alone { spawn: Option<&'static str> },
    /// A variable of the server.
    Variable(&'static str),
    /// Each call's `_meta`.
    Meta { thread: &'static str, root: &'static str },
    /// What a plugin adds to the arguments.
    Argument,
    /// The process, while it has one session.
    Shared,
}

impl Kind {
    pub(super) fn of(provider: &dyn Provider) -> Self {
        let sources = provider.card().identity.mcp;
        let spawn = sources.iter().find_map(|source| match *source {
            Source::SpawnEnv(name) => Some(name),
            _ => None,
        });
        match sources.first() {
            Some(Source::HostProcess) => Self::Alone { spawn },
            Some(Source::ServerEnv(name)) => Self::Variable(name),
            Some(Source::Meta { thread, root }) => Self::Meta { thread, root },
            Some(Source::Argument) => Self::Argument,
            _ => Self::Shared,
        }
    }

    /// Whether several sessions of one process can all call.
    pub(super) const fn many(self) -> bool {
        matches!(self, Self::Meta { .. } | Self::Argument)
    }
}

/// A session in a process.
#[derive(Debug, Clone)]
pub(super) struct Resident {
    pub(super) number: usize,
    pub(super) native: String,
}

/// One process of a CLI.
pub(super) struct House {
    pub(super) provider: &'static dyn Provider,
    pub(super) kind: Kind,
    pub(super) host: Host,
    /// What its environment asks for, and what it inherited.
    pub(super) env: Vec<(String, String)>,
    pub(super) label: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) nonce: String,
    pub(super) people: Vec<Resident>,
    pub(super) server: Option<Server>,
    pub(super) random: Random,
    /// Native ids of other sessions by the variable that a host of theirs sets: what may be inherited.
    pub(super) foreign: BTreeMap<&'static str, String>,
    /// Whether it was asked in this act who calls, though nobody can know.
    pub(super) asked: bool,
}

impl House {
    pub(super) fn new(
        world: &World,
        provider: &'static dyn Provider,
        host: Host,
        label: Option<String>,
        roles: Vec<String>,
        seed: u64,
    ) -> Self {
        let mut random = Random::new(seed, world.next());
        let mut env = Vec::new();
        if let Some(label) = &label {
            env.push(("SESSION_BRIDGE_LABEL".to_owned(), label.clone()));
        }
        env.push(("SESSION_BRIDGE_ROLES".to_owned(), roles.join(",")));
        let nonce = random.word(32);
        Self {
            provider,
            kind: Kind::of(provider),
            host,
            env,
            label,
            roles,
            nonce,
            people: Vec::new(),
            server: None,
            random,
            foreign: BTreeMap::new(),
            asked: false,
        }
    }

    pub(super) fn new_native(&mut self) -> String {
        format!("01a1fe22-3c08-7121-a036-{}", self.random.word(12))
    }

    /// Whether its CLI tells of that.
    pub(super) fn tells(&self, world: &World, scene: Scene) -> bool {
        self.script(world).tells(scene)
    }

    fn script<'w>(&self, world: &'w World) -> &'w Script {
        &world.scripts[self.provider.card().id.as_str()]
    }

    /// The environment of whatever this process starts for one session: its own mark, and what was inherited.
    fn surroundings(&self, native: &str, own: bool) -> Vec<(String, String)> {
        let mut env = self.env.clone();
        for provider in PROVIDERS {
            for mark in provider.card().marks {
                let Mark::Session { variable, .. } = *mark else { continue };
                if provider.card().id == self.provider.card().id {
                    if own {
                        env.push((variable.to_owned(), native.to_owned()));
                    }
                } else if let Some(inherited) = self.foreign.get(variable) {
                    env.push((variable.to_owned(), inherited.clone()));
                }
            }
        }
        env
    }

    /// The environment of a shell that a session started.
    pub(super) fn around(&self, native: &str) -> Vec<(String, String)> {
        self.surroundings(native, true)
    }

    /// Runs a hook. What it says comes out in the conversation of the session `number`.
    pub(super) fn hook(
        &mut self,
        world: &World,
        scene: Scene,
        native: &str,
        turn: &str,
        number: Option<usize>,
    ) -> Result<String> {
        let script = self.script(world);
        let told = [scene, Scene::Resume, Scene::Start].into_iter().find(|scene| script.tells(*scene));
        let names = Names { nonce: Some(&self.nonce), ..Names::of(native, turn) };
        let told = told.and_then(|scene| script.tell(scene, &names, &mut self.random));
        let (event, payload) = told.context("a captured event is missing")?;
        let id = self.provider.card().id.as_str();
        let mut words = (id, event.as_str());
        if self.random.one_in(6) {
            // The entry of another CLI, for the same moment.
            let other = *self.random.pick(PROVIDERS);
            let moment = self.provider.card().hook(&event).map(|spec| spec.moment);
            let theirs = other.card().hooks.iter().find(|spec| Some(spec.moment) == moment);
            words = theirs.map_or(words, |spec| (other.card().id.as_str(), spec.event));
        }
        let env = self.surroundings(native, true);
        let mut run = world.run(&world.programs.hook, &[words.0, words.1], &env);
        run.input = vec![payload];
        let ended = self.host.carry_out(&run)?;
        world.event("hooks");
        if !ended.success || ended.hung {
            world.find(format!("the hook failed at {event} of {id}"));
        }
        let output = ended.output.trim();
        if output.is_empty() {
            return Ok(String::new());
        }
        let mut text = String::new();
        match serde_json::from_str::<Value>(output) {
            Ok(value) => strings(&value, &mut text),
            Err(_) => text.push_str(output),
        }
        let found = marks(&text);
        match number {
            Some(number) => {
                let mut ledger = world.ledger();
                for message in found {
                    ledger.shown.push((message, number));
                    ledger.received.entry(number).or_default().push(message);
                }
            }
            None if found.is_empty() => {}
            None => world.find(format!("{scene:?} of {id} put mail where nobody reads")),
        }
        Ok(text)
    }

    /// Starts its server, beside or in place of the one it has.
    pub(super) fn serve(&mut self, world: &World) -> Result<()> {
        self.server = None;
        let card = self.provider.card();
        let native = self.people.first().map(|resident| resident.native.clone()).unwrap_or_default();
        let mut env = self.surroundings(&native, false);
        match self.kind {
            Kind::Variable(name) => env.push((name.to_owned(), native)),
            Kind::Alone { spawn: Some(name) } => {
                // What was true when some server started, and is not any more.
                let said = if self.random.one_in(2) {
                    native
                } else {
                    self.foreign.get(name).cloned().unwrap_or(native)
                };
                env.push((name.to_owned(), said));
            }
            _ => {}
        }
        let client = card.mcp_clients.first().copied().unwrap_or(card.id.as_str());
        // An entry that was made for another CLI says so, too.
        let entry = if self.random.one_in(4) { *self.random.pick(PROVIDERS) } else { self.provider };
        let words = ["--client", entry.card().id.as_str()];
        self.server = Some(world.server(&mut self.host, client, &words, &env)?);
        world.event("servers");
        Ok(())
    }

    /// What a call of the session brings along: arguments and `_meta`.
    pub(super) fn evidence(&mut self, native: &str, arguments: &Value) -> (Value, Value) {
        let mut arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
        let mut meta = json!({});
        for key in self.provider.card().mcp_call_id {
            meta[*key] = json!(format!("call_{}", self.random.word(12)));
        }
        match self.kind {
            Kind::Meta { thread, root } => {
                meta[thread] = json!(native);
                meta[root] = json!(native);
            }
            Kind::Argument => {
                arguments.insert(ARGUMENT.to_owned(), json!({"session": native, "nonce": self.nonce}));
            }
            _ => {}
        }
        (Value::Object(arguments), meta)
    }

    /// One call of the session, and its answer.
    pub(super) fn call(&mut self, native: &str, tool: &str, arguments: &Value) -> Result<Said> {
        let (arguments, meta) = self.evidence(native, arguments);
        self.server.as_mut().context("a server")?.call(tool, &arguments, &meta)
    }

    /// A prompt, some tools, an end.
    pub(super) fn turn(&mut self, world: &World, at: usize) -> Result<()> {
        let Resident { number, native } = self.people[at].clone();
        let turn = format!("01a1fe22-3c54-7db2-91d8-{}", self.random.word(12));
        self.hook(world, Scene::Prompt, &native, &turn, Some(number))?;
        if self.random.one_in(2) {
            self.hook(world, Scene::Tool, &native, &turn, Some(number))?;
        }
        // A turn that is made to go on ends again; hosts do not do so for ever.
        for _ in 0..3 {
            if self.hook(world, Scene::End, &native, &turn, Some(number))?.is_empty() {
                break;
            }
            self.hook(world, Scene::Tool, &native, &turn, Some(number))?;
        }
        Ok(())
    }
}
