//! A capture on its way through the engine. Observations are applied in the order of their own times, and the engine ticks
//! once a second of those, so that a verdict does not depend on how a sender cut its reports into lines: what a line tells
//! of later than the next line begins with waits, and the parts of one report that came in several lines are one row.

use super::{Offline, OnTick, Options};
use crate::capture::Stretch;
use crate::normalise::{Content, Normaliser, join, time_of};
use crate::otlp::Request;
use firstbad_diagnosis::observation::{Gap, Observation};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::limits::CONTENT_BYTES_MAX;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use std::collections::BTreeMap;

/// Contents kept of one capture, bytes.
const CONTENTS_BYTES_MAX: usize = 16 * CONTENT_BYTES_MAX;

/// A capture on its way.
pub(super) struct Play<'a> {
    options: &'a Options,
    normaliser: Normaliser,
    engine: Engine,
    on_tick: Option<OnTick<'a>>,
    /// What waits, by the second in which it happened, with its place in the replay. Reports come every second or less
    /// often, so the engine judges at most once a second.
    waiting: BTreeMap<i64, Vec<(i64, Observation)>>,
    contents: Vec<Content>,
    contents_bytes: usize,
    last: Timestamp,
    stopped: bool,
}

impl<'a> Play<'a> {
    pub(super) fn new(options: &'a Options, on_tick: Option<OnTick<'a>>) -> Self {
        let mut normaliser = Normaliser::new(&options.dimensions);
        if let Some(at) = options.at {
            normaliser.read_until(at);
        }
        let settings = Settings { dimensions: options.dimensions.clone(), ..Settings::default() };
        Self {
            options,
            normaliser,
            engine: Engine::new(settings),
            on_tick,
            waiting: BTreeMap::new(),
            contents: Vec::new(),
            contents_bytes: 0,
            last: Timestamp::default(),
            stopped: false,
        }
    }

    /// Takes one line's request. False: nothing more is wanted.
    pub(super) fn take(&mut self, when: Stretch, request: &Request<'_>) -> bool {
        self.release(when.first.div_euclid(SECOND_NS));
        let batch = match request {
            Request::Metrics(metrics) => self.normaliser.metrics(metrics),
            Request::Logs(logs) => self.normaliser.logs(logs),
            Request::Other => return !self.stopped,
        };
        for observation in batch.observations {
            let place = when.place(time_of(&observation).0);
            self.waiting.entry(place.div_euclid(SECOND_NS)).or_default().push((place, observation));
        }
        for content in batch.contents {
            self.contents_bytes += content.body.len();
            if self.contents_bytes <= CONTENTS_BYTES_MAX {
                self.contents.push(content);
            }
        }
        !self.stopped
    }

    /// Plays everything before `second`: the lines to come tell of nothing earlier.
    fn release(&mut self, second: i64) {
        while let Some(due) = self.waiting.first_entry().filter(|due| *due.key() < second && !self.stopped) {
            let observations = due.remove();
            self.step(observations);
        }
    }

    fn step(&mut self, observations: Vec<(i64, Observation)>) {
        let (at, joined) = join(observations);
        self.engine.apply(&joined);
        // What could not be read is told, and moves no clock.
        let observed = joined.iter().any(|observation| !matches!(observation, Observation::Gap(_)));
        if observed && at > self.last.0 {
            self.last = Timestamp(at);
            self.engine.tick(self.last);
            self.show();
        }
    }

    fn show(&mut self) {
        if let Some(show) = &mut self.on_tick {
            let mut snapshot = self.engine.snapshot();
            firstbad_playbooks::annotate(&mut snapshot.diagnosis);
            self.stopped = show(&snapshot).is_break();
        }
    }

    /// The verdict at the end, with what could not be read.
    pub(super) fn finish(mut self, broken: Vec<(String, u64)>) -> Offline {
        self.release(i64::MAX);
        let at = self.last;
        let gaps = broken.into_iter().map(|(sentence, count)| Gap { at, sentence: sentence.into(), count });
        let gaps: Vec<Observation> = gaps.map(Observation::Gap).collect();
        self.engine.apply(&gaps);
        let mut snapshot = self.engine.snapshot();
        if self.options.at.is_some() {
            snapshot.diagnosis = self.engine.ask();
        }
        firstbad_playbooks::annotate(&mut snapshot.diagnosis);
        Offline { diagnosis: snapshot.diagnosis.clone(), snapshot, contents: self.contents }
    }
}
