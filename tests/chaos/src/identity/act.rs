//! Everybody sends and reads at once. What changes meanwhile changes nobody's name.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_bridge_core::identity::ARGUMENT;

use super::house::{House, Kind, Resident};
use super::model::{Expected, FOLDER, Model, Person};
use super::world::{Posted, World, mark};
use crate::random::Random;
use crate::script::Scene;
use crate::server::{Refusal, Said};

/// How many processes act at the same time.
const AT_ONCE: usize = 4;
/// Turns after which a session must have come to rest.
const TURNS_TO_REST: usize = 60;
/// Stands in the body of each message that must not be taken.
pub(super) const NOBODYS: &str = "=nobodys=";

/// Sends so many messages, and lets everybody read.
pub(super) fn play(world: &World, model: &Model, houses: &mut [House], messages: u64) -> Result<()> {
    let left = AtomicI64::new(i64::try_from(messages)?);
    at_once(houses, |house| {
        let want = 4 + house.random.below(24);
        let mine = left.fetch_sub(i64::try_from(want)?, Ordering::Relaxed);
        let sent = step(world, model, house, want.min(usize::try_from(mine).unwrap_or(0)))?;
        let unsent = want - sent;
        Ok(left.fetch_add(i64::try_from(unsent)?, Ordering::Relaxed) + i64::try_from(unsent)? > 0)
    })
}

/// Lets everybody read until nothing waits.
pub(super) fn rest(world: &World, houses: &mut [House]) -> Result<()> {
    at_once(houses, |house| {
        let store = world.store()?;
        for at in 0..house.people.len() {
            let resident = house.people[at].clone();
            let session = store.named_by(house.provider.card().id.as_str(), &resident.native)?;
            let folder = store.run().session(session.context("a session that nobody knows")?.id);
            let rested = (0..TURNS_TO_REST).try_fold(false, |done, _| {
                if done || !folder.bell_stands() {
                    return Ok::<_, anyhow::Error>(true);
                }
                house.turn(world, at)?;
                Ok(false)
            })?;
            if !rested && folder.bell_stands() {
                world.find(format!(
                    "session {} of {} never comes to rest",
                    resident.number,
                    house.provider.card().id
                ));
            }
        }
        Ok(false)
    })
}

/// Does something with each process, several at a time, and again as long as it says so.
fn at_once(houses: &mut [House], work: impl Fn(&mut House) -> Result<bool> + Sync) -> Result<()> {
    let queue: Mutex<VecDeque<&mut House>> = Mutex::new(houses.iter_mut().collect());
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let Some(house) = lock().pop_front() else { return Ok(()) };
                        if work(house)? {
                            lock().push_back(house);
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().ok().context("a worker panicked")?)
    })
}

/// A batch of calls, something that happens to a session, and a turn of each. Returns how many messages were sent.
fn step(world: &World, model: &Model, house: &mut House, want: usize) -> Result<usize> {
    if house.people.is_empty() {
        return Ok(0);
    }
    let sent = match house.kind {
        Kind::Shared if house.people.len() > 1 => {
            ambiguous(world, house)?;
            from_the_shell(world, model, house, want.min(2))?
        }
        _ if house.server.is_none() => from_the_shell(world, model, house, want.min(2))?,
        _ if house.random.one_in(20) => from_the_shell(world, model, house, want.min(1))?,
        _ => calls(world, model, house, want)?,
    };
    for _ in 0..3 {
        without_evidence(world, model, house)?;
    }
    if house.random.one_in(2) {
        happen(world, model, house)?;
    }
    for at in 0..house.people.len() {
        house.turn(world, at)?;
    }
    Ok(sent)
}

/// A message before it has a body.
struct Letter {
    tool: &'static str,
    arguments: Value,
    expected: Expected,
}

/// Several calls at once, of all sessions of the process.
fn calls(world: &World, model: &Model, house: &mut House, want: usize) -> Result<usize> {
    let mut open = HashMap::new();
    for _ in 0..want {
        let Resident { number, native } = house.random.clone().pick(&house.people).clone();
        house.random.next();
        let letter = letter(world, model, &mut house.random, number);
        let message = post(world, model, Some(number), false, &letter.expected);
        let mut arguments = letter.arguments;
        arguments["body"] = json!(body(message, Some(number), &letter.expected, &mut house.random));
        let (arguments, meta) = house.evidence(&native, &arguments);
        let server = house.server.as_mut().context("a server")?;
        open.insert(server.begin(letter.tool, &arguments, &meta)?, message);
    }
    // Calls are under way while the user clears the conversation.
    let cleared = house.random.one_in(8) && clear(world, house)?;
    let answers = house.server.as_mut().context("a server")?.answers(open.len())?;
    for (call, said) in answers {
        let message = open.get(&call).context("an answer to nothing")?;
        settle(world, *message, said, cleared);
    }
    Ok(want)
}

