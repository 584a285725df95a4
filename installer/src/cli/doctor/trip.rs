//! Round trips: the very command lines that stand in the host's configuration are run as the host runs them, with a
//! session that does not exist, in a home of their own. A message goes in and has to come out of the hook's answer in the
//! host's own form; the MCP server has to answer as that session.

use std::time::{Duration, Instant};

use serde_json::json;
use session_bridge_core::event::{HookCall, Moment};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::plan::Plan;
use session_bridge_core::probe::{self, Command, Launch, Probe};
use session_bridge_core::provider::{HookSpec, Want};
use session_bridge_store::{Author, Draft, Role, Store};

use super::check::Check;
use super::client::Client;
use super::scratch::Scratch;
use crate::bounded;
use crate::install::Target;

/// How long a hook may take here; it takes milliseconds.
const HOOK_LIMIT: Duration = Duration::from_secs(5);
/// The tool that is called: it says which session calls.
const TOOL: &str = "bridge_whoami";
const HELP: &str = "session-bridge doctor --fix, or install session-bridge again";

/// One provider's installation, tried out.
pub(super) struct Trip<'t> {
    target: &'t Target,
    plan: &'t Plan,
    want: &'t Want,
    scratch: Scratch,
    /// Names session, turn and message: nothing else holds it.
    word: String,
}

/// What came of it.
pub(super) struct Tried {
    pub(super) hook: Check,
    pub(super) server: Check,
}

/// Tries the entries of this plan, all of which are known to stand in the host's files.
pub(super) fn try_out(target: &Target, plan: &Plan, want: &Want, group: &str) -> Tried {
    let failed = |id, why: &str| Check::fail(group, id, why).help(HELP);
    let trip = match Trip::new(target, plan, want) {
        Ok(trip) => trip,
        Err(why) => {
            let why = format!("no temporary folder to try it in: {why}");
            return Tried { hook: failed("hook", &why), server: failed("mcp", &why) };
        }
    };
    let began = Instant::now();
    let heard = trip.hook();
    let took = began.elapsed();
    let (hook, session) = match heard {
        Ok(Some((session, event))) => (
            Check::ok(group, "hook", format!("a message came out of the installed hook, at {event}"))
                .took(took),
            Some(session),
        ),
        Ok(None) => (Check::note(group, "hook", "no hook of this CLI takes messages"), None),
        Err(why) => (failed("hook", &format!("the installed hook does not work: {why}")), None),
    };
    let began = Instant::now();
    let server = match trip.server(session) {
        Ok(Some(tools)) => {
            let as_whom = if session.is_some() { "answers for the hook's session" } else { "answers a call" };
            Check::ok(group, "mcp", format!("the installed server {as_whom} and offers {tools} tools"))
                .took(began.elapsed())
        }
        Ok(None) => Check::note(group, "mcp", "no MCP server is configured for this CLI"),
        Err(why) => failed("mcp", &format!("the installed MCP server does not work: {why}")),
    };
    Tried { hook, server }
}

impl<'t> Trip<'t> {
    fn new(target: &'t Target, plan: &'t Plan, want: &'t Want) -> Result<Self, String> {
        let word = format!("doctor-{}", SessionId::generate().to_string().to_lowercase());
        Ok(Self { target, plan, want, scratch: Scratch::new()?, word })
    }

    /// A session starts, is sent a message, and its host asks the hook at the first moment that takes one. Gives the
    /// session, and the event that brought the message.
    fn hook(&self) -> Result<Option<(SessionId, &'static str)>, String> {
        let card = self.target.card();
        let at = |moment: Moment| card.hooks.iter().find(|spec| spec.moment == moment);
        let mut places = card.inject.iter().filter(|inject| inject.bodies);
        let Some(place) = places.find_map(|inject| at(inject.moment)) else { return Ok(None) };
        // A turn begins with a prompt, also where nothing can be said beside it.
        let before = [Moment::SessionStart, Moment::PromptSubmit];
        for spec in before.into_iter().filter(|moment| *moment != place.moment).filter_map(at) {
            self.fire(spec)?;
        }
        let mut session = self.registered()?;
        if session.is_none() {
            self.fire(place)?;
            session = self.registered()?;
        }
        let unknown = || format!("`{}` ended well and took no note of the session", self.line(place));
        let session = session.ok_or_else(unknown)?;
        self.send(session)?;
        let (answer, payload) = self.fire(place)?;
        let event = self
            .target
            .provider
            .decode(&HookCall { event: place.event, stdin: payload.as_bytes() })
            .map_err(|error| error.to_string())?;
        match probe::carried(self.target.provider, &event, &answer, &self.word) {
            Some(_) => Ok(Some((session, place.event))),
            None if answer.is_empty() => {
                Err(format!("`{}` had no answer, though a message waits", self.line(place)))
            }
            None => Err(format!(
                "the answer of `{}` is not what {} reads: {}",
                self.line(place),
                card.name,
                String::from_utf8_lossy(&answer).chars().take(200).collect::<String>()
            )),
        }
    }

