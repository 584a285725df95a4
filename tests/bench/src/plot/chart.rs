//! Line charts as SVG text: panels in a grid, readable on light and on dark ground.

use std::fmt::Write as _;

/// A line.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One pair of axes, which begin at 0.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What the vertical axis shows, with its unit.
    pub(crate) y: String,
    /// The same of the horizontal one.
    pub(crate) x: String,
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 44.0;
/// About how many ticks an axis has.
const TICKS: f64 = 5.0;

/// A page shows a picture on its own ground, so there is none in it; the reader's choice of light or dark decides the ink.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif;fill:#59636e}\
.title{font-size:14px;font-weight:600;fill:#6e7781}\
.grid{stroke:#818b981f;stroke-width:1}.axis{stroke:#818b98;stroke-width:1}\
.line{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}\
.s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#1a7f37}.s3{stroke:#8250df}\
.n0{fill:#0969da}.n1{fill:#bc4c00}.n2{fill:#1a7f37}.n3{fill:#8250df}\
@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}.grid{stroke:#9198a133}\
.s0{stroke:#4493f8}.s1{stroke:#f0883e}.s2{stroke:#3fb950}.s3{stroke:#ab7df8}\
.n0{fill:#4493f8}.n1{fill:#f0883e}.n2{fill:#3fb950}.n3{fill:#ab7df8}}";

/// The panels in so many columns.
pub(crate) fn draw(about: &str, panels: &[Panel], columns: usize) -> String {
    let columns = columns.clamp(1, panels.len().max(1));
    let (width, height) = (WIDTH * real(columns), HEIGHT * real(panels.len().div_ceil(columns)));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{about}\">\n<style>{STYLE}</style>\n",
        about = escaped(about)
    );
    for (at, panel) in panels.iter().enumerate() {
        let (x, y) = (WIDTH * real(at % columns), HEIGHT * real(at / columns));
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        draw_panel(&mut svg, panel);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(svg: &mut String, panel: &Panel) {
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (top, ticks_y) = axis(most(|point| point.1));
    let end = most(|point| point.0).max(f64::MIN_POSITIVE);
    let ticks_x = axis(end).1.into_iter().filter(|tick| *tick <= end);
    let x = |value: f64| LEFT + value / end * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);

    let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"22\">{}</text>", escaped(&panel.title));
    let mut names = format!("<text x=\"{LEFT}\" y=\"42\">{}", escaped(&panel.y));
    for (at, series) in panel.series.iter().enumerate() {
        let _ = write!(names, "<tspan class=\"n{}\" dx=\"12\">━ {}</tspan>", at % 4, escaped(&series.name));
    }
    let _ = writeln!(svg, "{names}</text>");
    let (left, right, bottom) = (LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in &ticks_y {
        let at = y(*tick);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            at + 4.0,
            number(*tick)
        );
    }
    let _ = writeln!(svg, "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/>");
    for tick in ticks_x {
        let at = x(tick);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            number(tick)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        bottom + 36.0,
        escaped(&panel.x)
    );
    for (at, series) in panel.series.iter().enumerate() {
        let mut path = String::new();
        for (point, (px, py)) in series.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if point == 0 { "M" } else { "L" }, x(*px), y(*py));
        }
        let _ = writeln!(svg, "<path class=\"line s{}\" d=\"{path}\"/>", at % 4);
    }
}

/// The end of an axis that begins at 0 and shows `most`, and its ticks.
fn axis(most: f64) -> (f64, Vec<f64>) {
    let most = if most > 0.0 { most } else { 1.0 };
    let rough = most / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let steps = (most / step).ceil();
    (steps * step, (0..=whole(steps)).map(|n| f64::from(n) * step).collect())
}

/// A number as people read it: thousands apart, no more digits than it needs.
fn number(value: f64) -> String {
    if value.fract().abs() > 1e-9 {
        return format!("{value:.2}").trim_end_matches('0').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn real(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
fn whole(steps: f64) -> i32 {
    steps.round() as i32
}
