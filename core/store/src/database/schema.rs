//! The database's tables.

use rusqlite::Connection;

use crate::error::StoreError;

/// The format that this version writes; kept in `PRAGMA user_version`.
pub(crate) const FORMAT: i64 = 1;
/// `SBRG`, kept in `PRAGMA application_id`.
pub(crate) const APPLICATION: i64 = 0x5342_5247;

/// What a standing bell means, over the columns of `delivery`. The partial index has the same words, so that looking
/// costs what is unread and nothing else. Statements name the index (`INDEXED BY`): SQLite would rather walk a session's
/// whole history in the primary key.
pub(crate) const HOT: &str = "(attempt IS NOT NULL OR doubt = 1 OR (state = 'stored' AND parked = 0))";

/// What is unread, over the columns of `delivery`: nothing proves that the body reached the model, nor did the model say
/// that it dealt with it. The partial index `delivery_unread` has the same words.
pub(crate) const UNREAD: &str = "(state IN ('stored', 'offered') AND marked IS NULL)";

const TABLES: &str = "
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    native TEXT NOT NULL,
    host_pid INTEGER,
    host_start INTEGER,
    room TEXT NOT NULL,
    label TEXT NOT NULL,
    roles TEXT NOT NULL,
    cwd TEXT NOT NULL,
    repo TEXT,
    summary TEXT,
    conversation INTEGER NOT NULL DEFAULT 1,
    guarded INTEGER NOT NULL DEFAULT 0,
    turn TEXT,
    said TEXT,
    subagents INTEGER NOT NULL DEFAULT 0,
    hop INTEGER NOT NULL DEFAULT 0,
    hop_at INTEGER NOT NULL DEFAULT 0,
    owes TEXT,
    -- The newest of its deliveries that was collected after the body was put out: what is older is late.
    collected INTEGER NOT NULL DEFAULT 0,
    started INTEGER NOT NULL,
    ended INTEGER,
    end_reason TEXT
) WITHOUT ROWID, STRICT;
CREATE INDEX session_room ON session(room) WHERE ended IS NULL;
CREATE INDEX session_host ON session(host_pid) WHERE ended IS NULL;

CREATE TABLE alias (
    provider TEXT NOT NULL,
    native TEXT NOT NULL,
    session TEXT NOT NULL,
    PRIMARY KEY (provider, native)
) WITHOUT ROWID, STRICT;
CREATE INDEX alias_session ON alias(session);

CREATE TABLE ignored_claim (
    session TEXT PRIMARY KEY,
    claimed TEXT NOT NULL,
    shared INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    room TEXT NOT NULL,
    thread TEXT NOT NULL,
    reply_to TEXT,
    sender TEXT,
    sender_name TEXT NOT NULL,
    sender_provider TEXT,
    via TEXT NOT NULL,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT,
    body TEXT NOT NULL,
    urgency TEXT NOT NULL,
    hop INTEGER NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    boot TEXT,
    boot_expires INTEGER,
    -- How many of its deliveries were collected before it.
    cleared INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX message_thread ON message(thread);
CREATE INDEX message_sender ON message(sender) WHERE sender IS NOT NULL;

CREATE TABLE delivery (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'stored',
    parked INTEGER NOT NULL DEFAULT 0,
    wakes INTEGER NOT NULL DEFAULT 1,
    doubt INTEGER NOT NULL DEFAULT 0,
    attempt TEXT,
    -- 1: its header was put out; 2: its body was, or may have been.
    shown INTEGER NOT NULL DEFAULT 0,
    -- It was announced, and nobody knows whether that arrived.
    announced INTEGER NOT NULL DEFAULT 0,
    marked INTEGER,
    answer TEXT,
    remark TEXT,
    -- Of its message, if that has a lifetime: what may still expire is found without a look at what did.
    sender TEXT,
    expires INTEGER,
    boot TEXT,
    boot_expires INTEGER,
    PRIMARY KEY (session, seq)
) WITHOUT ROWID, STRICT;
CREATE INDEX delivery_message ON delivery(seq);
CREATE INDEX delivery_remark ON delivery(session) WHERE remark IS NOT NULL;
CREATE INDEX delivery_due ON delivery(session, expires) WHERE state = 'stored' AND expires IS NOT NULL;
CREATE INDEX delivery_sender_due ON delivery(sender, expires) WHERE state = 'stored' AND expires IS NOT NULL;

CREATE TABLE rule (
    reader TEXT NOT NULL,
    kind TEXT NOT NULL,
    peer TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (reader, kind, peer)
) WITHOUT ROWID, STRICT;

CREATE TABLE fanout (
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    wakes INTEGER NOT NULL DEFAULT 1,
    remark TEXT,
    PRIMARY KEY (seq, session)
) WITHOUT ROWID, STRICT;

CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    surface TEXT,
    evidence TEXT
) STRICT;
CREATE INDEX step_delivery ON step(seq, session);

CREATE TABLE attempt (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    turn TEXT,
    surface TEXT NOT NULL,
    event TEXT NOT NULL,
    call TEXT,
    server TEXT,
    guards INTEGER NOT NULL DEFAULT 0,
    -- No event of the host proves that it arrived; a call of its model that names what it holds does.
    by_name INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'open',
    created INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX attempt_alive ON attempt(session) WHERE status IN ('open', 'written', 'injected');
CREATE INDEX attempt_guards ON attempt(session) WHERE guards = 1;
CREATE INDEX attempt_turn_end ON attempt(session, turn) WHERE surface = 'turn-end';

CREATE TABLE item (
    attempt TEXT NOT NULL,
    seq INTEGER NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (attempt, seq)
) WITHOUT ROWID, STRICT;

CREATE TABLE claim (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    server TEXT NOT NULL,
    reply_to TEXT,
    sender TEXT,
    kind TEXT,
    thread TEXT,
    until INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX claim_session ON claim(session);

CREATE TABLE wake (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    due INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    tried INTEGER,
    closed INTEGER
) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX wake_open ON wake(session) WHERE closed IS NULL;
CREATE INDEX wake_due ON wake(due) WHERE closed IS NULL AND due IS NOT NULL;
CREATE INDEX wake_session ON wake(session, tried);

CREATE TABLE rung (
    who TEXT NOT NULL,
    at INTEGER NOT NULL,
    wake TEXT NOT NULL,
    PRIMARY KEY (who, at, wake)
) WITHOUT ROWID, STRICT;

CREATE TABLE salvaged (
    generation INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- One row: when the last collection began and came to its end, and the greatest id that one removed.
CREATE TABLE collection (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    began INTEGER NOT NULL,
    ended INTEGER,
    newest TEXT NOT NULL DEFAULT ''
) STRICT;
";

/// The format of the open database; 0 for an empty one.
pub(crate) fn format(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))?)
}

/// Refuses a format that this version must not write.
pub(crate) fn expect_ours(db: &Connection) -> Result<(), StoreError> {
    match format(db)? {
        found if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }),
        _ => Ok(()),
    }
}

/// Creates the tables in an empty database. Two processes may try at once: the second finds them there.
pub(crate) fn create(db: &mut Connection) -> Result<(), StoreError> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if format(&tx)? == 0 {
        tx.execute_batch(TABLES)?;
        tx.execute_batch(&format!("CREATE INDEX delivery_hot ON delivery(session, seq) WHERE {HOT}"))?;
        tx.execute_batch(&format!(
            "CREATE INDEX delivery_unread ON delivery(session, parked) WHERE {UNREAD}"
        ))?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
    }
    tx.commit()?;
    Ok(())
}
