//! An event of a host, as its hook takes it in: what it proves, what it ends, and what the sign of life says (B4, B5, R1,
//! R2, D7, E1, W8).

use super::{A, Doing, Host, Live, Model, S, Session, Spoke, Status, Surface};

/// Why a conversation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Fresh,
    Resumed,
    Cleared,
    Compacted,
    Forked,
}

/// Who wrote a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    User,
    /// The nudge that a door took last.
    Nudge,
    /// Somebody who made a nudge up: a person, for the bridge (D2).
    Nobody,
}

/// Which calls a tool event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calls {
    /// Of other tools.
    Others,
    /// The call of this pull among them.
    Of(A),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    Start(Why),
    Prompt(By),
    Tool(Calls),
    TurnEnd,
    Interrupt,
    End,
}

/// What becomes of a hook's write (E2), or of the hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Written,
    KilledBeforeWriting,
    KilledWhileWriting,
    /// Later than half of the host's limit.
    Late,
    /// Another process holds the session's lock.
    Locked,
}

/// One event with the names that its host gives.
#[derive(Debug, Clone)]
pub struct Event {
    pub moment: Moment,
    pub turn: Option<u32>,
    pub calls: Vec<u32>,
    /// For the end of a turn: it had ended before.
    pub continued: bool,
}

impl Event {
    pub(super) fn surface(&self) -> Option<Surface> {
        match self.moment {
            Moment::Start(_) => Some(Surface::Start),
            Moment::Prompt(_) => Some(Surface::Prompt),
            Moment::Tool(_) => Some(Surface::Tool),
            Moment::TurnEnd => Some(Surface::TurnEnd),
            Moment::Interrupt | Moment::End => None,
        }
    }
}

impl Model {
    /// Somebody starts a host, which begins a conversation in it.
    pub fn begin(&mut self, host: Host, process: Option<usize>) -> S {
        let process = process.unwrap_or_else(|| {
            self.hosts.push(true);
            self.hosts.len() - 1
        });
        let native = self.name();
        self.sessions.push(Session {
            host,
            native,
            process,
            ended: false,
            conversation: 1,
            turn: 0,
            in_turn: false,
            ends: 0,
            live: None,
            seen: 0,
            guarded: false,
            owes: None,
            paused: false,
            note: None,
            hop: 0,
            hop_at: 0,
            wake: None,
            last_try: None,
            nudge: None,
            server: None,
        });
        self.sessions.len() - 1
    }

    /// The event that a host in this state would tell.
    pub fn told(&mut self, s: S, moment: Moment) -> Event {
        let session = &mut self.sessions[s];
        let mut event = Event { moment, turn: None, calls: Vec::new(), continued: false };
        match &event.moment {
            Moment::Prompt(_) => {
                session.turn += 1;
                (session.in_turn, session.ends) = (true, 0);
                event.turn = Some(session.turn);
            }
            Moment::Tool(calls) => {
                event.turn = Some(session.turn);
                let listed = match calls {
                    Calls::Others => None,
                    Calls::Of(a) => self.attempts[*a].call,
                };
                event.calls = match listed {
                    Some(call) => vec![call],
                    None => vec![self.name()],
                };
            }
            Moment::TurnEnd => {
                event.turn = Some(session.turn);
                event.continued = session.ends > 0;
                session.ends += 1;
                session.in_turn = false;
            }
            Moment::Interrupt => {
                event.turn = Some(session.turn);
                session.in_turn = false;
            }
            Moment::Start(why) => {
                if *why != Why::Compacted {
                    session.in_turn = false;
                }
            }
            Moment::End => session.in_turn = false,
        }
        event
    }

