//! The provider contract: one coding-agent CLI as data and a few pure functions.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::dialect;
use crate::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply};
use crate::host::Host;
use crate::id::ProviderId;
use crate::marks::Mark;
use crate::plan::{Format, Plan, Target, Value};
use crate::plugin::Plugin;
use crate::probe::Probe;

/// One coding-agent CLI. Implementations hold no state and do no I/O except through [`Host`].
pub trait Provider: Sync {
    /// Static facts. Everything user-visible about this provider is derived from the card.
    fn card(&self) -> &'static Card;

    /// Says where this CLI keeps its files, and whether it is on this machine.
    fn locate(&self, host: &dyn Host, scope: &Scope) -> Result<Site, LocateError>;

    /// What being installed means at this site. Pure: same site and want, same plan.
    fn plan(&self, site: &Site, want: &Want) -> Plan;

    /// What in the host's own configuration keeps the bridge's hooks or tools from running, a sentence each: switches that
    /// are the person's to set, so `doctor` names them and nothing changes them.
    fn hindrances(&self, _host: &dyn Host, _site: &Site) -> Vec<String> {
        Vec::new()
    }

    /// Files of other CLIs whose hooks or MCP servers this host runs as well: `doctor` says what comes of two installations.
    fn also_runs(&self, _host: &dyn Host, _scope: &Scope) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The payload of an event as this host would send it, with which `doctor` tries the hook out.
    fn probe(&self, probe: &Probe<'_>) -> Value {
        dialect::payload(probe)
    }

    /// Tells from what a program prints with `--version` whose it is, if it is another one under the same name: the bridge
    /// is not installed for such a one. None where no other one is known.
    fn namesake(&self) -> Option<fn(&str) -> Option<&'static str>> {
        None
    }

    /// What stands before the names of our tools where the host's model is not shown them until it looks for them. It is
    /// shown the instructions of our server: they then name the tools.
    fn tools_called(&self) -> Option<&'static str> {
        None
    }

    /// How this CLI takes the bridge as a plugin, where its plugin manager reads a folder of ours.
    fn plugin(&self) -> Option<&'static Plugin> {
        None
    }

    /// Host bytes to one neutral event. Accepts unknown fields, rejects garbage, never panics.
    fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError>;

    /// One neutral reply to this host's exact bytes and exit status.
    fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput;
}

/// Facts about one CLI, each stated once.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Stable name, also the folder of the provider's crate.
    pub id: ProviderId,
    /// The product's name.
    pub name: &'static str,
    /// A short word for labels made from a folder's name.
    pub short: &'static str,
    /// Program names to look for, best first.
    pub binaries: &'static [&'static str],
    /// What shows that this CLI runs a hook, whosever the entry is.
    pub marks: &'static [Mark],
    /// npm packages that hold the program: the version that their `package.json` names is the program's. A `*` at the end
    /// stands for a platform's name. Empty if the program does not come by npm, or if its package is numbered otherwise.
    pub packages: &'static [&'static str],
    /// `clientInfo.name` values that its MCP client sends. A `*` at the end stands for anything.
    pub mcp_clients: &'static [&'static str],
    /// Keys in `_meta` of an MCP call that hold the host's id of the call, as its hooks name it. Where there is none, the
    /// fence around the bodies of the result names the call: the host's tool event shows it.
    pub mcp_call_id: &'static [&'static str],
    /// How hooks and MCP calls name their session.
    pub identity: Identity,
    /// Host events that we ask for.
    pub hooks: &'static [HookSpec],
    /// Where text can reach the model through a hook.
    pub inject: &'static [Inject],
    /// How an idle session can be made to start a turn, best first.
    pub wake: &'static [Wake],
    /// What proves that the result of an MCP call reached the model.
    pub pull: Proof,
    /// Whether MCP servers may outlive the window that a person looks at.
    pub servers_outlive_window: bool,
    /// Things that only the human may do after `init`.
    pub human_steps: &'static [Step],
    /// Versions that the facts were measured against, oldest first.
    pub verified: &'static [Verified],
    /// Why the CLI was never run for that. Its facts were then read from what `verified` names, and no event of it proves
    /// that a text arrived: mail counts as `offered` until a call or answer names it.
    pub not_run: Option<&'static str>,
}

