//! The graphs of a run, one above the other: users, capacity, use of processors, alarms.

use std::collections::BTreeSet;

use super::follow::{Record, Sample};
use super::scenario::{MAX, Scenario, Variant};
use super::svg::{Anchor, Stroke, Svg};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 30.0;
/// Height of one graph, and of an alarm's band.
const HEIGHT: f64 = 150.0;
const BAND: f64 = 26.0;
/// From the end of one graph to the begin of the next: times, a title and a legend.
const GAP: f64 = 58.0;

const INK: &str = "#24292f";
const FAINT: &str = "#d8dee4";
const BLUE: &str = "#0969da";
const PALE: &str = "#b6e3ff";
const ORANGE: &str = "#bc4c00";
const RED: &str = "#cf222e";
const GREEN: &str = "#4ac26b";
const GREY: &str = "#afb8c1";

/// One graph's frame, in which numbers are placed.
#[derive(Debug, Clone, Copy)]
struct Frame {
    top: f64,
    seconds: f64,
    most: f64,
}

impl Frame {
    fn x(self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (seconds / self.seconds).clamp(0.0, 1.0)
    }

    fn y(self, value: f64) -> f64 {
        self.top + HEIGHT * (1.0 - (value / self.most).clamp(0.0, 1.0))
    }

    fn place(self, seconds: f64, value: f64) -> (f64, f64) {
        (self.x(seconds), self.y(value))
    }

    /// Title, axes and the legend, of which each entry has a colour.
    fn draw(self, svg: &mut Svg, title: &str, steps: u32, legend: &[(&str, &str)]) {
        svg.text((LEFT, self.top - 10.0), Anchor::Start, INK, title);
        for step in 0..=steps {
            let value = self.most * f64::from(step) / f64::from(steps);
            let y = self.y(value);
            svg.line(&[(LEFT, y), (RIGHT, y)], thin(FAINT));
            svg.text((LEFT - 8.0, y + 4.0), Anchor::End, INK, &format!("{value:.0}"));
        }
        times(svg, self, self.top + HEIGHT);
        let mut x = RIGHT;
        for (name, colour) in legend.iter().rev() {
            svg.text((x, self.top - 10.0), Anchor::End, INK, name);
            // About as wide as its letters.
            x -= name.chars().count() as f64 * 6.6 + 18.0;
            svg.rectangle((x, self.top - 19.0), (12.0, 10.0), colour);
            x -= 14.0;
        }
    }
}

pub(super) fn draw(record: &Record, scenario: &Scenario) -> String {
    let seconds = record.samples.last().map_or(1.0, |sample| sample.at).max(1.0);
    let alarms: BTreeSet<&String> = record.samples.iter().flat_map(|sample| sample.alarms.keys()).collect();
    let height = 60.0 + (HEIGHT + GAP) * 3.0 + BAND * alarms.len() as f64 + 60.0;
    let mut svg = Svg::new(WIDTH, height);
    for (number, line) in scenario.told().lines().enumerate() {
        svg.text((LEFT, 22.0 + 16.0 * number as f64), Anchor::Start, INK, line);
    }
    let frame = |number: u32, most: f64| Frame { top: 80.0 + (HEIGHT + GAP) * f64::from(number), seconds, most };
    users(&mut svg, frame(0, ceiling(record, |sample| sample.users)), record);
    capacity(&mut svg, frame(1, MAX as f64 + 1.0), record);
    processor(&mut svg, frame(2, ceiling(record, |sample| sample.processor.unwrap_or_default())), record, scenario);
    states(&mut svg, frame(3, 1.0), record, &alarms);
    svg.end()
}

/// A round number above all values.
fn ceiling(record: &Record, value: impl Fn(&Sample) -> f64) -> f64 {
    let most = record.samples.iter().map(value).fold(0.0, f64::max).max(1.0);
    (most * 1.05 / 20.0).ceil() * 20.0
}

fn users(svg: &mut Svg, frame: Frame, record: &Record) {
    frame.draw(svg, "users, each with a request a second", 4, &[("users", BLUE), ("failed requests", RED)]);
    let points: Vec<_> = record.samples.iter().map(|sample| frame.place(sample.at, sample.users)).collect();
    svg.line(&points, thick(BLUE));
    for (second, outcome) in record.tally.seconds.iter().filter(|(_, outcome)| outcome.failed > 0) {
        let at = record.load_at + *second as f64;
        svg.line(&[frame.place(at, 0.0), frame.place(at, outcome.failed as f64)], thick(RED));
    }
}

fn capacity(svg: &mut Svg, frame: Frame, record: &Record) {
    frame.draw(svg, "instances", MAX as u32 + 1, &[("in service", PALE), ("desired", BLUE)]);
    for (from, to, in_service) in spans(record, |sample| sample.in_service) {
        let ((from, top), to) = (frame.place(from, in_service as f64), frame.x(to));
        svg.rectangle((from, top), (to - from, frame.top + HEIGHT - top), PALE);
    }
    svg.line(&stairs(frame, record, |sample| sample.desired as f64), thick(BLUE));
    if record.refresh_at.is_finite() {
        let x = frame.x(record.refresh_at);
        svg.line(&[(x, frame.top), (x, frame.top + HEIGHT)], dashed(INK));
        svg.text((x - 4.0, frame.top + 12.0), Anchor::End, INK, "instance refresh");
    }
}

