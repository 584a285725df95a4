//! Configuration as users have it: any layout, comments where the format has them, keys of any script, containers of ours that
//! others already fill; and now and then something that cannot be edited.

use session_bridge_core::plan::{ConfigEdit, EditOp, Format};

use crate::random::Random;

/// A value with its members in order, so that equal keys can be written.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

const KEYS: &[&str] = &[
    "model",
    "theme",
    "a",
    "b.c",
    "ключ",
    "鍵",
    "e\\u0301",
    "🗝",
    "\\\"quoted\\\"",
    "",
    " ",
    "tab\\t",
    "hook",
    "mcp_server",
    "$schema",
    "x-y",
    "//no",
    "#no",
    "[no]",
    "a=b",
];

const LEAVES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1.50e3",
    "18446744073709551616",
    "0.1",
    "\"\"",
    "\"text\"",
    "\"a // b, ] } \\\" \\u00e9\"",
    "\"# ü \u{2028} \u{200b}\"",
    "\"/* no */\"",
    "\"C:\\\\path\\\\\"",
    "\"\\ud83d\\ude00 😀\"",
    "\"session-bridge\"",
];

/// The text of a file of this format, into which these edits are to go.
pub(super) fn of(format: Format, edits: &[&ConfigEdit], random: &mut Random) -> String {
    let mut text = if format == Format::Toml { toml::of(edits, random) } else { json(format, edits, random) };
    match random.below(12) {
        0 => text.truncate(text.trim_end().len()),
        1 => text.push_str("\n\n"),
        _ => {}
    }
    match random.below(8) {
        0 | 1 => text = text.replace("\r\n", "\n").replace('\n', "\r\n"),
        // As two editors leave it.
        2 => text = text.replacen('\n', "\r\n", 2),
        _ => {}
    }
    // What no parser takes.
    if random.one_in(40) {
        text.push_str(random.text(&["}", "\"", "]", "= ="]));
    }
    if random.one_in(6) { format!("\u{feff}{text}") } else { text }
}

fn tree(random: &mut Random, depth: usize) -> Tree {
    match random.below(if depth > 4 { 4 } else { 7 }) {
        5 => Tree::Array((0..random.below(4)).map(|_| tree(random, depth + 1)).collect()),
        6 => Tree::Object(members(random, depth + 1)),
        _ => Tree::Leaf(random.text(LEAVES).to_owned()),
    }
}

fn members(random: &mut Random, depth: usize) -> Vec<(String, Tree)> {
    (0..random.below(4)).map(|_| (random.text(KEYS).to_owned(), tree(random, depth))).collect()
}

/// The members at a key path of objects, which are made on the way. Nothing where something else is in the way.
fn reach<'t>(tree: &'t mut Tree, path: &[String]) -> Option<&'t mut Tree> {
    let Some((key, rest)) = path.split_first() else { return Some(tree) };
    let Tree::Object(members) = tree else { return None };
    let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        members.push((key.clone(), Tree::Object(Vec::new())));
        members.len() - 1
    });
    reach(&mut members[at].1, rest)
}

