//! Going on where the last process ended: newest usable checkpoint, then the batches after it, so that an incident keeps
//! its id; the normaliser from its own saved state. What cannot be read is moved aside or rebuilt, and said so.

use crate::driver::Stepper;
use crate::settings::{Contents, Settings};
use crate::start_error::StartError;
use crate::store::{
    Ahead, Batch, BatchRange, Commit, Extent, Lost, SqliteReader, SqliteStore, Store, StoreError, StoreReader,
};
use crate::words::Words;
use crate::writer::Intake;
use firstbad_diagnosis::Engine;
use firstbad_protocol::time::{SECOND_NS, Timestamp};

/// Without a usable checkpoint, as after an upgrade, this much is replayed: enough for every baseline, at most a minute's
/// work.
const REPLAY_NS: i64 = 3600 * SECOND_NS;

/// What a collector goes on from.
pub(crate) struct Resumed {
    pub(crate) store: Box<dyn Store>,
    pub(crate) intake: Intake,
    pub(crate) stepper: Stepper,
    /// Last batch and its tick.
    pub(crate) last: (u64, Timestamp),
    pub(crate) notices: Vec<String>,
    /// Words of engineers until the last batch.
    pub(crate) words: Words,
}

/// Opens the store and finds the state again.
pub(crate) fn resume(settings: &Settings) -> Result<Resumed, StartError> {
    let now = settings.clock.now();
    let (mut store, mut notices) = SqliteStore::open(&settings.data_dir, now)?;
    match go_on(settings, &mut store, &mut notices) {
        Ok(State { intake, stepper, last, words }) => {
            Ok(Resumed { store: Box::new(store), intake, stepper, last, notices, words })
        }
        Err(error) if error.is_corrupt() => {
            let path = store.path().to_owned();
            drop(store);
            let (mut store, notice) = SqliteStore::start_over(&path, now, &error)?;
            notices.push(notice);
            let State { intake, stepper, last, words } = go_on(settings, &mut store, &mut notices)?;
            Ok(Resumed { store: Box::new(store), intake, stepper, last, notices, words })
        }
        Err(error) => Err(error.into()),
    }
}

/// What is found in a store.
struct State {
    intake: Intake,
    stepper: Stepper,
    last: (u64, Timestamp),
    words: Words,
}

fn go_on(settings: &Settings, store: &mut SqliteStore, notices: &mut Vec<String>) -> Result<State, StoreError> {
    let dimensions = &settings.engine.dimensions;
    let mut state = store.normaliser_state()?;
    let ahead = std::mem::take(&mut state.ahead);
    if let Some(Lost { requests, moved }) = &state.lost {
        notices.push(format!(
            "the journal was damaged and lacks {requests} requests; it is now {}. What they said is in the record, and each \
             series begins anew with its next point",
            moved.display()
        ));
    }
    let intake = Intake::resume(dimensions, state).unwrap_or_else(|error| {
        notices.push(format!("{error}: each series begins anew with its next point"));
        Intake::anew(dimensions)
    });
    let mut intake = intake.keeping_contents(settings.contents == Contents::Full);
    for commit in &ahead {
        put_back(store, &mut intake, commit)?;
    }
    store.flush()?;
    let reader = SqliteReader::open(&settings.data_dir)?;
    let Some(extent) = reader.extent()? else {
        let stepper = Stepper::new(Engine::new(settings.engine.clone()), 0);
        return Ok(State { intake, stepper, last: (0, Timestamp(i64::MIN)), words: Words::default() });
    };
    let (stepper, after) = start_from(settings, &reader, extent, notices)?;
    let words = reader.words()?;
    let mut stepper = stepper.knowing(Words::as_of(words.iter().cloned(), after));
    let range = BatchRange { after, last: extent.last };
    reader.batches(range, &mut |batch| {
        stepper.step(batch);
        true
    })?;
    let words = Words::as_of(words, extent.last);
    Ok(State { intake, stepper, last: (extent.last, extent.last_tick), words })
}

/// Makes a commit again that only the journal has, of the same requests. It has no words: a commit with words is on disk before
/// they are answered.
fn put_back(store: &mut SqliteStore, intake: &mut Intake, ahead: &Ahead) -> Result<(), StoreError> {
    let taken = intake.take_again(&ahead.requests);
    tracing::info!(batch = ahead.seq, requests = ahead.requests.len(), "a commit is made again from the journal");
    store.commit_again(&Commit {
        batch: &Batch { seq: ahead.seq, tick: ahead.tick, observations: taken.observations, words: Vec::new() },
        records: &taken.records,
        journal: &ahead.requests,
        contents: &taken.contents,
        normaliser: None,
    })
}

/// The engine of the newest checkpoint that restores; else a new one, an hour back.
fn start_from(
    settings: &Settings,
    reader: &SqliteReader,
    extent: Extent,
    notices: &mut Vec<String>,
) -> Result<(Stepper, u64), StoreError> {
    let mut refused = None;
    for checkpoint in reader.checkpoints()? {
        match Engine::restore(&checkpoint.engine) {
            Ok(engine) => return Ok((Stepper::new(engine, checkpoint.batch), checkpoint.batch)),
            Err(error) => refused = Some(error),
        }
    }
    if let Some(error) = refused {
        notices.push(format!("the engine's saved state cannot be used ({error}); the last hour was diagnosed again"));
    }
    let after = reader.batch_before(extent.last_tick - REPLAY_NS)?;
    Ok((Stepper::new(Engine::new(settings.engine.clone()), after), after))
}
