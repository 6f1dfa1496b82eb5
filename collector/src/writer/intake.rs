//! The normaliser with its state on disk: what a request comes to, and how the state is found again after a restart. The
//! saved state plus the requests acknowledged since give the very state that was lost, so cumulative points are neither
//! lost nor counted twice; saving every series with every commit would write more than the requests themselves.

use crate::admission::Refusal;
use crate::normalise::{self, Batch, Content, EventRecord, Normaliser};
use crate::otlp::{self, Encoding};
use crate::redact;
use crate::security::Caller;
use crate::store::{self as stored, Ahead, Journalled, NormaliserState, Recorded, Signal, StoreError};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::time::Timestamp;

/// What one request of a group came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) message: String,
}

/// What a group came to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) observations: Vec<Observation>,
    pub(crate) records: Vec<EventRecord>,
    pub(crate) contents: Vec<Content>,
    pub(crate) latest: Option<Timestamp>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// A request that was read.
struct Read {
    batch: Batch,
    /// The request as protobuf without its secrets; none if it holds none.
    masked: Option<Vec<u8>>,
}

/// A normaliser as it was saved.
struct Saved {
    dimensions: Vec<String>,
    normaliser: Normaliser,
}

impl Saved {
    /// Reads what [`Intake::save`] wrote. A version that read no spans ended with the normaliser.
    fn read(bytes: &[u8]) -> Result<Self, postcard::Error> {
        let ((dimensions, normaliser), rest): ((_, Normaliser), _) = postcard::take_from_bytes(bytes)?;
        let spans = if rest.is_empty() { Default::default() } else { postcard::from_bytes(rest)? };
        Ok(Self { dimensions, normaliser: normaliser.knowing_spans(spans) })
    }
}

/// The normaliser, and what its state belongs to.
#[derive(Debug)]
pub(crate) struct Intake {
    normaliser: Normaliser,
    dimensions: Vec<String>,
    keep_contents: bool,
}

impl Intake {
    /// Goes on from what the store has. A state that was built with other dimensions is let go: the journal, and the next
    /// point of each series, begin it anew.
    pub(crate) fn resume(dimensions: &[String], state: NormaliserState) -> Result<Self, StoreError> {
        let saved = state.saved.as_deref().map(Saved::read).transpose().map_err(|error| damaged(&error))?;
        let normaliser = match saved {
            Some(saved) if saved.dimensions == dimensions => saved.normaliser,
            _ => Normaliser::new(dimensions),
        };
        let mut intake = Self { normaliser, dimensions: dimensions.to_vec(), keep_contents: true };
        for request in &state.journal {
            drop(intake.take_again(std::slice::from_ref(request)));
        }
        Ok(intake)
    }

    /// A normaliser that has seen nothing: when the saved state cannot be read.
    pub(crate) fn anew(dimensions: &[String]) -> Self {
        Self { normaliser: Normaliser::new(dimensions), dimensions: dimensions.to_vec(), keep_contents: true }
    }

    /// Whether contents are handed on.
    pub(crate) fn keeping_contents(mut self, keep: bool) -> Self {
        self.keep_contents = keep;
        self
    }

    /// The intake as the store has it, after a commit that failed: its requests were taken and then not stored.
    pub(crate) fn again(&self, state: NormaliserState) -> Result<Self, StoreError> {
        Ok(Self::resume(&self.dimensions, state)?.keeping_contents(self.keep_contents))
    }

    pub(crate) fn save(&self) -> Result<Vec<u8>, StoreError> {
        let saved = postcard::to_stdvec(&(&self.dimensions, &self.normaliser)).map_err(|error| damaged(&error))?;
        postcard::to_extend(self.normaliser.span_senders(), saved).map_err(|error| damaged(&error))
    }

    /// Takes a request, and hides the secrets in it.
    ///
    /// # Errors
    /// If it cannot be read, or names a host for which its caller may not speak. Nothing of it was taken then.
    pub(crate) fn take(&mut self, request: &mut Journalled, caller: &Caller) -> Result<Batch, Refusal> {
        let Read { batch, masked } = self.read(request, caller)?;
        if let Some(masked) = masked {
            request.body = masked;
            request.encoding = Encoding::Protobuf;
        }
        Ok(batch)
    }

    fn read(&mut self, request: &Journalled, caller: &Caller) -> Result<Read, Refusal> {
        self.normaliser.prepare();
        match request.signal {
            Signal::Metrics => self.metrics(request, caller),
            Signal::Logs => self.logs(request, caller),
            Signal::Traces => self.traces(request, caller),
        }
    }

