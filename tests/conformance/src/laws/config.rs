//! L2 to L8: what `init`, `doctor`, a dry run and `uninstall` do to real configuration.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use proptest::test_runner::{Config, TestRunner};
use session_bridge_core::apply::{Disk, apply, check, preview, revert};
use session_bridge_core::plan::{EditOp, Plan, State};
use session_bridge_core::preview::{problems, unified_diff};

use crate::edits::{damage, derive, json_text, meddle, places_of, value_of, with_member, without_inert};
use crate::fixtures::{name_of, sorted};
use crate::home::{Entry, Style, TestHome};
use crate::{Subject, trial};

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject) {
    let make = |style| TestHome::of(Path::new("/nonexistent"), style);
    add_case(trials, subject, "nothing", &[Style::AsIs], make);
    for case in sorted(&subject.fixtures().join("config")) {
        let name = name_of(&case);
        let before = case.join("before");
        if let Ok(code) = fs::read_to_string(case.join("refused")) {
            trial(trials, format!("L7::refused_and_untouched::{name}"), move || {
                refused(subject, &before, code.trim());
            });
            continue;
        }
        let (shown, show) = (before.clone(), format!("config-{name}"));
        trial(trials, format!("L3::snapshot::{name}"), move || {
            subject.snapshot(&show, &story(subject, &shown));
        });
        add_case(trials, subject, &name, &Style::ALL, move |style| TestHome::of(&before, style));
    }
    trial(trials, "L3::uninstall_after_init_is_nothing::generated", move || generated(subject));
}

fn add_case(
    trials: &mut Vec<Trial>,
    subject: Subject,
    case: &str,
    styles: &[Style],
    make: impl Fn(Style) -> TestHome + Clone + Send + 'static,
) {
    for &style in styles {
        let title = format!("{case}::{style:?}").to_lowercase();
        let home = make.clone();
        trial(trials, format!("L2::init_after_init_changes_nothing::{title}"), move || {
            twice(subject, &home(style));
        });
        let home = make.clone();
        trial(trials, format!("L3::uninstall_after_init_is_nothing::{title}"), move || {
            there_and_back(subject, &home(style));
        });
        let home = make.clone();
        trial(trials, format!("L4::foreign_edits_survive::{title}"), move || foreign(subject, &home, style));
        let home = make.clone();
        trial(trials, format!("L4::bytes_of_others_stay::{title}"), move || {
            bytes_stay(subject, &home(style));
        });
        let home = make.clone();
        trial(trials, format!("L6::a_dry_run_is_empty_iff_init_changes_nothing::{title}"), move || {
            dry_run(subject, &home(style));
        });
    }
    let home = make.clone();
    trial(trials, format!("L4::what_the_host_derived_goes_too::{case}"), move || {
        derived(subject, &home(Style::AsIs));
    });
    let home = make.clone();
    trial(trials, format!("L4::others_keep_the_place_they_are_known_by::{case}"), move || {
        places(subject, &home(Style::AsIs));
    });
    let home = make.clone();
    trial(trials, format!("L5::doctor_names_exactly_the_damaged_edit::{case}"), move || {
        doctor(subject, &home(Style::AsIs));
    });
    for step in Disk::STEPS {
        let home = make.clone();
        trial(trials, format!("L8::a_crash_leaves_old_or_new::{case}::{step}"), move || {
            crash(subject, &home(Style::AsIs), step);
        });
    }
}

fn twice(subject: Subject, home: &TestHome) {
    let (plan, disk) = (home.plan(subject), home.disk());
    apply(&plan, &disk).unwrap();
    let once = home.tree();
    let again = apply(&plan, &disk).unwrap();
    assert_eq!(again.written, Vec::<PathBuf>::new());
    assert_eq!(home.tree(), once);
}

fn there_and_back(subject: Subject, home: &TestHome) {
    let before = home.tree();
    let plan = home.plan(subject);
    apply(&plan, &home.disk()).unwrap();
    let after = home.tree();
    assert_ne!(after, before);
    for (path, entry) in &before {
        let kind = |entry: &Entry| match entry {
            Entry::File { mode, .. } => format!("a file of mode {mode:o}"),
            Entry::Folder => "a folder".to_owned(),
            Entry::Link(to) => format!("a link to {}", to.display()),
        };
        assert_eq!(kind(&after[path]), kind(entry), "{}", path.display());
    }
    revert(&plan.provider, &home.disk()).unwrap();
    assert_eq!(home.tree(), before);
}