    /// One run of the hook.
    pub fn hook(&mut self, s: S, event: &Event, fate: Fate) -> Spoke {
        let plain = !matches!(event.moment, Moment::Start(_) | Moment::End);
        let looks_nudged = matches!(event.moment, Moment::Prompt(By::Nudge | By::Nobody));
        if event.moment == Moment::End && fate == Fate::Locked {
            return Spoke::default();
        }
        let process = self.sessions[s].process;
        let before = self.sessions[s].live.filter(|live| live.process == process);
        // B4: `live` names the host of this hook, and no bell stands.
        let fast = plain && !looks_nudged && before.is_some() && !self.hot(s);
        if !fast {
            self.arrive(s, event, fate != Fate::Locked);
        }
        self.give_sign_of_life(s, event, before);
        if fast || fate == Fate::Locked {
            return Spoke { fast, ..Spoke::default() };
        }
        let spoke = self.hear(s, event);
        if spoke.late_nudge {
            // No turn begins, so no event will end it; one that was going on goes on.
            let idle = Live { process, doing: Doing::Idle, by_user: false };
            self.sessions[s].live = Some(before.unwrap_or(idle));
            self.sessions[s].in_turn = false;
        }
        if event.moment == Moment::End {
            self.end(s);
        }
        if let (Some(a), false) = (spoke.attempt, fate == Fate::KilledBeforeWriting) {
            self.sessions[s].note = Some((a, fate));
        }
        self.after_turn_end(s, event, &spoke, fate);
        spoke
    }

    /// What is put out at the end of a turn makes it go on, if the host takes it.
    fn after_turn_end(&mut self, s: S, event: &Event, spoke: &Spoke, fate: Fate) {
        if event.moment != Moment::TurnEnd {
            return;
        }
        let session = &mut self.sessions[s];
        session.in_turn = spoke.is_some() && fate == Fate::Written;
        if let (true, Fate::Written | Fate::Late, Some(live)) = (spoke.is_some(), fate, &mut session.live) {
            live.doing = Doing::Busy;
        }
    }

    fn give_sign_of_life(&mut self, s: S, event: &Event, before: Option<Live>) {
        let doing = match event.moment {
            Moment::Prompt(_) | Moment::Tool(_) => Doing::Busy,
            Moment::Interrupt => Doing::Interrupted,
            _ => Doing::Idle,
        };
        let by_user = match event.moment {
            Moment::Prompt(By::User) => true,
            // An interruption leaves no word for it.
            Moment::Prompt(By::Nudge | By::Nobody) | Moment::Interrupt => false,
            _ => before.is_some_and(|live| live.by_user),
        };
        let process = self.sessions[s].process;
        self.sessions[s].live = Some(Live { process, doing, by_user });
        self.sessions[s].seen = self.now;
    }

    /// The session is found or comes back; a cleared one begins a new conversation (D7, W8).
    fn arrive(&mut self, s: S, event: &Event, free: bool) {
        let Moment::Start(why) = event.moment else {
            self.sessions[s].ended = false;
            return;
        };
        if why == Why::Cleared && self.sessions[s].conversation_is_new() {
            self.doubt_open(s, free);
            self.sessions[s].conversation += 1;
        }
        if matches!(why, Why::Cleared | Why::Compacted | Why::Forked) {
            for attempt in self.attempts.iter_mut().filter(|a| a.session == s) {
                attempt.guards = false;
            }
            self.sessions[s].guarded = false;
        }
        self.sessions[s].ended = false;
    }

    /// The session's host is another process now: what was under way in the old one ended with it (D7). To be called before
    /// the first event of the new one.
    pub fn move_to(&mut self, s: S, process: usize, free: bool) {
        self.doubt_open(s, free);
        self.sessions[s].process = process;
    }

    fn hear(&mut self, s: S, event: &Event) -> Spoke {
        self.fold(s);
        self.settle(s, event);
        self.expire_for(s);
        self.begin_chain(s, event);
        let mut spoke = Spoke::default();
        if self.sessions[s].paused {
            if let Moment::Start(why) = event.moment {
                self.sessions[s].owes = Some(why);
            }
        } else {
            spoke = self.speak(s, event);
        }
        self.react(s, event);
        spoke.late_nudge = event.moment == Moment::Prompt(By::Nudge) && !spoke.is_some();
        spoke
    }

