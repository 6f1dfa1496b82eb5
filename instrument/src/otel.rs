//! Bridge to the OpenTelemetry API: [`observe`] registers observable instruments with the contract's names on a meter of
//! the proxy's own provider. They are read when that provider collects; nothing here runs on the request path. Score
//! distributions are not among them, since the API has no observable histogram: the agent ships those.
//!
//! ```
//! // Once, after the proxy has set its meter provider:
//! firstbad_instrument::otel::observe(&opentelemetry::global::meter("firstbad"));
//! ```

use crate::bridge::{self, Sample, Value};
use firstbad_protocol::names::{Kind, METRICS, metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one reading of the recorder serves the instruments of one collection.
const READING_LIFE: Duration = Duration::from_millis(100);

/// One reading, shared by all instruments.
#[derive(Default)]
struct Reading(Mutex<Option<(Instant, Arc<Vec<Sample>>)>>);

impl Reading {
    fn get(&self) -> Arc<Vec<Sample>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some((at, samples)) if at.elapsed() < READING_LIFE => Arc::clone(samples),
            _ => {
                let image = crate::own::image();
                let samples = Arc::new(image.map_or_else(Vec::new, |image| bridge::samples(&image)));
                *held = Some((Instant::now(), Arc::clone(&samples)));
                samples
            }
        }
    }
}

/// Registers `firstbad.requests`, `.panics`, `.scores.defaulted`, `.config.*` and `.telemetry.dropped` on `meter`.
pub fn observe(meter: &Meter) {
    let reading = Arc::new(Reading::default());
    let known = METRICS.iter().filter(|known| !known.otel.is_empty() && known.otel != metric::SCORES);
    for known in known {
        let (name, reading) = (known.otel, Arc::clone(&reading));
        match known.kind {
            Kind::Counter => {
                meter
                    .u64_observable_counter(name)
                    .with_unit(known.unit)
                    .with_description(known.help)
                    .with_callback(move |observer| {
                        for (attributes, value) in of_metric(&reading, name) {
                            if let Value::Count(count) = value {
                                observer.observe(count, &attributes);
                            }
                        }
                    })
                    .build();
            }
            Kind::Gauge | Kind::Histogram => {
                meter
                    .f64_observable_gauge(name)
                    .with_unit(known.unit)
                    .with_description(known.help)
                    .with_callback(move |observer| {
                        for (attributes, value) in of_metric(&reading, name) {
                            if let Value::Last(value) = value {
                                observer.observe(value, &attributes);
                            }
                        }
                    })
                    .build();
            }
        }
    }
}

fn of_metric(reading: &Reading, name: &str) -> Vec<(Vec<KeyValue>, Value)> {
    let samples = reading.get();
    let of_metric = samples.iter().filter(|sample| sample.metric == name);
    of_metric
        .map(|sample| {
            let attributes = sample.attributes.iter().filter(|(_, value)| !value.is_empty());
            (attributes.map(|(key, value)| KeyValue::new(*key, value.clone())).collect(), sample.value)
        })
        .collect()
}
