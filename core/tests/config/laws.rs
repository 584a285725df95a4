//! L2 to L7 over generated files.

use proptest::prelude::*;
use session_bridge_core::apply;
use session_bridge_core::plan::{ConfigEdit, Format, Plan, State};
use session_bridge_core::preview::unified_diff;
use std::path::Path;

use crate::support::{HOOK, Machine, hook, permission, plan, server};

/// How a generated JSON text is written.
#[derive(Debug, Clone)]
struct Style {
    bom: bool,
    eol: &'static str,
    indent: &'static str,
    lines: bool,
    comments: bool,
    trailing: bool,
    final_newline: bool,
}

fn style(json_with_comments: bool) -> impl Strategy<Value = Style> {
    (
        any::<bool>(),
        prop_oneof![Just("\n"), Just("\r\n")],
        prop_oneof![Just("  "), Just("    "), Just("\t")],
        prop_oneof![3 => Just(true), 1 => Just(false)],
        any::<[bool; 3]>(),
    )
        .prop_map(move |(bom, eol, indent, lines, [comments, trailing, final_newline])| Style {
            bom,
            eol,
            indent,
            lines,
            comments: comments && json_with_comments,
            trailing: trailing && json_with_comments,
            final_newline,
        })
}

/// A value with its members in order, so that equal keys can be written.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

fn leaf() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just("null"),
        Just("true"),
        Just("-1.50e3"),
        Just("18446744073709551616"),
        Just("\"\""),
        Just("\"a // b, ] } \\\" \\u00e9\""),
        Just("\"# ü\""),
    ]
    .prop_map(|text| Tree::Leaf(text.to_owned()))
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Tree::Array),
            prop::collection::vec(("[a-c]{1,2}", inner), 0..3).prop_map(Tree::Object),
        ]
    })
}

/// Handlers of other tools in an array where ours will stand.
fn groups() -> impl Strategy<Value = Tree> {
    let group = prop_oneof![
        Just("{\"hooks\": [{\"type\": \"command\", \"command\": \"other\"}]}"),
        Just("{\"matcher\": \"x\", \"hooks\":[]}"),
        Just("{}"),
    ]
    .prop_map(|text| Tree::Leaf(text.to_owned()));
    prop::collection::vec(group, 0..3).prop_map(Tree::Array)
}

fn root() -> impl Strategy<Value = Tree> {
    let hooks =
        prop::option::of(prop::option::of(groups()).prop_map(|stop| {
            Tree::Object(stop.into_iter().map(|groups| ("Stop".to_owned(), groups)).collect())
        }));
    let allow = prop::option::of(
        prop::collection::vec(leaf(), 0..3)
            .prop_map(|list| Tree::Object(vec![("allow".to_owned(), Tree::Array(list))])),
    );
    (prop::collection::vec(("[a-d]", tree()), 0..4), hooks, allow, any::<prop::sample::Index>()).prop_map(
        |(mut members, hooks, allow, at)| {
            let at = at.index(members.len() + 1);
            members.splice(at..at, hooks.map(|hooks| ("hooks".to_owned(), hooks)));
            members.extend(allow.map(|allow| ("permissions".to_owned(), allow)));
            Tree::Object(members)
        },
    )
}

fn print(tree: &Tree, style: &Style, depth: usize, out: &mut String) {
    let (open, close, items): (_, _, Vec<(Option<&str>, &Tree)>) = match tree {
        Tree::Leaf(text) => return out.push_str(text),
        Tree::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        Tree::Object(members) => {
            ('{', '}', members.iter().map(|(key, value)| (Some(key.as_str()), value)).collect())
        }
    };
    out.push(open);
    for (index, (key, value)) in items.iter().enumerate() {
        if style.lines {
            out.push_str(style.eol);
            if style.comments && index == 1 {
                out.extend([&*style.indent.repeat(depth + 1), "/* before, { */", style.eol]);
            }
            out.push_str(&style.indent.repeat(depth + 1));
        }
        if let Some(key) = key {
            out.extend(["\"", key, "\":", if style.lines { " " } else { "" }]);
        }
        print(value, style, depth + 1, out);
        let last = index + 1 == items.len();
        if !last || style.trailing {
            out.push(',');
        }
        if style.comments && index % 2 == 0 {
            out.push_str(if style.lines { " // after, ]" } else { "/*,*/" });
        }
    }
    if style.lines && !items.is_empty() {
        out.push_str(style.eol);
        if style.comments && depth == 1 {
            out.extend([&*style.indent.repeat(depth), "// tail", style.eol]);
        }
        out.push_str(&style.indent.repeat(depth));
    }
    out.push(close);
}

