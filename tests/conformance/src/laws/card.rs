//! L11: what the card declares was seen in the real CLI.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::Value;
use session_bridge_core::identity::{ARGUMENT, Caller, Claim, Evidence, caller};
use session_bridge_core::provider::{By, Card, Inject, Proof, Source};

use crate::fixtures::{Payload, name_of, versions};
use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject, payloads: &'static [Payload]) {
    let card = subject.provider.card();
    let newest = card.verified.last().map_or("", |verified| verified.version);
    trial(trials, "L11::the_card_is_well_formed", move || well_formed(card));
    trial(trials, "L11::verified_versions_are_the_captured_ones", move || {
        let captured: BTreeSet<_> = versions(&subject.fixtures()).iter().map(|path| name_of(path)).collect();
        let verified: BTreeSet<_> =
            card.verified.iter().map(|verified| verified.version.to_owned()).collect();
        assert_eq!(captured, verified);
    });
    for spec in card.hooks {
        trial(trials, format!("L11::hook_was_captured::{}", spec.event), move || {
            let seen = payloads.iter().any(|p| p.version == newest && p.event.as_deref() == Some(spec.event));
            assert!(seen, "no payload of `{}` under fixtures/{newest}", spec.event);
        });
    }
    trial(trials, "L11::the_mcp_client_introduces_itself_as_declared", move || {
        let initialize = request(payloads, newest, "mcp-initialize");
        let info = &initialize["params"]["clientInfo"];
        assert!(card.mcp_clients.contains(&info["name"].as_str().unwrap()), "{info}");
        // Some clients say no version of their own; where the CLI was not run, the versions are of what its facts were read from.
        let says = info["version"] == newest || info["version"] == "0.0.0";
        assert!(card.not_run.is_some() || says, "{info}");
    });
    trial(trials, "L11::an_mcp_call_carries_the_declared_evidence", move || {
        let call = request(payloads, newest, "mcp-tools-call");
        let claim = call["params"]["arguments"]
            .as_object()
            .filter(|arguments| arguments.contains_key(ARGUMENT))
            .and_then(|arguments| Claim::take(&mut arguments.clone()));
        let evidence = Evidence {
            meta: call["params"].get("_meta"),
            claim: claim.as_ref(),
            valid: &|claim| !claim.nonce.is_empty(),
            env: &|_| None,
        };
        let found = caller(card, evidence);
        let in_call = |source: &Source| matches!(source, Source::Meta { .. } | Source::Argument);
        let by_call = card.identity.mcp.iter().any(in_call);
        let by_server = card.identity.mcp.iter().any(|source| matches!(source, Source::ServerEnv(_)));
        let by_process = [Source::HostProcess, Source::SharedProcess]
            .iter()
            .any(|source| card.identity.mcp.contains(source));
        match found {
            Caller::Native(native) => {
                assert!(by_call, "named by something undeclared");
                let known = payloads
                    .iter()
                    .filter_map(Payload::call)
                    .any(|call| subject.provider.decode(&call).is_ok_and(|event| event.native == native));
                assert!(known, "no hook ever named the session `{native}`");
            }
            Caller::HostProcess { spawn: None } => assert!(by_process && !by_call),
            // The server's environment says it, and no call.
            Caller::Unknown => assert!(by_server && !by_call && !by_process),
            other => panic!("{other:?}"),
        }
    });
}

fn request<'a>(payloads: &'a [Payload], version: &str, name: &str) -> &'a Value {
    let found = payloads.iter().find(|payload| payload.version == version && payload.name == name);
    &found.unwrap_or_else(|| panic!("fixtures/{version}/{name}.json is missing")).json
}

fn well_formed(card: &Card) {
    assert!(!card.name.is_empty() && !card.short.is_empty() && !card.verified.is_empty());
    assert!(!card.identity.mcp.is_empty(), "a server must be able to name its session");
    assert_eq!(
        card.hooks.is_empty(),
        card.identity.hook.is_empty(),
        "hooks name their session, or there are none"
    );
    let events: BTreeSet<_> = card.hooks.iter().map(|spec| spec.event).collect();
    assert_eq!(events.len(), card.hooks.len(), "each event once");
    let moments: BTreeSet<_> = card.inject.iter().map(|inject| inject.moment.as_str()).collect();
    assert_eq!(moments.len(), card.inject.len(), "each moment once");
    for inject in card.inject {
        let moment = inject.moment.as_str();
        assert!(card.hooks.iter().any(|spec| spec.moment == inject.moment), "no hook runs at {moment}");
        match card.not_run {
            // Of a body that no event proves, a call that names it tells.
            None => {
                assert!(inject.bodies || nothing(inject.proof), "{moment}: nothing goes out to be proved");
            }
            Some(_) => assert!(nothing(inject.proof), "{moment}: nobody saw what proves it"),
        }
        emitted(card, inject.proof);
    }
    let proved = |inject: &Inject| inject.bodies && !inject.proof.injected.is_empty();
    assert!(
        card.not_run.is_some() || card.inject.is_empty() || card.inject.iter().any(proved),
        "some event proves some body"
    );
    emitted(card, card.pull);
    if let Some(why) = card.not_run {
        assert!(nothing(card.pull), "nobody saw what proves a result");
        assert!(!why.ends_with('.') && !why.contains('\n'), "the end of a sentence: {why}");
    }
    for step in card.human_steps {
        let step = step.text(card.name);
        assert!(step.ends_with('.') && !step.contains('\n'), "a step is a line of sentences: {step}");
    }
    for verified in card.verified {
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        let parts: Vec<_> = verified.date.split('-').collect();
        assert!(parts.len() == 3 && parts.iter().all(|part| digits(part)), "an ISO date: {}", verified.date);
    }
}

fn nothing(proof: Proof) -> bool {
    proof.injected.is_empty() && proof.seen.is_empty()
}

/// Evidence can only be what some hook of ours is told.
fn emitted(card: &Card, proof: Proof) {
    use session_bridge_core::event::Moment;
    for by in proof.injected.iter().chain(proof.seen) {
        let moment = match by {
            By::ModelRequest => Moment::ModelRequest,
            By::AnyTool | By::AfterTool | By::AfterToolOfCall => Moment::AfterTool,
            By::TurnEnd | By::ContinuedTurnEnd => Moment::TurnEnd,
            other => panic!("the suite does not know {other:?}"),
        };
        assert!(card.hooks.iter().any(|spec| spec.moment == moment), "{by:?} is never told");
    }
}
