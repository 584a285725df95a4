//! Who waits for what: every message until all its recipients were shown it, and every question until it was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_bridge_chaos::random::Random;

/// Most errors of one interval that are kept in full.
const KEPT: usize = 20;

/// What everybody tells.
#[derive(Default)]
pub(crate) struct Board {
    open: Mutex<Open>,
    phase: Mutex<Phase>,
    changed: Condvar,
    errors: Mutex<Vec<String>>,
    hooks: Mutex<Vec<Duration>>,
    pub(crate) counts: Counts,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Everybody writes and reads.
    #[default]
    Busy,
    /// Nothing new is begun: what waits comes out.
    Calm,
    /// Everybody leaves.
    Over,
}

/// Since the beginning.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) turns: AtomicU64,
    pub(crate) hooks: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) shown: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) broadcasts: AtomicU64,
    pub(crate) resumed: AtomicU64,
    pub(crate) replaced: AtomicU64,
    /// Hooks that did not get the store in time.
    pub(crate) gave_up: AtomicU64,
    /// Calls that the limit of hops refused.
    pub(crate) stopped: AtomicU64,
    pub(crate) errors: AtomicU64,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[derive(Default)]
struct Open {
    /// Bridge ids by number, of those who can be written to.
    people: Vec<Option<String>>,
    mail: BTreeMap<u64, Mail>,
    last: u64,
}

struct Mail {
    from: usize,
    /// Who has not been shown it.
    to: BTreeSet<usize>,
    /// Who was.
    had: BTreeSet<usize>,
    /// Whether it is a question that nobody has answered.
    asks: bool,
}

/// A message that was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The message's id.
    pub(crate) id: String,
    /// Whether it is to be answered.
    pub(crate) asks: bool,
    /// What its body is known by.
    pub(crate) mark: u64,
    from: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn marked(mark: u64) -> String {
    format!("=m{mark}=")
}

impl Open {
    fn post(&mut self, from: usize, to: BTreeSet<usize>, asks: bool) -> u64 {
        self.last += 1;
        self.mail.insert(self.last, Mail { from, to, had: BTreeSet::new(), asks });
        self.last
    }

    fn settle(&mut self, mark: u64) {
        if self.mail.get(&mark).is_some_and(|mail| mail.to.is_empty() && !mail.asks) {
            self.mail.remove(&mark);
        }
    }
}

impl Board {
    /// A session can be written to from now on.
    pub(crate) fn arrive(&self, number: usize, id: String) {
        let mut open = lock(&self.open);
        if open.people.len() <= number {
            open.people.resize(number + 1, None);
        }
        open.people[number] = Some(id);
    }

    /// Nobody writes to this session any more, unless something is still on its way to it.
    pub(crate) fn retire(&self, number: usize) -> bool {
        let mut open = lock(&self.open);
        let awaited = |mail: &Mail| mail.to.contains(&number) || (mail.from == number && mail.asks);
        let free = !open.mail.values().any(awaited);
        if let (true, Some(person)) = (free, open.people.get_mut(number)) {
            *person = None;
        }
        free
    }

    /// How many can be written to.
    pub(crate) fn present(&self) -> usize {
        lock(&self.open).people.iter().flatten().count()
    }

    /// A message to somebody else: the recipient's id and the mark that is to stand in the body. Nothing if there is nobody.
    pub(crate) fn write(&self, from: usize, asks: bool, random: &mut Random) -> Option<(String, String)> {
        let mut open = lock(&self.open);
        let people = open.people.iter().enumerate();
        let others: Vec<_> =
            people.filter(|(n, id)| *n != from && id.is_some()).map(|(number, _)| number).collect();
        if others.is_empty() {
            return None;
        }
        let to = *random.pick(&others);
        let id = open.people[to].clone()?;
        count(&self.counts.sent);
        count(&self.counts.deliveries);
        Some((id, marked(open.post(from, BTreeSet::from([to]), asks))))
    }