fn json(format: Format, edits: &[&ConfigEdit], random: &mut Random) -> String {
    if random.one_in(25) {
        return (random.text(&["", "\n", "  \t\n", "{}", "{ }", "{\n}\n", "{\n\n\n}"])).to_owned();
    }
    let mut root = Tree::Object(members(random, 0));
    for edit in edits {
        if !random.one_in(2) {
            continue;
        }
        match &edit.op {
            EditOp::Item { at, value, .. } => {
                let others = (0..random.below(3)).map(|_| match (value.is_string(), random.below(4)) {
                    (true, _) => Tree::Leaf(format!("\"other-{}\"", random.word(3))),
                    (_, 0) => Tree::Object(Vec::new()),
                    (_, 1) => Tree::Leaf("{\"matcher\":\"x\",\"hooks\":[]}".to_owned()),
                    _ => Tree::Leaf(
                        "{ \"hooks\": [{\"type\": \"command\", \"command\": \"other\"}] }".to_owned(),
                    ),
                });
                let others = Tree::Array(others.collect());
                if let Some(place) = reach(&mut root, &at.0) {
                    *place = others;
                }
            }
            EditOp::Key { at, .. } => {
                let other = (random.word(4), tree(random, 3));
                let holder = reach(&mut root, &at.0[..at.0.len() - 1]);
                if let Some(Tree::Object(members)) = holder.filter(|_| random.one_in(2)) {
                    members.push(other);
                }
            }
            _ => {}
        }
    }
    if let Tree::Object(members) = &mut root {
        if members.len() > 1 && random.one_in(15) {
            let again = random.pick(members).clone();
            members.push(again);
        }
        if random.one_in(3) && !members.is_empty() {
            let turn = random.below(members.len());
            members.rotate_left(turn);
        }
        // Of another type than anybody expects.
        if random.one_in(40)
            && let Some(edit) = edits.first()
            && let EditOp::Item { at, .. } | EditOp::Key { at, .. } = &edit.op
        {
            members.retain(|(name, _)| *name != at.0[0]);
            members.push((at.0[0].clone(), Tree::Leaf("\"odd\"".to_owned())));
        }
    }
    // Where a comment is a fault, some users have one all the same.
    let comments = if format == Format::Json { random.one_in(60) } else { random.one_in(2) };
    let trailing = if format == Format::Jsonc { random.one_in(2) } else { random.one_in(60) };
    let style = Style {
        indent: random.text(&["  ", "    ", "\t", "", " \t"]),
        lines: !random.one_in(4),
        odd: random.one_in(4),
        comments,
        trailing,
    };
    let mut out = String::new();
    if comments && random.one_in(2) {
        out.push_str(random.text(&["// head\n", "/* head\n * ü */\n", "\n//\n", "/**/"]));
    }
    print(&root, &style, 0, random, &mut out);
    if comments && random.one_in(3) {
        out.push_str(random.text(&[" // tail", "\n/* tail */", "\n// }"]));
    }
    out.push('\n');
    out
}

struct Style {
    indent: &'static str,
    lines: bool,
    /// White space stands in odd places.
    odd: bool,
    comments: bool,
    trailing: bool,
}

impl Style {
    fn gap(&self, random: &mut Random, out: &mut String) {
        if self.odd {
            out.push_str(random.text(&["", "", " ", "\t", "\n", "   "]));
        }
        if self.comments && random.one_in(8) {
            out.push_str(random.text(&["/* , */", "/*}*/", "// ]\n", "/* ü */ "]));
        }
    }
}

fn print(tree: &Tree, style: &Style, depth: usize, random: &mut Random, out: &mut String) {
    let (open, close, items): (_, _, Vec<(Option<&str>, &Tree)>) = match tree {
        Tree::Leaf(text) => return out.push_str(text),
        Tree::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        Tree::Object(members) => {
            ('{', '}', members.iter().map(|(key, value)| (Some(key.as_str()), value)).collect())
        }
    };
    // Some containers stand in one line, in files that have several.
    let lines = style.lines && !(depth > 0 && random.one_in(4));
    out.push(open);
    for (index, (key, value)) in items.iter().enumerate() {
        if lines {
            out.push('\n');
            out.push_str(&style.indent.repeat(depth + 1));
        }
        style.gap(random, out);
        if let Some(key) = key {
            out.extend(["\"", *key, "\""]);
            style.gap(random, out);
            out.push(':');
            if lines || random.one_in(2) {
                out.push(' ');
            }
        }
        print(value, style, depth + 1, random, out);
        style.gap(random, out);
        if index + 1 < items.len() || (style.trailing && random.one_in(2)) {
            out.push(',');
        }
        if style.comments && lines && random.one_in(4) {
            out.push_str(" // after, ]");
        }
    }
    if lines && !items.is_empty() {
        out.push('\n');
        out.push_str(&style.indent.repeat(depth));
    }
    style.gap(random, out);
    out.push(close);
}

/// The same for TOML, whose tables may be written in four ways.
mod toml {
    use session_bridge_core::plan::{ConfigEdit, EditOp};

    use crate::random::Random;

    const TOP: &[&str] = &[
        "model = \"x\" # mine\n",
        "list = [\n  1, # one\n\n  2,\n]\n",
        "a.b.c = 'lit'\n",
        "text = \"\"\"\n[mcp_servers.session-bridge]\n\"\"\"\n",
        "'ключ' = '鍵 😀'\n",
        "\"with . dot\" = 1_000\n",
        "# comment ü\n",
        "\n",
        "\t\n",
        "  inline = { x = 1, y = [ { z = 2 } ] }   \n",
        "when = 1979-05-27T07:32:00-08:00\n",
        "float = -inf\n",
        "raw = '''\n# no comment\n'''\n",
    ];