impl Card {
    /// The hook entry for one of the host's events.
    pub fn hook(&self, event: &str) -> Option<&'static HookSpec> {
        self.hooks.iter().find(|spec| spec.event == event)
    }

    /// Whether its MCP client introduces itself as `name`.
    pub fn is_mcp_client(&self, name: &str) -> bool {
        self.mcp_clients.iter().any(|pattern| fits(pattern, name))
    }

    /// Whether an npm package of this name holds the program.
    pub fn is_package(&self, name: &str) -> bool {
        self.packages.iter().any(|pattern| fits(pattern, name))
    }

    /// Whether a process hosts one conversation at a time, so that hook and MCP server find each other by it.
    pub fn one_per_process(&self) -> bool {
        self.identity.mcp.contains(&Source::HostProcess)
    }

    /// Whether a beginning is told by the MCP server's instructions: neither a start nor a prompt takes a text here.
    pub fn introduced_by_server(&self) -> bool {
        self.inject_at(Moment::SessionStart).is_none() && self.inject_at(Moment::PromptSubmit).is_none()
    }

    /// Whether mail can start a turn in an idle session, if its agent does keep a command of ours running (`watched`) or
    /// does not.
    pub fn wakes(&self, watched: bool) -> bool {
        self.wake.iter().any(|wake| watched || !matches!(wake, Wake::Monitor { .. }))
    }

    /// The door that an agent holds open.
    pub fn monitor_door(&self) -> Option<MonitorDoor> {
        self.wake.iter().find_map(|wake| match *wake {
            Wake::Monitor { name, how } => Some(MonitorDoor { name, how }),
            _ => None,
        })
    }

    /// The door that senders ring: its name, the variables it needs and its arguments.
    pub fn command_door(&self) -> Option<CommandDoor> {
        self.wake.iter().find_map(|wake| match *wake {
            Wake::Command { name, env, args, queues } => Some(CommandDoor { name, env, args, queues }),
            Wake::Socket { .. } | Wake::Watch { .. } | Wake::Monitor { .. } => None,
        })
    }

    /// The door by which a file is watched for us, if a session with this environment needs it.
    pub fn watched_door(&self, env: impl Fn(&str) -> Option<OsString>) -> Option<WatchedDoor> {
        self.wake.iter().find_map(|wake| match *wake {
            Wake::Watch { name, unless, not_where } => {
                let better = unless.is_some_and(|unless| env(unless).is_some_and(|value| !value.is_empty()));
                let marked =
                    not_where.iter().any(|(name, value)| env(name).is_some_and(|found| found == *value));
                (!better && !marked).then_some(WatchedDoor { name, last: unless.is_some() })
            }
            _ => None,
        })
    }

    /// What may be put before the model at a moment, if anything.
    pub fn inject_at(&self, moment: Moment) -> Option<&'static Inject> {
        self.inject.iter().find(|inject| inject.moment == moment)
    }
}

/// Whether a name is the pattern, or begins as it does up to its `*`.
fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// One of the host's events, and how long it waits for us.
#[derive(Debug, Clone, Copy)]
pub struct HookSpec {
    /// The host's name for it.
    pub event: &'static str,
    /// What it is in neutral words.
    pub moment: Moment,
    /// The time limit that we configure, in seconds; each provider writes it in its host's unit, some in milliseconds.
    pub timeout_secs: u32,
}

/// Text may reach the model at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Inject {
    /// When.
    pub moment: Moment,
    /// The longest text in bytes that arrives whole.
    pub max_bytes: usize,
    /// Whether bodies may go out here, or headers only.
    pub bodies: bool,
    /// What proves that it arrived.
    pub proof: Proof,
    /// The host makes the text its next prompt, as some do with the reason of a block. It then begins with its attempt's
    /// id, so that this prompt is known for one that begins no turn ([`echo`](crate::echo)). That it came back proves
    /// nothing: after Esc the host may put no request to its model. Or the host shows each request to its model before it
    /// goes out, and the text is found there by that id ([`By::ModelRequest`]).
    pub comes_back: bool,
}

impl Inject {
    /// Bodies may go out.
    pub const fn bodies(moment: Moment, max_bytes: usize, proof: Proof) -> Self {
        Self { moment, max_bytes, bodies: true, proof, comes_back: false }
    }

    /// Headers only; nothing needs to be proven.
    pub const fn headers(moment: Moment, max_bytes: usize) -> Self {
        Self { moment, max_bytes, bodies: false, proof: Proof::NONE, comes_back: false }
    }

    /// The same, where the host makes the text its next prompt or shows the request that holds it.
    #[must_use]
    pub const fn coming_back(self) -> Self {
        Self { comes_back: true, ..self }
    }
}

/// Events of the same turn and conversation that prove an attempt, by the rules' evidence table.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// Any of these shows that the host took our output.
    pub injected: &'static [By],
    /// Any of these shows that the model answered after it.
    pub seen: &'static [By],
}

impl Proof {
    /// The same events prove both.
    pub const fn both(by: &'static [By]) -> Self {
        Self { injected: by, seen: by }
    }