fn json_text(comments: bool) -> impl Strategy<Value = String> {
    (style(comments), prop::option::weighted(0.95, root())).prop_map(|(style, root)| {
        let mut out = String::new();
        if style.bom {
            out.push('\u{feff}');
        }
        if style.comments {
            out.extend(["// head", style.eol]);
        }
        if let Some(root) = root {
            print(&root, &style, 0, &mut out);
        }
        if style.final_newline {
            out.push_str(style.eol);
        }
        out
    })
}

fn toml_text() -> impl Strategy<Value = String> {
    let servers = prop_oneof![
        3 => Just(""),
        1 => Just("mcp_servers = {}\n"),
        1 => Just("mcp_servers = { o = { command = \"o\" } }\n"),
        1 => Just("mcp_servers.o.command = \"o\"\n"),
    ];
    (
        prop::sample::subsequence(vec![0, 1, 2, 3, 4, 5], 0..4).prop_flat_map(move |picks| {
            let all = [
                "model = \"x\" # mine\n",
                "list = [\n  1, # one\n  2,\n]\n",
                "a.b.c = 'lit'\n",
                "text = \"\"\"\n[mcp_servers.session-bridge]\n\"\"\"\n",
                "# comment\n",
                "\n",
            ];
            Just(picks.into_iter().map(|pick: usize| all[pick]).collect::<String>())
        }),
        servers,
        prop::sample::subsequence(vec![0usize, 1, 2, 3, 4], 0..4),
        any::<[bool; 4]>(),
    )
        .prop_map(|(top, servers, picks, [bom, crlf, cut, table])| {
            let all = [
                "[tui]\nx = 1\n",
                "\n[[list_of]]\nx = 1 # c\n\n[[list_of]]\n",
                "[projects.\"/a b\"]\ntrust_level = \"trusted\"\n\n",
                "  [deep.er.still]\n  when = 2020-01-01T00:00:00Z\n",
                "# tail\n",
            ];
            let tables: String = picks.into_iter().map(|pick| all[pick]).collect();
            let table = if table && servers.is_empty() {
                "[mcp_servers]\n[mcp_servers.o] # o\ncommand = \"o\"\n"
            } else {
                ""
            };
            let mut text = format!("{top}{servers}{table}{tables}");
            if cut {
                text.truncate(text.trim_end().len());
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if bom { format!("\u{feff}{text}") } else { text }
        })
}

fn edits(path: &Path, format: Format) -> Vec<ConfigEdit> {
    if format == Format::Toml {
        return vec![server(path, format)];
    }
    vec![
        hook(path, format, "Stop"),
        hook(path, format, "SessionStart"),
        permission(path, format),
        server(path, format),
    ]
}

/// What a reader of the file sees, without what is ours.
fn meaning(text: &str, format: Format) -> String {
    let text = text.trim_start_matches('\u{feff}');
    if format == Format::Toml {
        let table = text.parse::<toml_edit::DocumentMut>().unwrap();
        let mut lines: Vec<String> = Vec::new();
        flatten(table.as_item(), "", &mut lines);
        lines.sort();
        return lines.join("\n");
    }
    text.split_whitespace().collect()
}

fn flatten(item: &toml_edit::Item, at: &str, lines: &mut Vec<String>) {
    if let Some(table) = item.as_table_like() {
        for (key, inner) in table.iter() {
            flatten(inner, &format!("{at}.{key}"), lines);
        }
    } else {
        lines.push(format!("{at}={}", item.to_string().trim()));
    }
}

fn laws(before: &str, format: Format) -> Result<(), TestCaseError> {
    let machine = Machine::new();
    let path = machine.write("config", before);
    let edits = || edits(&path, format);
    let shown = apply::preview(&plan(edits()), &machine.disk).unwrap();
    machine.apply(edits()).unwrap();
    let after = machine.read("config").unwrap();
    prop_assert!(after != before && !unified_diff(&shown).is_empty());
    prop_assert_eq!(
        shown.files[0].after.as_ref().unwrap().as_deref(),
        Some(after.as_bytes()),
        "dry run tells the truth"
    );
    prop_assert!(machine.states(edits()).iter().all(|state| *state == State::Present));
    prop_assert!(apply::preview(&plan(edits()), &machine.disk).unwrap().is_empty());
    prop_assert!(machine.apply(edits()).unwrap().written.is_empty(), "apply twice");
    if before.contains('\n') {
        let crlf = before.contains("\r\n");
        prop_assert_eq!(after.matches("\r\n").count(), if crlf { after.matches('\n').count() } else { 0 });
    }
    machine.revert().unwrap();
    prop_assert_eq!(machine.read("config").unwrap(), before);
    prop_assert!(machine.states(edits()).iter().all(|state| *state == State::Absent));

    // Someone else writes in between: theirs stays, ours goes.
    machine.apply(edits()).unwrap();
    let foreign = if format == Format::Toml { "\n# theirs" } else { " \n\n" };
    machine.write("config", format!("{after}{foreign}"));
    machine.revert().unwrap();
    let left = machine.read("config").unwrap();
    prop_assert!(left.ends_with(foreign) && !left.contains(HOOK), "{:?}", left);
    prop_assert_eq!(meaning(&left, format), meaning(&format!("{before}{foreign}"), format), "{:?}", left);
    for line in before.lines().filter(|line| line.contains("//") || line.contains('#')) {
        prop_assert!(left.contains(line.trim()) || format != Format::Toml, "comment {line:?} in {left:?}");
    }
    Ok(())
}

/// The same edits of another tool, which knows nothing of us.
fn others(path: &Path, format: Format) -> Plan {
    let text = serde_json::to_string(&edits(path, format)).unwrap();
    let text = text.replace("session-bridge", "other-tool");
    Plan { provider: "other".to_owned(), edits: serde_json::from_str(&text).unwrap() }
}

/// Ours, then another tool's, then ours taken out: as if we had never been there.
fn independence(before: &str, format: Format) -> Result<(), TestCaseError> {
    let (with_us, without_us) = (Machine::new(), Machine::new());
    let path = with_us.write("config", before);
    let twin = without_us.write("config", before);
    // The other tool's paths must not tell the machines apart.
    apply::apply(&others(&twin, format), &without_us.disk).unwrap();
    with_us.apply(edits(&path, format)).unwrap();
    apply::apply(&others(&path, format), &with_us.disk).unwrap();
    with_us.revert().unwrap();
    let (left, want) = (with_us.read("config").unwrap(), without_us.read("config").unwrap());
    prop_assert!(!left.contains(HOOK) && !left.contains("mcp__session-bridge"), "{:?}", left);
    if format == Format::Toml {
        prop_assert_eq!(meaning(&left, format), meaning(&want, format));
    } else {
        let value = |text: &str| -> serde_json::Value {
            serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
        };
        prop_assert_eq!(value(&left), value(&want));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json(text in json_text(false)) {
        laws(&text, Format::Json)?;
    }

    #[test]
    fn jsonc(text in json_text(true)) {
        laws(&text, Format::Jsonc)?;
    }

    #[test]
    fn toml(text in toml_text()) {
        laws(&text, Format::Toml)?;
    }

    #[test]
    fn json_with_others(text in json_text(false)) {
        independence(&text, Format::Json)?;
    }

    #[test]
    fn toml_with_others(text in toml_text()) {
        independence(&text, Format::Toml)?;
    }

    /// Whatever the bytes are: a typed error and the same bytes, or an edit that can be undone.
    #[test]
    fn anything(bytes in prop::collection::vec(prop_oneof![
        Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b':'), Just(b','), Just(b'='), Just(b'a'),
        Just(b'\n'), Just(b'/'), Just(b'*'), Just(b'#'), Just(b' '), Just(0xff), any::<u8>(),
    ], 0..24), format in prop_oneof![Just(Format::Json), Just(Format::Jsonc), Just(Format::Toml)]) {
        let machine = Machine::new();
        let path = machine.write("config", &bytes);
        let applied = machine.apply(edits(&path, format));
        if applied.is_err() {
            prop_assert_eq!(std::fs::read(&path).unwrap(), bytes.clone());
        }
        machine.revert().unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}
