//! A capture on its way through the engine. Observations are applied in the order of their own times, and the engine ticks
//! once a second of those, so that a verdict does not depend on how a sender cut its reports into lines: what a line tells
//! of later than the next line begins with waits, and the parts of one report that came in several lines are one row.

use super::window::Before;
use super::{Moment, Offline, OnTick, Options};
use crate::capture::Stretch;
use crate::normalise::{Content, Normaliser, join, retimed, source_of, time_of};
use crate::otlp::Request;
use firstbad_diagnosis::observation::{Gap, Name, Observation, Source};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::limits::CONTENT_BYTES_MAX;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use std::collections::BTreeMap;

/// Contents kept of one capture, bytes.
const CONTENTS_BYTES_MAX: usize = 16 * CONTENT_BYTES_MAX;

/// Maximum number of clocks that a sentence names.
const CLOCKS_NAMED: usize = 3;

/// The blind spot of a capture without anything that is understood, which would otherwise look like a calm fleet.
const NOTHING: &str = "nothing was understood: it holds no requests, scores, loads or events that firstbad knows";

/// What the window holds.
#[derive(Clone, Copy, Debug, Default)]
struct Within {
    anything: bool,
    outcomes: bool,
}

impl Within {
    fn note(&mut self, observation: &Observation) {
        self.anything |= !matches!(observation, Observation::Gap(_));
        self.outcomes |= match observation {
            Observation::Row(row) => !(row.totals.is_empty() && row.views.is_empty() && row.scores.is_empty()),
            _ => false,
        };
    }
}

/// A capture on its way.
pub(super) struct Play<'a> {
    options: &'a Options,
    normaliser: Normaliser,
    engine: Engine,
    on_tick: Option<OnTick<'a>>,
    /// What waits, by the second in which it happened, with its place in the replay. Reports come every second or less
    /// often, so the engine judges at most once a second.
    waiting: BTreeMap<i64, Vec<(i64, Observation)>>,
    /// Hosts whose clocks are off, and the nanoseconds added to their times.
    clocks: BTreeMap<Name, i64>,
    /// What is known from before the window.
    before: Before,
    /// Whether the window holds anything, and whether it holds requests or scores.
    within: Within,
    contents: Vec<Content>,
    contents_bytes: usize,
    last: Timestamp,
    stopped: bool,
    /// Lines taken, and lines in all.
    taken: usize,
    lines: usize,
}

impl<'a> Play<'a> {
    pub(super) fn new(options: &'a Options, on_tick: Option<OnTick<'a>>, lines: usize) -> Self {
        let mut normaliser = Normaliser::new(&options.dimensions);
        if let Some(at) = options.horizon() {
            normaliser.read_until(at);
        }
        let settings = Settings { dimensions: options.dimensions.clone(), ..Settings::default() };
        Self {
            options,
            normaliser,
            engine: Engine::new(settings),
            on_tick,
            waiting: BTreeMap::new(),
            clocks: BTreeMap::new(),
            before: Before::default(),
            within: Within::default(),
            contents: Vec::new(),
            contents_bytes: 0,
            last: Timestamp::default(),
            stopped: false,
            taken: 0,
            lines,
        }
    }

    /// Takes one line's request. False: nothing more is wanted.
    pub(super) fn take(&mut self, when: Stretch, request: &Request<'_>) -> bool {
        self.release(when.first.div_euclid(SECOND_NS));
        self.taken += 1;
        let batch = match request {
            Request::Metrics(metrics) => self.normaliser.metrics(metrics),
            Request::Logs(logs) => self.normaliser.logs(logs),
            Request::Traces(traces) => self.normaliser.traces(traces),
            Request::Other => return !self.stopped,
        };
        for observation in batch.observations {
            let observation = self.set_right(observation, when.clock);
            let place = when.place(time_of(&observation).0.saturating_sub(when.clock));
            self.wait(place, observation);
        }
        for content in batch.contents {
            self.contents_bytes += content.body.len();
            if self.contents_bytes <= CONTENTS_BYTES_MAX {
                self.contents.push(content);
            }
        }
        !self.stopped
    }

    /// Keeps an observation until its second is played, or notes the versions in it if it lies before the window.
    fn wait(&mut self, place: i64, observation: Observation) {
        let at = Timestamp(place);
        if self.options.window.begins_after(at) {
            if let Some(publication) = self.before.take(at, observation) {
                self.engine.apply(&[publication]);
            }
            return;
        }
        self.within.note(&observation);
        let carried = source_of(&observation).map(|source| self.before.told_of(source, time_of(&observation)));
        let second = self.waiting.entry(place.div_euclid(SECOND_NS)).or_default();
        second.extend(carried.into_iter().flatten().map(|load| (place, load)));
        second.push((place, observation));
    }

    /// An observation with the corrected time, if its sender's clock is off.
    fn set_right(&mut self, observation: Observation, by: i64) -> Observation {
        if by == 0 {
            return observation;
        }
        if let Some(Source::Instance { host, .. }) = source_of(&observation) {
            self.clocks.insert(Name::clone(host), by);
        }
        retimed(observation, by)
    }

    /// The blind spot that names the corrected clocks, if there were any.
    fn clocks_off(&self) -> Option<String> {
        let told = |(host, by): (&Name, &i64)| {
            let seconds = by.abs() / SECOND_NS;
            format!("the clock of {host} is {seconds} s {}", if *by < 0 { "ahead" } else { "behind" })
        };
        let named: Vec<String> = self.clocks.iter().take(CLOCKS_NAMED).map(told).collect();
        let more = if self.clocks.len() > CLOCKS_NAMED { ", ..".to_owned() } else { String::new() };
        (!named.is_empty()).then(|| format!("{}{more}: what it timed was set right", named.join(", ")))
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
        let engine = &self.engine;
        let snapshot = || {
            let mut snapshot = engine.snapshot();
            firstbad_playbooks::annotate(&mut snapshot.diagnosis);
            snapshot
        };
        if let Some(show) = &mut self.on_tick {
            self.stopped = show(&Moment::new(&snapshot, &|| engine.diagnosis(), self.taken, self.lines)).is_break();
        }
    }

    /// The verdict at the end, with what could not be read; none if a window was asked for and holds nothing.
    ///
    /// # Errors
    /// The latest time before the window, if anything was before it.
    pub(super) fn finish(mut self, broken: Vec<(String, u64)>) -> Result<Offline, Option<Timestamp>> {
        self.release(i64::MAX);
        let at = self.last;
        let windowed = self.options.window.is_given();
        if windowed && !self.within.anything {
            return Err(self.before.latest);
        }
        let mut understanding = self.normaliser.understanding();
        if windowed && !self.within.outcomes {
            understanding.outcomes = 0;
        }
        let nothing = (understanding.anything == 0).then(|| NOTHING.to_owned());
        let once = nothing.into_iter().chain(self.clocks_off()).map(|sentence| (sentence, 1));
        let broken = broken.into_iter().chain(once);
        let gaps = broken.map(|(sentence, count)| Gap { at, sentence: sentence.into(), count });
        let gaps: Vec<Observation> =
            gaps.chain(self.normaliser.report_not_understood(at)).map(Observation::Gap).collect();
        self.engine.apply(&gaps);
        let mut snapshot = self.engine.snapshot();
        if self.options.at.is_some() {
            snapshot.diagnosis = self.engine.ask();
        }
        firstbad_playbooks::annotate(&mut snapshot.diagnosis);
        Ok(Offline {
            diagnosis: snapshot.diagnosis.clone(),
            snapshot,
            contents: self.contents,
            understanding: Some(understanding),
        })
    }
}