    fn metrics(&mut self, request: &Journalled, caller: &Caller) -> Result<Read, Refusal> {
        let Journalled { encoding, body, .. } = request;
        let mut metrics = if caller.is_bound() {
            otlp::decode_metrics(body, *encoding)?
        } else {
            otlp::decode_new_metrics(body, *encoding, &self.normaliser)?
        };
        if caller.is_bound() {
            normalise::hosts_of_metrics(&metrics, |host| caller.check_host(host))?;
        }
        if !redact::metrics(&mut metrics) {
            return Ok(Read { batch: self.normaliser.metrics(&metrics), masked: None });
        }
        // What was known and not read has to be in the masked request as well.
        let mut whole = otlp::decode_metrics(body, *encoding)?;
        redact::metrics(&mut whole);
        Ok(Read { batch: self.normaliser.metrics(&whole), masked: Some(otlp::encode::metrics(&whole)) })
    }

    fn logs(&mut self, request: &Journalled, caller: &Caller) -> Result<Read, Refusal> {
        let Journalled { encoding, body, .. } = request;
        let mut logs = if caller.is_bound() {
            otlp::decode_logs(body, *encoding)?
        } else {
            otlp::decode_new_logs(body, *encoding, &self.normaliser)?
        };
        if caller.is_bound() {
            normalise::hosts_of_logs(&logs, |host| caller.check_host(host))?;
        }
        if !redact::logs(&mut logs) {
            return Ok(Read { batch: self.normaliser.logs(&logs), masked: None });
        }
        let mut whole = otlp::decode_logs(body, *encoding)?;
        redact::logs(&mut whole);
        Ok(Read { batch: self.normaliser.logs(&whole), masked: Some(otlp::encode::logs(&whole)) })
    }

    fn traces(&mut self, request: &Journalled, caller: &Caller) -> Result<Read, Refusal> {
        let mut traces = otlp::decode_traces(&request.body, request.encoding)?;
        if caller.is_bound() {
            normalise::hosts_of_traces(&traces, |host| caller.check_host(host))?;
        }
        let masked = redact::traces(&mut traces).then(|| otlp::encode::traces(&traces));
        Ok(Read { batch: self.normaliser.traces(&traces), masked })
    }

    /// Whether contents are to be stored.
    pub(crate) const fn keeps_contents(&self) -> bool {
        self.keep_contents
    }

    /// Takes the journal, in order. Each of its requests was taken before it was journalled, so a failure here is a bug, or
    /// damage that the store did not notice.
    pub(crate) fn take_again(&mut self, journal: &[Journalled]) -> Taken {
        let mut taken = Taken::default();
        for request in journal {
            match self.read(request, &Caller::anybody()) {
                Ok(Read { batch, .. }) => taken.add(batch, self.keep_contents),
                Err(error) => {
                    tracing::error!(%error, "a request of the journal cannot be read: what it changed is lost")
                }
            }
        }
        taken
    }
}

impl Taken {
    /// Adds the observations of one request.
    pub(super) fn add(&mut self, batch: Batch, keep_contents: bool) {
        let message = match batch.rejected {
            0 => String::new(),
            n => format!("{n} points or records could not be used: {}", faults(&batch.observations)),
        };
        self.outcomes.push(Outcome { accepted: batch.accepted, rejected: batch.rejected, message });
        let before = self.observations.len();
        self.records.extend(batch.records.into_iter().map(|kept| EventRecord { place: before + kept.place, ..kept }));
        self.observations.extend(batch.observations);
        if keep_contents {
            self.contents.extend(batch.contents);
        }
        self.latest = self.latest.max(batch.latest);
    }
}

/// A commit that only the journal has, as the database would have it.
pub(crate) struct Unstored {
    pub(crate) recorded: Recorded,
    pub(crate) contents: Vec<Content>,
}

/// Makes the commits again that only the journal has, in order. They are not stored.
///
/// # Errors
/// If the saved state cannot be read.
pub(crate) fn unstored(mut state: NormaliserState) -> Result<Vec<Unstored>, StoreError> {
    let ahead = std::mem::take(&mut state.ahead);
    if ahead.is_empty() {
        return Ok(Vec::new());
    }
    let dimensions = match &state.saved {
        Some(saved) => postcard::take_from_bytes::<Vec<String>>(saved).map_err(|error| damaged(&error))?.0,
        None => Vec::new(),
    };
    let mut intake = Intake::resume(&dimensions, state)?;
    let commits = ahead.into_iter().map(|Ahead { seq, tick, requests }| {
        let Taken { observations, records, contents, .. } = intake.take_again(&requests);
        let batch = stored::Batch { seq, tick, observations, words: Vec::new() };
        Unstored { recorded: Recorded { batch, records }, contents }
    });
    Ok(commits.collect())
}

/// Why items of a request could not be used, with how many.
fn faults(observations: &[Observation]) -> String {
    let gaps = observations.iter().filter_map(|observation| match observation {
        Observation::Gap(gap) => Some(format!("{} ({})", gap.sentence, gap.count)),
        _ => None,
    });
    gaps.collect::<Vec<_>>().join("; ")
}

fn damaged(error: &postcard::Error) -> StoreError {
    StoreError::Damaged { what: "the normaliser's state".to_owned(), reason: error.to_string() }
}
