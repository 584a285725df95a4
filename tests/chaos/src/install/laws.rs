//! What holds for every configuration.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::Result;
use session_bridge_core::apply::{Applied, Disk, apply, check, revert};
use session_bridge_core::edit::ConfigError;
use session_bridge_core::plan::{Plan, State};

use super::foreign::{Hand, meaning_of};
use super::home::{Home, Tree, edited};
use crate::random::Random;

/// Tries everything on one home, and leaves it as it was. How many runs died on the way; nothing if the plan was refused.
pub(super) fn hold(
    home: &Home,
    plan: &Plan,
    random: &mut Random,
    found: &mut Vec<String>,
) -> Result<Option<u64>> {
    let disk = home.disk();
    let old = home.tree()?;
    if let Err(error) = apply(plan, &disk) {
        if !["config_unparsable", "config_clash"].contains(&error.code()) {
            found.push(format!("refused for an odd reason: {error}"));
        }
        if home.tree()? != old {
            found.push(format!("refused, and changed all the same: {error}"));
        }
        return Ok(None);
    }
    let new = home.tree()?;
    if check(plan, &disk)?.iter().any(|finding| finding.state != State::Present) {
        found.push("installed, and something is not there".to_owned());
    }
    if !apply(plan, &disk)?.written.is_empty() || home.tree()? != new {
        found.push("installed twice, and the second time changes something".to_owned());
    }
    revert(&plan.provider, &disk)?;
    same(home, &old, "uninstalled", found)?;

    others(home, plan, Hand::any(random), &old, found)?;
    home.restore(&old)?;

    let mut crashes = 0;
    for _ in 0..3 {
        let step = *random.pick(&Disk::STEPS);
        crashes += u64::from(killed(home, step, |disk| apply(plan, disk)));
        old_or_new(home, &old, &new, &format!("init died after {step}"), found)?;
        if random.one_in(2) {
            apply(plan, &disk)?;
            same(home, &new, &format!("init died after {step}, and was repeated"), found)?;
            let step = *random.pick(&Disk::STEPS);
            crashes += u64::from(killed(home, step, |disk| revert(&plan.provider, disk)));
            old_or_new(home, &old, &new, &format!("uninstall died after {step}"), found)?;
        }
        revert(&plan.provider, &disk)?;
        same(home, &old, &format!("a run died after {step}, then uninstalled"), found)?;
    }
    Ok(Some(crashes))
}

fn same(home: &Home, want: &Tree, when: &str, found: &mut Vec<String>) -> Result<()> {
    let now = home.tree()?;
    for path in now.keys().chain(want.keys()).filter(|path| now.get(*path) != want.get(*path)) {
        let left = now.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        found.push(format!("{when}: {} is {left:?}", path.display()));
    }
    Ok(())
}

fn old_or_new(home: &Home, old: &Tree, new: &Tree, when: &str, found: &mut Vec<String>) -> Result<()> {
    let now = home.tree()?;
    for (path, bytes) in &now {
        let unfinished = path.extension().is_some_and(|extension| extension == "tmp");
        if !unfinished && old.get(path) != Some(bytes) && new.get(path) != Some(bytes) {
            found.push(format!("{when}: {} is neither old nor new", path.display()));
        }
    }
    if let Some(path) = old.keys().find(|path| !now.contains_key(*path)) {
        found.push(format!("{when}: {} is gone", path.display()));
    }
    Ok(())
}

/// Unwinding at the step stands for the death: no later step runs. `core/tests/config/crash.rs` kills real processes there.
fn killed(home: &Home, step: &'static str, work: impl Fn(&Disk) -> Result<Applied, ConfigError>) -> bool {
    let failing = home.disk().with_failpoint(move |at| {
        if at == step {
            resume_unwind(Box::new("the death"));
        }
    });
    catch_unwind(AssertUnwindSafe(|| drop(work(&failing)))).is_err()
}

/// Others write in between: afterwards it is as if we had never been there.
fn others(home: &Home, plan: &Plan, hand: Hand, old: &Tree, found: &mut Vec<String>) -> Result<()> {
    hand.write(plan)?;
    let never: Vec<_> = edited(plan).iter().map(|(path, edits)| meaning_of(path, edits)).collect();
    let texts: Vec<_> =
        edited(plan).iter().map(|(path, _)| fs::read_to_string(path).unwrap_or_default()).collect();
    home.restore(old)?;

    apply(plan, &home.disk())?;
    hand.write(plan)?;
    revert(&plan.provider, &home.disk())?;
    for (((path, edits), never), text) in edited(plan).into_iter().zip(never).zip(texts) {
        let left = fs::read_to_string(path).unwrap_or_default();
        if meaning_of(path, &edits) != never {
            found.push(format!("{hand:?}: {} means something else: {left:?}", path.display()));
        } else if hand != Hand::Anew
            && old.contains_key(path.strip_prefix(home.path())?)
            && marks(&left) != marks(&text)
        {
            found.push(format!("{hand:?}: {} is written otherwise: {left:?}, not {text:?}", path.display()));
        }
    }
    Ok(())
}

/// A text without white space: where our entries stood, nobody can know what it was.
fn marks(text: &str) -> String {
    text.split_whitespace().collect()
}
