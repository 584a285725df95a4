//! Exit statuses of the `session-bridge` command. They are part of its interface and never change their meaning.

/// Done.
pub(crate) const OK: u8 = 0;
/// The command ran, and what it looked at is not well.
pub(crate) const NOT_WELL: u8 = 1;
/// The command line or a value in it cannot be used.
pub(crate) const USAGE: u8 = 2;
/// A wait ended without what it waited for.
pub(crate) const TIMEOUT: u8 = 3;
/// Something foreign is in the way, and was left as it is.
pub(crate) const CLASH: u8 = 20;
/// Somebody else holds what is needed; trying again may help.
pub(crate) const BUSY: u8 = 30;
/// A fault of session-bridge.
pub(crate) const BUG: u8 = 70;
/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// The table that `docs/errors.md` shows.
pub const TABLE: &[(u8, &str)] = &[
    (OK, "Done. Also when whoever read the output stopped reading."),
    (
        NOT_WELL,
        "The command ran, and something is not well: `doctor` found a problem, a message failed or expired, a file could not be read.",
    ),
    (USAGE, "The command line, or a value in it, cannot be used. Nothing was done."),
    (
        TIMEOUT,
        "A wait ended without what it waited for: `ask` without an answer, `receipts --follow` before the end. The message stays; `ask --resume <id>` waits again.",
    ),
    (CLASH, "Something of somebody else is in the way, and was left as it is."),
    (BUSY, "Another program holds the store or a file. Trying again may help."),
    (BUG, "A fault of session-bridge itself. Please report it."),
    (INTERRUPTED, "Ended by Ctrl-C."),
];
