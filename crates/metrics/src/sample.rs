//! All values at the moment of one reading, and their way into text.

use std::collections::{BTreeMap, btree_map::Entry};
use std::fmt;

use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, GaugeValueEncoder, MetricEncoder,
    NoLabelSet,
};
use prometheus_client::metrics::{MetricType, exemplar::Exemplar};

/// Labels, sorted by name.
pub(crate) type Labels = Vec<(&'static str, Box<str>)>;

/// Copies labels into the order that makes equal sets equal.
pub(crate) fn sorted(labels: &[(&'static str, &str)]) -> Labels {
    let mut labels: Labels = labels.iter().map(|(name, value)| (*name, Box::from(*value))).collect();
    labels.sort_unstable();
    labels
}

/// A value that is read when somebody asks for the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A count.
    Unsigned(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// Anything else, such as seconds.
    Float(f64),
}

macro_rules! from {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Number {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(u32 => Unsigned, u64 => Unsigned, bool => Unsigned, i32 => Signed, i64 => Signed, f64 => Float);

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => EncodeGaugeValue::encode(value, encoder),
            Self::Signed(value) => EncodeGaugeValue::encode(value, encoder),
            Self::Float(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => EncodeCounterValue::encode(value, encoder),
            // A count cannot be negative; 0 is the nearest that can be said.
            Self::Signed(value) => EncodeCounterValue::encode(&u64::try_from(*value).unwrap_or(0), encoder),
            Self::Float(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

/// One value of any kind.
#[derive(Debug)]
pub(crate) enum Value {
    Counter(Number),
    Gauge(Number),
    Histogram(Buckets),
}

/// A histogram at one moment.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// Upper bound in seconds with the observations between it and the bound before; the last is infinite.
    pub(crate) counts: Vec<(f64, u64)>,
    /// Seconds.
    pub(crate) sum: f64,
}

impl Value {
    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Counter(number) => encoder.encode_counter(number, None::<&Exemplar<NoLabelSet, f64>>),
            Self::Gauge(number) => encoder.encode_gauge(number),
            Self::Histogram(Buckets { counts, sum }) => {
                // Counted from the same reading as the buckets, so that the two never contradict each other.
                let count = counts.iter().map(|(_, count)| count).sum();
                encoder.encode_histogram::<NoLabelSet>(*sum, count, counts, None)
            }
        }
    }

    fn kind(&self) -> MetricType {
        match self {
            Self::Counter(_) => MetricType::Counter,
            Self::Gauge(_) => MetricType::Gauge,
            Self::Histogram(_) => MetricType::Histogram,
        }
    }
}

#[derive(Debug)]
struct Family {
    help: &'static str,
    values: BTreeMap<Labels, Value>,
}

/// The values of one reading. Given to the functions of [`Registry::collect`](crate::Registry::collect).
///
/// A value with the name and labels of an earlier one replaces it, and a name keeps its first kind: a text with either
/// said twice is refused as a whole by those who read it.
#[derive(Debug, Default)]
pub struct Sample(BTreeMap<&'static str, Family>);

impl Sample {
    /// Says how often something has happened since the start. `name` as in [`Registry::counter`](crate::Registry::counter).
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: impl Into<Number>,
    ) {
        self.put(without_total(name), help, sorted(labels), Value::Counter(value.into()));
    }

    /// Says how much of something there is now.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: impl Into<Number>,
    ) {
        self.put(name, help, sorted(labels), Value::Gauge(value.into()));
    }

    pub(crate) fn put(&mut self, name: &'static str, help: &'static str, labels: Labels, value: Value) {
        match self.0.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(Family { help, values: [(labels, value)].into() });
            }
            Entry::Occupied(mut entry) => {
                let values = &mut entry.get_mut().values;
                let same_kind = |first: &Value| std::mem::discriminant(first) == std::mem::discriminant(&value);
                if values.values().next().is_none_or(same_kind) {
                    values.insert(labels, value);
                }
            }
        }
    }

    /// Writes all families in the order of their names.
    pub(crate) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, Family { help, values }) in &self.0 {
            let Some(first) = values.values().next() else { continue };
            let mut family = encoder.encode_descriptor(name, help, None, first.kind())?;
            for (labels, value) in values {
                if labels.is_empty() {
                    value.encode(&mut family)?; // as a family it would get empty braces, which nobody greps for
                } else {
                    value.encode(&mut family.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a counter's family: the encoder adds the suffix `_total` to each sample by itself.
pub(crate) fn without_total(name: &'static str) -> &'static str {
    name.strip_suffix("_total").unwrap_or(name)
}
