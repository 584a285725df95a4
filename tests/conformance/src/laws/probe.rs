//! L17: `doctor` can try an installation out: it finds the command line of each entry in the plan, its payloads are events
//! of the session that it made up, and it knows a text again in an answer.

use std::path::Path;

use libtest_mimic::Trial;
use session_bridge_core::event::{HookCall, Moment, Reply};
use session_bridge_core::host::FakeHost;
use session_bridge_core::identity::{self, Caller, Claim, Evidence};
use session_bridge_core::probe::{self, Command, Probe};
use session_bridge_core::provider::{Scope, Source};

use crate::laws::plan::want;
use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject) {
    let provider = subject.provider;
    let card = provider.card();
    for spec in card.hooks {
        trial(trials, format!("L17::a_payload_is_the_event_that_was_made_up::{}", spec.event), move || {
            let cwd = Path::new("/src/shop");
            let probe = Probe { event: spec.event, session: "probe-1", turn: "turn-1", nonce: "a1b2", cwd };
            let made = provider.probe(&probe).to_string();
            let event = provider.decode(&HookCall { event: spec.event, stdin: made.as_bytes() }).unwrap();
            assert_eq!((event.native.as_ref(), event.cwd.as_deref()), ("probe-1", Some(cwd)));
            assert_eq!(event.subagent, None);
            let begins = matches!(spec.moment, Moment::SessionStart | Moment::PromptSubmit);
            if begins || card.inject_at(spec.moment).is_some_and(|inject| inject.bodies) {
                assert_eq!(event.moment, spec.moment);
            }
            if card.identity.mcp.contains(&Source::Argument) {
                assert_eq!(event.nonce.as_deref(), Some("a1b2"), "calls name it");
            }
            // The server takes the call for one of that session, or asks its host process.
            let mut call = probe::call(card, &probe, "bridge_whoami");
            let claim = call["arguments"].as_object_mut().and_then(Claim::take);
            let env = probe::server_env(card, &probe);
            let evidence = Evidence {
                meta: call.get("_meta"),
                claim: claim.as_ref(),
                valid: &|claim| claim.nonce == "a1b2",
                env: &|name| {
                    env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
                },
            };
            match identity::caller(card, evidence) {
                Caller::Native(native) => assert_eq!(native, "probe-1"),
                Caller::HostProcess { .. } => {}
                other => panic!("{other:?}"),
            }
            if card.inject_at(spec.moment).is_some() {
                let text = "mail \"q-7\"\nfor you";
                let answer = provider.encode(&event, &Reply::carrying(event.moment, text)).stdout;
                assert_eq!(probe::carried(provider, &event, &answer, "q-7").as_deref(), Some(text));
                let other = [answer.as_slice(), b" "].concat();
                assert_eq!(probe::carried(provider, &event, &other, "q-7"), None, "another form");
            }
        });
    }
    trial(trials, "L17::the_entries_say_how_programs_are_started", move || {
        let site = provider.locate(&FakeHost::at("/home/u"), &Scope::User).unwrap();
        for home in ["/home/u/.session-bridge", "/home/it's u/bridge"] {
            let want = want(Path::new(home), false);
            let plan = provider.plan(&site, &want);
            let mut seen = Vec::new();
            for spec in card.hooks {
                let launch = probe::hook(card, &plan, &want, spec.event);
                let text = match &launch.command {
                    Command::Line(line) => line.clone(),
                    Command::Words(words) => words.join(" "),
                };
                assert!(text.contains(&format!(" {} {}", card.id, spec.event)), "{text}");
                assert!(!seen.contains(&launch), "{text}: the entry of another event");
                seen.push(launch);
            }
            let entry = plan.edits.iter().any(|edit| edit.id.0.ends_with("/mcp-server"));
            assert_eq!(probe::server(&plan, &want).is_some(), entry);
        }
    });
}