/// Every file is rewritten by others between `init` and `uninstall`; the outcome is as if we had never been there.
fn foreign(subject: Subject, make: &dyn Fn(Style) -> TestHome, style: Style) {
    let never = make(style);
    let plan = never.plan(subject);
    for file in shared(&plan) {
        meddle(&file, &plan, false);
    }

    let home = make(style);
    let plan = home.plan(subject);
    apply(&plan, &home.disk()).unwrap();
    for file in shared(&plan) {
        meddle(&file, &plan, true);
    }
    revert(&plan.provider, &home.disk()).unwrap();
    for (ours, theirs) in shared(&plan).iter().zip(shared(&never.plan(subject))) {
        let expected = value_of(&theirs, &never);
        assert_eq!(without_inert(value_of(ours, &home)), without_inert(expected), "{}", ours.display());
    }
    // The ledger has forgotten us: nothing is left to undo.
    assert!(revert(&plan.provider, &home.disk()).unwrap().written.is_empty());
}

/// Somebody adds a member in front, by hand. Every byte but ours is afterwards as it was, with that member.
fn bytes_stay(subject: Subject, home: &TestHome) {
    let plan = home.plan(subject);
    let before: Vec<_> = shared(&plan).iter().map(|file| fs::read_to_string(file).ok()).collect();
    apply(&plan, &home.disk()).unwrap();
    for file in shared(&plan) {
        fs::write(&file, with_member(&file, &fs::read_to_string(&file).unwrap())).unwrap();
    }
    revert(&plan.provider, &home.disk()).unwrap();
    for (file, before) in shared(&plan).iter().zip(before) {
        // Where there was no other member, there is no text to compare with.
        if let Some(before) = before.filter(|text| text.contains(['"', '='])) {
            let after = fs::read_to_string(file).unwrap();
            assert_eq!(tight(&after), tight(&with_member(file, &before)), "{}", file.display());
        } else {
            assert!(value_of(file, home)["foreign"].is_string(), "{}", file.display());
        }
    }
}

/// The text without the white space before closing brackets: it is where our entries stood, and nobody can know
/// what it was before them.
fn tight(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '}' | ']') {
            out.truncate(out.trim_end().len());
        }
        out.push(c);
    }
    out
}

/// A host's own notes about our entries go with them, and no others.
fn derived(subject: Subject, home: &TestHome) {
    let plan = home.plan(subject);
    apply(&plan, &home.disk()).unwrap();
    let noted = derive(&plan);
    let notes = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    for (file, key) in &noted {
        assert!(notes(file).contains(key.as_str()), "{key}");
    }
    revert(&plan.provider, &home.disk()).unwrap();
    for (file, key) in &noted {
        assert!(!notes(file).contains(key.as_str()), "{key} stayed");
        assert!(notes(file).contains("somebody-elses-key"));
    }
}

/// Where a host knows the elements of a list by position, removing ours moves no other. A list without others after
/// ours goes back to what it was.
fn places(subject: Subject, home: &TestHome) {
    let plan = home.plan(subject);
    apply(&plan, &home.disk()).unwrap();
    for file in shared(&plan) {
        meddle(&file, &plan, true);
    }
    let known = || plan.edits.iter().filter_map(places_of).collect::<Vec<_>>();
    let before = known();
    revert(&plan.provider, &home.disk()).unwrap();
    assert_eq!(known(), before);
}

fn doctor(subject: Subject, home: &TestHome) {
    let (plan, disk) = (home.plan(subject), home.disk());
    let states = || check(&plan, &disk).unwrap().into_iter().map(|finding| (finding.edit, finding.state));
    assert!(states().all(|(_, state)| state == State::Absent));
    apply(&plan, &disk).unwrap();
    assert!(states().all(|(_, state)| state == State::Present));
    let whole: Vec<_> = files(&plan).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    for edit in &plan.edits {
        damage(edit);
        let named: Vec<_> =
            states().filter(|(_, state)| *state != State::Present).map(|(id, _)| id).collect();
        assert_eq!(named, std::slice::from_ref(&edit.id));
        for (bytes, file) in &whole {
            fs::write(file, bytes).unwrap();
        }
    }
    revert(&plan.provider, &disk).unwrap();
    assert!(states().all(|(_, state)| state == State::Absent));
}

fn dry_run(subject: Subject, home: &TestHome) {
    let (plan, disk) = (home.plan(subject), home.disk());
    let before = home.tree();
    let wanted = preview(&plan, &disk).unwrap();
    assert!(!unified_diff(&wanted).is_empty());
    assert_eq!(problems(&wanted), "");
    assert_eq!(home.tree(), before, "a dry run writes nothing");
    let announced: Vec<_> = wanted.changes().map(|file| file.path.clone()).collect();
    assert_eq!(apply(&plan, &disk).unwrap().written, announced);
    for file in &wanted.files {
        assert_eq!(file.after.as_ref().unwrap().as_deref(), fs::read(&file.path).ok().as_deref());
    }
    assert_eq!(unified_diff(&preview(&plan, &disk).unwrap()), "");
}

