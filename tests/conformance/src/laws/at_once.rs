//! L9: two installers at once lose nothing; a host that writes at the same moment loses at most what rule C3 grants.

use std::cmp::Ordering as Cmp;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use libtest_mimic::Trial;
use serde_json::json;
use session_bridge_core::apply::{Disk, apply, check, revert};
use session_bridge_core::plan::{Clash, ConfigEdit, EditId, EditOp, Finding, Plan, State};

use crate::edits::{value_of, with_member};
use crate::home::{Style, TestHome};
use crate::laws::config::{cases, files, shared};
use crate::{Subject, trial};

/// Twins of one installer, and installers of somebody else beside them.
const TWINS: usize = 4;
const OTHERS: usize = 2;

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject) {
    for (name, before) in cases(subject) {
        let make = move || TestHome::of(&before, Style::AsIs);
        let home = make.clone();
        trial(trials, format!("L9::installers_at_once_lose_nothing::{name}"), move || {
            installers(subject, &home());
        });
        for step in Disk::STEPS {
            let home = make.clone();
            trial(trials, format!("L9::a_host_writes_at_once::{name}::{step}"), move || {
                let plan = home().plan(subject);
                for nth in 0..files(&plan).len() {
                    let home = home();
                    if shared(&home.plan(subject)).contains(&files(&home.plan(subject))[nth]) {
                        host(subject, &home, step, nth);
                    }
                }
            });
        }
    }
}

fn installers(subject: Subject, home: &TestHome) {
    let before = home.tree();
    let plan = home.plan(subject);
    let others: Vec<Plan> = (0..OTHERS).map(|n| other(&plan, n)).collect();
    let all: Vec<&Plan> = std::iter::repeat_n(&plan, TWINS).chain(&others).collect();
    at_once(&all, |plan| {
        apply(plan, &home.disk()).unwrap();
    });
    for plan in &all {
        assert!(check(plan, &home.disk()).unwrap().iter().all(|finding| finding.state == State::Present));
    }
    at_once(&others.iter().collect::<Vec<_>>(), |plan| {
        revert(&plan.provider, &home.disk()).unwrap();
    });
    assert!(check(&plan, &home.disk()).unwrap().iter().all(|finding| finding.state == State::Present));
    at_once(&[&plan, &plan], |plan| {
        revert(&plan.provider, &home.disk()).unwrap();
    });
    for plan in &all {
        assert!(check(plan, &home.disk()).unwrap().iter().all(|finding| finding.state == State::Absent));
    }
    // Alone, an installer and its twin leave no byte behind.
    let fresh = TestHome::empty();
    for (path, entry) in &before {
        if let crate::home::Entry::File { text, .. } = entry {
            fresh.write(path, text);
        }
    }
    let before = fresh.tree();
    let plan = fresh.plan(subject);
    at_once(&[&plan, &plan], |plan| {
        apply(plan, &fresh.disk()).unwrap();
    });
    at_once(&[&plan, &plan], |plan| {
        revert(&plan.provider, &fresh.disk()).unwrap();
    });
    assert_eq!(fresh.tree(), before);
}

fn at_once(plans: &[&Plan], work: impl Fn(&Plan) + Sync) {
    let start = Barrier::new(plans.len());
    std::thread::scope(|scope| {
        for plan in plans {
            scope.spawn(|| {
                start.wait();
                work(plan);
            });
        }
    });
}

/// Somebody else's installation, with a key of its own in each of our files.
fn other(plan: &Plan, n: usize) -> Plan {
    let edit = |file: &PathBuf| {
        let model = plan.edits.iter().find(|edit| edit.file.path == *file).unwrap();
        let op = EditOp::Key {
            at: [format!("other{n}").as_str()].into(),
            value: json!({ "n": n }),
            clash: Clash::Refuse,
        };
        ConfigEdit { op, derived: Vec::new(), ..model.clone() }
    };
    Plan { provider: format!("other-{n}"), edits: shared(plan).iter().map(edit).collect() }
}

/// While the `nth` file is at a step of being written, its host writes what it last read, with a member more.
fn host(subject: Subject, home: &TestHome, step: &'static str, nth: usize) {
    let plan = home.plan(subject);
    let file = files(&plan)[nth].clone();
    let read = fs::read_to_string(&file).ok();
    let theirs = theirs(&file, read.as_deref().unwrap_or_default());
    let begun = Arc::new(AtomicUsize::new(0));
    let disk = home.disk().with_failpoint({
        let (file, theirs) = (file.clone(), theirs.clone());
        move |at| {
            if at == "locked" {
                begun.fetch_add(1, Ordering::Relaxed);
            }
            // Once: a host that never stops is another law's.
            if at == step && begun.load(Ordering::Relaxed) == nth + 1 {
                begun.fetch_add(100, Ordering::Relaxed);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &theirs).unwrap();
            }
        }
    });
    let applied = apply(&plan, &disk).unwrap();
    let after = fs::read_to_string(&file).unwrap();
    let has_theirs = value_of(&file, home)["foreign"].is_string();
    let ours = || check(&plan, &home.disk()).unwrap().into_iter().filter(|finding| finding.file == file);
    let has_ours = ours().all(|finding| finding.state == State::Present);
    let place = |name| Disk::STEPS.iter().position(|step| *step == name).unwrap();
    match place(step).cmp(&place("compared")) {
        Cmp::Less => assert!(has_theirs && has_ours, "{step}: {after}"),
        // Between the comparison and the replacement nobody without a lock can be kept out: theirs is lost, ours is whole.
        Cmp::Equal => assert!(!has_theirs && has_ours, "{step}: {after}"),
        Cmp::Greater => {
            assert_eq!(after, theirs, "{step}");
            assert_eq!(applied.overtaken, std::slice::from_ref(&file), "{step}: what was lost is reported");
            // A value that anybody may have written is there: the host wrote it.
            let shared = |id: &EditId| {
                let is_it = |edit: &&ConfigEdit| edit.id == *id;
                let op = plan.edits.iter().find(is_it).map(|edit| &edit.op);
                matches!(op, Some(EditOp::Key { clash: Clash::Shared, .. }))
            };
            let gone = |finding: Finding| finding.state == State::Absent || shared(&finding.edit);
            assert!(ours().all(gone), "{step}: doctor sees it");
        }
    }
    // What became of it, the next run and an uninstall set right.
    apply(&plan, &home.disk()).unwrap();
    assert!(ours().all(|finding| finding.state == State::Present));
    revert(&plan.provider, &home.disk()).unwrap();
    assert!(ours().all(|finding| finding.state == State::Absent));
    if has_theirs {
        assert!(value_of(&file, home)["foreign"].is_string(), "{step}");
    }
}

/// What the host read, with a member more.
fn theirs(file: &Path, read: &str) -> String {
    let is_bare = read.trim_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '}')).is_empty();
    if is_bare && file.extension().is_some_and(|extension| extension == "json" || extension == "jsonc") {
        return "{\"foreign\": \"kept\"}".to_owned();
    }
    with_member(file, read)
}
