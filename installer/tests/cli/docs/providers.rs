//! `docs/providers.md`, and a page per provider: what the card says is made anew between two marks, and so are the limits,
//! which stand in `docs/limitations.md`. What stands outside of the marks is written by hand and stays.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use session_bridge_core::host::FakeHost;
use session_bridge_core::plan::{ConfigEdit, EditOp};
use session_bridge_core::provider::{By, Card, Consent, Provider, Scope, Source, Step, Wake, Want};
use session_bridge_providers::PROVIDERS;

use super::{MADE, compare, repository};

const OPEN: &str = "<!-- made: by installer/tests/cli/docs/providers.rs; UPDATE_DOCS=1 writes it anew -->\n";
const CLOSE: &str = "<!-- /made -->\n";
/// Where the made-up user lives, and a project of theirs.
const USER: &str = "/home/user";
const PROJECT: &str = "/project";

#[test]
fn the_page_of_providers() {
    let mut page = format!(
        "# Providers\n\n{MADE}\nOne page per agent CLI says what works there, what it changes, what only you can do, and where its limits are.\n\n\
         | agent CLI | provider | programs | verified with | messages come with | idle sessions wake by |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for card in PROVIDERS.iter().map(|provider| provider.card()) {
        let surfaces: Vec<&str> =
            card.inject.iter().filter(|inject| inject.bodies).map(|inject| inject.moment.as_str()).collect();
        let doors: Vec<&str> = card.wake.iter().map(Wake::name).collect();
        let _ = writeln!(
            page,
            "| [{}](providers/{}.md) | `{}` | `{}` | {} | {}, results of tools | {} |",
            card.name,
            card.id,
            card.id,
            card.binaries.join("`, `"),
            versions(card),
            surfaces.join(", "),
            if doors.is_empty() {
                "nothing: mail waits for the next prompt".to_owned()
            } else {
                doors.join(", ")
            }
        );
    }
    page.push_str(
        "\n`session-bridge list-providers` says which of them are on your machine, and `session-bridge doctor` how they stand.\n\
         [adding-a-provider.md](adding-a-provider.md) is about further ones.\n",
    );
    compare("docs/providers.md", &page);
}

#[test]
fn a_page_per_provider() {
    for provider in PROVIDERS {
        let card = provider.card();
        let page = format!("docs/providers/{}.md", card.id);
        let kept = fs::read_to_string(repository().join(&page)).unwrap_or_default();
        let (before, after) = match (kept.split_once(OPEN), kept.split_once(CLOSE)) {
            (Some((before, _)), Some((_, after))) => (before.to_owned(), after.to_owned()),
            _ => (format!("# {}\n\n", card.name), String::new()),
        };
        assert!(before.starts_with(&format!("# {}\n", card.name)), "{page} has another title");
        compare(&page, &format!("{before}{OPEN}{}{CLOSE}{after}", facts(*provider)));
    }
}

#[test]
fn no_page_is_about_nobody() {
    let known: BTreeSet<String> =
        PROVIDERS.iter().map(|provider| format!("{}.md", provider.card().id)).collect();
    for page in fs::read_dir(repository().join("docs/providers")).unwrap() {
        let name = page.unwrap().file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "docs/providers/{name} is about no provider");
    }
}

fn versions(card: &Card) -> String {
    let versions = card.verified.iter().map(|verified| format!("{} ({})", verified.version, verified.date));
    let versions = versions.collect::<Vec<_>>().join(", ");
    if card.not_run.is_some() { format!("not run; read in {versions}") } else { versions }
}

/// What stands between the marks.
fn facts(provider: &dyn Provider) -> String {
    let card = provider.card();
    let id = card.id;
    let mut out = format!(
        "\nInstall: `session-bridge init --provider {id}` · pause: `session-bridge off --provider {id}` · take out: \
         `session-bridge uninstall --provider {id}`\n\n"
    );
    at_a_glance(&mut out, card);
    steps(&mut out, card);
    changes(&mut out, provider);
    surfaces(&mut out, card);
    let _ = write!(out, "\n## Limits\n\n{}", limits(card));
    out.push_str("\nWhat holds for all agent CLIs: [limitations.md](../limitations.md).\n");
    how_it_was_verified(&mut out, card);
    out
}

