//! How sources look.

use std::fs;

use session_bridge_architecture::{Source, root, sources, walk};

/// Longer files hold more than one idea.
const MAX_LINES: usize = 600;

/// Fails with every finding at once.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

fn each(rule: impl Fn(&Source) -> Option<String>) {
    none(
        &sources()
            .iter()
            .filter_map(|source| Some(format!("{}: {}", source.path, rule(source)?)))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    each(|source| {
        let said = ["//!", "#![doc = include_str!("].iter().any(|start| source.text.starts_with(start));
        (!said).then(|| "begins without `//!`".to_owned())
    });
}

#[test]
fn files_stay_short() {
    each(|source| {
        let lines = source.text.lines().count();
        (lines > MAX_LINES).then(|| format!("{lines} lines, more than {MAX_LINES}"))
    });
}

#[test]
fn unit_tests_stand_last() {
    each(|source| {
        let after = source.text.split_once("\n#[cfg(test)]\nmod ")?.1;
        let closed = after.split_once("\n}\n").map_or("", |(_, rest)| rest);
        (!closed.trim().is_empty()).then(|| "code stands after the unit tests".to_owned())
    });
}

/// A panic in the hook or the server is a session without its mail. Where one cannot happen, `#[expect]` says why.
#[test]
fn nothing_that_is_shipped_unwraps() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.shipped() {
            let unwraps =
                [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!(", "unreachable!("]
                    .iter()
                    .any(|call| line.contains(call));
            // An attribute covers its item: it stands a few lines above.
            let above = &lines[number.saturating_sub(30)..number];
            let explained =
                above.iter().any(|line| line.contains("expect(clippy::") || line.contains("const {"));
            if unwraps && !explained {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(&findings);
}

#[test]
fn nothing_is_left_undone() {
    let words = [
        "to\u{64}o!",
        "unimplemente\u{64}!",
        "#[ignor\u{65}",
        "\u{54}ODO",
        "FIXM\u{45}",
        "XX\u{58}",
        "db\u{67}!(",
    ];
    each(|source| {
        words.iter().find(|word| source.text.contains(**word)).map(|word| format!("contains `{word}`"))
    });
}

#[test]
fn silenced_lints_have_reasons() {
    each(|source| {
        let code = &source.text;
        let bare = ["#[", "#!["]
            .iter()
            .flat_map(|open| ["allow(", "expect("].map(|word| format!("\n{open}{word}")))
            .find(|start| {
                code.match_indices(start).any(|(at, _)| {
                    let end = code[at..].find(")]").map_or(code.len(), |end| at + end);
                    !code[at..end].contains("reason =")
                })
            })?;
        Some(format!("`{}...)]` without a reason", bare.trim_start()))
    });
}

#[test]
fn texts_are_clean() {
    let mut findings = Vec::new();
    let root = root();
    let mut check = |path: &std::path::Path| {
        let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let shown = path.strip_prefix(&root).unwrap().display().to_string();
        if !matches!(kind, "rs" | "md" | "toml" | "snap") || shown.contains("fixtures/config/") {
            return;
        }
        let text = fs::read_to_string(path).unwrap();
        if text.contains('\r') {
            findings.push(format!("{shown}: carriage returns"));
        }
        if kind == "snap" {
            return;
        }
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.push(format!("{shown}: does not end with one line break"));
        }
        for (index, line) in text.lines().enumerate() {
            if line.ends_with([' ', '\t']) || (kind == "rs" && line.contains('\t')) {
                findings.push(format!("{shown}:{}: white space", index + 1));
            }
        }
    };
    for top in ["core", "providers", "installer", "tests"] {
        walk(&root.join(top), &mut check);
    }
    none(&findings);
}
