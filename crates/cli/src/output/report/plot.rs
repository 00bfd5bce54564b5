//! The plot of throughput over time: an SVG for the bars, which stretches, and HTML for the labels, which must not.

use super::{number, text};
use crate::output::humanize::humanize;
use crate::output::timeline::Timeline;
use std::fmt::Write;
use std::time::Duration;

/// The height of the drawing in its own units; its width is the number of intervals.
const HEIGHT: f64 = 100.0;

/// Distances between two labels below the plot, in seconds: what people count in.
const TIME_STEPS: [u64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
    172_800, 604_800,
];

/// The number of labels after the first, at most.
const MAX_TIME_LABELS: u64 = 4;

/// The plot, or a sentence if there is nothing to plot.
pub(super) fn plot(timeline: &Timeline, limit: Option<f64>) -> String {
    let peak = timeline.peak_per_second();
    if peak == 0.0 {
        return "<p class=\"muted\">No results.</p>\n".to_owned();
    }
    let limit = limit.filter(|limit| *limit <= peak * 3.0);
    let step = step(peak.max(limit.unwrap_or_default()));
    let top = (peak.max(limit.unwrap_or_default()) / step).ceil() * step;
    format!(
        "{}<div class=\"plot\">\n{}{}{}</div>\n",
        legend(limit),
        rate_labels(step, top),
        drawing(timeline, limit, step, top),
        time_labels(timeline)
    )
}

/// The distance between two horizontal lines: 1, 2 or 5 times a power of ten, for three to six lines.
fn step(most: f64) -> f64 {
    // By hand: `powf` and `log10` would load the mathematical library into every run.
    let mut magnitude = 1.0;
    while magnitude * 50.0 <= most {
        magnitude *= 10.0;
    }
    while magnitude * 5.0 > most {
        magnitude /= 10.0;
    }
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * magnitude * 5.0 >= most).unwrap_or(10.0);
    factor * magnitude
}

fn lines(step: f64, top: f64) -> impl Iterator<Item = f64> {
    (0..).map(move |index| f64::from(index) * step).take_while(move |value| *value <= top + step / 2.0)
}

fn legend(limit: Option<f64>) -> String {
    let limit = limit.map(|limit| format!("<span><i class=\"dash\"></i>rate limit, {limit:.1}/s</span>"));
    format!(
        "<div class=\"legend\"><span class=\"good\"><i></i><span>refreshed per second</span></span>\
         <span class=\"bad\"><i></i><span>failed per second</span></span>{}</div>\n",
        limit.unwrap_or_default()
    )
}

fn rate_labels(step: f64, top: f64) -> String {
    let labels = lines(step, top).map(|value| {
        let shown = if step < 1.0 { format!("{value:.2}") } else { number(value as u64) };
        format!("<span style=\"bottom:{:.2}%\">{shown}</span>", value / top * 100.0)
    });
    format!("<div class=\"y\" aria-hidden=\"true\">{}</div>\n", labels.collect::<String>())
}

