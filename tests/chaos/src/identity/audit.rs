//! What the store noted and what each process was shown, beside what should have been.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use session_bridge_core::message::Via;
use session_bridge_store::{Message, Receipt};

use super::act::NOBODYS;
use super::model::{Expected, Model};
use super::world::{Ledger, World, mark, marks};

/// What was counted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) stored: u64,
    pub(super) deliveries: u64,
    pub(super) shown: u64,
    /// Wrong sender, wrong reader, or shown where it does not belong.
    pub(super) misrouted: u64,
    /// Attributed or delivered though nothing said to whom.
    pub(super) guessed: u64,
}

/// Looks at everything, once all are at rest.
pub(super) fn audit(world: &World, model: &Model) -> Result<Verdict> {
    let mut store = world.store()?;
    let messages = store.since(None, 0, u32::MAX)?;
    let mut receipts = BTreeMap::new();
    for message in &messages {
        receipts.insert(message.id.to_string(), store.receipts(message.id)?);
    }
    let known: BTreeSet<String> = model.people.iter().map(|person| person.id.clone()).collect();
    let there: BTreeSet<String> =
        store.sessions(None, true)?.into_iter().map(|view| view.session.id.to_string()).collect();
    let mut ledger = world.ledger();
    let mut findings = Vec::new();
    for id in known.symmetric_difference(&there) {
        findings.push(format!(
            "the session {id} is on one side only: the bridge has {}, we {}",
            there.len(),
            known.len()
        ));
    }
    let verdict = judge(&ledger, model, &messages, &receipts, &mut findings);
    ledger.findings.extend(findings);
    Ok(verdict)
}

fn judge(
    ledger: &Ledger,
    model: &Model,
    messages: &[Message],
    receipts: &BTreeMap<String, Vec<Receipt>>,
    findings: &mut Vec<String>,
) -> Verdict {
    let mut verdict = Verdict::default();
    let number_of: BTreeMap<&str, usize> =
        model.people.iter().map(|person| (person.id.as_str(), person.number)).collect();
    let mut readers_of: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    let shown: BTreeSet<(u64, usize)> = ledger.shown.iter().copied().collect();

    for message in messages.iter().filter(|message| message.via != Via::System) {
        verdict.stored += 1;
        let id = message.id.to_string();
        let number = marks(&message.body).first().copied();
        let posted = number.and_then(|number| Some((number, ledger.posted.get(&number)?)));
        let Some((number, posted)) = posted.filter(|_| !message.body.contains(NOBODYS)) else {
            verdict.guessed += 1;
            findings.push(format!(
                "{id} was stored for a call that nobody made in anybody's name: {}",
                message.body
            ));
            continue;
        };
        let mut wrong = Vec::new();
        let sender = message.sender.map(|sender| number_of.get(sender.to_string().as_str()).copied());
        if sender != posted.sender.map(Some) {
            wrong.push(format!("its sender is {sender:?}"));
        }
        let via = if posted.by_person { Via::CommandLine } else { Via::Session };
        if message.via != via || (posted.sender.is_some() && message.from != posted.label) {
            wrong.push(format!("it is from `{}` by {:?}", message.from, message.via));
        }
        if !message.body.starts_with(&mark(number, posted.sender, &posted.expected)) {
            wrong.push("its body names others".to_owned());
        }
        if posted.id.as_ref() != Some(&id) {
            wrong.push(format!("it was acknowledged as {:?}", posted.id));
        }
        let receipts = receipts.get(&id).map_or(&[][..], Vec::as_slice);
        let readers: BTreeSet<usize> = receipts
            .iter()
            .filter_map(|receipt| number_of.get(receipt.session.to_string().as_str()).copied())
            .collect();
        verdict.deliveries += receipts.len() as u64;
        match &posted.expected {
            Expected::To(expected) if readers == *expected && receipts.len() == expected.len() => {}
            Expected::OneOf(expected) if readers.len() == 1 && readers.is_subset(expected) => {}
            Expected::Refused(code) => {
                verdict.guessed += 1;
                findings.push(format!("message {number} was stored and was to be refused with {code}"));
            }
            other => wrong.push(format!("it goes to {readers:?} and not to {other:?}")),
        }
        if !wrong.is_empty() {
            verdict.misrouted += 1;
            findings.push(format!("message {number} of {:?}: {}", posted.sender, wrong.join("; ")));
        }
        for receipt in receipts {
            let Some(&reader) = number_of.get(receipt.session.to_string().as_str()) else { continue };
            let waits = !model.people[reader].live && receipt.state.is_unread();
            if !shown.contains(&(number, reader)) && !waits {
                findings.push(format!("message {number} never came out at session {reader}: {receipt:?}"));
            }
        }
        readers_of.insert(number, readers);
    }

    for (number, posted) in ledger.posted.iter().filter(|(_, posted)| posted.id.is_some()) {
        if !readers_of.contains_key(number) {
            findings.push(format!("message {number} was acknowledged as {:?} and is not there", posted.id));
        }
    }
    verdict.shown = ledger.shown.len() as u64;
    let mut once = BTreeSet::new();
    for &(number, reader) in &ledger.shown {
        if !readers_of.get(&number).is_some_and(|readers| readers.contains(&reader)) {
            verdict.misrouted += 1;
            findings.push(format!("message {number} came out at session {reader}, which it was not for"));
        }
        if !once.insert((number, reader)) {
            findings.push(format!("message {number} came out twice at session {reader}"));
        }
    }
    verdict
}
