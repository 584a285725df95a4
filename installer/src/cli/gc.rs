//! `gc`: clear away what nobody will ask for again.

use std::time::Duration;

use serde_json::json;
use session_bridge_store::{AsideFile, Collected, Kept};

use super::context::Context;
use super::{Status, duration};
use crate::exit;
use crate::term::{put, style};

/// Clear away read mail that is old, and sessions that ended long ago.
///
/// Threads go as a whole, once their last change is older than the retention (`limits.retention_days`, 30 days by
/// default) and nothing in them is unread, under way or an open question. Of a message to several that one of them has not
/// read, the deliveries go that others read or declined as long ago, and those put out to sessions that then ended. Unread
/// mail is never removed. The MCP servers do the same by themselves, once a day.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What changed last so long ago goes: 30d, 12h, or never. Default: `limits.retention_days` of settings.json.
    #[arg(long, value_name = "DURATION", value_parser = older_than)]
    older_than: Option<Age>,
    /// Say what would go, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Also remove damaged stores that were set aside, once they were salvaged as long ago.
    #[arg(long)]
    remove_set_aside: bool,
}

/// How old is old.
#[derive(Debug, Clone, Copy)]
struct Age(Option<Duration>);

fn older_than(text: &str) -> Result<Age, String> {
    match text {
        "never" => Ok(Age(None)),
        _ => duration::parse(text).map(|age| Age(Some(age))).map_err(|why| format!("{why}, or `never`")),
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let age = match args.older_than {
        Some(Age(age)) => age.map(duration::millis),
        None => store.limits().retention_ms(),
    };
    let before = store.bytes();
    let (done, hold) = match age {
        Some(age) => {
            let collection = store.gc(age, args.dry_run)?;
            (collection.report().clone(), collection.longest_hold())
        }
        None => (Collected::default(), Duration::ZERO),
    };
    let removes = args.remove_set_aside && !args.dry_run;
    let removed = match age.filter(|_| removes) {
        Some(age) => store.remove_aside(age)?,
        None => Vec::new(),
    };
    let aside = store.aside()?;
    let after = store.bytes();
    let ui = context.ui;
    if ui.json {
        let Collected { threads, messages, deliveries, singly, traces, sessions, kept } = &done;
        ui.document(&json!({
            "dry_run": args.dry_run,
            "older_than_s": age.map(|ms| ms / 1000),
            "removed": {
                "threads": threads, "messages": messages, "deliveries": deliveries, "singly": singly,
                "traces": traces, "sessions": sessions,
            },
            "kept": kept,
            "bytes": { "before": before, "after": after },
            "longest_lock_ms": u64::try_from(hold.as_millis()).unwrap_or(u64::MAX),
            "set_aside": {
                "there": aside,
                "removed": removed,
            },
        }))?;
        return Ok(exit::OK);
    }
    let mut text = match age {
        None => "Everything is kept for ever: nothing was looked at.\n".to_owned(),
        Some(_) => told(&done, args.dry_run),
    };
    let (dim, size) = (style::DIM, size);
    if args.dry_run || before == after {
        put!(text, "  {dim}the store has{dim:#} {}\n", size(after));
    } else {
        put!(text, "  {dim}the store has{dim:#} {}{dim}; it had{dim:#} {}\n", size(after), size(before));
    }
    for file in &removed {
        put!(text, "  {dim}removed{dim:#} {} {dim}({}){dim:#}\n", file.path.display(), size(file.bytes));
    }
    for file in &aside {
        put!(text, "{}", of_aside(file));
    }
    ui.say(&text)?;
    Ok(exit::OK)
}

fn told(done: &Collected, dry_run: bool) -> String {
    let good = style::GOOD;
    let mut text = match (done.messages, done.sessions, done.traces, done.singly) {
        (0, 0, 0, 0) => "Nothing is to be cleared away.\n".to_owned(),
        (messages, sessions, _, singly) => {
            let what = format!(
                "{} of {}, and {} that ended",
                some(messages, "message"),
                some(done.threads, "thread"),
                some(sessions, "session")
            );
            let parts = match singly {
                0 => String::new(),
                1 => ", 1 delivery of a message that stays".to_owned(),
                _ => format!(", {singly} deliveries of messages that stay"),
            };
            let traces = some(done.traces, "trace");
            if dry_run {
                format!("would clear away {what}{parts}, with {traces}; nothing was changed\n")
            } else {
                format!("{good}✓{good:#} cleared away {what}{parts}, with {traces}\n")
            }
        }
    };
    let Kept { unread, open, in_use, changed } = done.kept;
    let stays = [
        (unread, "with unread mail"),
        (open, "with an open question"),
        (in_use, "with something under way"),
        (changed, "with a change since"),
    ];
    for (count, why) in stays.into_iter().filter(|(count, _)| *count > 0) {
        let (dim, stays) = (style::DIM, if count == 1 { "stays" } else { "stay" });
        put!(text, "  {} {dim}{stays}, {why}{dim:#}\n", some(count, "old thread"));
    }
    text
}

fn of_aside(file: &AsideFile) -> String {
    let (warn, dim, path, size) = (style::WARN, style::DIM, file.path.display(), size(file.bytes));
    let what = match file.salvaged {
        Some(_) => "was set aside and salvaged; `gc --remove-set-aside` removes it once that is old",
        None => "was set aside and not salvaged yet; run `session-bridge doctor --fix`",
    };
    format!("  {warn}!{warn:#} {path} {dim}({size}){dim:#} {what}\n")
}

fn some(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| bytes.saturating_mul(10) / unit;
    let (tenths, unit) = match bytes {
        0..1_024 => return format!("{bytes} bytes"),
        1_024..1_048_576 => (tenths(1_024), "KiB"),
        _ => (tenths(1_048_576), "MiB"),
    };
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}
