//! The store: whether it is whole, and what is done about one that is not (rule D8).

use std::time::Instant;

use session_bridge_store::{Clock, Presence, Store, StoreError};

use super::bridge::GROUP;
use super::check::{Check, Checks};
use super::claims;
use crate::cli::context::Context;
use crate::cli::gc;
use crate::report::Failure;
use crate::term::ago;

const FIX: &str = "session-bridge doctor --fix";
/// A store of so many bytes is worth a word.
const LARGE: u64 = 64 << 20;
/// Servers clear once a day; after so many milliseconds none of them did.
const LONG_MS: i64 = 7 * 86_400_000;

/// Reads the whole store, and names those that were set aside and not salvaged yet.
pub(super) fn look(context: &Context, checks: &mut Checks) -> Result<(), Failure> {
    if !context.home.store().exists() {
        checks.add(Check::note(GROUP, "store", "no store yet: it is made with the first session or message"));
        return Ok(());
    }
    let began = Instant::now();
    let mut store = context.store()?;
    let path = store.path().display().to_string();
    let faults = match store.integrity() {
        Ok(faults) => faults,
        Err(StoreError::Damaged { detail, .. }) => vec![detail],
        Err(error) => return Err(error.into()),
    };
    if !faults.is_empty() {
        let check = Check::fail(GROUP, "store", format!("{path} is damaged"));
        checks.add(check.detail(faults.join("\n")).help(FIX));
        return Ok(());
    }
    if let Err(error) = store.expect_writable() {
        checks.add(Check::failed(GROUP, "store", &error.into()));
    }
    for aside in store.unsalvaged()? {
        let what = format!("{} was set aside and not salvaged yet", aside.path.display());
        checks.add(Check::fail(GROUP, "salvage", what).help(FIX));
    }
    too_large(&store, checks)?;
    let sessions = store.sessions(None, false)?;
    claims::look(&store, checks)?;
    checks.add(Check::ok(GROUP, "store", format!("{path} is whole")).took(began.elapsed()));
    let live = sessions.iter().filter(|view| view.presence != Presence::Offline).count();
    checks.add(Check::note(
        GROUP,
        "sessions",
        format!("{live} live sessions, {} known as open", sessions.len()),
    ));
    Ok(())
}

/// Something is amiss with a large store that nobody has cleared for long, though it is not to be kept for ever.
fn too_large(store: &Store, checks: &mut Checks) -> Result<(), Failure> {
    let bytes = store.bytes();
    let last = store.last_collection()?.and_then(|last| last.ended);
    let recent = last.is_some_and(|at| (0..LONG_MS).contains(&(store.now() - at)));
    if bytes < LARGE || recent || store.limits().retention_ms().is_none() {
        return Ok(());
    }
    let when = last.map_or("never".to_owned(), |at| ago(store.now(), at));
    let what = format!("the store has {}, and what is old was cleared away {when}", gc::size(bytes));
    checks.add(Check::warn(GROUP, "store_size", what).help("session-bridge gc"));
    Ok(())
}

/// Sets a damaged store aside, waits until nobody can write to it any more, and salvages it.
pub(super) fn repair(context: &Context, checks: &mut Checks) {
    if let Err(failure) = try_repair(context, checks) {
        checks.add(Check::failed("repair", "store", &failure));
    }
}

fn try_repair(context: &Context, checks: &mut Checks) -> Result<(), Failure> {
    if !context.home.store().exists() {
        return Ok(());
    }
    if let Some(path) = Store::set_aside(&context.home, &Clock::system())? {
        checks.add(Check::ok(
            "repair",
            "store",
            format!("set {} aside; it stays where it is", path.display()),
        ));
    }
    let mut store = context.store()?;
    if store.unsalvaged()?.is_empty() {
        return Ok(());
    }
    let rest = store.salvage_due()?;
    if !rest.is_zero() {
        let seconds = rest.as_millis().div_ceil(1000);
        context
            .ui
            .note(&format!("waiting {seconds} s until nobody can write to the old store any more\n"))?;
        std::thread::sleep(rest);
    }
    let salvaged = store.salvage()?;
    let counts = format!("salvaged {} messages and {} deliveries", salvaged.messages, salvaged.deliveries);
    checks.add(if salvaged.lost.is_empty() {
        Check::ok("repair", "salvage", counts)
    } else {
        // The store that is present now is whole, and trying again would find no more.
        Check::note("repair", "salvage", counts)
            .detail(format!("not readable:\n{}", salvaged.lost.join("\n")))
    });
    Ok(())
}