    const TABLES: &[&str] = &[
        "[tui]\nx = 1\n",
        "\n[[list_of]]\nx = 1 # c\n\n[[list_of]]\n",
        "[projects.\"/a b\"]\ntrust_level = \"trusted\"\n\n",
        "  [deep.er.still]\n  when = 2020-01-01T00:00:00Z\n",
        "# between\n",
        "[empty] # with a remark\n",
        "[\"ü.ü\".x]\n\ty = [[1, 2], [\"a\"]]\n",
    ];

    pub(super) fn of(edits: &[&ConfigEdit], random: &mut Random) -> String {
        let mut top = some(TOP, random);
        let mut tables = some(TABLES, random);
        for edit in edits {
            let (path, list) = match &edit.op {
                EditOp::Key { at, .. } => (&at.0[..at.0.len() - 1], None),
                EditOp::Item { at, .. } => (&at.0[..at.0.len() - 1], at.0.last()),
                _ => continue,
            };
            let name = path.join(".");
            if name.is_empty()
                || top
                    .iter()
                    .chain(&tables)
                    .any(|text| text.contains(&format!("{name} =")) || text.contains(&format!("{name}.")))
            {
                continue;
            }
            // What others keep there: a list, or a table beside ours.
            let inner = match list {
                Some(list) => {
                    let items =
                        random.text(&["[]", "[ 'x' ]", "[\n  \"x\", # theirs\n  'y',\n]", "[\"x\",\"y\",]"]);
                    format!("{list} = {items}")
                }
                None => "other = { command = \"o\" }".to_owned(),
            };
            match random.below(7) {
                0 if list.is_none() => top.push(format!("{name} = {{}}\n")),
                1 if !inner.contains('\n') => top.push(format!("{name} = {{ {inner} }}\n")),
                2 => top.push(format!("{name}.{inner}\n")),
                3 => tables.push(format!("[{name}]\n{inner} # kept\n")),
                4 if list.is_none() => tables.push(format!("[{name}.other] # o\ncommand = \"o\"\n")),
                5 => tables.push(format!("\n[ {name} ]\n# nothing\n\n")),
                _ => {}
            }
        }
        shuffle(&mut top, random);
        shuffle(&mut tables, random);
        if random.one_in(40) {
            tables.push("[tui]\n[tui]\n".to_owned());
        }
        format!("{}{}", top.concat(), tables.concat())
    }

    fn some(from: &[&str], random: &mut Random) -> Vec<String> {
        let share = 1 + random.below(4);
        from.iter()
            .filter(|_| random.below(5) < share && !random.one_in(2))
            .map(|&text| text.to_owned())
            .collect()
    }

    fn shuffle(texts: &mut [String], random: &mut Random) {
        for last in (1..texts.len()).rev() {
            texts.swap(last, random.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::edit;

    use super::super::{FORMATS, home::edited, plan, providers};
    use super::*;

    /// The generator writes what it is for, and mostly what can be read.
    #[test]
    fn texts_hold_what_users_write() {
        for format in FORMATS {
            let mut random = Random::new(1, format as u64);
            let provider = providers(format).unwrap()[0];
            let plan = plan(provider, std::path::Path::new("/home/u")).unwrap();
            let files = edited(&plan);
            let (_, edits) = files.iter().find(|(_, edits)| edits[0].file.format == format).unwrap();
            let texts: Vec<String> = (0..400).map(|_| of(format, edits, &mut random)).collect();
            let share = |what: &dyn Fn(&str) -> bool| texts.iter().filter(|text| what(text)).count();
            let reads = share(&|text| edit::value(text.as_bytes(), format).is_some());
            assert!((300..400).contains(&reads), "{format:?}: {reads} of 400 can be read");
            for (sign, least) in [("\u{feff}", 20), ("\r\n", 20), ("\t", 20), ("ü", 20)] {
                let found = share(&|text| text.contains(sign));
                assert!(found >= least, "{format:?}: {sign:?} in {found} only");
            }
            assert!(share(&|text| !text.ends_with('\n')) >= 10, "{format:?}");
            let comment = if format == Format::Toml { "# " } else { "/*" };
            assert!(share(&|text| text.contains(comment)) >= 20, "{format:?}");
        }
    }
}
