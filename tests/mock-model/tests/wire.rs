//! The mock model over a plain socket, as a CLI's HTTP client would use it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_mock_model::{Block, MockModel, Role, ToolCall, Turn};

fn post(model: &MockModel, path: &str, body: &Value) -> String {
    match exchange(model, path, &body.to_string()) {
        Ok(answer) => answer,
        Err(error) => format!("no answer: {error}"),
    }
}

fn exchange(model: &MockModel, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(model.base_url().replace("http://", ""))?;
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn claude_step(prompt: &str) -> Value {
    json!({"model": "m", "stream": true, "system": [{"type": "text", "text": "be kind"}],
           "tools": [{"name": "Bash"}, {"name": "mcp__probe__ping"}],
           "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]})
}

#[test]
fn messages_are_streamed_by_script_and_recorded() {
    let model = MockModel::start().unwrap();
    model.script([Turn::mcp("probe", "ping", &json!({"a": 1})), Turn::text("bye")]);
    let first = post(&model, "/v1/messages?beta=true", &claude_step("hello"));
    assert!(
        first.contains("\"name\":\"mcp__probe__ping\"") && first.contains("\"stop_reason\":\"tool_use\"")
    );
    let second = post(&model, "/v1/messages", &claude_step("again"));
    assert!(second.contains("\"text\":\"bye\"") && second.contains("message_stop"));
    let steps = model.steps();
    assert_eq!(steps.len(), 2);
    assert!(steps[0].offers("probe", "ping"));
    let roles: Vec<Role> = steps[0].messages().iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User]);
    assert_eq!((steps[0].count("hello"), steps[1].count("hello")), (1, 0));
    assert_eq!((model.turns_left(), model.unscripted()), (0, 0));
}

#[test]
fn requests_that_are_no_step_take_no_turn() {
    let model = MockModel::start().unwrap();
    model.script([Turn::text("for the step")]);
    let title = json!({"model": "m", "messages": [{"role": "user", "content": "a title, please"}]});
    assert!(post(&model, "/v1/messages", &title).contains("\"type\":\"message\""));
    assert!(post(&model, "/v1/messages/count_tokens", &title).contains("input_tokens"));
    let about = json!({"thread_source": "thread_title", "request_kind": "turn"}).to_string();
    let named = json!({"input": [], "client_metadata": {"x-codex-turn-metadata": about}});
    assert!(post(&model, "/v1/responses", &named).contains("response.completed"));
    assert!(post(&model, "/unknown", &json!({})).starts_with("HTTP/1.1 404"));
    assert_eq!((model.steps().len(), model.others().len(), model.turns_left()), (0, 4, 1));
}

#[test]
fn responses_name_the_namespace_and_give_back_results() {
    let model = MockModel::start().unwrap();
    model.script([
        Turn::blocks([
            Block::Text("two".into()),
            Block::Tool(ToolCall { server: Some("probe".into()), name: "ping".into(), arguments: json!({}) }),
        ]),
        Turn::with(|request| Turn::text(format!("got {}", request.last_tool_result().unwrap_or_default()))),
    ]);
    let ask = json!({"stream": true, "input": [{"type": "message", "role": "user",
                                                 "content": [{"type": "input_text", "text": "go"}]}],
                     "tools": [{"type": "namespace", "name": "mcp__probe", "tools": [{"name": "ping"}]}]});
    let first = post(&model, "/v1/responses", &ask);
    assert!(
        first.contains("\"namespace\":\"mcp__probe\"") && first.contains("\"call_id\":\"call_mock_0_1\"")
    );
    let back =
        json!({"input": [{"type": "function_call_output", "call_id": "call_mock_0_1", "output": "pong"}]});
    assert!(post(&model, "/v1/responses", &back).contains("got pong"));
    assert!(model.steps()[0].offers("probe", "ping"));
}

#[test]
fn gemini_streams_calls_and_gives_back_results() {
    let model = MockModel::start().unwrap();
    model.script([
        Turn::mcp("probe-server", "ping", &json!({"a": 1})),
        Turn::with(|request| Turn::text(format!("got {}", request.last_tool_result().unwrap_or_default()))),
    ]);
    let tools = json!([{"functionDeclarations": [{"name": "mcp_probe-server_ping"}]}]);
    let ask = json!({"systemInstruction": {"parts": [{"text": "be kind"}]}, "tools": tools,
                     "contents": [{"role": "user", "parts": [{"text": "go"}, {"text": "context"}]}]});
    let first = post(&model, "/v1beta/models/m:streamGenerateContent?alt=sse", &ask);
    assert!(
        first.contains("\r\n\r\ndata: {") && first.contains("\"name\":\"mcp_probe-server_ping\""),
        "{first}"
    );
    let back = json!({"tools": tools, "contents": [{"role": "user", "parts": [
        {"functionResponse": {"id": "c", "name": "mcp_probe-server_ping", "response": {"output": "pong"}}}]}]});
    assert!(post(&model, "/v1beta/models/m:generateContent", &back).contains("got pong"));
    let step = &model.steps()[0];
    assert!(step.offers("probe-server", "ping"));
    let told: Vec<_> = step.messages().into_iter().map(|message| (message.role, message.text)).collect();
    assert_eq!(told, [(Role::System, "be kind".to_owned()), (Role::User, "go\ncontext".to_owned())]);
    assert!(post(&model, "/v1beta/models/m:countTokens", &ask).contains("\"totalTokens\":1"));
    assert!(post(&model, "/v1beta/models/m:generateContent", &json!({"contents": []})).contains("mock"));
    assert_eq!((model.others().len(), model.turns_left()), (2, 0));
}

#[test]
fn chat_completions_are_streamed_and_whole_in_each_clis_spelling() {
    let model = MockModel::start().unwrap();
    let ping = || Turn::mcp("probe-server", "ping", &json!({"a": 1}));
    let tells =
        Turn::with(|request| Turn::text(format!("got {}", request.last_tool_result().unwrap_or_default())));
    model.script([ping(), ping(), ping(), tells]);
    let ask = |tools: &[&str], stream: bool| {
        let tools: Vec<_> =
            tools.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect();
        json!({"model": "m", "stream": stream, "tools": tools, "messages": [
            {"role": "system", "content": "be kind; servers: probe-server"},
            {"role": "user", "content": [{"type": "text", "text": "go"}, {"type": "text", "text": "context"}]}]})
    };
    let path = "/v1/chat/completions";
    let opencode = post(&model, path, &ask(&["bash", "probe-server_ping"], true));
    assert!(
        opencode.contains("\"name\":\"probe-server_ping\"") && opencode.contains("tool_calls"),
        "{opencode}"
    );
    assert!(opencode.ends_with("data: [DONE]\n\n"), "{opencode}");
    let cline = post(&model, path, &ask(&["probe-server__ping"], true));
    assert!(cline.contains("\"name\":\"probe-server__ping\""), "{cline}");
    let grok = post(&model, path, &ask(&["use_tool"], true));
    assert!(grok.contains("\"name\":\"use_tool\"") && grok.contains("probe-server__ping"), "{grok}");
    let mut back = ask(&["probe-server_ping"], false);
    back["messages"] = json!([
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "probe-server_ping", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "pong"}]);
    assert!(post(&model, path, &back).contains("\"content\":\"got pong\""));
    let steps = model.steps();
    assert!(steps[..3].iter().all(|step| step.offers("probe-server", "ping")));
    let told: Vec<_> = steps[0].messages().into_iter().map(|message| (message.role, message.text)).collect();
    let expected = [(Role::System, "be kind; servers: probe-server"), (Role::User, "go\ncontext")];
    assert_eq!(told, expected.map(|(role, text)| (role, text.to_owned())));
    let roles: Vec<Role> = steps[3].messages().iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::ToolCall, Role::ToolResult]);
    // Titles: without tools, or with a call that the model has to make.
    let mut forced = ask(&["session_title"], true);
    forced["tool_choice"] = json!({"type": "function", "function": {"name": "session_title"}});
    assert!(post(&model, path, &forced).contains("mock"));
    assert!(post(&model, path, &ask(&[], true)).contains("mock"));
    assert_eq!((model.others().len(), model.turns_left()), (2, 0));
}

#[test]
fn scripts_for_several_sessions_do_not_mix() {
    let model = MockModel::start().unwrap();
    model.script_for("ALPHA", [Turn::text("to alpha")]);
    model.script_for("BETA", [Turn::text("to beta")]);
    assert!(post(&model, "/v1/messages", &claude_step("I am BETA")).contains("to beta"));
    assert!(post(&model, "/v1/messages", &claude_step("I am ALPHA")).contains("to alpha"));
    assert!(model.wait_for(Duration::from_secs(1), |steps| steps.len() == 2));
    assert!(!model.wait_for(Duration::from_millis(10), |steps| steps.len() == 3));
    post(&model, "/v1/messages", &claude_step("I am ALPHA"));
    assert_eq!(model.unscripted(), 1);
}

#[test]
fn a_scripted_error_has_its_status() {
    let model = MockModel::start().unwrap();
    model.script([Turn::error(400, "no").after(Duration::from_millis(5))]);
    assert!(post(&model, "/v1/messages", &claude_step("x")).starts_with("HTTP/1.1 400"));
}