    /// Nothing proves it.
    pub const NONE: Self = Self { injected: &[], seen: &[] };
}

/// One kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// A request to the model that holds the attempt's text, whose first line names it.
    ModelRequest,
    /// Any tool event of the turn: for text that the model was given before its first call.
    AnyTool,
    /// A later tool event that names tool calls, and none of those that the text went out with.
    AfterTool,
    /// The tool event that lists the very call whose result carried the text.
    AfterToolOfCall,
    /// The turn's end with an answer.
    TurnEnd,
    /// The end of a turn that had ended before and went on because a hook asked for it.
    ContinuedTurnEnd,
}

/// A door: what starts a turn in an idle session without a key being pressed. It carries a nudge, never a body.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Wake {
    /// A Unix socket of the host's, known to the session's own MCP server alone: the host hands path and token to it.
    Socket {
        /// Its name in receipts and documents.
        name: &'static str,
        /// The variable with the socket's path.
        path: &'static str,
        /// The variable with the token. It stays in the server.
        token: &'static str,
        /// A variable and the value of it that marks a run for one prompt: it is never idle, only about to end.
        not_where: (&'static str, &'static str),
        /// What is written for a token and a text.
        lines: fn(&str, &str) -> Vec<u8>,
    },
    /// The host, or a plugin of ours in it, watches a file for us and runs our hook when it changes, whose answer starts a
    /// turn.
    Watch {
        /// Its name in receipts and documents.
        name: &'static str,
        /// The variable that stands for a better door: then this one is not used, and until that shows it leaves others
        /// time. Without one a wake is its own at once.
        unless: Option<&'static str>,
        /// Variables and the values of them that mark a run without a person: it would be kept from ending.
        not_where: &'static [(&'static str, &'static str)],
    },
    /// A command of the host's own program that hands a prompt to a session. Whoever sends starts it, in the
    /// environment of the recipient.
    Command {
        /// Its name in receipts and documents.
        name: &'static str,
        /// The variables of the recipient's hook that the command runs with; it gets no others.
        env: &'static [&'static str],
        /// The arguments for a native session id and a text.
        args: fn(&str, &str) -> Vec<String>,
        /// What it takes waits behind the turn that is under way, and after an interruption until the next prompt.
        queues: bool,
    },
    /// The agent keeps a command of ours running, if its user wants that, and the host starts a turn for each line that
    /// the command prints.
    Monitor {
        /// Its name in receipts and documents.
        name: &'static str,
        /// What the agent does to keep a command running, in words for it.
        how: &'static str,
    },
}

/// The parts of a [`Wake::Monitor`].
#[derive(Debug, Clone, Copy)]
pub struct MonitorDoor {
    /// Its name in receipts and documents.
    pub name: &'static str,
    /// What the agent does to keep a command running.
    pub how: &'static str,
}

/// The parts of a [`Wake::Command`].
#[derive(Debug, Clone, Copy)]
pub struct CommandDoor {
    /// Its name in receipts and documents.
    pub name: &'static str,
    /// The variables of the recipient's hook that the command runs with.
    pub env: &'static [&'static str],
    /// The arguments for a native session id and a text.
    pub args: fn(&str, &str) -> Vec<String>,
    /// What it takes waits behind the turn that is under way, and after an interruption until the next prompt.
    pub queues: bool,
}

/// The parts of a [`Wake::Watch`] that a session needs.
#[derive(Debug, Clone, Copy)]
pub struct WatchedDoor {
    /// Its name in receipts and documents.
    pub name: &'static str,
    /// The host has a better one: this is the last means.
    pub last: bool,
}

impl Wake {
    /// Its name in receipts and documents.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Socket { name, .. }
            | Self::Command { name, .. }
            | Self::Watch { name, .. }
            | Self::Monitor { name, .. } => name,
        }
    }

    /// For documents: who uses it and how.
    pub fn describe(&self) -> String {
        match self {
            Self::Socket { name, path, .. } => {
                format!("{name}: the session's own MCP server writes to `{path}`")
            }
            Self::Watch { name, unless: Some(unless), .. } => {
                format!(
                    "{name}: where `{unless}` is not set, the host watches the session's bell and runs the hook"
                )
            }
            Self::Watch { name, unless: None, .. } => {
                format!("{name}: the bridge's plugin in the host watches the session's bell and prompts it")
            }
            Self::Monitor { name, .. } => {
                format!(
                    "{name}: while the agent keeps `session-bridge watch` running, as its user asked it to"
                )
            }
            Self::Command { name, args, .. } => {
                format!(
                    "{name}: the sender runs `{}` in the recipient's environment",
                    args("ID", "NUDGE").join(" ")
                )
            }
        }
    }
}