    /// The server is greeted, asked for its tools and called. Gives how many tools it offers.
    fn server(&self, session: Option<SessionId>) -> Result<Option<usize>, String> {
        let card = self.target.card();
        let Some(launch) = probe::server(self.plan, self.want) else { return Ok(None) };
        // A name may end with a sign that stands for anything.
        let name =
            card.mcp_clients.first().map_or("session-bridge-doctor", |name| name.trim_end_matches('*'));
        let folder = self.scratch.folder();
        let probe = self.probe("", &folder);
        let mut command = self.scratch.command(&launch);
        command.envs(probe::server_env(card, &probe));
        let mut client = Client::start(command, name)?;
        let listed = client.request("tools/list", &json!({}))?;
        let tools = listed["tools"].as_array().map_or(0, Vec::len);
        if tools == 0 {
            return Err("it offers no tools".to_owned());
        }
        let told = client.request("tools/call", &probe::call(card, &probe, TOOL))?;
        let told = &told["structuredContent"];
        match session {
            Some(session) if told["id"] != json!(session.to_string()) => {
                Err(format!("{TOOL} does not answer for the session of the hook: {told}"))
            }
            _ => Ok(Some(tools)),
        }
    }

    fn probe<'a>(&'a self, event: &'a str, cwd: &'a std::path::Path) -> Probe<'a> {
        Probe { event, session: &self.word, turn: &self.word, nonce: &self.word, cwd }
    }

    fn launch(&self, spec: &HookSpec) -> Launch {
        probe::hook(self.target.card(), self.plan, self.want, spec.event)
    }

    fn line(&self, spec: &HookSpec) -> String {
        match self.launch(spec).command {
            Command::Line(line) => line,
            Command::Words(words) => words.join(" "),
        }
    }

    /// Runs the hook's entry for an event. Gives the answer and the payload that it was given.
    fn fire(&self, spec: &HookSpec) -> Result<(Vec<u8>, String), String> {
        let folder = self.scratch.folder();
        let payload = self.target.provider.probe(&self.probe(spec.event, &folder)).to_string();
        let command = self.scratch.command(&self.launch(spec));
        let ran = bounded::run(command, payload.as_bytes(), HOOK_LIMIT)
            .map_err(|why| format!("`{}`: {why}", self.line(spec)))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr).chars().take(200).collect::<String>();
            return Err(format!("`{}` ended with {}: {}", self.line(spec), ran.status, said.trim()));
        }
        Ok((ran.stdout, payload))
    }

    /// The session that the hook has taken note of.
    fn registered(&self) -> Result<Option<SessionId>, String> {
        let home = self.scratch.home();
        if !home.store().exists() {
            return Ok(None);
        }
        let views = self.store()?.sessions(None, false).map_err(|error| error.to_string())?;
        let ours = |provider: &str, native: &str| provider == self.target.id() && native == self.word;
        let found = views.iter().map(|view| &view.session).find(|s| ours(&s.provider, &s.native));
        Ok(found.map(|session| session.id))
    }

    /// A message that wakes nobody: no door may be rung for a session that does not exist.
    fn send(&self, session: SessionId) -> Result<(), String> {
        let mut store = self.store()?;
        let room = store.session(session).map_err(|error| error.to_string())?.room;
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "doctor".to_owned(), as_session: None },
            room: &room,
            to: &self.word,
            kind: Kind::Status,
            subject: None,
            body: &self.word,
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        store.send(&draft, &[session]).map(drop).map_err(|error| error.to_string())
    }

    fn store(&self) -> Result<Store, String> {
        Store::open(&self.scratch.home(), Role::Cli).map_err(|error| error.to_string())
    }
}
