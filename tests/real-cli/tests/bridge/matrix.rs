//! Every ordered pair of CLIs exchanges a question and an answer. The one who answers is idle when the question comes, and gets
//! it by the best surface that its CLI has.

use std::env;
use std::thread;
use std::time::Duration;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Suite, World, wait_until};

use crate::bridge::{Bridge, SERVER, id_in};
use crate::peers::{PEERS, Peer};
use crate::questions::{ANSWER, ANSWERER, ASKER, QUESTION, asks, assert_answered};

/// Set to `all`, this variable has every pair run instead of the sample.
const PAIRS: &str = "SESSION_BRIDGE_TEST_PAIRS";
/// Decides the sample. Any number will do; it stands here so that two runs are the same.
const SEED: u64 = 20_261_121;

/// How long the asker may take from its start to its question.
const START: Duration = Duration::from_secs(80);

/// Adds a case for each pair of the sample, or for all of them.
pub(crate) fn cases(suite: Suite) -> Suite {
    let all = env::var_os(PAIRS).is_some_and(|value| value == "all");
    let pairs = if all { every_pair() } else { sample() };
    pairs.into_iter().fold(suite, |suite, (asker, answerer)| {
        let name = format!("matrix::{}_asks_{}", asker.name, answerer.name);
        suite.case(&name, move |world| exchange(world, asker, answerer))
    })
}

fn every_pair() -> Vec<(&'static Peer, &'static Peer)> {
    let others = |asker: &'static Peer| {
        let others = PEERS.iter().filter(move |answerer| answerer.name != asker.name);
        others.map(move |answerer| (asker, answerer))
    };
    PEERS.iter().flat_map(others).collect()
}

/// Each CLI once as asker and once as the one who answers: a ring, whose order the seed decides.
fn sample() -> Vec<(&'static Peer, &'static Peer)> {
    let mut ring: Vec<&Peer> = PEERS.iter().collect();
    let mut state = SEED;
    for last in (1..ring.len()).rev() {
        // A step of Knuth's generator for 64 bits; its high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or_default() % (last + 1);
        ring.swap(last, at);
    }
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(asker, answerer)| (*asker, *answerer)).collect()
}

fn exchange(world: &World, asker: &Peer, answerer: &Peer) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let backend = |request: &Request| request.contains(ANSWERER);
    let reply = |request: &Request| {
        // The frame around the question names it; ids of other things may stand before.
        let told = request.told();
        let frames = told.iter().rev().filter_map(|message| message.text.split_once(QUESTION));
        let mut heads = frames.filter_map(|(before, _)| before.rsplit_once("peer-message-"));
        let id = heads.next().map(|(_, head)| id_in(head)).unwrap_or_default();
        Turn::mcp(SERVER, "bridge_reply", &json!({"message_id": id, "body": ANSWER}))
    };
    world.model().script_when(
        move |request| backend(request) && request.contains(QUESTION),
        [Turn::with(reply), Turn::text("ANSWERED")],
    );
    // Where the question comes beside a tool's result or at a turn's end, the prompt itself brings nothing yet.
    world.model().script_when(
        backend,
        [Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("I-AM-THERE"), Turn::text("NOTHING-YET")],
    );
    asks(world, ASKER, answerer.label);

    let window = (answerer.open)(world, "answerer")?;
    window.prompt(ANSWERER)?;
    window.wait_for("I-AM-THERE")?;
    bridge.session(answerer.label)?;
    thread::scope(|scope| {
        let asking = scope.spawn(|| (asker.run)(world, ASKER));
        if !answerer.woken {
            let stored = || bridge.session(answerer.label).ok().filter(|session| session["unread"] != 0);
            wait_until("the question to be stored", START, stored)?;
            window.prompt("is there any news")?;
        }
        let run = asking.join().map_err(|_| "the asker panicked")??;
        assert_answered(world, &bridge, asker, run, &window)
    })
}
