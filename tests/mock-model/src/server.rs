//! The server: one thread that accepts, one per connection, and the record that tests read.

use std::collections::VecDeque;
use std::io::{self, BufReader, BufWriter};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::request::{Request, Wire};
use crate::turn::{Block, Turn};
use crate::{anthropic, chat, gemini, http, responses};

/// What the model says when the script has nothing for a request.
const UNSCRIPTED: &str = "(no scripted turn is left)";
/// What it says to a request that is no step of a conversation.
const INERT: &str = "mock";
/// A client that sends nothing for this long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a mock model could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// No loopback port could be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

type Matcher = Box<dyn Fn(&Request) -> bool + Send + Sync>;

/// A script for the requests that its matcher accepts.
struct Lane {
    matches: Matcher,
    turns: VecDeque<Turn>,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    steps: Vec<Request>,
    others: Vec<Request>,
    unscripted: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    closed: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A model server that answers by script and records what it was asked. It stops when it is dropped.
pub struct MockModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl MockModel {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`MockError::Listen`] if no port can be opened.
    pub fn start() -> Result<Self, MockError> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let failed = |source| MockError::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &for_thread));
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// `http://127.0.0.1:<port>`, without a path: what `ANTHROPIC_BASE_URL` and `GOOGLE_GEMINI_BASE_URL` take.
    /// Codex and the CLIs that speak Chat Completions want `/v1` behind it.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Appends turns for any conversation step that no narrower script takes.
    pub fn script(&self, turns: impl IntoIterator<Item = Turn>) {
        self.script_when(|_| true, turns);
    }

    /// Appends turns for the conversations in which the user said `needle`: give each session's first prompt a
    /// word of its own, and several sessions can share one server.
    pub fn script_for(&self, needle: impl Into<String>, turns: impl IntoIterator<Item = Turn>) {
        let needle = needle.into();
        let said = move |request: &Request| {
            let messages = request.messages();
            messages.iter().any(|message| message.role == crate::Role::User && message.text.contains(&needle))
        };
        self.script_when(said, turns);
    }

    /// Appends turns for the steps that `matches` accepts. The oldest script that accepts a step and still has a turn
    /// answers it; scripts for everything ([`MockModel::script`]) come after the others only if they are added later.
    pub fn script_when(
        &self,
        matches: impl Fn(&Request) -> bool + Send + Sync + 'static,
        turns: impl IntoIterator<Item = Turn>,
    ) {
        let lane = Lane { matches: Box::new(matches), turns: turns.into_iter().collect() };
        self.shared.lock().lanes.push(lane);
    }

    /// The conversation steps so far, in order of arrival.
    pub fn steps(&self) -> Vec<Request> {
        self.shared.lock().steps.clone()
    }

    /// The steps in which the model was told `needle`.
    pub fn steps_with(&self, needle: &str) -> Vec<Request> {
        self.steps().into_iter().filter(|request| request.contains(needle)).collect()
    }

    /// Everything else that was asked: titles, token counts, connection checks, unknown paths.
    pub fn others(&self) -> Vec<Request> {
        self.shared.lock().others.clone()
    }

    /// How many steps found no scripted turn.
    pub fn unscripted(&self) -> usize {
        self.shared.lock().unscripted
    }

    /// How many scripted turns have not been asked for yet.
    pub fn turns_left(&self) -> usize {
        self.shared.lock().lanes.iter().map(|lane| lane.turns.len()).sum()
    }

    /// Waits until the steps satisfy `done`, and returns whether they did within `limit`.
    pub fn wait_for(&self, limit: Duration, mut done: impl FnMut(&[Request]) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        while !done(&state.steps) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// A readable account of what was asked, for the report of a failed test; long texts are cut.
    pub fn dump(&self) -> String {
        use std::fmt::Write as _;
        let state = self.shared.lock();
        let mut out = String::new();
        for request in state.steps.iter().chain(&state.others) {
            let kind = if request.is_step() { "step" } else { "other" };
            let _ = writeln!(out, "#{} {kind} {} {}", request.seq, request.method, request.path);
            for message in request.messages() {
                let cut: String = message.text.chars().take(600).collect();
                let _ = writeln!(out, "    {:?}: {}", message.role, cut.replace('\n', "\n      "));
            }
        }
        let _ = writeln!(out, "{} steps found no scripted turn", state.unscripted);
        out
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // The acceptor sleeps in `accept`; a connection wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client that hangs up ends its own thread only.
        std::thread::spawn(move || drop(serve(&stream, &shared)));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut out = BufWriter::new(stream);
    let received = http::read(&mut BufReader::new(stream), &mut &*stream)?;
    let path = received.path.split('?').next().unwrap_or_default();
    let wire = match (received.method.as_str(), path) {
        ("POST", path) if path.starts_with("/v1/messages") => Wire::AnthropicMessages,
        ("POST", path) if path.starts_with("/v1/responses") => Wire::OpenAiResponses,
        ("POST", path) if chat::is_path(path) => Wire::OpenAiChat,
        ("POST", path) if gemini::verb(path).is_some() => Wire::Gemini,
        _ => Wire::Other,
    };
    let mut request = Request {
        seq: 0,
        wire,
        method: received.method,
        path: received.path,
        headers: received.headers,
        body: serde_json::from_slice(&received.body).unwrap_or_default(),
    };
    let turn = record(&mut request, shared);
    // Closures run here, outside the lock: they may wait for something that another session does.
    let settled = turn.settle(&request);
    answer(&mut out, &request, settled)
}

/// Files the request and takes the turn that answers it.
fn record(request: &mut Request, shared: &Shared) -> Turn {
    let mut state = shared.lock();
    request.seq = state.steps.len() + state.others.len();
    let turn = if request.is_step() {
        let lane = state.lanes.iter_mut().find(|lane| !lane.turns.is_empty() && (lane.matches)(request));
        let turn = lane.and_then(|lane| lane.turns.pop_front());
        state.unscripted += usize::from(turn.is_none());
        state.steps.push(request.clone());
        turn.unwrap_or_else(|| Turn::text(UNSCRIPTED))
    } else {
        state.others.push(request.clone());
        Turn::text(INERT)
    };
    drop(state);
    shared.changed.notify_all();
    turn
}

fn answer(
    out: &mut BufWriter<&TcpStream>,
    request: &Request,
    settled: Result<Vec<Block>, (u16, String)>,
) -> io::Result<()> {
    let number = request.seq;
    let streamed = request.body["stream"] == true;
    let model: &Value = &request.body["model"];
    match (request.wire, settled) {
        (Wire::AnthropicMessages, _) if request.path_is("/v1/messages/count_tokens") => {
            http::json(out, 200, &json!({"input_tokens": 1}))
        }
        (Wire::AnthropicMessages, Ok(blocks)) if streamed => {
            http::events(out, &anthropic::events(number, model, &blocks))
        }
        (Wire::AnthropicMessages, Ok(blocks)) => {
            http::json(out, 200, &anthropic::whole(number, model, &blocks))
        }
        (Wire::AnthropicMessages, Err((status, message))) => {
            http::json(out, status, &anthropic::error(&message))
        }
        (Wire::OpenAiResponses, Ok(blocks)) => {
            http::events(out, &responses::events(number, request, &blocks))
        }
        (Wire::OpenAiResponses, Err((status, message))) => {
            http::json(out, status, &responses::error(&message))
        }
        (Wire::OpenAiChat, Ok(blocks)) if streamed => {
            http::events(out, &chat::events(request, &blocks))?;
            http::done(out)
        }
        (Wire::OpenAiChat, Ok(blocks)) => http::json(out, 200, &chat::whole(request, &blocks)),
        (Wire::OpenAiChat, Err((status, message))) => http::json(out, status, &chat::error(&message)),
        (Wire::Gemini, _) if gemini::verb(&request.path) == Some("countTokens") => {
            http::json(out, 200, &json!({"totalTokens": 1}))
        }
        (Wire::Gemini, Ok(blocks)) if gemini::verb(&request.path) == Some("streamGenerateContent") => {
            http::events(out, &[gemini::whole(&blocks)])
        }
        (Wire::Gemini, Ok(blocks)) => http::json(out, 200, &gemini::whole(&blocks)),
        (Wire::Gemini, Err((status, message))) => http::json(out, status, &gemini::error(status, &message)),
        (Wire::Other, _) if request.method == "HEAD" || request.path_is("/") => {
            http::json(out, 200, &json!({}))
        }
        (Wire::Other, _) if request.path_is("/v1/models") => http::json(out, 200, &chat::models()),
        (Wire::Other, _) => {
            http::json(out, 404, &json!({"error": {"message": "not served by the mock model"}}))
        }
    }
}