fn processor(svg: &mut Svg, frame: Frame, record: &Record, scenario: &Scenario) {
    let title = "use of processors, average of the group in percent";
    let thresholds: &[(f64, &str)] = match scenario.variant {
        Variant::Simple => &[(20.0, "out"), (10.0, "in")],
        Variant::TargetTracking => &[(20.0, "target")],
    };
    frame.draw(svg, title, 4, &[("cpu-utilization", ORANGE), ("threshold", RED)]);
    for (threshold, name) in thresholds {
        let y = frame.y(*threshold);
        svg.line(&[(LEFT, y), (RIGHT, y)], dashed(RED));
        svg.text((RIGHT + 3.0, y + 4.0), Anchor::Start, RED, name);
    }
    let known = record.samples.iter().filter_map(|sample| Some((sample.at, sample.processor?)));
    let points: Vec<_> = known.map(|(at, percent)| frame.place(at, percent)).collect();
    svg.line(&points, thick(ORANGE));
}

/// A band for each alarm, in the colour of its state.
fn states(svg: &mut Svg, frame: Frame, record: &Record, alarms: &BTreeSet<&String>) {
    let top = frame.top;
    svg.text((LEFT, top - 10.0), Anchor::Start, INK, "alarms");
    let legend = Frame { top, ..frame };
    let mut x = RIGHT;
    for (name, colour) in [("INSUFFICIENT_DATA", GREY), ("ALARM", RED), ("OK", GREEN)] {
        svg.text((x, legend.top - 10.0), Anchor::End, INK, name);
        x -= name.chars().count() as f64 * 8.2 + 18.0;
        svg.rectangle((x, legend.top - 19.0), (12.0, 10.0), colour);
        x -= 14.0;
    }
    for (number, alarm) in alarms.iter().enumerate() {
        let y = top + BAND * number as f64;
        for (from, to, state) in spans(record, |sample| sample.alarms.get(*alarm)) {
            let colour = match state.map(String::as_str) {
                Some("OK") => GREEN,
                Some("ALARM") => RED,
                Some(_) => GREY,
                None => continue,
            };
            let (from, to) = (frame.x(from), frame.x(to));
            svg.rectangle((from, y), (to - from, BAND - 6.0), colour);
        }
        svg.text((LEFT + 6.0, y + 14.0), Anchor::Start, INK, alarm);
    }
    times(svg, frame, top + BAND * alarms.len() as f64);
}

/// Values with the seconds from which and to which they hold.
fn spans<'a, T: PartialEq + Copy>(record: &'a Record, value: impl Fn(&'a Sample) -> T) -> Vec<(f64, f64, T)> {
    let mut spans: Vec<(f64, f64, T)> = Vec::new();
    for sample in &record.samples {
        let value = value(sample);
        if let Some((_, to, last)) = spans.last_mut() {
            *to = sample.at;
            if *last == value {
                continue;
            }
        }
        spans.push((sample.at, sample.at, value));
    }
    spans
}

/// Values that hold until the next one, as a line.
fn stairs(frame: Frame, record: &Record, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    let spans = spans(record, value).into_iter();
    spans.flat_map(|(from, to, value)| [frame.place(from, value), frame.place(to, value)]).collect()
}

/// Marks below a graph, at round times.
fn times(svg: &mut Svg, frame: Frame, y: f64) {
    let steps = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let step = steps.into_iter().find(|step| frame.seconds / step <= 14.0).unwrap_or(1800.0);
    svg.line(&[(LEFT, y), (RIGHT, y)], thin(INK));
    let mut at = 0.0;
    while at <= frame.seconds {
        let x = frame.x(at);
        svg.line(&[(x, y), (x, y + 4.0)], thin(INK));
        let text = format!("{}:{:02}", (at / 60.0) as u64, (at % 60.0) as u64);
        svg.text((x, y + 16.0), Anchor::Middle, INK, &text);
        at += step;
    }
}

fn thin(colour: &'static str) -> Stroke {
    Stroke { colour, width: 1.0, dashes: "" }
}

fn thick(colour: &'static str) -> Stroke {
    Stroke { colour, width: 2.0, dashes: "" }
}

fn dashed(colour: &'static str) -> Stroke {
    Stroke { colour, width: 1.0, dashes: "5 4" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run as it should be, made up.
    fn sample(at: f64) -> Sample {
        let desired = match at as u64 {
            0..30 => 1,
            30..45 => 2,
            45..60 => 3,
            60..110 => 4,
            110..125 => 3,
            125..140 => 2,
            _ => 1,
        };
        let users = if at < 100.0 { at / 2.0 } else { 2.0 };
        let state = |is: bool| if is { "ALARM" } else { "OK" }.to_owned();
        let alarms = [("cpu-high", (25.0..100.0).contains(&at)), ("cpu-low", at > 105.0)];
        Sample {
            at,
            users,
            desired,
            in_service: desired,
            instances: desired,
            refreshing: false,
            processor: Some(users / desired as f64 * 2.0),
            alarms: alarms.into_iter().map(|(name, is)| (name.to_owned(), state(is))).collect(),
        }
    }

    #[test]
    fn a_run_is_drawn_with_every_graph_and_alarm_within_the_frame() {
        let mut record = Record::new(1, 1);
        record.samples = (0..320).map(|number| sample(f64::from(number) / 2.0)).collect();
        record.refresh_at = 150.0;
        let scenario = Scenario::new(10.0, Variant::Simple).unwrap();
        let svg = draw(&record, &scenario);
        if let Some(file) = std::env::var_os("PRACTICAL_SVG") {
            std::fs::write(file, &svg).unwrap();
        }
        for part in
            ["cpu-high", "cpu-low", "INSUFFICIENT_DATA", "instance refresh", ">= 20 %".replace('>', "&gt;").as_str()]
        {
            assert!(svg.contains(part), "{part} is missing");
        }
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}
