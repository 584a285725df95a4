//! What being installed means for Gemini CLI.

use serde_json::{Value, json};
use session_bridge_core::event::Moment;
use session_bridge_core::plan::{ConfigEdit, Format, Plan};
use session_bridge_core::provider::{Card, HookSpec, Scope, Site, Want};
use session_bridge_core::{entry, shell};

use crate::SUBAGENT_TOOL;

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits: Vec<_> = card.hooks.iter().map(|spec| hook(card, site, want, spec)).collect();
    edits.push(server(card, site, want));
    Plan { provider: card.id.to_string(), edits }
}

fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let handler = json!({
        "type": "command",
        // Shown on the screen while it runs.
        "name": "session-bridge",
        "command": guarded(&want.hook_program.to_string_lossy(), card.id.as_str(), spec.event),
        "timeout": spec.timeout_secs * 1000,
    });
    let mut group = entry::group(&handler);
    if spec.moment == Moment::BeforeSubagent {
        group["matcher"] = json!(format!("^{SUBAGENT_TOOL}$"));
    }
    entry::hook(card, site, Format::CommentedJson, spec, group, entry::in_a_group())
}

/// The line for `bash -c`. A hook that ends with any status but 0 and 1 and says something blocks every prompt: so a
/// program that is missing or cannot be started ends with 0, and nothing is said in any case. `exec` leaves the host as
/// the program's parent.
fn guarded(program: &str, id: &str, event: &str) -> String {
    let program = shell::word(program);
    format!("[ -x {program} ] || exit 0; shopt -s execfail; exec {program} {id} {event} 2>/dev/null; exit 0")
}

/// The server's environment is the terminal's without what looks like a secret. Tools run unasked only by consent, which is
/// one person's: it is not written into a project's shared file.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let mut value = entry::command(card, want);
    if want.allow_tools && site.scope == Scope::User {
        value["trust"] = Value::Bool(true);
    }
    let file = site.target(&site.mcp_file, Format::CommentedJson);
    entry::server(card, file, ["mcpServers", "session-bridge"], value)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Output};

    use session_bridge_core::host::FakeHost;
    use session_bridge_core::plan::EditOp;

    use super::*;
    use crate::{CARD, site};

    fn want() -> Want {
        Want {
            hook_program: "/home/u/.session-bridge/bin/session-bridge-hook".into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: None,
            allow_tools: false,
        }
    }

    fn value_of(want: &Want, scope: &Scope, id: &str) -> Value {
        let site = site::locate(&FakeHost::at("/home/u"), scope).unwrap();
        let edit = plan(&CARD, &site, want).edits.into_iter().find(|edit| edit.id.0 == id).unwrap();
        match edit.op {
            EditOp::Item { value, .. } | EditOp::Key { value, .. } => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_are_in_milliseconds_and_only_subagents_are_told_beforehand() {
        let group = value_of(&want(), &Scope::User, "gemini-cli/hook/BeforeAgent");
        assert_eq!(group["hooks"][0]["timeout"], json!(10_000));
        assert_eq!(group.get("matcher"), None);
        let group = value_of(&want(), &Scope::User, "gemini-cli/hook/BeforeTool");
        assert_eq!(group["matcher"], json!("^invoke_agent$"));
    }

    #[test]
    fn trust_is_given_by_consent_and_never_shared() {
        let agreed = Want { allow_tools: true, ..want() };
        let project = Scope::Project("/src/shop".into());
        let trust =
            |want: &Want, scope: &Scope| value_of(want, scope, "gemini-cli/mcp-server").get("trust").cloned();
        assert_eq!(trust(&want(), &Scope::User), None);
        assert_eq!(trust(&agreed, &Scope::User), Some(json!(true)));
        assert_eq!(trust(&agreed, &project), None);
    }

    #[test]
    fn another_home_reaches_the_server() {
        let moved = Want { home_override: Some("/elsewhere".into()), ..want() };
        let value = value_of(&moved, &Scope::User, "gemini-cli/mcp-server");
        assert_eq!(value["env"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
    }

    /// Runs the line as the host does.
    fn run(line: &str) -> Output {
        Command::new("bash").args(["-c", line]).output().unwrap()
    }

    #[test]
    fn a_program_that_is_gone_or_broken_says_nothing() {
        let folder = std::env::temp_dir().join(format!("sb-gemini-guard-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = |name: &str, content: &[u8], mode: u32| {
            let path = folder.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let silent = [
            folder.join("missing"),
            folder.clone(),
            program("not executable", b"#!/bin/sh\necho text\n", 0o600),
            program("bad-elf", b"\x7fELF garbage", 0o700),
            program("bad-interpreter", b"#!/nonexistent/interpreter\n", 0o700),
            program("noisy", b"#!/bin/sh\necho noise >&2\n", 0o700),
        ];
        for path in silent {
            let output = run(&guarded(&path.to_string_lossy(), "gemini-cli", "BeforeAgent"));
            assert_eq!(output.status.code(), Some(0), "{}", path.display());
            assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}: {output:?}", path.display());
        }
        let crashes = program("it's crashing", b"#!/bin/sh\nkill -SEGV $$\n", 0o700);
        let output = run(&guarded(&crashes.to_string_lossy(), "gemini-cli", "BeforeAgent"));
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
        let works = program("it works", b"#!/bin/sh\necho $1 $2 $PPID\n", 0o700);
        let output = run(&guarded(&works.to_string_lossy(), "gemini-cli", "BeforeAgent"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            said,
            format!("gemini-cli BeforeAgent {}\n", std::process::id()),
            "the host is the parent"
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
