//! One round, from an empty home to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::life::Life;
use super::model::{Expected, Model};
use super::world::{Posted, World, mark};
use super::{act, audit, strangers};
use crate::programs::Programs;
use crate::random::Random;
use crate::script::Scene;

/// How many sessions there are in the first act.
const SESSIONS: usize = 50;
/// How many acts a round has. A sample is content with fewer.
const fn acts(messages: u64) -> u64 {
    match messages {
        0..50 => 1,
        50..500 => 2,
        _ => 3,
    }
}

/// Something that the harness does wrong, so that its audit has something to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mistake {
    /// A call of one session brings the evidence of another.
    Sender,
    /// What a hook says for one session is put before another.
    Reader,
}

/// What a round is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Which one of its run.
    pub round: u64,
    /// What decides who sends what to whom, and what happens to whom. When, the machine decides too.
    pub seed: u64,
    /// How many messages.
    pub messages: u64,
    /// For tests of the audit.
    pub mistake: Option<Mistake>,
    /// `session-bridge`.
    pub main: PathBuf,
    /// The hook.
    pub hook: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Which one of its run.
    pub round: u64,
    /// Messages that were stored.
    pub messages: u64,
    /// Sessions that they went to.
    pub deliveries: u64,
    /// Bodies that came out.
    pub shown: u64,
    /// Messages with another sender or reader than meant, and bodies that came out elsewhere.
    pub misrouted: u64,
    /// Calls that were taken though nothing told whose they were, or for whom.
    pub guessed: u64,
    /// Calls that were refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// What happened, and how often.
    pub events: BTreeMap<String, u64>,
    /// What must not be.
    pub findings: BTreeSet<String>,
}

/// Plays a round in an empty folder.
pub fn play(plan: &Plan, folder: &Path) -> Result<Outcome> {
    let programs = Programs { main: plan.main.clone(), hook: plan.hook.clone() };
    let world = &World::new(folder, programs)?;
    let seed = plan.seed ^ (plan.round << 32);
    let random = Random::new(seed, 1);
    let mut life = Life { world, model: Model::default(), houses: Vec::new(), random, seed };
    life.populate(SESSIONS)?;
    let acts = acts(plan.messages);
    for number in 0..acts {
        if number > 0 {
            life.go_on()?;
        }
        let share = plan.messages * (number + 1) / acts - plan.messages * number / acts;
        let model = life.model.clone();
        std::thread::scope(|scope| -> Result<()> {
            let apart = scope.spawn(|| strangers::call(world, &model));
            act::play(world, &model, &mut life.houses, share)?;
            apart.join().ok().context("somebody panicked")?
        })?;
        life.learn();
    }
    if let Some(mistake) = plan.mistake {
        err(mistake, &mut life)?;
    }
    act::rest(world, &mut life.houses)?;
    let verdict = audit::audit(world, &life.model)?;
    let ledger = world.ledger();
    Ok(Outcome {
        round: plan.round,
        messages: verdict.stored,
        deliveries: verdict.deliveries,
        shown: verdict.shown,
        misrouted: verdict.misrouted,
        guessed: verdict.guessed,
        refused: ledger.refused.clone(),
        events: ledger.events.clone(),
        findings: ledger.findings.clone(),
    })
}

/// Makes one mistake.
fn err(mistake: Mistake, life: &mut Life<'_>) -> Result<()> {
    let (world, model) = (life.world, &life.model);
    let fits = |house: &&mut super::house::House| house.kind.many() && house.people.len() > 1;
    let Some(house) = life.houses.iter_mut().find(fits) else { bail!("no process has two sessions") };
    let (one, two) = (house.people[0].clone(), house.people[1].clone());
    // To the one from the other; as a mistake of the sender, with the evidence of a third.
    let third = model.people.iter().find(|p| p.live && p.number != one.number && p.number != two.number);
    let third = third.context("a third session")?;
    let message = world.next();
    let expected = Expected::To(BTreeSet::from([third.number]));
    let (sender, native) = match mistake {
        Mistake::Sender => (one.number, two.native.clone()),
        Mistake::Reader => (one.number, one.native.clone()),
    };
    let to = if mistake == Mistake::Reader { two.number } else { third.number };
    let expected = if mistake == Mistake::Reader { Expected::To(BTreeSet::from([to])) } else { expected };
    let label = model.people[sender].label.clone();
    let body = mark(message, Some(sender), &expected);
    let said =
        house.call(&native, "bridge_send_message", &json!({"to": model.people[to].id, "body": body}))?;
    let id = said.ok().and_then(|content| content["id"].as_str().map(str::to_owned));
    let posted = Posted { sender: Some(sender), label, by_person: false, expected, id };
    world.ledger().posted.insert(message, posted);
    if mistake == Mistake::Reader {
        // One turn after another, until it has come out.
        let read = |world: &World| world.ledger().shown.iter().any(|(number, _)| *number == message);
        for turn in 0..50 {
            if read(world) {
                break;
            }
            for scene in [Scene::Prompt, Scene::Tool, Scene::End] {
                house.hook(world, scene, &two.native, &format!("mistaken-{turn}"), Some(one.number))?;
            }
        }
    }
    Ok(())
}
