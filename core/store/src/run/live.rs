//! `live`: which process hosts a session, what it is doing, which turn it is in where the host does not say so with each event, and,
//! by the file's time, its last sign of life.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::process::ProcessKey;
use session_bridge_core::turn::TurnMark;

use super::{RunFolder, private};
use crate::error::StoreError;

/// Longer than the file ever is: a word, a turn and two numbers.
const LONGEST: usize = 80;
/// No turn that has to be told apart.
const NO_TURN: &str = "----------------";

/// What the host is doing, as its last event told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// In a turn.
    Busy,
    /// Waiting for its user.
    Idle,
    /// Waiting for its user, who interrupted the last turn.
    Interrupted,
}

/// The content of `live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// The process that hosts the session.
    pub host: ProcessKey,
    /// What it is doing.
    pub activity: Activity,
    /// Its user began the present turn, or the last one, and no peer's text came into it since.
    pub by_user: bool,
    /// The turn that its last prompt began, where the host does not name turns in all of their events.
    pub turn: Option<TurnMark>,
}

impl Live {
    /// What an event of a session says, after what the one before it said.
    pub fn after(event: &HookEvent<'_>, host: ProcessKey, before: Option<Self>) -> Self {
        let activity = match event.moment {
            Moment::PromptSubmit | Moment::BeforeSubagent | Moment::ModelRequest | Moment::AfterTool => {
                Activity::Busy
            }
            Moment::Interrupt => Activity::Interrupted,
            // It tells nothing of the session.
            Moment::Doorbell => before.map_or(Activity::Idle, |live| live.activity),
            _ => Activity::Idle,
        };
        let goes_on = before.is_some_and(|live| live.by_user);
        let by_user = match event.moment {
            Moment::PromptSubmit if event.nudge.is_some() => false,
            Moment::PromptSubmit => goes_on || !event.by_host,
            _ => goes_on,
        };
        let turn = TurnMark::begun_by(event).or_else(|| before.and_then(|live| live.turn));
        Self { host, activity, by_user, turn }
    }

    /// All words have the same length, so that the file is never seen half-written.
    fn encode(self) -> String {
        let word = match (self.activity, self.by_user) {
            (Activity::Busy, false) => "busy",
            (Activity::Busy, true) => "user",
            (Activity::Idle, false) => "idle",
            (Activity::Idle, true) => "done",
            (Activity::Interrupted, _) => "halt",
        };
        let turn = self.turn.map_or_else(|| NO_TURN.to_owned(), |turn| turn.to_string());
        format!("{word} {turn} {} {}\n", self.host.pid, self.host.start)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (activity, by_user) = match words.next()? {
            "busy" => (Activity::Busy, false),
            "user" => (Activity::Busy, true),
            "idle" => (Activity::Idle, false),
            "done" => (Activity::Idle, true),
            "halt" => (Activity::Interrupted, false),
            _ => return None,
        };
        let turn = words.next()?.parse().ok();
        let host = ProcessKey { pid: words.next()?.parse().ok()?, start: words.next()?.parse().ok()? };
        Some(Self { host, activity, by_user, turn })
    }
}

impl RunFolder {
    /// Reads the sign of life.
    pub fn live(&self) -> Option<Live> {
        Live::decode(&fs::read_to_string(self.file("live")).ok()?)
    }

    /// When the last sign of life was, in milliseconds since 1970.
    pub fn last_seen(&self) -> Option<i64> {
        let changed = fs::metadata(self.file("live")).ok()?.modified().ok()?;
        i64::try_from(changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    /// Gives a sign of life.
    pub fn set_live(&self, live: Live) -> Result<(), StoreError> {
        if self.touch_live(live.host, |_| live) {
            return Ok(());
        }
        let path = self.file("live");
        private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| file.write_all(live.encode().as_bytes()))
            .map_err(StoreError::io("write", &path))
    }

    /// The fast path's sign of life: gives it only if the file names `host`, and says whether it did. `next` makes it of
    /// what stands there.
    pub fn touch_live(&self, host: ProcessKey, next: impl FnOnce(Live) -> Live) -> bool {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(self.file("live")) else {
            return false;
        };
        let mut text = [0; LONGEST];
        let Ok(length) = file.read_at(&mut text, 0) else { return false };
        let live = std::str::from_utf8(&text[..length]).ok().and_then(Live::decode);
        let Some(live) = live.filter(|live| live.host == host) else { return false };
        file.write_all_at(next(live).encode().as_bytes(), 0).is_ok()
    }

    /// A peer's text came into the present turn: it is no longer its user's alone.
    pub(crate) fn join_turn(&self) {
        if let Some(live) = self.live().filter(|live| live.by_user) {
            // Were this to fail, the chain would be counted one hop shorter.
            self.touch_live(live.host, |live| Live { by_user: false, ..live });
        }
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::id::SessionId;

    use super::super::tests::folders;
    use super::*;

    #[test]
    fn the_fast_path_needs_the_same_host() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let host = ProcessKey { pid: 7, start: 9 };
        let mine = Live { host, activity: Activity::Idle, by_user: true, turn: None };
        let busy = |live| Live { activity: Activity::Busy, ..live };
        assert!(!folder.touch_live(host, busy), "no file yet");
        folder.set_live(mine).unwrap();
        assert!(folder.touch_live(host, busy));
        assert_eq!(folder.live(), Some(busy(mine)));
        assert!(!folder.touch_live(ProcessKey { start: 10, ..host }, busy), "a reused pid");
    }

    #[test]
    fn a_prompt_is_remembered_until_the_next() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let host = ProcessKey { pid: u32::MAX, start: u64::MAX };
        let told = |moment, stamp: &'static str| HookEvent {
            stamp: Some(stamp.into()),
            ..HookEvent::of(moment, "X".into(), "n".into())
        };
        let prompt = told(Moment::PromptSubmit, "1");
        folder.set_live(Live::after(&prompt, host, None)).unwrap();
        assert_eq!(folder.live().unwrap().turn, TurnMark::begun_by(&prompt));
        assert!(folder.touch_live(host, |live| Live::after(&told(Moment::AfterTool, "2"), host, Some(live))));
        assert_eq!(folder.live().unwrap().turn, TurnMark::begun_by(&prompt));
        let next = told(Moment::PromptSubmit, "3");
        assert!(folder.touch_live(host, |live| Live::after(&next, host, Some(live))));
        assert_eq!(folder.live().unwrap().turn, TurnMark::begun_by(&next));
    }

    #[test]
    fn a_sign_of_life_says_whose_turn_it_is() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let host = ProcessKey { pid: 7, start: 9 };
        let length = |live: Live| live.encode().len();
        for activity in [Activity::Busy, Activity::Idle, Activity::Interrupted] {
            for by_user in [false, true] {
                let live = Live { host, activity, by_user, turn: None };
                folder.set_live(live).unwrap();
                let read = folder.live().unwrap();
                assert_eq!((read.activity, read.turn), (activity, None));
                assert_eq!(read.by_user, by_user && activity != Activity::Interrupted);
                assert_eq!(length(live), length(read), "a file that is rewritten in place keeps its length");
            }
        }
        folder.set_live(Live { host, activity: Activity::Busy, by_user: true, turn: None }).unwrap();
        folder.join_turn();
        assert_eq!(folder.live(), Some(Live { host, activity: Activity::Busy, by_user: false, turn: None }));
    }
}
