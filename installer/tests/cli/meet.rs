//! `init` as a person meets it: in a terminal of a certain width, with and without colours.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::ExitStatus;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::env::TestEnvironment;

/// What a person does once the question stands there.
enum Then<'a> {
    Types(&'a str),
    Interrupts,
    Leaves,
}

/// Runs a command in a terminal of so many columns, and returns everything that stands there at the end.
fn meet(env: &TestEnvironment, columns: u16, arguments: &[&str], then: &Then<'_>) -> (ExitStatus, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let open = || fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let theirs = open();
    tcsetwinsize(&theirs, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut terminal = fs::File::from(ours);
    let mut child = env.command(arguments).stdin(open()).stdout(open()).stderr(open()).spawn().unwrap();
    drop(theirs);
    let (mut said, mut bytes, mut done) = (Vec::new(), [0; 4096], false);
    // Nobody holds the other end any more: the kernel says so with an error.
    while let Ok(n @ 1..) = terminal.read(&mut bytes) {
        said.extend_from_slice(&bytes[..n]);
        if !done && String::from_utf8_lossy(&said).contains("/N]") {
            done = true;
            match then {
                Then::Types(text) => terminal.write_all(text.as_bytes()).unwrap(),
                Then::Interrupts => {
                    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
                }
                // What a terminal sends for Ctrl-D.
                Then::Leaves => terminal.write_all(b"\x04").unwrap(),
            }
        }
    }
    let said = String::from_utf8_lossy(&said).replace("\r\n", "\n");
    // What a carriage return left behind is no longer there.
    let lines = said.split('\n').map(|line| line.rsplit('\r').next().unwrap());
    (child.wait().unwrap(), lines.collect::<Vec<_>>().join("\n"))
}

/// Stand-ins for four programs: one of a verified version, one that is newer, one that does not tell, and none.
fn machine(colours: bool) -> TestEnvironment {
    let mut env = TestEnvironment::with_clis();
    env.program("codex", "[ \"$1\" = --version ] && echo 'codex-cli 0.999.0'");
    env.program("gemini", "echo hello");
    env.write("home/.claude.json", "{\"numStartups\":3}");
    env.set("TERM", "xterm-256color");
    if !colours {
        env.set("NO_COLOR", "1");
    }
    env
}

#[test]
fn a_first_installation_at_80_columns() {
    let env = machine(false);
    let (status, screen) = meet(&env, 80, &["init"], &Then::Types("y\n"));
    assert!(status.success() && !screen.contains('\u{1b}'), "{screen}");
    env.settled(|| assert_snapshot!("meet_80", screen));
    // A yes to installing is no consent to anything else.
    assert!(!env.read("home/.claude/settings.json").contains("permissions"));
    let (status, screen) = meet(&env, 80, &["init"], &Then::Types(""));
    assert!(status.success());
    env.settled(|| assert_snapshot!("meet_again", screen));
    let (_, screen) = meet(&env, 80, &["uninstall", "--all"], &Then::Types(""));
    env.settled(|| assert_snapshot!("meet_uninstall", screen));
}

#[test]
fn a_first_installation_at_60_columns() {
    let env = machine(false);
    let (status, screen) = meet(&env, 60, &["init"], &Then::Types("a\n"));
    assert!(!status.success(), "the stand-in of Codex cannot note a review: {screen}");
    env.settled(|| assert_snapshot!("meet_60", screen));
    assert!(env.read("home/.claude/settings.json").contains("mcp__session-bridge"));
    assert!(env.read("home/.gemini/settings.json").contains("\"trust\": true"));
}

#[test]
fn colours_are_for_terminals_that_have_them() {
    let env = machine(true);
    let (_, screen) = meet(&env, 80, &["init"], &Then::Types("y\n"));
    env.settled(|| assert_snapshot!("meet_colours", screen.replace('\u{1b}', "␛")));
}

#[test]
fn whoever_says_no_leaves_or_interrupts_finds_nothing_changed() {
    let env = machine(false);
    let before = env.tree();
    for then in [Then::Types("n\n"), Then::Types("\n"), Then::Types("what?\n"), Then::Leaves] {
        let (status, screen) = meet(&env, 80, &["init"], &then);
        assert!(status.code() == Some(1) && screen.ends_with("nothing was changed\n"), "{screen}");
        assert_eq!(env.tree(), before);
    }
    let (status, screen) = meet(&env, 80, &["init"], &Then::Interrupts);
    assert!(!status.success() && screen.contains("/N]"), "{screen}");
    assert_eq!(env.tree(), before);
    assert!(!env.path("home/.session-bridge").exists());
}

#[test]
fn a_file_that_does_not_parse_is_named_before_the_question() {
    let env = machine(false);
    env.write("home/.claude/settings.json", "{ // no JSON\n}");
    let (_, screen) = meet(&env, 80, &["init"], &Then::Types("n\n"));
    env.settled(|| assert_snapshot!("meet_trouble", screen));
}

#[test]
fn a_program_that_hangs_holds_nobody_up() {
    let env = machine(false);
    env.program("codex", "/bin/sleep 600 & wait");
    env.program("gemini", "exec /bin/sleep 600");
    let (status, screen) = meet(&env, 80, &["init"], &Then::Types("y\n"));
    assert!(status.success(), "{screen}");
    assert_eq!(screen.matches("does not tell its version").count(), 2, "{screen}");
}

#[test]
fn a_package_tells_the_version_without_a_run() {
    let env = TestEnvironment::new();
    let package = "home/npm/node_modules/@openai/codex";
    env.write(&format!("{package}/package.json"), "{\"name\": \"@openai/codex\", \"version\": \"0.169.0\"}");
    env.write(&format!("{package}/bin/codex.js"), "#!/bin/sh\ntouch \"$HOME/was-run\"\n");
    let program = env.path(&format!("{package}/bin/codex.js"));
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&program, env.path("bin/codex")).unwrap();
    let init = env.run(&["init", "--yes", "--json"]).json();
    assert_eq!(init["providers"][0]["version"], "0.169.0", "{init:#}");
    assert!(!env.path("home/was-run").exists());
}
