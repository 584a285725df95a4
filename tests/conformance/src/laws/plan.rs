//! L1: a plan is a function of site and want.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use session_bridge_core::host::FakeHost;
use session_bridge_core::plan::{ConfigEdit, EditOp, Plan};
use session_bridge_core::provider::{Scope, Want};

use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject) {
    let provider = subject.provider;
    for (name, scope) in [("user", Scope::User), ("project", Scope::Project(PathBuf::from("/src/project")))] {
        for allow_tools in [false, true] {
            let asked = if allow_tools { "consent" } else { "plain" };
            let scope = scope.clone();
            trial(trials, format!("L1::a_plan_is_a_function::{name}::{asked}"), move || {
                let host = FakeHost::at("/home/u");
                let want = want(Path::new("/home/u/.session-bridge"), allow_tools);
                let make = || provider.plan(&provider.locate(&host, &scope).unwrap(), &want);
                let plan = make();
                assert_eq!(plan, make());
                well_formed(subject, &plan);
                let json = serde_json::to_string_pretty(&plan).unwrap();
                assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan, "the ledger can keep it");
                if allow_tools {
                    subject.snapshot(&format!("plan-{name}"), &json);
                }
            });
        }
    }
}

/// A plain installation from this home of the bridge.
pub(crate) fn want(home: &Path, allow_tools: bool) -> Want {
    Want {
        hook_program: home.join("bin/session-bridge-hook"),
        main_program: home.join("bin/session-bridge"),
        home_override: None,
        allow_tools,
    }
}

fn well_formed(subject: Subject, plan: &Plan) {
    let card = subject.provider.card();
    assert_eq!(plan.provider, card.id.as_str());
    let ids: BTreeSet<_> = plan.edits.iter().map(|edit| edit.id.to_string()).collect();
    assert_eq!(ids.len(), plan.edits.len(), "ids are unique");
    for edit in &plan.edits {
        assert!(edit.id.0.starts_with(&format!("{}/", card.id)), "{}", edit.id);
        assert!(edit.file.path.is_absolute(), "{}", edit.file.path.display());
        assert!(!edit.why.is_empty() && !edit.why.contains('\n'), "{}", edit.id);
        for derived in &edit.derived {
            assert!(matches!(edit.op, EditOp::Item { .. }), "positions are those of items: {}", edit.id);
            assert!(!derived.starts_with.is_empty(), "{} would remove every key", edit.id);
        }
        // What a user has reviewed must not change with each release.
        let text = serde_json::to_string(&edit.op).unwrap();
        assert!(!text.contains(env!("CARGO_PKG_VERSION")), "{} names a version", edit.id);
    }
    for spec in card.hooks {
        let an_edit = ids.iter().any(|id| id.ends_with(&format!("/{}", spec.event)));
        // A plugin hands on all events.
        let named = format!("\"{}\"", spec.event);
        let a_plugin = |edit: &ConfigEdit| matches!(&edit.op, EditOp::File { text } if text.contains(&named));
        assert!(an_edit || plan.edits.iter().any(a_plugin), "no edit for {}", spec.event);
    }
}