fn at_a_glance(out: &mut String, card: &Card) {
    let sources =
        |list: &[Source]| list.iter().map(|source| source.describe()).collect::<Vec<_>>().join(", then ");
    let code = |words: &[&str]| format!("`{}`", words.join("`, `"));
    let _ = writeln!(out, "| | |\n| --- | --- |");
    let _ = writeln!(out, "| program | {} |", code(card.binaries));
    if !card.packages.is_empty() {
        let _ = writeln!(out, "| npm package, whose version counts | {} |", code(card.packages));
    }
    let _ = writeln!(out, "| verified with | {} |", versions(card));
    let _ = writeln!(out, "| a hook knows its session by | {} |", sources(card.identity.hook));
    let _ = writeln!(out, "| a tool call knows its session by | {} |", sources(card.identity.mcp));
    let outlive = if card.servers_outlive_window { "yes: lists say `attended: unknown`" } else { "no" };
    let _ = writeln!(out, "| MCP servers may outlive the window | {outlive} |");
}

fn steps(out: &mut String, card: &Card) {
    out.push_str("\n## Only you can do this\n\nAfter `init`:\n\n");
    for step in card.human_steps {
        let instead = match step.settled_by() {
            Some(Consent::AllowTools) => " `init --allow-tools` makes this needless.",
            Some(Consent::TrustHooks) => " `init --trust-codex-hooks` makes this needless.",
            None => "",
        };
        // A step that names the way itself needs no second word about it.
        let text = step.text(card.name);
        let instead = if text.contains("init --") { "" } else { instead };
        let _ = writeln!(out, "- {text}{instead}");
    }
    assert!(card.human_steps.contains(&Step::NewSession), "{}: running sessions have not loaded it", card.id);
}

fn changes(out: &mut String, provider: &dyn Provider) {
    out.push_str("\n## What `init` writes\n\n| file | place | what for |\n| --- | --- | --- |\n");
    let host = FakeHost::at(USER);
    let plan = |scope: &Scope, allow_tools: bool| -> Vec<ConfigEdit> {
        let want = Want {
            hook_program: format!("{USER}/.session-bridge/bin/session-bridge-hook").into(),
            main_program: format!("{USER}/.session-bridge/bin/session-bridge").into(),
            home_override: None,
            allow_tools,
        };
        provider.plan(&provider.locate(&host, scope).unwrap(), &want).edits
    };
    let plain = plan(&Scope::User, false);
    for edit in &plain {
        row(out, edit, "");
    }
    for edit in plan(&Scope::User, true).iter().filter(|edit| !plain.contains(edit)) {
        let same = plain.iter().any(|plain| plain.id == edit.id);
        let when = "; with `--allow-tools` only";
        row(out, edit, &if same { format!(", and let it use them unasked{when}") } else { when.to_owned() });
    }
    let derived: BTreeSet<String> = plain
        .iter()
        .flat_map(|edit| &edit.derived)
        .map(|key| format!("`{}` in `{}`", key.under, shown(&key.file.path)))
        .collect();
    if !derived.is_empty() {
        let derived: Vec<String> = derived.into_iter().collect();
        let _ = writeln!(
            out,
            "\n`uninstall` also takes out what the CLI itself notes of our entries: {}.",
            derived.join(", ")
        );
    }
    let project = plan(&Scope::Project(PROJECT.into()), false);
    let files: BTreeSet<String> =
        project.iter().map(|edit| format!("`{}`", shown(&edit.file.path))).collect();
    let files: Vec<String> = files.into_iter().collect();
    let _ = writeln!(
        out,
        "\nWith `--scope project` the same goes into {} of the current folder.",
        files.join(" and ")
    );
}

fn row(out: &mut String, edit: &ConfigEdit, when: &str) {
    let place = match &edit.op {
        EditOp::Item { at, .. } => format!("one item of `{at}`"),
        EditOp::Key { at, .. } => format!("`{at}`"),
        EditOp::File { .. } => "the whole file".to_owned(),
        EditOp::Block { .. } => "a block of lines".to_owned(),
        other => panic!("say where this stands: {other:?}"),
    };
    let _ = writeln!(out, "| `{}` | {place} | {}{when} |", shown(&edit.file.path), edit.why);
}

/// A path as users of any name read it.
fn shown(path: &Path) -> String {
    path.strip_prefix(USER).map_or_else(
        |_| path.strip_prefix(PROJECT).unwrap_or(path).display().to_string(),
        |path| format!("~/{}", path.display()),
    )
}

