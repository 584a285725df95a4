//! A host that starts a server for each session, shows its model no tools and takes no text at a beginning.

use serde_json::json;
use session_bridge::mcp;

use crate::harness::{Server, World, arrival, here, soon};

const CLIENT: &str = "grok-shell-session-bridge";
const SESSION: (&str, &str) = ("GROK_SESSION_ID", "native-1");

#[test]
fn the_instructions_say_who_it_is_and_name_the_tools() {
    let world = World::new();
    let env = [SESSION, ("SESSION_BRIDGE_LABEL", "planner")];
    let mut server = Server::spawn(&world.home(), world.dir.path(), &["--client", "grok"], &env);
    let answer = server.introduce(CLIENT);
    let said = answer["result"]["instructions"].as_str().unwrap().to_owned();
    assert!(said.starts_with(mcp::INSTRUCTIONS), "{said}");
    assert!(said.contains("This session is `planner` (room default)."), "{said}");
    for tool in mcp::catalogue() {
        assert_eq!(said.matches(&format!(" {}(", tool.name)).count(), 1, "{}", tool.name);
    }
    assert!(said.contains("names begin with `session-bridge__`"), "{said}");
    assert!(said.contains("bridge_send_message(to, body, subject?, "), "{said}");
    let session = world.store().named_by("grok", SESSION.1).unwrap().unwrap();
    assert!(said.contains(&format!("watch {}`", session.id)), "{said}");
    // About 4 characters to a token: a ceiling, since it is paid in every session.
    assert!(said.len() < 2_400, "{} bytes", said.len());
    soon("the server shows that it lives", || world.store().run().session(session.id).any_server_lives());
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(session.id));
}

#[test]
fn a_server_that_comes_after_its_sessions_end_does_not_bring_it_back() {
    let world = World::new();
    let session = world.store().arrive(&arrival("grok", SESSION.1, Some(here()))).unwrap();
    world.store().end(session.id, "its host ended it").unwrap();
    let mut server = Server::spawn(&world.home(), world.dir.path(), &["--client", "grok"], &[SESSION]);
    let answer = server.introduce(CLIENT);
    let said = answer["result"]["instructions"].as_str().unwrap().to_owned();
    assert!(said.contains("bridge_ask(") && !said.contains("This session is"), "{said}");
    soon("the server is listed", || world.store().run().unbound().len() == 1);
    assert!(world.store().session(session.id).unwrap().ended.is_some());
    // A call shows that the session goes on after all.
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(session.id));
}

#[test]
fn without_a_session_of_its_own_it_names_the_tools_all_the_same() {
    let world = World::new();
    let mut server = Server::spawn(&world.home(), world.dir.path(), &["--client", "grok"], &[]);
    let answer = server.introduce("somebody");
    let said = answer["result"]["instructions"].as_str().unwrap().to_owned();
    assert!(said.contains("bridge_ask(") && !said.contains("This session is"), "{said}");
    assert!(world.store().sessions(None, true).unwrap().is_empty());
}

#[test]
fn others_are_told_no_more_than_before() {
    let world = World::new();
    let mut server = Server::spawn(&world.home(), world.dir.path(), &[], &[SESSION]);
    assert_eq!(server.introduce("claude-code")["result"]["instructions"], json!(mcp::INSTRUCTIONS));
}
