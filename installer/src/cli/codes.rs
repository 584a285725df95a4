//! Every stable code that a person or program can meet, with what it means. `docs/errors.md` is this table; a test
//! holds it against the source, so that no code is missing and none is stale.

use crate::exit::{BUG, BUSY, CLASH, NOT_WELL, USAGE};

/// One code: its name, the exit status of a command that meets it, and what it means.
pub type Code = (&'static str, u8, &'static str);

/// In alphabetical order.
pub const CODES: &[Code] = &[
    ("already_out", USAGE, "The message has already reached a session, so it cannot be withdrawn."),
    ("ambiguous_message", USAGE, "Several messages begin with what was given of the id."),
    ("ambiguous_recipient", USAGE, "Several sessions answer to the address; the error lists them."),
    ("bad_address", USAGE, "The text is no address."),
    ("bad_kind", USAGE, "The kind cannot be sent: it is `system`, or not a word."),
    ("bad_name", USAGE, "A label, role or room is outside the grammar of names."),
    ("bad_session_id", USAGE, "`SESSION_BRIDGE_SESSION_ID` does not hold an id."),
    (
        "bin_clash",
        CLASH,
        "Something that is not a link of ours stands at a path in `bin/` of the bridge's home.",
    ),
    ("blocked", USAGE, "The recipient's user blocked the sender; nothing was stored."),
    ("body_not_text", USAGE, "The body is not UTF-8."),
    ("body_too_large", USAGE, "The body is over 64 KiB. Nothing is ever cut off silently."),
    ("bug", BUG, "A fault of session-bridge itself."),
    (
        "codex_app_server",
        NOT_WELL,
        "`codex app-server` did not answer as it should; the review of hooks could not be read or noted.",
    ),
    (
        "codex_not_found",
        NOT_WELL,
        "The program `codex` is not on PATH, so the review of hooks could not be noted.",
    ),
    ("config_busy", BUSY, "Another program keeps writing a configuration file, or holds our lock."),
    ("config_clash", CLASH, "Somebody else's value is in the way in a configuration file."),
    ("config_damaged_ledger", NOT_WELL, "The ledger cannot be understood."),
    ("config_denied", CLASH, "A configuration file may not be changed by this user."),
    ("config_guard", BUG, "An edit would have changed more than our entries. Nothing was written."),
    ("config_io", NOT_WELL, "Reading or writing a configuration file failed."),
    ("config_newer_ledger", NOT_WELL, "A newer release wrote the ledger."),
    ("config_unparsable", CLASH, "A configuration file does not parse; the error has the line and column."),
    ("confirmation_needed", USAGE, "`init` would have to ask, and there is no terminal to ask on."),
    ("confusable_name", USAGE, "A name looks like another one that is in use."),
    ("demo_failed", NOT_WELL, "The demo did not come to its end; its sentence says where it stopped."),
    ("empty_body", USAGE, "The message has no text."),
    ("file_io", NOT_WELL, "Reading or writing a file failed."),
    ("folder_in_use", CLASH, "The folder for the plugin holds something else."),
    ("foreign_layout", CLASH, "The bridge's home holds another program's files."),
    (
        "home_not_text",
        USAGE,
        "The path of the bridge's home is not UTF-8, so no configuration file can name it.",
    ),
    ("mcp_failed", NOT_WELL, "The MCP server ended with a failure."),
    (
        "message_closed",
        USAGE,
        "The message was declined or failed, so it cannot be answered any more; or it was answered or is over otherwise, so it cannot be declined.",
    ),
    ("no_cli_found", NOT_WELL, "None of the supported agent CLIs is on this machine."),
    ("no_folder", USAGE, "The current folder cannot be told."),
    ("no_home", USAGE, "There is no home folder to keep state in."),
    ("not_shown_yet", USAGE, "The message was not shown to this session yet."),
    ("not_your_message", USAGE, "The message is neither to nor from this session."),
    ("one_session_needed", USAGE, "The address means several sessions where one is needed."),
    ("output", NOT_WELL, "Standard output cannot be written."),
    ("reason_too_long", USAGE, "The reason for declining is over 500 characters."),
    ("recipient_is_self", USAGE, "Only the sender itself answers to the address."),
    (
        "settings_damaged",
        CLASH,
        "`settings.json` in the bridge's home is not what session-bridge writes there.",
    ),
    ("signals", NOT_WELL, "The operating system refused to announce Ctrl-C."),
    ("store_busy", BUSY, "The store did not become free in time."),
    ("store_damaged", NOT_WELL, "The database's bytes are damaged."),
    ("store_failed", NOT_WELL, "The database refused for another reason."),
    ("store_full", NOT_WELL, "There is no space left for the store."),
    ("store_io", NOT_WELL, "Reading or writing a file of the store failed."),
    (
        "store_newer",
        NOT_WELL,
        "A newer release wrote the store. This one reads what it can, and writes nothing.",
    ),
    (
        "store_set_aside",
        BUSY,
        "The store was set aside while the message was written; it is salvaged with the rest.",
    ),
    (
        "store_unreadable",
        NOT_WELL,
        "The database lacks something that this version reads: a newer release changed it, or it is damaged.",
    ),
    ("subject_too_long", USAGE, "The subject is over 200 characters."),
    ("under_way", BUSY, "A body of the message is being put before the session just now; try again."),
    ("unknown_id", USAGE, "The text is neither a message nor a session."),
    ("unknown_message", USAGE, "There is no such message."),
    ("unknown_provider", USAGE, "There is no such provider."),
    ("unknown_recipient", USAGE, "Nobody answers to the address; the error lists near ones."),
    ("unknown_session", USAGE, "There is no such session."),
    ("unsupported_address", USAGE, "The kind of address is not served by this version."),
    ("usage", USAGE, "The command line cannot be understood."),
];

/// Codes that only tools of the MCP server give, in alphabetical order. They have no exit status.
pub const TOOL_CODES: &[(&str, &str)] = &[
    ("bad_arguments", "The tool's arguments are not what its schema says."),
    ("bad_id", "The text is no id."),
    ("conversation_ended", "The conversation that called has ended since; nothing was done in its name."),
    ("nobody_there", "There is no other session in the room."),
    ("not_bound", "The server knows its host, but not yet the session; nothing was stored."),
    ("not_your_question", "The question was asked by another session."),
    ("paused", "The user paused the session, its provider or the whole bridge; nothing was stored."),
    ("reply_to_oneself", "The message was sent by this session itself."),
    ("server_failed", "The server failed inside."),
    ("subagent_has_no_inbox", "A subagent called; the inbox is its parent's."),
    ("summary_too_long", "The summary is over its limit."),
    ("unknown_client", "The MCP client is none of the supported agent CLIs."),
    ("unknown_tool", "There is no such tool."),
];