fn post(world: &World, model: &Model, sender: Option<usize>, by_person: bool, expected: &Expected) -> u64 {
    let message = world.next();
    let label = sender.map(|number| model.people[number].label.clone()).unwrap_or_default();
    let posted = Posted { sender, label, by_person, expected: expected.clone(), id: None };
    world.ledger().posted.insert(message, posted);
    message
}

fn body(message: u64, sender: Option<usize>, expected: &Expected, random: &mut Random) -> String {
    let words: Vec<String> = (0..=random.below(6)).map(|_| random.word(5)).collect();
    format!("{} {}", mark(message, sender, expected), words.join(" "))
}

fn settle(world: &World, message: u64, said: Said, cleared: bool) {
    let mut ledger = world.ledger();
    let Some(posted) = ledger.posted.get_mut(&message) else { return };
    let problem = match (said, &posted.expected) {
        (Ok(content), Expected::Refused(code)) => {
            Some(format!("message {message} was to be refused with {code}: {content}"))
        }
        (Ok(content), _) => {
            posted.id = content["id"].as_str().map(str::to_owned);
            posted.id.is_none().then(|| format!("message {message} got no id: {content}"))
        }
        (Err(refusal), Expected::Refused(expected)) if refusal.code() == *expected => {
            *ledger.refused.entry(refusal.code().to_owned()).or_default() += 1;
            None
        }
        (Err(refusal), _) if cleared && refusal.code() == "conversation_ended" => {
            posted.expected = Expected::Refused("conversation_ended");
            *ledger.refused.entry(refusal.code().to_owned()).or_default() += 1;
            None
        }
        (Err(refusal), expected) => {
            Some(format!("message {message} for {expected:?} was refused: {refusal}"))
        }
    };
    ledger.findings.extend(problem);
}

/// Something to send, and what should come of it.
fn letter(world: &World, model: &Model, random: &mut Random, me: usize) -> Letter {
    if random.one_in(6) {
        let ledger = world.ledger();
        let received = ledger.received.get(&me).map_or(&[][..], Vec::as_slice);
        let parent =
            received.get(random.below(received.len())).and_then(|message| ledger.posted.get(message));
        if let Some((id, sender)) = parent.and_then(|parent| parent.id.clone().zip(parent.sender)) {
            let expected = Expected::To(BTreeSet::from([sender]));
            return Letter { tool: "bridge_reply", arguments: json!({"message_id": id}), expected };
        }
    }
    if random.one_in(200) {
        let expected = model.resolve(Some(me), "*", false);
        return if random.one_in(2) {
            Letter { tool: "bridge_broadcast", arguments: json!({}), expected }
        } else {
            Letter { tool: "bridge_send_message", arguments: json!({"to": "*"}), expected }
        };
    }
    let (to, newest) = address(random, &model.people);
    let expected = model.resolve(Some(me), &to, newest);
    Letter { tool: "bridge_send_message", arguments: json!({"to": to, "newest": newest}), expected }
}

/// One of the ways to say who is meant, and whether the newest is.
fn address(random: &mut Random, people: &[Person]) -> (String, bool) {
    let person = random.pick(people).clone();
    match random.below(20) {
        0 => (format!("cwd:{FOLDER}"), random.one_in(2)),
        1 => ("nobody-at-all".to_owned(), false),
        2 | 3 => (person.roles.first().cloned().unwrap_or(person.label), random.one_in(3)),
        4 => (person.roles.last().cloned().unwrap_or(person.label), random.one_in(3)),
        5..=8 => (person.id, false),
        9 => (person.id.to_lowercase(), false),
        10..=12 => (person.id[..6 + random.below(21)].to_owned(), random.one_in(8)),
        13 => (person.label.to_uppercase(), false),
        _ => (person.label, false),
    }
}

/// A person in a shell of the CLI, or a script there: whose variables say nothing of the sender.
fn from_the_shell(world: &World, model: &Model, house: &mut House, want: usize) -> Result<usize> {
    for _ in 0..want {
        let live: Vec<Person> = model.people.iter().filter(|person| person.live).cloned().collect();
        let to = house.random.pick(&live).clone();
        let Resident { number, native } = house.random.clone().pick(&house.people).clone();
        let sender = Some(number).filter(|number| house.random.one_in(2) && *number != to.number);
        let expected = Expected::To(BTreeSet::from([to.number]));
        let message = post(world, model, sender, true, &expected);
        let address = if house.random.one_in(2) { to.label } else { to.id };
        let body = body(message, sender, &expected, &mut house.random);
        let mut words = vec!["send-message", &address, &body, "--json"];
        let me = sender.map(|number| model.people[number].id.clone());
        if let Some(me) = &me {
            words.extend(["--as", me]);
        }
        let env = house.around(&native);
        let ended = house.host.carry_out(&world.run(&world.programs.main, &words, &env))?;
        let id = serde_json::from_str::<Value>(&ended.output).unwrap_or_default();
        let said = if id["id"].is_string() { Ok(id) } else { Err(Refusal::from(Value::from(ended.output))) };
        settle(world, message, said, false);
    }
    Ok(want)
}

