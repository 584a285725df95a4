//! An event that the store has to hear: a beginning, an end, or one at which something may wait.

use std::path::Path;
use std::time::Duration;

use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::process::ProcessKey;
use session_bridge_core::provider::Provider;
use session_bridge_store::{
    Activity, Lease, Live, Outcome, Role, RunFolder, RunFolders, Session, Sign, Store, StoreError,
};

use crate::answer::Answer;
use crate::outside::Outside;
use crate::twice::Twice;

/// How long a hook waits for others in all, since it began, where it has to be heard.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who brings what to the store.
pub(crate) struct Visit<'a> {
    pub(crate) home: &'a Home,
    pub(crate) host: &'a dyn Host,
    pub(crate) provider: &'static dyn Provider,
    pub(crate) event: &'a HookEvent<'a>,
    /// The process that hosts the session.
    pub(crate) process: Option<ProcessKey>,
    pub(crate) twice: Twice,
}

/// The sign of life that stands in a session's folder, before and after this event.
#[derive(Clone, Copy)]
struct Signs {
    before: Option<Live>,
    now: Option<Live>,
}

impl Visit<'_> {
    /// From the session's arrival to the answer. `alias` is its folder by its host's name for it.
    pub(crate) fn carry_out(
        &self,
        runs: &RunFolders,
        alias: &RunFolder,
        outside: &mut impl Outside,
    ) -> Result<(), String> {
        let text = |error: StoreError| error.to_string();
        // An end that is told twice at once would bring the session back: the second hears it after the first, or not at all.
        let ends = self.event.moment == Moment::SessionEnd;
        let ending = ends.then(|| alias.lease_within(self.patience(outside)).ok()).flatten();
        if matches!(ending, Some(None)) || self.twice.is_heard(alias, self.event) {
            return Ok(());
        }
        let mut store = Store::open_with(self.home, Role::Hook, outside.clock()).map_err(text)?;
        if self.is_told_once() {
            store.wait_longer(self.patience(outside)).map_err(text)?;
        }
        let session = self.arrive(&mut store).map_err(text)?;
        let folder = runs.session(session.id);
        let signs = self.sign(&folder).map_err(text)?;
        // Somebody else is putting bodies before this session's model right now: mail that we came for will wait.
        let lease = match ending.flatten() {
            Some(lease) => Some(lease),
            None => folder.lease_within(self.patience(outside)).map_err(text)?,
        };
        let Some(lease) = lease.filter(|_| !self.twice.is_heard(&folder, self.event)) else { return Ok(()) };
        let outcome = self.hear(&mut store, &session, &folder, &lease, signs).map_err(text)?;
        outside.leave(store);
        self.answer(&outcome, &folder, &lease, outside)
    }

    /// A beginning, an end, or the first event of a process: nothing later tells of it again.
    fn is_told_once(&self) -> bool {
        self.twice.before.is_none()
    }

    /// How long this hook may wait for others from now on.
    fn patience(&self, outside: &impl Outside) -> Duration {
        if self.is_told_once() { PATIENCE.saturating_sub(outside.elapsed()) } else { Duration::ZERO }
    }

    /// Finds the session, or registers it.
    fn arrive(&self, store: &mut Store) -> Result<Session, StoreError> {
        let event = self.event;
        let sign = Sign {
            native: &event.native,
            host: self.process,
            cwd: event.cwd.as_deref().filter(|path: &&Path| path.is_absolute()),
            start: (event.moment == Moment::SessionStart).then_some(event.start),
        };
        store.arrive_on(self.host, self.provider.card(), sign)
    }

    /// Leaves what only its hooks know of the session: its host, its door, its secret.
    fn sign(&self, folder: &RunFolder) -> Result<Signs, StoreError> {
        let before = folder.live().filter(|live| Some(live.host) == self.process);
        let now = self.process.map(|host| Live::after(self.event, host, before));
        if let Some(now) = now {
            folder.set_live(now)?;
        }
        if let Some(door) = self.provider.card().command_door() {
            let set = |name: &&'static str| Some((*name, self.host.env(name)?));
            let variables: Vec<_> = door.env.iter().filter_map(set).collect();
            folder.set_door(&variables)?;
        }
        if let Some(nonce) = self.event.nonce.as_deref() {
            folder.set_nonce(nonce)?;
        }
        Ok(Signs { before, now })
    }

    /// Tells the store, and the files what the store made of it.
    fn hear(
        &self,
        store: &mut Store,
        session: &Session,
        folder: &RunFolder,
        lease: &Lease,
        signs: Signs,
    ) -> Result<Outcome, StoreError> {
        let outcome = store.hear(session, self.event, self.provider.card(), lease)?;
        self.twice.set_heard(folder, lease)?;
        if let (true, Some(host)) = (outcome.late_nudge, self.process) {
            // No turn begins, so no event will end it; one that was going on goes on.
            let idle = Live { host, activity: Activity::Idle, by_user: false, turn: None };
            folder.set_live(signs.before.unwrap_or(idle))?;
        }
        if self.event.moment == Moment::SessionEnd && !self.event.continues {
            store.end_in_its_process(session, "its host ended it")?;
            // The session's server may have looked before that was committed: it looks for the window's next session now.
            if let Some(now) = signs.now {
                folder.set_live(now)?;
            }
        }
        Ok(outcome)
    }

    /// Puts out what waited, and has the host watch the bell where that is a door.
    fn answer(
        &self,
        outcome: &Outcome,
        folder: &RunFolder,
        lease: &Lease,
        outside: &mut impl Outside,
    ) -> Result<(), String> {
        let (event, provider) = (self.event, self.provider);
        let watches = event.moment == Moment::SessionStart && !outcome.paused;
        let watched = provider.card().watched_door(|name| self.host.env(name)).filter(|_| watches);
        let bell = watched.map(|_| folder.bell());
        let watch = bell.as_deref().and_then(Path::to_str);
        Answer { provider, event, outcome, watch }.put_out(folder, lease, outside)?;
        if let (Moment::TurnEnd, false, Some(host)) = (event.moment, outcome.text.is_empty(), self.process) {
            // The turn goes on. A file that is gone meanwhile is no matter: the next event makes it anew.
            folder.touch_live(host, |live| Live { activity: Activity::Busy, ..live });
        }
        Ok(())
    }
}