fn drawing(timeline: &Timeline, limit: Option<f64>, step: f64, top: f64) -> String {
    let count = timeline.intervals().count();
    let seconds = timeline.interval_seconds as f64;
    let y = |count: u64| HEIGHT - count as f64 / seconds / top * HEIGHT;
    let (mut good, mut bad, mut hover) = (String::new(), String::new(), String::new());
    for (x, (refreshed, failed)) in timeline.intervals().enumerate() {
        let (middle, high) = (y(refreshed), y(refreshed + failed));
        if refreshed > 0 {
            let _ = write!(good, "M{x} {HEIGHT}V{middle:.2}h1V{HEIGHT}z");
        }
        if failed > 0 {
            let _ = write!(bad, "M{x} {middle:.2}V{high:.2}h1V{middle:.2}z");
        }
        let from = timeline.interval_seconds * x as u64;
        let when = humanize(Duration::from_secs(from));
        let _ = writeln!(
            hover,
            "<rect x=\"{x}\" y=\"0\" width=\"1\" height=\"{HEIGHT}\"><title>from {when}: {} refreshed, {} failed in {}</title>\
             </rect>",
            number(refreshed),
            number(failed),
            humanize(Duration::from_secs(timeline.interval_seconds))
        );
    }
    let line = |class: &str, value: f64| {
        let y = HEIGHT - value / top * HEIGHT;
        format!("<line class=\"{class}\" x1=\"0\" x2=\"{count}\" y1=\"{y:.2}\" y2=\"{y:.2}\"/>\n")
    };
    let grid: String = lines(step, top).map(|value| line("grid", value)).collect();
    let limit = limit.map(|limit| line("limit", limit)).unwrap_or_default();
    let label = text(format_args!(
        "Results per second over {}, peak {:.1} per second",
        humanize(Duration::from_secs(timeline.interval_seconds * count as u64)),
        timeline.peak_per_second()
    ));
    format!(
        "<svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {count} {HEIGHT}\" preserveAspectRatio=\"none\">\n{grid}\
         <path class=\"good\" d=\"{good}\"/>\n<path class=\"bad\" d=\"{bad}\"/>\n{limit}{hover}</svg>\n"
    )
}

/// Labels at equal distances along the time axis.
fn time_labels(timeline: &Timeline) -> String {
    let duration = timeline.interval_seconds * timeline.intervals().count() as u64;
    let longest = duration.div_ceil(MAX_TIME_LABELS).max(1);
    let step = TIME_STEPS.into_iter().find(|step| *step >= longest).unwrap_or(longest);
    let label = |at: u64| {
        let left = at as f64 / duration as f64 * 100.0;
        // Labels at the ends must not stick out.
        let class = match left {
            ..4.0 => " class=\"first\"",
            92.0.. => " class=\"last\"",
            _ => "",
        };
        format!("<span{class} style=\"left:{left:.2}%\">{}</span>", humanize(Duration::from_secs(at)))
    };
    let labels = (0..=duration / step).map(|index| label(index * step));
    format!("<div class=\"x\" aria-hidden=\"true\">{}</div>\n", labels.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_gives_three_to_six_lines() {
        for most in [0.001, 0.4, 1.0, 9.5, 10.0, 10.1, 99.0, 3_000.0, 13_157.0] {
            let count = lines(step(most), (most / step(most)).ceil() * step(most)).count();
            assert!((3..=6).contains(&count), "{most}: {count}");
        }
    }

    #[test]
    fn plot_shows_every_result_and_stays_in_its_frame() {
        let mut timeline = Timeline::default();
        for second in [0, 0, 1, 7, 7, 7] {
            timeline.count(Duration::from_secs(second), second != 1);
        }
        let plot = plot(&timeline, Some(2.85));
        assert!(plot.contains("viewBox=\"0 0 8 100\""), "{plot}");
        assert!(plot.contains("<title>from 7 s: 3 refreshed, 0 failed in 1 s</title>"), "{plot}");
        assert!(plot.contains("class=\"limit\"") && !plot.contains("NaN") && !plot.contains("V-"), "{plot}");
    }

    #[test]
    fn time_labels_are_few_and_inside_of_the_frame() {
        for seconds in [0, 1, 3, 8, 59, 60, 3_599, 86_400, 2_000_000] {
            let mut timeline = Timeline::default();
            timeline.count(Duration::from_secs(seconds), true);
            let labels = time_labels(&timeline);
            assert!((1..=6).contains(&labels.matches("<span").count()), "{seconds}: {labels}");
            assert!(labels.contains(">0 s<"), "{seconds}: {labels}");
            let lefts =
                labels.split("left:").skip(1).filter_map(|rest| rest.split('%').next()?.parse::<f64>().ok());
            assert!(lefts.into_iter().all(|left| (0.0..=100.0).contains(&left)), "{seconds}: {labels}");
        }
    }

    #[test]
    fn plot_of_nothing_is_a_sentence() {
        assert!(plot(&Timeline::default(), None).contains("No results."));
    }
}
