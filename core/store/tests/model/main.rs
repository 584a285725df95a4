//! The store against a reference model: random sequences of everything that hosts, hooks, tools, doors, people and clocks can
//! do, and after each step what the rules of delivery say of it.
//!
//! `spec` is the model, `steps` what can happen, `acts` whom it happens to, `bridge` and `hook` the store under test, `check`
//! what is compared. Real are the store
//! with its database, the files of the run folders, the locks, and processes in place of hosts, which are really killed.
//! Driven as their callers drive them are the hook (`hook.rs` takes its steps in the order of `installer/hook`, down to
//! the fast path; its write is a note, and a crash is one that is missing or half done) and doors (the functions by which
//! ringers ask whether to ring, and note that they did). Simulated are the clocks, what the hosts tell, and their writes.
//!
//! A sequence that fails is shrunk and kept in `main.proptest-regressions` beside this file, which is committed and runs first
//! each time. `docs/testing.md` has the command for more than the sample.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its world fails")]
#![expect(unreachable_pub, reason = "modules of a test")]

mod acts;
mod bridge;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod hook;
mod hosts;
mod regressions;
mod spec;
mod steps;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::bridge::Bridge;
use crate::spec::Model;
use crate::steps::{Act, Done, Step, any_step};

/// How many sequences `cargo test` runs, and from which seed.
const SAMPLE: u32 = 30;
const SEED: u64 = 5;
/// Longest sequence.
const LONGEST: usize = 120;

/// The model with what came of the last step.
#[derive(Debug, Clone)]
pub struct Reference {
    model: Model,
    /// How it stood after the step, before anybody looked.
    then: Model,
    done: Done,
    /// Whether somebody looks then, and at the receipts of which message.
    look: Look,
}

/// Who reads after a step.
#[derive(Debug, Clone, Copy)]
enum Look {
    Nobody,
    AtLists,
    AtReceiptsOf(spec::M),
}

impl Look {
    fn message(self) -> Option<spec::M> {
        match self {
            Self::AtReceiptsOf(m) => Some(m),
            Self::Nobody | Self::AtLists => None,
        }
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let model = Model::default();
        Just(Self { then: model.clone(), model, done: Done::Nothing, look: Look::Nobody }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        any_step()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        // Without two sessions nothing can happen.
        let first = Act::Begin { single: state.model.sessions.len() % 2 == 1 };
        let act = if state.model.sessions.len() < 2 { &first } else { &step.act };
        state.done = state.model.step(act);
        state.then = state.model.clone();
        state.look = match step.look {
            None => Look::Nobody,
            Some(which) => state.model.one_message(which).map_or(Look::AtLists, Look::AtReceiptsOf),
        };
        if !matches!(state.look, Look::Nobody) {
            state.model.look(state.look.message());
        }
        state
    }
}

struct Delivery;

impl StateMachineTest for Delivery {
    type SystemUnderTest = Bridge;
    type Reference = Reference;

    fn init_test(_: &Reference) -> Bridge {
        Bridge::new()
    }

    fn apply(mut bridge: Bridge, reference: &Reference, _: Step) -> Bridge {
        let Reference { model, then, done, look } = reference;
        STEPS.fetch_add(1, Ordering::Relaxed);
        bridge.carry_out(done, then);
        assert_eq!(bridge.messages.len(), then.messages.len(), "somebody should be told");
        let hot = |model: &Model| (0..model.sessions.len()).map(|s| model.hot(s)).collect::<Vec<_>>();
        check::bells(&bridge, &hot(then));
        if !matches!(look, Look::Nobody) {
            check::look(&mut bridge, model, look.message());
            check::bells(&bridge, &hot(model));
        }
        bridge
    }
}

/// How many steps passed, shrinking included.
static STEPS: AtomicU64 = AtomicU64::new(0);

/// The sample is the same on every machine; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for others.
fn config() -> Config {
    let asked = |name: &str| std::env::var_os(name).is_some();
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        source_file: Some(file!()),
        max_shrink_iters: 3_000,
        ..Config::default()
    };
    if !asked("PROPTEST_CASES") {
        config.cases = SAMPLE;
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    config
}

#[test]
fn the_store_does_what_the_rules_say() {
    let config = config();
    let mut runner = TestRunner::new(config.clone());
    let sequences = Reference::sequential_strategy(1..LONGEST);
    let run = runner.run(&sequences, |(reference, steps, counter)| {
        Delivery::test_sequential(config.clone(), reference, steps, counter);
        Ok(())
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
    println!("{} sequences, {} steps", config.cases, STEPS.load(Ordering::Relaxed));
}

/// Carries a sequence out as the test does.
fn replay(steps: impl IntoIterator<Item = Act>) {
    let mut reference = Reference {
        model: Model::default(),
        then: Model::default(),
        done: Done::Nothing,
        look: Look::Nobody,
    };
    let mut bridge = Bridge::new();
    for act in steps {
        let step = Step { act, look: None };
        reference = <Reference as ReferenceStateMachine>::apply(reference, &step);
        bridge = <Delivery as StateMachineTest>::apply(bridge, &reference, step);
    }
}