    /// The message with this mark was refused: nobody is to get it.
    pub(crate) fn withdraw(&self, mark: &str) {
        let number = mark.trim_matches(['=', 'm']).parse::<u64>().ok();
        if number.and_then(|number| lock(&self.open).mail.remove(&number)).is_none() {
            self.error(format!("{mark} was refused, and nobody sent it"));
            return;
        }
        for counted in [&self.counts.sent, &self.counts.deliveries] {
            counted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A message to that one: its id, and the mark.
    pub(crate) fn write_to(&self, from: usize, to: usize) -> Option<(String, String, u64)> {
        let mut open = lock(&self.open);
        let id = open.people.get(to)?.clone()?;
        let mark = open.post(from, BTreeSet::from([to]), false);
        Some((id, marked(mark), mark))
    }

    /// A message to everybody who is there: its mark, and how many they are.
    pub(crate) fn broadcast(&self, from: usize) -> (String, usize) {
        let mut open = lock(&self.open);
        let people = open.people.iter().enumerate();
        let to: BTreeSet<_> =
            people.filter(|(n, id)| *n != from && id.is_some()).map(|(number, _)| number).collect();
        let many = to.len();
        count(&self.counts.sent);
        count(&self.counts.broadcasts);
        self.counts.deliveries.fetch_add(many as u64, Ordering::Relaxed);
        (marked(open.post(from, to, false)), many)
    }

    /// The mark of an answer.
    pub(crate) fn answer(&self, by: usize, question: &Shown) -> String {
        let mut open = lock(&self.open);
        if let Some(asked) = open.mail.get_mut(&question.mark) {
            asked.asks = false;
        }
        open.settle(question.mark);
        for counter in [&self.counts.sent, &self.counts.deliveries, &self.counts.answers] {
            count(counter);
        }
        marked(open.post(by, BTreeSet::from([question.from]), false))
    }

    /// A model was shown a text: the messages in it. `again` says that it asked for it, and may have had it before.
    pub(crate) fn show(&self, to: usize, text: &str, again: bool) -> Vec<Shown> {
        let mut shown = Vec::new();
        for (at, _) in text.match_indices("=m") {
            let digits = text[at + 2..].split_once('=').map_or("", |(digits, _)| digits);
            let Ok(mark) = digits.parse::<u64>() else { continue };
            let head = text[..at].rfind("<peer-message-").map_or("", |from| &text[from..at]);
            let id = head.split_once(" id=\"").and_then(|(_, rest)| rest.split_once('"'));
            let Some((id, _)) = id else { continue };
            let mut open = lock(&self.open);
            let Some(mail) = open.mail.get_mut(&mark) else {
                if !again {
                    self.error(format!("message {mark} was shown to {to}, who was not to get it any more"));
                }
                continue;
            };
            if mail.to.remove(&to) {
                count(&self.counts.shown);
                mail.had.insert(to);
                shown.push(Shown { id: id.to_owned(), asks: mail.asks, mark, from: mail.from });
            } else if !again {
                let what = if mail.had.contains(&to) { "twice" } else { "by mistake" };
                self.error(format!("message {mark} was shown to {to} {what}"));
            }
            open.settle(mark);
        }
        shown
    }

    /// How many messages wait for this session.
    pub(crate) fn waiting(&self, to: usize) -> usize {
        lock(&self.open).mail.values().filter(|mail| mail.to.contains(&to)).count()
    }

    /// How many deliveries and answers are not there yet.
    pub(crate) fn pending(&self) -> usize {
        lock(&self.open).mail.values().map(|mail| mail.to.len() + usize::from(mail.asks)).sum()
    }

    /// What is not there yet, in words.
    pub(crate) fn missing(&self) -> Vec<String> {
        let open = lock(&self.open);
        let told = |(mark, mail): (&u64, &Mail)| {
            if mail.to.is_empty() {
                format!("message {mark} of {} was never answered by {:?}", mail.from, mail.had)
            } else {
                format!("message {mark} of {} never came to {:?}", mail.from, mail.to)
            }
        };
        open.mail.iter().map(told).collect()
    }

    /// Something that must not be.
    pub(crate) fn error(&self, what: String) {
        count(&self.counts.errors);
        let mut errors = lock(&self.errors);
        if errors.len() < KEPT {
            errors.push(what);
        }
    }

    /// Errors since this was last asked.
    pub(crate) fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.errors))
    }

    /// A hook took so long.
    pub(crate) fn took(&self, hook: Duration) {
        count(&self.counts.hooks);
        lock(&self.hooks).push(hook);
    }

    /// How long hooks took since this was last asked.
    pub(crate) fn take_hooks(&self) -> Vec<Duration> {
        std::mem::take(&mut lock(&self.hooks))
    }

    /// How far the run is.
    pub(crate) fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    /// Goes on to a phase, and tells those who pause.
    pub(crate) fn go_on_to(&self, phase: Phase) {
        *lock(&self.phase) = phase;
        self.changed.notify_all();
    }

    /// Pauses for so long, or until the run is over. Nobody is woken by its becoming calm: all would come at once.
    pub(crate) fn pause(&self, time: Duration) {
        let guard = lock(&self.phase);
        let _ = self.changed.wait_timeout_while(guard, time, |phase| *phase != Phase::Over);
    }
}
