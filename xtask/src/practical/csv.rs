//! What was seen, for other programs to draw.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::follow::Record;

/// Writes `practical.csv`, a line for each look, and `activities.csv`.
pub(super) fn write(record: &Record, folder: &Path) -> Result<()> {
    fs::write(folder.join("practical.csv"), samples(record))?;
    fs::write(folder.join("activities.csv"), activities(record))?;
    Ok(())
}

/// The requests of the second in which a look was taken stand beside it.
fn samples(record: &Record) -> String {
    let alarms: BTreeSet<&String> = record.samples.iter().flat_map(|sample| sample.alarms.keys()).collect();
    let mut text = "seconds,users,desired,in_service,instances,cpu_percent,answered,failed,p99_ms".to_owned();
    for alarm in &alarms {
        text.push(',');
        text.push_str(&field(alarm));
    }
    text.push('\n');
    for sample in &record.samples {
        let second = (sample.at >= record.load_at).then_some((sample.at - record.load_at) as u64);
        let second = second.and_then(|second| record.tally.seconds.get(&second)).cloned().unwrap_or_default();
        let mut times = second.times;
        times.sort_by(f64::total_cmp);
        let most = times
            .last()
            .map_or_else(String::new, |_| format!("{:.1}", times[(times.len() as f64 * 0.99).ceil() as usize - 1]));
        let processor = sample.processor.map_or_else(String::new, |percent| format!("{percent:.2}"));
        let super::follow::Sample { at, users, desired, in_service, instances, .. } = sample;
        // Writing to memory cannot fail.
        let _ = write!(text, "{at:.1},{users:.1},{desired},{in_service},{instances},{processor},");
        let _ = write!(text, "{},{},{most}", second.answered, second.failed);
        for alarm in &alarms {
            text.push(',');
            text.push_str(sample.alarms.get(*alarm).map_or("", String::as_str));
        }
        text.push('\n');
    }
    text
}

fn activities(record: &Record) -> String {
    let mut text = "id,start,end,status,description,cause,message\n".to_owned();
    for activity in &record.activities {
        let fields = [
            &activity.start,
            &activity.end,
            &activity.status,
            &activity.description,
            &activity.cause,
            &activity.message,
        ];
        let fields = fields.map(|text| field(text)).join(",");
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{},{fields}", activity.id);
    }
    text
}

/// Quoted where RFC 4180 asks for it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_with_a_comma_or_a_quote_is_quoted() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
