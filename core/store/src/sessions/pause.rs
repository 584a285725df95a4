//! Pauses: files that say that the bridge leaves everything, a provider or a session alone. They stand beside the store,
//! so that it need not be open, or whole, for somebody to turn the bridge off.
//!
//! A paused session is still registered, noted busy or idle, and what was under way is still settled. Nothing new goes
//! out to it, nothing wakes it, and its tools fail. Mail to it is stored.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::id::SessionId;

use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::error::StoreError;
use crate::row::parsed;
use crate::run::{RunFolders, create_folder};
use crate::sessions::session::Session;
use crate::waking::wake;

/// What the file of one provider's pause begins with.
const PROVIDER: &str = "provider-";

/// One pause, as a person set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Of every session of this user.
    Everything,
    /// Of one provider's sessions.
    Provider(String),
    /// Of one session.
    Session(SessionId),
}

impl Pause {
    /// What pauses a session; the widest pause, if several do.
    pub fn of(home: &Home, provider: &str, session: SessionId) -> Option<Self> {
        let all = [Self::Everything, Self::Provider(provider.to_owned()), Self::Session(session)];
        all.into_iter().find(|pause| pause.stands(home))
    }

    /// Every pause that stands.
    pub fn all(home: &Home) -> Vec<Self> {
        let names = |folder: PathBuf| {
            let entries = fsx::read_dir(&folder).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok())
        };
        let mut found = Vec::new();
        if Self::Everything.stands(home) {
            found.push(Self::Everything);
        }
        let providers = names(home.paused()).filter_map(|name| Some(name.strip_prefix(PROVIDER)?.to_owned()));
        let mut providers: Vec<String> = providers.collect();
        providers.sort();
        found.extend(providers.into_iter().map(Self::Provider));
        let mut sessions: Vec<SessionId> = names(home.run()).filter_map(|name| name.parse().ok()).collect();
        sessions.sort();
        found.extend(sessions.into_iter().map(Self::Session).filter(|pause| pause.stands(home)));
        found
    }

    /// Whether it stands.
    pub fn stands(&self, home: &Home) -> bool {
        fs::symlink_metadata(self.file(home)).is_ok()
    }

    /// Pauses; false if it was so already.
    pub fn set(&self, home: &Home) -> Result<bool, StoreError> {
        Store::refuse_foreign_layout(home)?;
        let path = self.file(home);
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(StoreError::io("create", path)(error)),
        }
    }

    /// Ends it; false if there was none. [`Store::ring_after`] lets out what waited.
    pub fn lift(&self, home: &Home) -> Result<bool, StoreError> {
        let path = self.file(home);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("remove", path)(error)),
        }
    }

    /// How far it reaches, in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Provider(_) => "provider",
            Self::Session(_) => "session",
        }
    }

    /// Who or what is paused, as the middle of a sentence.
    pub fn what(&self) -> String {
        match self {
            Self::Everything => "the bridge is".to_owned(),
            Self::Provider(id) => format!("{id} is"),
            Self::Session(_) => "the session is".to_owned(),
        }
    }

    /// What a receipt says of mail that waits for its end. A sender cannot end it, so it is not told how.
    pub(crate) fn remark(&self) -> String {
        format!("held: {} paused by the user", self.what())
    }

    fn file(&self, home: &Home) -> PathBuf {
        match self {
            Self::Everything => home.paused().join("all"),
            Self::Provider(id) => home.paused().join(format!("{PROVIDER}{id}")),
            Self::Session(id) => RunFolders::of(home).session(*id).path().join("paused"),
        }
    }

    fn covers(&self, session: SessionId, provider: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Provider(id) => id == provider,
            Self::Session(id) => *id == session,
        }
    }
}

impl Store {
    /// What pauses a session now.
    pub fn paused(&self, session: &Session) -> Option<Pause> {
        Pause::of(&self.home, &session.provider, session.id)
    }

    /// A pause was lifted: rings every session that it covered and that has something to do, so that hooks and doors look
    /// again, and says which. Who is still paused otherwise is left alone.
    pub fn ring_after(&mut self, lifted: &Pause) -> Result<Vec<SessionId>, StoreError> {
        let (home, run, now) = (self.home.clone(), self.run.clone(), self.now());
        self.write(|tx| {
            let mut statement = tx.prepare(&format!(
                "SELECT id, provider FROM session
                 WHERE owes IS NOT NULL OR id IN (SELECT session FROM delivery INDEXED BY delivery_hot WHERE {HOT}) ORDER BY id"
            ))?;
            let rows = statement.query_map([], |row| Ok((parsed(row, 0)?, row.get(1)?)))?;
            let mut rung = Vec::new();
            for row in rows {
                let (id, provider): (SessionId, String) = row?;
                if lifted.covers(id, &provider) && Pause::of(&home, &provider, id).is_none() {
                    run.session(id).ring()?;
                    wake::leave(tx, id, now)?;
                    rung.push(id);
                }
            }
            Ok(rung)
        })
    }
}
