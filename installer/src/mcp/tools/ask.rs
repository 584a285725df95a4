//! Questions with a wait, and waits without a question.

use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Author, ClaimId, Filter, Pull, State, Store};

use super::{args, lifetime, limit, message_id};
use crate::mcp::call::Call;
use crate::mcp::identity::Me;
use crate::mcp::result::{Bodies, Refusal, Reply};
use crate::mcp::wait::{self, Waited};
use crate::post::{self, Outgoing};

const GO_ON: &str =
    "call bridge_ask with this question_id to go on waiting; the answer also arrives by itself";

const HELD: &str =
    "the user paused the recipient: your question is kept; do not wait, the answer will arrive by itself";
const CLOSED: &str = "no answer will come; ask again or go on";

/// How a question stands when its wait begins.
enum Begun {
    /// It was answered before.
    Answered(MessageId, Bodies),
    /// Its recipient waits for an answer of ours: two waits would block each other.
    Crossed(ClaimId, Bodies),
    /// Nobody has answered yet.
    Open(ClaimId),
    /// Waiting is of no use: no answer will come, or nobody hears the question for now.
    Idle,
}

pub(super) async fn ask(call: &Call, args: args::Ask) -> Result<Reply, Refusal> {
    let limit = limit(call, args.timeout).await?;
    let (id, begun) = match &args.question_id {
        Some(id) => {
            let id = message_id(id)?;
            (id, resume(call, id, limit).await?)
        }
        None => begin(call, args, limit).await?,
    };
    let claim = match begun {
        Begun::Answered(answer, bodies) => return Ok(answered(id, answer, &bodies)),
        Begun::Crossed(claim, bodies) => {
            wait::release(call, claim);
            return Ok(crossed(id, &bodies));
        }
        Begun::Open(claim) => claim,
        Begun::Idle => return call.work(move |desk, _| standing(desk.store()?, id)).await,
    };
    let filter = Filter { reply_to: Some(id), ..Filter::default() };
    match wait::next(call, filter, claim, limit).await? {
        Waited::Message(bodies) => match bodies.messages.first() {
            // The bridge's own notice that no answer will come.
            Some(notice) if notice.kind == Kind::System => Ok(declined(id, &bodies)),
            answer => Ok(answered(id, answer.map_or(id, |m| m.id), &bodies)),
        },
        Waited::Cancelled => Ok(Reply::plain(json!({"status": "cancelled", "question_id": id}))),
        Waited::TimedOut | Waited::Closed => call.work(move |desk, _| standing(desk.store()?, id)).await,
    }
}

fn answered(question: MessageId, answer: MessageId, bodies: &Bodies) -> Reply {
    Reply::plain(json!({"status": "answered", "question_id": question, "answer_id": answer}))
        .with_bodies(bodies)
}

fn declined(question: MessageId, bodies: &Bodies) -> Reply {
    Reply::plain(json!({"status": "declined", "question_id": question, "next": CLOSED})).with_bodies(bodies)
}

fn crossed(question: MessageId, bodies: &Bodies) -> Reply {
    let theirs = bodies.messages.first().map(|m| m.id);
    let next = "that session waits for your answer to this: answer it with bridge_reply, then call bridge_ask with \
                question_id to go on waiting";
    Reply::plain(json!({"status": "crossed", "question_id": question, "answer_first": theirs, "next": next}))
        .with_bodies(bodies)
}

/// Claims the answer, then asks: no other surface can show the answer in between.
async fn begin(call: &Call, args: args::Ask, limit: Duration) -> Result<(MessageId, Begun), Refusal> {
    let (Some(to), Some(question)) = (args.to, args.question) else {
        return Err(Refusal::new(
            "bad_arguments",
            "a new question needs `to` and `question`",
            "or give the `question_id` of an earlier one",
        ));
    };
    let (host_id, server) = (call.host_id.clone(), call.store.server().to_owned());
    let lifetime_ms = lifetime(args.expires_in);
    let asked = call.work(move |desk, me| {
        let store = desk.store()?;
        me.session(store)?;
        let id = MessageId::generate();
        let claim = claim(store, me, &server, id, limit)?;
        let out = Outgoing {
            author: Author::Session(me.id),
            room: &me.room,
            to: &to,
            newest: false,
            kind: Kind::Question.as_str(),
            subject: args.subject.as_deref(),
            body: &question,
            urgency: Urgency::Normal,
            lifetime_ms,
        };
        let refusal = match post::send_as(store, id, &out) {
            Ok(sent) if !sent.recipients.is_empty() && is_idle(store, id)? => {
                store.release(&claim)?;
                return Ok((id, Begun::Idle));
            }
            Ok(sent) if !sent.recipients.is_empty() => {
                return Ok((id, open_or_crossed(store, me, claim, host_id.as_deref(), &server)?));
            }
            Ok(_) => Refusal::new("nobody_there", "nobody else is in this room", "call bridge_list_sessions"),
            Err(error) => error.into(),
        };
        store.release(&claim)?;
        Err(refusal)
    });
    let asked = asked.await?;
    if lifetime_ms.is_some() {
        call.deadlines.look();
    }
    Ok(asked)
}

