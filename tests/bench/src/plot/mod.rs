//! Pictures of what `docs/results` holds: `cargo run -p session-bridge-bench plots` writes them to `docs/plots`.

mod chart;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use chart::{Panel, Series, draw};

/// Draws every picture whose results are there.
#[expect(clippy::print_stdout, reason = "it says what it wrote")]
pub(crate) fn plots() -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::create_dir_all(docs.join("plots"))?;
    for (name, picture) in [("soak", soak as fn(&Value) -> String)] {
        let results = docs.join("results").join(format!("{name}.json"));
        let Ok(text) = fs::read_to_string(&results) else { continue };
        let results: Value = serde_json::from_str(&text).with_context(|| results.display().to_string())?;
        fs::write(docs.join("plots").join(format!("{name}.svg")), picture(&results))?;
        println!("docs/plots/{name}.svg");
    }
    Ok(())
}

/// What a long run costs, over its time.
fn soak(results: &Value) -> String {
    let rows = results["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The last row is taken when everybody has left.
    let rows = &rows[..rows.len().saturating_sub(1)];
    let of = |name: &str, field: &str, unit: f64| {
        let point = |row: &Value| Some((row["at"].as_f64()? / 60.0, row[field].as_f64()? / unit));
        Series { name: name.to_owned(), points: rows.iter().filter_map(point).collect() }
    };
    let panel = |title: &str, y: &str, series: Vec<Series>| Panel {
        title: title.to_owned(),
        y: y.to_owned(),
        x: "minutes".to_owned(),
        series,
    };
    let servers = results["wanted"].as_u64().unwrap_or_default();
    let panels = [
        panel(
            &format!("Memory of {servers} servers"),
            "MiB",
            vec![
                of("resident, shared pages counted in each", "servers_mib", 1.0),
                of("private", "private_mib", 1.0),
            ],
        ),
        panel(
            &format!("Open files of {servers} servers, and processes"),
            "number",
            vec![of("open files", "handles", 1.0), of("hosts and servers", "processes", 1.0)],
        ),
        panel(
            "Store on disk",
            "MiB",
            vec![of("database", "database_mib", 1.0), of("write-ahead log", "wal_mib", 1.0)],
        ),
        panel(
            "Messages",
            "thousands",
            vec![of("deliveries", "deliveries", 1000.0), of("shown to a model", "shown", 1000.0)],
        ),
    ];
    draw("Memory, open files, size of the store and messages over the time of the soak", &panels, 2)
}
