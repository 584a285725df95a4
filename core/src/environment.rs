//! Every environment variable that the bridge itself defines. `docs/environment.md` is generated from this table.

/// One variable: its name, what it means, and the version that brought it.
#[derive(Debug, Clone, Copy)]
pub struct EnvVar {
    /// The variable's name.
    pub name: &'static str,
    /// What setting it does, in one or two sentences.
    pub meaning: &'static str,
    /// First version that reads it.
    pub since: &'static str,
}

/// Where the bridge keeps its state.
pub const HOME: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_HOME",
    meaning: "Folder for all of the bridge's state. Default: `~/.session-bridge`.",
    since: "0.1.0",
};

/// Identity override for scripts and tests.
pub const SESSION_ID: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_SESSION_ID",
    meaning: "Bridge session id (ULID) that this process speaks as. It belongs to the first live conversation that claims it.",
    since: "0.1.0",
};

/// The room of sessions started with it.
pub const ROOM: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_ROOM",
    meaning: "Room that a session started with this variable joins. Default: the provider's room from `init --room`, else `default`.",
    since: "0.1.0",
};

/// The label of sessions started with it.
pub const LABEL: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_LABEL",
    meaning: "Label that a session started with this variable asks for. Default: the provider's label from `init --label`, else provider and folder name.",
    since: "0.1.0",
};

/// The roles of sessions started with it.
pub const ROLES: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_ROLES",
    meaning: "Comma-separated roles that a session started with this variable answers to, in addition to those from `init --role`.",
    since: "0.1.0",
};

/// Whether hooks and servers log each call.
pub const LOG: EnvVar = EnvVar {
    name: "SESSION_BRIDGE_LOG",
    meaning: "`debug` makes hooks log every event, and servers every tool call, with its time, to `log/hook.log` and `log/server.log` in the bridge's home. Failures are always logged, the bodies of messages never. At 1 MiB a log begins anew and the former one stays beside it as `.1`.",
    since: "0.1.0",
};

/// The whole table, in the order the page shows it.
pub const ALL: &[EnvVar] = &[HOME, SESSION_ID, ROOM, LABEL, ROLES, LOG];