async fn resume(call: &Call, id: MessageId, limit: Duration) -> Result<Begun, Refusal> {
    let (host_id, server) = (call.host_id.clone(), call.store.server().to_owned());
    call.work(move |desk, me| {
        let store = desk.store()?;
        let asked = store.message_for(me.id, id)?;
        if asked.sender != Some(me.id) || asked.kind != Kind::Question {
            return Err(Refusal::new(
                "not_your_question",
                format!("message {id} is no question of yours"),
                "use the question_id that bridge_ask returned",
            ));
        }
        let answer = store.receipts(id)?.iter().find_map(|receipt| receipt.answer);
        if let Some(answer) = answer {
            let bodies = wait::take(store, me, Pull::Read(&[answer]), host_id.as_deref(), &server)?;
            return Ok(Begun::Answered(answer, bodies));
        }
        if is_idle(store, id)? {
            return Ok(Begun::Idle);
        }
        let claim = claim(store, me, &server, id, limit)?;
        open_or_crossed(store, me, claim, host_id.as_deref(), &server)
    })
    .await
}

fn claim(
    store: &mut Store,
    me: &Me,
    server: &str,
    question: MessageId,
    limit: Duration,
) -> Result<ClaimId, Refusal> {
    let filter = Filter { reply_to: Some(question), ..Filter::default() };
    open(store, me, server, &filter, limit)
}

/// Begins a wait, unless agents went on for too long already without a person (`docs/adr/0012-loops.md`).
fn open(
    store: &mut Store,
    me: &Me,
    server: &str,
    filter: &Filter,
    limit: Duration,
) -> Result<ClaimId, Refusal> {
    if let Some(hops) = store.too_many_hops(me.id)? {
        return Err(Refusal::new(
            "too_many_hops",
            format!("agents passed this on {hops} times without a person (limits.hops)"),
            "do not wait: end your turn; mail comes with the user's next prompt",
        ));
    }
    Ok(store.claim(me.id, server, filter, milliseconds(limit))?)
}

fn open_or_crossed(
    store: &mut Store,
    me: &Me,
    claim: ClaimId,
    host_id: Option<&str>,
    server: &str,
) -> Result<Begun, Refusal> {
    let Some(theirs) = store.crossing(me.id, &claim)? else { return Ok(Begun::Open(claim)) };
    let bodies = wait::take(store, me, Pull::Read(&[theirs.id]), host_id, server)?;
    Ok(Begun::Crossed(claim, bodies))
}

/// Whether waiting for an answer makes no sense: nobody can give one, or all who could are paused.
fn is_idle(store: &mut Store, question: MessageId) -> Result<bool, Refusal> {
    for receipt in store.receipts(question)? {
        let paused =
            receipt.state == State::Stored && store.paused(&store.session(receipt.session)?).is_some();
        if !paused && !receipt.state.is_closed() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How far a question got that nobody answered in time.
fn standing(store: &mut Store, id: MessageId) -> Result<Reply, Refusal> {
    let receipts = store.receipts(id)?;
    if let Some(answer) = receipts.iter().find_map(|receipt| receipt.answer) {
        let next = "it was put before you elsewhere; bridge_read_message repeats it";
        return Ok(Reply::plain(
            json!({"status": "answered", "question_id": id, "answer_id": answer, "next": next}),
        ));
    }
    let over = receipts.iter().all(|receipt| receipt.state.is_closed());
    let to: Vec<Value> = receipts
        .iter()
        .map(|receipt| json!({"label": receipt.label, "state": receipt.state, "remark": receipt.remark}))
        .collect();
    let (status, next) = match (over, is_idle(store, id)?) {
        (true, _) => ("closed", CLOSED),
        (false, true) => ("waiting", HELD),
        (false, false) => ("waiting", GO_ON),
    };
    Ok(Reply::plain(json!({"status": status, "question_id": id, "to": to, "next": next})))
}

pub(super) async fn wait(call: &Call, args: args::Wait) -> Result<Reply, Refusal> {
    let limit = limit(call, args.timeout).await?;
    let thread = args.thread.as_deref().map(message_id).transpose()?;
    let server = call.store.server().to_owned();
    let (filter, claim) = call
        .work(move |desk, me| {
            let store = desk.store()?;
            me.session(store)?;
            let sender = match args.from.as_deref() {
                None => None,
                Some(from) => match post::resolve(store, &me.room, from, Some(me.id), false)?.as_slice() {
                    [one] => Some(*one),
                    _ => {
                        return Err(Refusal::new(
                            "bad_address",
                            "`from` must name one session",
                            "leave it out to wait for anybody",
                        ));
                    }
                },
            };
            let kind = args.kind.as_deref().map(Kind::from);
            let filter = Filter { reply_to: None, sender, kind, thread };
            let claim = open(store, me, &server, &filter, limit)?;
            Ok((filter, claim))
        })
        .await?;
    Ok(match wait::next(call, filter, claim, limit).await? {
        Waited::Message(bodies) => {
            let id = bodies.messages.first().map(|m| m.id);
            Reply::plain(json!({"status": "message", "id": id})).with_bodies(&bodies)
        }
        Waited::Cancelled => Reply::plain(json!({"status": "cancelled"})),
        Waited::TimedOut | Waited::Closed => Reply::plain(
            json!({"status": "nothing", "next": "go on with your work; mail also arrives by itself"}),
        ),
    })
}

fn milliseconds(limit: Duration) -> i64 {
    i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)
}
