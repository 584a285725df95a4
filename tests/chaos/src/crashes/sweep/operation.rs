//! What is done while a system call fails.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use super::bench::{Bench, TURN};
use crate::crashes::world::{Acknowledged, lock};
use crate::crashes::writers::{call_of, mark_in, names_in_calls, printed, server_of};
use crate::launch::Run;
use crate::script::Scene;

/// The operations, each at a home where one message waits or was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A command sends while nobody else has the store open: it merges the log in the end.
    Send,
    /// A command sends while others have the store open.
    SendBeside,
    /// The hook of a prompt brings what waits.
    Deliver,
    /// So it does while others have the store open.
    DeliverBeside,
    /// The hook at the end of a turn settles what was delivered in it.
    Settle,
    /// A person answers.
    Reply,
    /// A server sends twice, and lists.
    Serve,
    /// A command shows receipts.
    Receipts,
    /// The bridge is put into every CLI.
    Init,
    /// It is taken out again.
    Uninstall,
}

pub(super) const OPERATIONS: [Operation; 10] = [
    Operation::Send,
    Operation::Deliver,
    Operation::Reply,
    Operation::Init,
    Operation::Uninstall,
    Operation::Settle,
    Operation::SendBeside,
    Operation::DeliverBeside,
    Operation::Serve,
    Operation::Receipts,
];

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It did what it is for. A hook that ends well has.
    Done,
    /// It said why not.
    Refused(String),
    /// It failed without a word.
    Nothing,
}

impl Operation {
    pub(super) fn has_company(self) -> bool {
        matches!(self, Self::SendBeside | Self::DeliverBeside | Self::Serve)
    }

    pub(super) fn follows_a_delivery(self) -> bool {
        matches!(self, Self::Settle | Self::Reply | Self::Receipts)
    }

    pub(super) fn installs(self) -> bool {
        self == Self::Init
    }

    pub(super) fn uninstalls(self) -> bool {
        self == Self::Uninstall
    }

    pub(super) fn run(self, bench: &mut Bench) -> Result<Told> {
        match self {
            Self::Send | Self::SendBeside => bench.send(),
            Self::Deliver | Self::DeliverBeside => bench.hook(Scene::Prompt),
            Self::Settle => bench.hook(Scene::End),
            Self::Reply => bench.reply(),
            Self::Serve => bench.serve(),
            Self::Receipts => bench.command(&["receipts", &bench.first.to_string(), "--json"]),
            Self::Init => bench.command(&["init", "--all", "--json"]),
            Self::Uninstall => bench.command(&["uninstall", "--all", "--json"]),
        }
    }
}

impl Bench {
    pub(super) fn send(&mut self) -> Result<Told> {
        let body = self.body();
        let (to, from) = (self.session.to_string(), self.sender.to_string());
        self.sending(
            "send",
            &["send-message", "--as", &from, "--kind", "question", "--json", &to, &body],
            true,
        )
    }

    fn reply(&mut self) -> Result<Told> {
        let body = self.body();
        let (id, me) = (self.first.to_string(), self.session.to_string());
        self.sending("reply", &["reply", &id, "--as", &me, "--json", &body], false)
    }

    fn sending(&mut self, sort: &str, words: &[&str], to_reader: bool) -> Result<Told> {
        let run = self.world.run(&self.world.programs.main, words);
        let (began, to) = (Instant::now(), to_reader.then_some(self.session));
        let (told, output) = carry_out(&run)?;
        let ids = printed(sort, &output);
        if told == Told::Done && ids.is_empty() {
            self.world.find(format!("a message was sent, and no id was printed: {output}"));
        }
        let mark = words.last().map_or_else(String::new, |body| mark_in(body));
        let told_of = ids.into_iter().map(|(_, id)| Acknowledged { id, to, mark: mark.clone(), began });
        lock(&self.world.acknowledged).extend(told_of);
        Ok(told)
    }

    pub(super) fn command(&mut self, words: &[&str]) -> Result<Told> {
        Ok(carry_out(&self.world.run(&self.world.programs.main, words))?.0)
    }

    /// What is wrong with a hook's end is found by the reader.
    fn hook(&mut self, scene: Scene) -> Result<Told> {
        self.reader.hook(&self.world, scene, TURN, false)?;
        Ok(Told::Done)
    }

    /// Each call has its answer, or the server has ended.
    fn serve(&mut self) -> Result<Told> {
        let (provider, thread, root) =
            names_in_calls().ok_or_else(|| anyhow::anyhow!("no provider names its session in calls"))?;
        let mut run = server_of(&self.world, provider);
        let meta = json!({ thread: "server", root: "server" });
        let bodies = [self.body(), self.body()];
        for (call, body) in (0..).zip(&bodies) {
            let arguments = json!({"to": self.session.to_string(), "body": body});
            run.input.push(call_of("bridge_send_message", &arguments, &meta, call));
        }
        run.input.push(call_of("bridge_list_inbox", &json!({}), &meta, 2));
        let began = Instant::now();
        let ended = run.carry_out()?;
        let to = Some(self.session);
        let ids = printed("server", &ended.output).into_iter();
        let sent = ids.filter_map(|(call, id)| Some((id, bodies.get(call)?)));
        let told_of = sent.map(|(id, body)| Acknowledged { id, to, mark: mark_in(body), began });
        lock(&self.world.acknowledged).extend(told_of);
        let answers: Vec<Value> =
            ended.output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |call: usize| answers.iter().find(|answer| answer["id"] == call);
        for call in 0..3 {
            let Some(answer) = of(call) else {
                return Ok(complaint(&ended.errors).map_or(Told::Nothing, Told::Refused));
            };
            let result = &answer["result"];
            if result["isError"] == true {
                return Ok(said(result).map_or(Told::Nothing, Told::Refused));
            }
        }
        Ok(Told::Done)
    }
}

fn carry_out(run: &Run) -> Result<(Told, String)> {
    let ended = run.carry_out()?;
    let document = serde_json::from_str::<Value>(&ended.output).ok();
    let told = match document {
        _ if ended.hung => Told::Refused("hung".to_owned()),
        Some(_) if ended.success => Told::Done,
        Some(document) => said(&document).map_or(Told::Nothing, Told::Refused),
        None => Told::Nothing,
    };
    Ok((told, ended.output))
}

/// The code of an error that was told to people: a server that cannot begin has nobody else to tell.
fn complaint(errors: &str) -> Option<String> {
    let (code, _) = errors.split_once("error[")?.1.split_once(']')?;
    Some(code.to_owned())
}

/// The first code in an answer, wherever it stands.
pub(in crate::crashes) fn said(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("code").and_then(Value::as_str).map(str::to_owned);
            own.or_else(|| members.values().find_map(said))
        }
        Value::Array(items) => items.iter().find_map(said),
        // The text of a tool's result holds a document of its own.
        Value::String(text) if text.starts_with('{') => said(&serde_json::from_str::<Value>(text).ok()?),
        _ => None,
    }
}