fn refused(subject: Subject, before: &Path, code: &str) {
    let home = TestHome::of(before, Style::AsIs);
    let (plan, disk) = (home.plan(subject), home.disk());
    let tree = home.tree();
    let told = preview(&plan, &disk).unwrap();
    assert!(problems(&told).contains(code), "{}", problems(&told));
    let error = apply(&plan, &disk).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(!error.help().is_empty());
    assert_eq!(home.tree(), tree, "not one file is changed");
    let well = |state: &State| matches!(state, State::Present | State::Absent);
    assert!(check(&plan, &disk).unwrap().iter().any(|finding| !well(&finding.state)));
    assert!(revert(&plan.provider, &disk).unwrap().written.is_empty());
    assert_eq!(home.tree(), tree);
}

/// Unwinding at the step stands for the crash: no later step runs.
fn crash(subject: Subject, home: &TestHome, step: &'static str) {
    let plan = home.plan(subject);
    let before = home.tree();
    let failing = home.disk().with_failpoint(move |at| {
        if at == step {
            resume_unwind(Box::new("the crash"));
        }
    });
    assert!(catch_unwind(AssertUnwindSafe(|| apply(&plan, &failing))).is_err(), "`{step}` was never reached");
    let crashed = home.tree();
    let after = {
        let twin = TestHome::empty();
        for (path, entry) in &before {
            if let Entry::File { text, .. } = entry {
                twin.write(path, &text.replace(home.path().to_str().unwrap(), twin.path().to_str().unwrap()));
            }
        }
        apply(&twin.plan(subject), &twin.disk()).unwrap();
        twin.show(&twin.tree())
    };
    for file in files(&plan) {
        let at = file.strip_prefix(home.path()).unwrap();
        if let Some(entry) = crashed.get(at) {
            let shown = home.show(&[(at.to_owned(), entry.clone())].into());
            assert!(
                before.get(at) == Some(entry) || after.contains(&shown),
                "{shown} is neither old nor new"
            );
        } else {
            assert_eq!(before.get(at), None, "{} went missing", at.display());
        }
    }
    apply(&plan, &home.disk()).unwrap();
    assert!(check(&plan, &home.disk()).unwrap().iter().all(|finding| finding.state == State::Present));
    revert(&plan.provider, &home.disk()).unwrap();
    assert_eq!(home.tree(), before);
}

fn generated(subject: Subject) {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&json_text(), |text| {
            let home = TestHome::empty();
            let plan = home.plan(subject);
            for file in files(&plan).iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
                home.write(file.strip_prefix(home.path()).unwrap(), &text);
            }
            there_and_back(subject, &home);
            Ok(())
        })
        .unwrap();
}

/// The whole of an installation's life, for review.
fn story(subject: Subject, before: &Path) -> String {
    let home = TestHome::of(before, Style::AsIs);
    let (plan, disk) = (home.plan(subject), home.disk());
    let start = home.tree();
    apply(&plan, &disk).unwrap();
    let once = home.tree();
    apply(&plan, &disk).unwrap();
    let twice = home.tree();
    revert(&plan.provider, &disk).unwrap();
    let end = home.tree();
    let same = |same| if same { "the same as above\n" } else { "DIFFERENT\n" };
    format!(
        "# before\n\n{}\n# after init\n\n{}\n# after init again: {}\n# after uninstall: {}",
        home.show(&start),
        home.show(&once),
        same(twice == once),
        if end == start { "the same as before\n" } else { "DIFFERENT\n" },
    )
}

/// The cases that `init` can do its work on: no configuration at all, and each fixture that is not refused.
pub(crate) fn cases(subject: Subject) -> Vec<(String, PathBuf)> {
    let fixtures = sorted(&subject.fixtures().join("config")).into_iter();
    let usable = fixtures.filter(|case| !case.join("refused").exists());
    let nothing = ("nothing".to_owned(), PathBuf::from("/nonexistent"));
    std::iter::once(nothing).chain(usable.map(|case| (name_of(&case), case.join("before")))).collect()
}

/// The files of a plan that others write as well: not those that are ours as a whole.
pub(crate) fn shared(plan: &Plan) -> Vec<PathBuf> {
    let whole = |file: &Path| {
        plan.edits.iter().any(|edit| edit.file.path == file && matches!(edit.op, EditOp::File { .. }))
    };
    files(plan).into_iter().filter(|file| !whole(file)).collect()
}

/// The files that a plan edits, each once.
pub(crate) fn files(plan: &Plan) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for edit in &plan.edits {
        if !files.contains(&edit.file.path) {
            files.push(edit.file.path.clone());
        }
    }
    files
}