/// How a session is named, by the host's own evidence, best attested first.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// For hooks.
    pub hook: &'static [Source],
    /// For MCP calls.
    pub mcp: &'static [Source],
}

/// One source of identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A field of the hook's payload.
    Field(&'static str),
    /// The host process that hook and server share; its session is what its hooks said last.
    HostProcess,
    /// The same where one process may host several conversations: it names one only while it has no other.
    SharedProcess,
    /// A variable that the host sets when it starts the server; believed only until a hook says otherwise.
    SpawnEnv(&'static str),
    /// A variable that the host sets in each server's environment: it starts one server for each session.
    ServerEnv(&'static str),
    /// `_meta` of each call. Where `root` differs from `thread`, the caller is a subagent.
    Meta {
        /// The key that names the conversation.
        thread: &'static str,
        /// The key that names the conversation which owns the inbox.
        root: &'static str,
    },
    /// What a plugin of ours adds to the arguments of each call ([`identity::Claim`](crate::identity::Claim)).
    Argument,
}

impl Source {
    /// For documents and `doctor`.
    pub fn describe(self) -> String {
        match self {
            Self::Field(name) => format!("hook payload `{name}`"),
            Self::HostProcess => "shared host process".to_owned(),
            Self::SharedProcess => "shared host process, while it has one session".to_owned(),
            Self::SpawnEnv(name) => format!("`{name}` at server start"),
            Self::ServerEnv(name) => format!("`{name}` of the session's own server"),
            Self::Meta { thread, .. } => format!("`_meta.{thread}` of each call"),
            Self::Argument => format!("`{}` that our plugin adds to each call", crate::identity::ARGUMENT),
        }
    }
}

/// Something that only the human may do after `init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start a new session: running ones load hooks and tools at their start only.
    NewSession,
    /// What this line of whole sentences says.
    Do(&'static str),
    /// The same; needless where the person gave this consent.
    Unless(Consent, &'static str),
}

impl Step {
    /// The step as a sentence, for a CLI of this name.
    pub fn text(&self, name: &str) -> Cow<'static, str> {
        match self {
            Self::NewSession => {
                Cow::Owned(format!("Start a new {name} session: running ones have not loaded the bridge."))
            }
            Self::Do(text) | Self::Unless(_, text) => Cow::Borrowed(text),
        }
    }

    /// The consent that makes it needless.
    pub const fn settled_by(&self) -> Option<Consent> {
        match self {
            Self::Unless(consent, _) => Some(*consent),
            Self::NewSession | Self::Do(_) => None,
        }
    }
}

/// What a person may agree to beyond the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The bridge's tools run unasked: [`Want::allow_tools`].
    AllowTools,
    /// The bridge's hooks count as reviewed by the person.
    TrustHooks,
}

/// A version of the CLI that the provider was run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The CLI's version.
    pub version: &'static str,
    /// ISO date.
    pub date: &'static str,
}

/// Whose configuration is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The user's own, for every folder.
    User,
    /// One project's, shared with whoever checks it out.
    Project(PathBuf),
}

/// Where one CLI keeps what we have to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The program, if it is on `PATH`.
    pub program: Option<PathBuf>,
    /// Whether the CLI seems to be used on this machine: a program, or its folder.
    pub present: bool,
    /// The file with the hooks.
    pub hooks_file: PathBuf,
    /// The file with the MCP servers.
    pub mcp_file: PathBuf,
    /// The file in which the host itself notes what it derives from our entries, such as trust in a hook. In a
    /// project's scope it is still the user's own.
    pub derived_file: Option<PathBuf>,
    /// Whose it is.
    pub scope: Scope,
}

impl Site {
    /// A file of this site to edit. The user's own are private; a project's are made to be checked out by others.
    pub fn target(&self, path: impl Into<PathBuf>, format: Format) -> Target {
        let target = Target::new(path, format);
        match self.scope {
            Scope::User => target,
            Scope::Project(_) => target.mode(0o644),
        }
    }
}

/// A CLI's files cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// There is no home folder, and the CLI's own variable is not set.
    #[error("no home folder: set HOME or {0}")]
    NoHome(&'static str),
    /// There is no home folder, and nothing but that places the CLI's files.
    #[error("no home folder: set HOME")]
    NoHomeAtAll,
}

/// What the person asked for, beyond the bare installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The hook's constant path.
    pub hook_program: PathBuf,
    /// The MCP server's constant path.
    pub main_program: PathBuf,
    /// `SESSION_BRIDGE_HOME`, where it is not the default and hosts must hand it on.
    pub home_override: Option<PathBuf>,
    /// Consent to run the bridge's tools unasked, where the host has such a rule.
    pub allow_tools: bool,
}