    /// What an event proves about attempts of its own conversation and turn (R1, R3), and which turns are over (R2).
    fn settle(&mut self, s: S, event: &Event) {
        let compacted = event.moment == Moment::Start(Why::Compacted);
        for a in self.alive(s) {
            let listed = self.lists(a, event);
            if listed && self.attempts[a].turn.is_none() {
                // The host has the result, so it was written.
                self.attempts[a].turn = event.turn;
                self.written(a);
            }
            let attempt = &self.attempts[a];
            if attempt.turn == event.turn && attempt.conversation == self.sessions[s].conversation {
                if self.attempts[a].status == Status::Written && self.proves_injected(s, a, event) {
                    self.injected(a);
                }
                if self.attempts[a].status == Status::Injected && self.proves_seen(s, a, event) {
                    self.seen(a);
                }
            }
            // What is proven by then stays; the new context proves nothing of the old one.
            if compacted {
                match self.attempts[a].status {
                    Status::Written => self.unknown(a),
                    Status::Injected => self.close(a),
                    _ => {}
                }
            }
            if self.ends_turn_of(a, event) {
                match self.attempts[a].status {
                    Status::Injected => self.close(a),
                    Status::Written => self.unknown(a),
                    _ => {}
                }
            }
        }
    }

    fn lists(&self, a: A, event: &Event) -> bool {
        self.attempts[a].call.is_some_and(|call| event.calls.contains(&call))
    }

    /// The evidence tables of the two test cards.
    fn proves_injected(&self, s: S, a: A, event: &Event) -> bool {
        let tool = matches!(event.moment, Moment::Tool(_)) && !self.lists(a, event);
        let end = event.moment == Moment::TurnEnd;
        match (self.attempts[a].surface, self.sessions[s].host) {
            (Surface::Start, _) => false,
            (Surface::Prompt, _) | (Surface::Tool, Host::Batch) => tool || end,
            // Sibling calls of one batch come one by one, so another tool event proves nothing.
            (Surface::Tool, Host::Single) => end,
            (Surface::TurnEnd, Host::Batch) => tool || (end && event.continued),
            (Surface::TurnEnd, Host::Single) => end && event.continued,
            (Surface::Pull, _) => self.lists(a, event),
        }
    }

    fn proves_seen(&self, s: S, a: A, event: &Event) -> bool {
        let tool = matches!(event.moment, Moment::Tool(_)) && !self.lists(a, event);
        let end = event.moment == Moment::TurnEnd;
        match (self.attempts[a].surface, self.sessions[s].host) {
            (Surface::Pull, Host::Batch) => tool || end,
            (Surface::Pull, Host::Single) => end,
            _ => self.proves_injected(s, a, event),
        }
    }

    /// Whether after this event nothing can prove the attempt any more.
    fn ends_turn_of(&self, a: A, event: &Event) -> bool {
        let turn = self.attempts[a].turn;
        let other = event.turn.is_some() && turn.is_some() && turn != event.turn;
        match event.moment {
            Moment::Prompt(_) => other || turn.is_none(),
            Moment::TurnEnd | Moment::Interrupt | Moment::End => true,
            _ => other,
        }
    }

    /// A session ends: what is under way can no longer be proven, and nobody wakes it.
    pub(super) fn end(&mut self, s: S) {
        self.doubt_open(s, true);
        self.sessions[s].wake = None;
        self.sessions[s].ended = true;
    }

    /// Whoever looks at the list of sessions notes those whose process is gone.
    pub fn reap(&mut self) {
        for s in 0..self.sessions.len() {
            if !self.sessions[s].ended && !self.is_alive(s) {
                self.end(s);
            }
        }
    }
}

impl Session {
    /// A first start is that of a new session, not of a new conversation.
    fn conversation_is_new(&self) -> bool {
        self.live.is_some()
    }
}