fn surfaces(out: &mut String, card: &Card) {
    out.push_str("\n## What reaches the model, and what proves it\n\n| at | moment | our time limit | text | `injected` by | `seen` by |\n| --- | --- | --- | --- | --- | --- |\n");
    for hook in card.hooks {
        let inject = card.inject_at(hook.moment);
        let text = inject.map_or_else(
            || "none".to_owned(),
            |inject| {
                let what = if inject.bodies { "messages" } else { "headers" };
                format!("{what}, {} bytes at most", inject.max_bytes)
            },
        );
        let proof = |by: fn(&session_bridge_core::provider::Proof) -> &'static [By]| {
            inject
                .filter(|inject| inject.bodies)
                .map_or_else(|| "–".to_owned(), |inject| events(by(&inject.proof)))
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} s | {text} | {} | {} |",
            hook.event,
            hook.moment.as_str(),
            hook.timeout_secs,
            proof(|proof| proof.injected),
            proof(|proof| proof.seen),
        );
    }
    let _ = writeln!(
        out,
        "| a tool call's result | – | – | what was asked for | {} | {} |",
        events(card.pull.injected),
        events(card.pull.seen)
    );
    out.push_str("\nEvidence counts within the same turn and conversation. Of what a hook put out where nothing proves it, a call that names the message does.\n\n");
    if card.wake.is_empty() {
        out.push_str(
            "Idle sessions are not woken: the CLI has no door, and mail waits for the next prompt.\n",
        );
    } else {
        out.push_str("Idle sessions wake by the first of these that the session has:\n\n");
    }
    for wake in card.wake {
        let _ = writeln!(out, "- {}", wake.describe());
    }
}

/// Kinds of evidence, in words.
fn events(kinds: &[By]) -> String {
    let words = |by: &By| match by {
        By::AnyTool => "any tool event".to_owned(),
        By::AfterTool => "a later tool event of other calls".to_owned(),
        By::AfterToolOfCall => "the tool event of that call".to_owned(),
        By::TurnEnd => "the turn's end".to_owned(),
        By::ContinuedTurnEnd => "the end of the turn that went on".to_owned(),
        other => apart(&format!("{other:?}")),
    };
    if kinds.is_empty() {
        "no event".to_owned()
    } else {
        kinds.iter().map(words).collect::<Vec<_>>().join(", ")
    }
}

/// `BeforeModel` as `before model`.
fn apart(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The section of the limitations that bears the CLI's name. Links lead from one folder deeper.
fn limits(card: &Card) -> String {
    let page = fs::read_to_string(repository().join("docs/limitations.md")).unwrap();
    let section = page.split_once(&format!("\n## {}\n\n", card.name));
    let (_, rest) =
        section.unwrap_or_else(|| panic!("docs/limitations.md says nothing under `## {}`", card.name));
    let text = rest.split("\n## ").next().unwrap();
    let mut out = String::new();
    for (index, part) in text.split("](").enumerate() {
        if index > 0 {
            out.push_str(if part.starts_with("http") || part.starts_with('#') { "](" } else { "](../" });
        }
        out.push_str(part);
    }
    format!("{}\n", out.trim_end())
}

fn how_it_was_verified(out: &mut String, card: &Card) {
    let id = card.id.as_str();
    out.push_str("\n## How it was verified\n\n");
    let versions: toml_edit::DocumentMut =
        fs::read_to_string(repository().join("tests/real-cli/versions.toml")).unwrap().parse().unwrap();
    if let Some(pinned) = versions.get(id) {
        let version = |which: &str| pinned[which].as_str().unwrap().to_owned();
        let (oldest, newest) = (version("oldest"), version("newest"));
        let which = if oldest == newest { newest } else { format!("{oldest} and {newest}") };
        let _ = writeln!(
            out,
            "- By running it: [tests/real-cli](../../tests/real-cli) drives the real program, version {which}, against a scripted model, without any network."
        );
    } else {
        let why = card.not_run.unwrap_or("what stands here follows from its payloads and documents");
        let _ = writeln!(out, "- **Not by running it**: {why}.");
    }
    for verified in card.verified {
        let folder = format!("providers/{id}/fixtures/{}", verified.version);
        let captured = fs::read_dir(repository().join(&folder)).unwrap().count();
        let _ = writeln!(
            out,
            "- By the laws of [tests/conformance](../../tests/conformance), over the {captured} payloads of {} in [{folder}](../../{folder}).",
            verified.version
        );
    }
    let _ = writeln!(
        out,
        "- What was measured, event by event: [providers/{id}](../../providers/{id}/README.md)."
    );
}
