//! What happens to sessions between two acts: each of it may change who answers to what.

use anyhow::{Context as _, Result};
use session_bridge_core::id::SessionId;
use session_bridge_core::marks::Mark;
use session_bridge_core::provider::{Provider, Source};
use session_bridge_providers::PROVIDERS;
use session_bridge_store::View;

use super::act::{confirm, expect_refusal};
use super::house::{House, Kind, Resident};
use super::model::{FOLDER, Model, Person};
use super::world::World;
use crate::launch::Host;
use crate::random::Random;
use crate::script::Scene;

/// Where a process id is set for the next process, in a namespace of our own.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
/// How often a process id is tried for: threads take ids, too.
const TRIES: usize = 50;

/// Everybody there is, and the processes that run.
pub(super) struct Life<'w> {
    pub(super) world: &'w World,
    pub(super) model: Model,
    pub(super) houses: Vec<House>,
    pub(super) random: Random,
    pub(super) seed: u64,
}

impl Life<'_> {
    /// A process of that CLI without sessions; with that process id, if it can be had; or in the shell of another CLI.
    fn house(&mut self, provider: &'static dyn Provider, pid: Option<u32>) -> Result<House> {
        let program = self.world.host_program(provider);
        let host = match pid {
            Some(pid) => self.host_at(&program, pid)?,
            None if self.random.one_in(4) && !self.houses.is_empty() => {
                let outer = self.random.below(self.houses.len());
                self.world.event("started inside another CLI");
                let socket = self.world.socket();
                self.houses[outer].host.start_inside(&program, &socket)?
            }
            None => Host::start(&program)?,
        };
        let label = match self.random.below(4) {
            0 | 1 => Some("worker".to_owned()),
            2 => Some(format!("own-{}", self.world.next())),
            _ => None,
        };
        let mut roles = vec![format!("role-{}", self.world.next())];
        if self.random.one_in(5) {
            roles.push("crew".to_owned());
        }
        Ok(House::new(self.world, provider, host, label, roles, self.seed))
    }

    fn host_at(&mut self, program: &std::path::Path, pid: u32) -> Result<Host> {
        for _ in 0..TRIES {
            std::fs::write(LAST_PID, (pid - 1).to_string()).context("process ids cannot be chosen")?;
            let host = Host::start(program)?;
            if host.pid() == pid {
                self.world.event("process ids used again");
                return Ok(host);
            }
        }
        Host::start(program)
    }

    /// Everybody for the first act: all providers by turns.
    pub(super) fn populate(&mut self, sessions: usize) -> Result<()> {
        let mut counts = vec![0; PROVIDERS.len()];
        for number in 0..sessions {
            counts[number % PROVIDERS.len()] += 1;
        }
        for (provider, count) in PROVIDERS.iter().zip(counts) {
            let kind = Kind::of(*provider);
            let mut left: usize = count;
            while left > 0 {
                let mut house = self.house(*provider, None)?;
                let most = if kind.many() {
                    4
                } else if kind == Kind::Shared && left <= 4 {
                    2
                } else {
                    1
                };
                self.inherit(&mut house);
                for _ in 0..most.min(left) {
                    self.begin(&mut house, Scene::Start)?;
                    left -= 1;
                }
                house.serve(self.world)?;
                self.houses.push(house);
            }
        }
        self.settle()
    }

    /// A new session in the process: by a start, a fork, or a clear of a CLI that makes a new one of it.
    fn begin(&mut self, house: &mut House, scene: Scene) -> Result<usize> {
        let native = house.new_native();
        let card = house.provider.card();
        let folder = FOLDER.trim_start_matches('/').to_lowercase();
        let base = house.label.clone().unwrap_or_else(|| format!("{}-{folder}", card.short));
        let label = self.model.free_label(&base, None);
        let number = self.model.people.len();
        // A claim of an id that is free, or of somebody else's.
        let claimed = match self.random.below(8) {
            0 => Some(SessionId::generate().to_string()),
            1 if number > 0 => Some(self.random.pick(&self.model.people).clone())
                .filter(|person| person.live)
                .map(|person| person.id),
            _ => None,
        };
        let before = house.env.len();
        house.env.extend(claimed.clone().map(|id| ("SESSION_BRIDGE_SESSION_ID".to_owned(), id)));
        house.hook(self.world, scene, &native, "", Some(number))?;
        house.env.truncate(before);
        let mut store = self.world.store()?;
        let session = store.named_by(card.id.as_str(), &native)?;
        let session = session.with_context(|| format!("{scene:?} of {} registers nobody", card.id))?;
        let id = session.id.to_string();
        let taken = self.model.people.iter().any(|person| person.id == id);
        let granted = claimed.as_ref().is_some_and(|claimed| *claimed == id);
        let grantable = matches!(house.kind, Kind::Alone { .. })
            && claimed.as_ref().is_some_and(|id| !self.model.people.iter().any(|person| person.id == *id));
        let mail = store.inbox(session.id, View::All, 1)?.len();
        if taken || granted != grantable || session.label != label || session.roles != house.roles || mail > 0
        {
            self.world.find(format!(
                "{scene:?} of {} made {} ({}, {:?}, {mail} messages), not {label} {:?}; it claimed {claimed:?}, {taken}",
                card.id, id, session.label, session.roles, house.roles
            ));
        }
        if let Kind::Alone { .. } = house.kind {
            self.leave(house, None);
        }
        house.people.push(Resident { number, native: native.clone() });
        let (provider, roles) = (house.provider, house.roles.clone());
        self.model.people.push(Person {
            number,
            provider,
            native,
            id,
            label: session.label,
            roles,
            live: true,
        });
        self.world.event("sessions");
        Ok(number)
    }

    /// Whoever else was in the process is there no more.
    fn leave(&mut self, house: &mut House, stays: Option<usize>) {
        for gone in house.people.extract_if(.., |resident| Some(resident.number) != stays) {
            self.model.people[gone.number].live = false;
        }
    }

    /// A session goes on in this process.
    fn resume(&mut self, house: &mut House, number: usize) -> Result<()> {
        let person = self.model.people[number].clone();
        let label = if person.live {
            person.label.clone()
        } else {
            self.model.free_label(&person.label, Some(number))
        };
        house.hook(self.world, Scene::Resume, &person.native, "", Some(number))?;
        let session = self.world.store()?.named_by(person.provider.card().id.as_str(), &person.native)?;
        let session = session.context("a resumed session that nobody knows")?;
        if session.id.to_string() != person.id || session.label != label {
            let (id, found) = (session.id, session.label);
            self.world.find(format!("{} was resumed as {id} ({found}), not as {label}", person.id));
        }
        if let Kind::Alone { .. } = house.kind {
            self.leave(house, Some(number));
        }
        house.people.push(Resident { number, native: person.native });
        self.model.people[number].live = true;
        self.model.people[number].label = label;
        self.world.event("resumed");
        Ok(())
    }

    /// Everything that may happen between two acts, a few times each.
    pub(super) fn go_on(&mut self) -> Result<()> {
        self.learn();
        for _ in 0..2 {
            self.kill()?;
            self.end()?;
            self.fork()?;
            self.clear()?;
            self.resume_ended()?;
        }
        self.take_over()?;
        self.settle()
    }

    fn pick(&mut self, fits: impl Fn(&House) -> bool) -> Option<House> {
        let all: Vec<usize> = (0..self.houses.len())
            .filter(|at| !self.houses[*at].people.is_empty() && fits(&self.houses[*at]))
            .collect();
        let at = *all.get(self.random.below(all.len()))?;
        Some(self.houses.swap_remove(at))
    }

    /// A process dies without a word. Its id is used again: by another CLI, or by itself, and its sessions are resumed.
    fn kill(&mut self) -> Result<()> {
        let Some(mut house) = self.pick(|house| house.host.is_ours()) else { return Ok(()) };
        let (pid, provider, people) = (house.host.pid(), house.provider, house.people.clone());
        self.leave(&mut house, None);
        drop(house);
        self.world.event("killed");
        let heir = if self.random.one_in(2) { provider } else { *self.random.pick(PROVIDERS) };
        let mut next = self.house(heir, Some(pid))?;
        self.inherit(&mut next);
        if heir.card().id == provider.card().id && self.random.one_in(2) {
            self.resume(&mut next, people[0].number)?;
        } else {
            self.begin(&mut next, Scene::Start)?;
        }
        next.serve(self.world)?;
        self.houses.push(next);
        Ok(())
    }

    /// A session ends, and where that is possible its process goes on with a new one.
    fn end(&mut self) -> Result<()> {
        let world = self.world;
        let Some(mut house) = self.pick(|house| house.tells(world, Scene::Over)) else { return Ok(()) };
        let gone = house.people.remove(0);
        house.hook(world, Scene::Over, &gone.native, "", Some(gone.number))?;
        self.model.people[gone.number].live = false;
        world.event("ended");
        if house.people.is_empty() {
            self.begin(&mut house, Scene::Start)?;
            if let Kind::Variable(_) = house.kind {
                house.serve(world)?;
            }
        }
        self.houses.push(house);
        Ok(())
    }

    /// A copy of a session goes its own way: in another process, or beside it.
    fn fork(&mut self) -> Result<()> {
        let Some(mut house) = self.pick(|house| house.kind != Kind::Shared) else { return Ok(()) };
        if house.kind.many() {
            self.begin(&mut house, Scene::Resume)?;
        } else {
            let mut next = self.house(house.provider, None)?;
            self.inherit(&mut next);
            self.begin(&mut next, Scene::Resume)?;
            next.serve(self.world)?;
            self.houses.push(next);
        }
        self.world.event("forked");
        self.houses.push(house);
        Ok(())
    }

    /// A clear that makes a new session, beside the one that it leaves.
    fn clear(&mut self) -> Result<()> {
        let world = self.world;
        let fits =
            |house: &House| matches!(house.kind, Kind::Meta { .. }) && house.tells(world, Scene::Clear);
        let Some(mut house) = self.pick(fits) else { return Ok(()) };
        self.begin(&mut house, Scene::Clear)?;
        world.event("cleared into a new session");
        self.houses.push(house);
        Ok(())
    }

    fn resume_ended(&mut self) -> Result<()> {
        let ended: Vec<usize> =
            self.model.people.iter().filter(|person| !person.live).map(|person| person.number).collect();
        let Some(&number) = ended.get(self.random.below(ended.len())) else { return Ok(()) };
        let provider = self.model.people[number].provider;
        let together = self.random.one_in(2);
        let beside =
            |house: &House| together && house.kind.many() && house.provider.card().id == provider.card().id;
        let mut house = if let Some(house) = self.pick(beside) {
            house
        } else {
            let mut house = self.house(provider, None)?;
            self.inherit(&mut house);
            house
        };
        self.resume(&mut house, number)?;
        if house.server.is_none() {
            house.serve(self.world)?;
        }
        self.houses.push(house);
        Ok(())
    }

    /// A second process opens a session that is open. Until its own hooks speak again, the first one names nobody.
    fn take_over(&mut self) -> Result<()> {
        let Some(mut first) =
            self.pick(|house| matches!(house.kind, Kind::Alone { .. }) && house.host.is_ours())
        else {
            return Ok(());
        };
        let Resident { number, native } = first.people[0].clone();
        let mut second = self.house(first.provider, None)?;
        self.inherit(&mut second);
        self.resume(&mut second, number)?;
        second.serve(self.world)?;
        self.houses.push(second);
        let arguments = serde_json::json!({"to": "*", "body": super::act::NOBODYS});
        let said = first.call(&native, "bridge_send_message", &arguments)?;
        expect_refusal(self.world, said, "not_bound", "a process whose session is in another one");
        self.world.event("opened twice");
        Ok(())
    }

    /// What was cleared meanwhile has other ids of its host.
    pub(super) fn learn(&mut self) {
        for resident in self.houses.iter().flat_map(|house| &house.people) {
            self.model.people[resident.number].native.clone_from(&resident.native);
        }
    }

    /// The ids of others that a process may have inherited.
    fn inherit(&mut self, house: &mut House) {
        for provider in PROVIDERS {
            let card = provider.card();
            let here = |number: usize| house.people.iter().any(|resident| resident.number == number);
            let others: Vec<&Person> = self
                .model
                .people
                .iter()
                .filter(|person| person.provider.card().id == card.id && !here(person.number))
                .collect();
            let Some(other) = others.get(self.random.below(others.len())) else { continue };
            let marks = card.marks.iter().filter_map(|mark| match *mark {
                Mark::Session { variable, .. } => Some(variable),
                _ => None,
            });
            let variables = card.identity.mcp.iter().filter_map(|source| match *source {
                Source::SpawnEnv(name) => Some(name),
                _ => None,
            });
            for variable in marks.chain(variables) {
                house.foreign.insert(variable, other.native.clone());
            }
        }
    }

    /// All is calm: everybody is who they are.
    fn settle(&mut self) -> Result<()> {
        let mut houses = std::mem::take(&mut self.houses);
        for house in &mut houses {
            self.inherit(house);
            house.asked = false;
            confirm(self.world, &self.model, house)?;
        }
        self.houses = houses;
        Ok(())
    }
}
