//! Pages and scripts that are made from the program. Each test makes its page and compares; with `UPDATE_DOCS=1` it
//! writes the page instead.

mod providers;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::aot::{Shell, generate};
use session_bridge::cli::{CODES, TOOL_CODES, command};
use session_bridge_core::environment;
use session_bridge_core::limits::{self, Limits};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn compare(page: &str, made: &str) {
    let path = repository().join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{page} is out of date; run: UPDATE_DOCS=1 cargo test -p session-bridge --test cli docs"
    );
}

const MADE: &str = "<!-- Made by installer/tests/cli/docs.rs; UPDATE_DOCS=1 writes it anew. -->\n";

#[test]
fn the_page_of_commands() {
    let mut page = format!("# Commands\n\n{MADE}\n");
    page.push_str("All commands take `--json` and then print one JSON document ([json.md](json.md)). Exit statuses and error codes are in [errors.md](errors.md).\n");
    let mut program = command().term_width(100).max_term_width(100);
    program.build();
    let names: Vec<String> = program.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let _ = write!(
        page,
        "\n## session-bridge\n\n```text\n{}```\n",
        tidy(&program.render_long_help().to_string())
    );
    for name in names.iter().filter(|name| *name != "help") {
        let sub = program.find_subcommand_mut(name).unwrap();
        let help = |sub: &clap::Command| {
            tidy(&sub.clone().term_width(100).max_term_width(100).render_long_help().to_string())
        };
        let _ = write!(page, "\n## session-bridge {name}\n\n```text\n{}```\n", help(sub));
        for inner in sub.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let title = format!("session-bridge {name} {}", inner.get_name());
            let _ = write!(page, "\n### {title}\n\n```text\n{}```\n", help(inner));
        }
    }
    compare("docs/cli.md", &page);
}

fn tidy(help: &str) -> String {
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

#[test]
fn completion_scripts() {
    let scripts = [
        (Shell::Bash, "manifests/completions/session-bridge.bash"),
        (Shell::Zsh, "manifests/completions/_session-bridge"),
        (Shell::Fish, "manifests/completions/session-bridge.fish"),
    ];
    for (shell, path) in scripts {
        let mut script = Vec::new();
        generate(shell, &mut command(), "session-bridge", &mut script);
        compare(path, &String::from_utf8(script).unwrap());
    }
}

#[test]
fn the_page_of_errors() {
    let mut page = format!(
        "# Exit statuses and error codes\n\n{MADE}\n## Exit statuses\n\n| status | meaning |\n| --- | --- |\n"
    );
    for (status, meaning) in session_bridge::EXIT_STATUSES {
        let _ = writeln!(page, "| {status} | {meaning} |");
    }
    page.push_str("\n## Error codes\n\nA command that fails prints `error[code]: …`, its causes and `help: …` on standard error; with `--json` the one document on\nstandard output is `{\"error\": {\"code\", \"message\", \"causes\", \"help\"}}`. Codes never change their meaning. The tools of the MCP\nserver give the same codes.\n\n| code | exit status | meaning |\n| --- | --- | --- |\n");
    for (code, status, meaning) in CODES {
        let _ = writeln!(page, "| `{code}` | {status} | {meaning} |");
    }
    page.push_str("\n## Codes of tools only\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in TOOL_CODES {
        let _ = writeln!(page, "| `{code}` | {meaning} |");
    }
    compare("docs/errors.md", &page);
}

#[test]
fn the_table_of_codes_is_whole() {
    let mut found = BTreeSet::new();
    for folder in ["core/src", "core/store/src", "installer/src"] {
        sources(&repository().join(folder), &mut |text| {
            for marker in ["Failure::new(", "Failure::usage(", "Self::usage(", "Self::new(", "Refusal::new("]
            {
                for (at, _) in text.match_indices(marker) {
                    let first = text[at + marker.len()..].trim_start();
                    found.extend(literal(first));
                }
            }
            // `fn code(&self)` of an error: the literals up to the end of the function.
            for (at, _) in text.match_indices("fn code(&self)") {
                let body = text[at..].split("\n    }").next().unwrap();
                found.extend(body.split("=> ").skip(1).filter_map(literal));
            }
        });
    }
    let known: BTreeSet<String> = CODES
        .iter()
        .map(|code| code.0)
        .chain(TOOL_CODES.iter().map(|code| code.0))
        .map(str::to_owned)
        .collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the table");
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "in no source");
}

/// The code that a text begins with, if it does.
fn literal(text: &str) -> Option<String> {
    let (word, _) = text.strip_prefix('"')?.split_once('"')?;
    let is_code = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_code.then(|| word.to_owned())
}

fn sources(folder: &Path, take: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, take);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            take(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_page_of_variables() {
    let mut page =
        format!("# Environment variables\n\n{MADE}\n| variable | meaning | since |\n| --- | --- | --- |\n");
    for var in environment::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", var.name, var.meaning, var.since);
    }
    page.push_str("\n`NO_COLOR` and `CLICOLOR_FORCE` are respected. Each agent CLI's own variables (`CLAUDE_CONFIG_DIR`, `CODEX_HOME`, …) decide where\nits configuration is.\n");
    compare("docs/environment.md", &page);
}

#[test]
fn the_page_of_settings() {
    let mut page = format!("# Settings\n\n{MADE}\n");
    page.push_str(
        "`settings.json` in the bridge's home (`~/.session-bridge`) is yours to edit. What it does not name keeps its default. Commands\nand servers read it whenever they open the store, so that a change counts at once; hooks read no limits. A file that does\nnot parse, or in which a number is out of its range, counts as absent: everything keeps its default, and `doctor` says what is\nwrong with it.\n\n```json\n",
    );
    let usual = serde_json::json!({"limits": Limits::default()});
    let _ = writeln!(
        page,
        "{usual:#}\n```\n\n## Limits\n\n| key in `limits` | default | can be | meaning |\n| --- | --- | --- | --- |"
    );
    for setting in limits::TABLE {
        let range = setting
            .range
            .map_or_else(|| "role names".to_owned(), |(least, most)| format!("{least} to {most}"));
        let default = &usual["limits"][setting.key];
        let _ = writeln!(page, "| `{}` | `{default}` | {range} | {} |", setting.key, setting.meaning);
    }
    page.push_str("\nThe receipt of a message says which limit kept it from starting a turn. An artifact's size has no setting yet: there are no artifacts.\n\n## What new sessions start with\n\n`providers` holds the label, roles and room that `init --label`, `--role` and `--room` were given, for each provider:\n\n```json\n{\"providers\": {\"codex\": {\"label\": \"worker\", \"roles\": [\"backend\"], \"room\": \"shop\"}}}\n```\n");
    compare("docs/settings.md", &page);
}