/// Calls that name nobody, somebody without proof, or a subagent.
fn without_evidence(world: &World, model: &Model, house: &mut House) -> Result<()> {
    let other = house.random.pick(&model.people).clone();
    let Resident { native, .. } = house.random.clone().pick(&house.people).clone();
    let plain = json!({"to": other.label, "body": NOBODYS});
    let claim = |claim: Value| {
        let mut arguments = plain.clone();
        arguments[ARGUMENT] = claim;
        arguments
    };
    let (arguments, meta, code) = match (house.kind, house.random.below(4)) {
        (Kind::Meta { thread, root }, 0) => {
            (plain, json!({ thread: "01a1-a-subagent", root: native }), "subagent_has_no_inbox")
        }
        (Kind::Meta { root, .. }, 1) => (plain, json!({ root: native }), "not_bound"),
        (Kind::Meta { thread, .. }, 2) => (plain, json!({ thread: 7 }), "not_bound"),
        (Kind::Meta { .. }, _) => {
            (claim(json!({"session": other.native, "nonce": "x"})), json!({}), "not_bound")
        }
        (Kind::Argument, 0) => (plain, json!({}), "not_bound"),
        (Kind::Argument, 1) => {
            (claim(json!({"session": native, "nonce": "guessed"})), json!({}), "not_bound")
        }
        (Kind::Argument, 2) => {
            (claim(json!({"session": native})), json!({"threadId": other.native}), "not_bound")
        }
        (Kind::Argument, _) => {
            let claimed = json!({"session": native, "nonce": house.nonce, "subagent": true});
            (claim(claimed), json!({}), "subagent_has_no_inbox")
        }
        _ => return Ok(()),
    };
    let said = house.server.as_mut().context("a server")?.call("bridge_send_message", &arguments, &meta)?;
    expect_refusal(world, said, code, house.provider.card().id.as_str());
    Ok(())
}

/// One process, two sessions, and nothing in the call.
fn ambiguous(world: &World, house: &mut House) -> Result<()> {
    if std::mem::replace(&mut house.asked, true) || house.server.is_none() {
        return Ok(());
    }
    let native = house.people[0].native.clone();
    let said = house.call(&native, "bridge_send_message", &json!({"to": "*", "body": NOBODYS}))?;
    expect_refusal(world, said, "not_bound", "a process with two sessions");
    Ok(())
}

pub(super) fn expect_refusal(world: &World, said: Said, code: &str, about: &str) {
    match said {
        Err(refusal) if refusal.code() == code => world.refused(code),
        other => world.find(format!("{about}: a call was to be refused with {code}: {other:?}")),
    }
}

/// The conversation goes on under another id of the host. False if this CLI tells nothing of that.
fn clear(world: &World, house: &mut House) -> Result<bool> {
    if !matches!(house.kind, Kind::Alone { .. }) || !house.tells(world, Scene::Clear) {
        return Ok(false);
    }
    let Resident { number, native } = house.people[0].clone();
    if house.tells(world, Scene::Leave) {
        house.hook(world, Scene::Leave, &native, "", Some(number))?;
    }
    let next = house.new_native();
    house.hook(world, Scene::Clear, &next, "", Some(number))?;
    house.people[0].native = next;
    world.event("cleared");
    Ok(true)
}

/// Something that leaves everybody who they are.
fn happen(world: &World, model: &Model, house: &mut House) -> Result<()> {
    let Resident { number, native } = house.random.clone().pick(&house.people).clone();
    match house.random.below(5) {
        0 => {
            clear(world, house)?;
        }
        1 if house.tells(world, Scene::Compact) => {
            house.hook(world, Scene::Compact, &native, "", Some(number))?;
            world.event("compacted");
        }
        2 if house.tells(world, Scene::Subagent) => {
            let said = house.hook(world, Scene::Subagent, &native, "a turn", None)?;
            if !said.is_empty() {
                world.find(format!("a subagent of {} was told something: {said}", house.provider.card().id));
            }
            world.event("subagents");
        }
        3 => {
            house.hook(world, Scene::Resume, &native, "", Some(number))?;
            world.event("resumed in its process");
        }
        _ if house.server.is_some() => house.serve(world)?,
        _ => {}
    }
    confirm(world, model, house)
}

/// The tools know each session of the process as what it is.
pub(super) fn confirm(world: &World, model: &Model, house: &mut House) -> Result<()> {
    if house.server.is_none() || (house.kind == Kind::Shared && house.people.len() > 1) {
        return Ok(());
    }
    for Resident { number, native } in house.people.clone() {
        let person = &model.people[number];
        let said = house.call(&native, "bridge_whoami", &json!({}))?;
        let known = said.as_ref().is_ok_and(|me| me["id"] == person.id && me["label"] == person.label);
        if !known {
            let (id, label) = (&person.id, &person.label);
            world.find(format!("{} {id} ({label}) is told that it is {said:?}", house.provider.card().id));
        }
    }
    Ok(())
}
