//! The frames of a replay, packed: a day of a large fleet stays within some tens of megabytes. Frames are added while the files
//! are still being read, and looked at meanwhile.

use crate::screen::runtime::Frames;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// Frames that a replay keeps; beyond it every second one is dropped, so that a day of data still fits in memory.
const FRAMES_MAX: usize = 720;
/// Packs about tenfold, at a millisecond for 1,678 hosts; higher levels gain little.
const COMPRESSION_LEVEL: i32 = 1;

/// One frame.
#[derive(Debug)]
struct Packed {
    at: Option<Timestamp>,
    bytes: Vec<u8>,
    unpacked_bytes: usize,
}

impl Packed {
    fn new(snapshot: &Snapshot) -> Option<Self> {
        // Neither fails: a snapshot is plain data, and memory is there.
        let plain = postcard::to_stdvec(snapshot).ok()?;
        let bytes = zstd::bulk::compress(&plain, COMPRESSION_LEVEL).ok()?;
        Some(Self { at: snapshot.at, bytes, unpacked_bytes: plain.len() })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let plain = zstd::bulk::decompress(&self.bytes, self.unpacked_bytes).ok()?;
        postcard::from_bytes(&plain).ok()
    }
}

/// Frames at even steps of time, few enough to keep.
#[derive(Debug)]
struct Thinned {
    frames: Vec<Packed>,
    step: usize,
    seen: usize,
}

/// The frames, shared by who reads the files and who looks at them.
#[derive(Clone, Debug)]
pub(crate) struct Film(Arc<Mutex<Thinned>>);

impl Default for Film {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Thinned { frames: Vec::new(), step: 1, seen: 0 })))
    }
}

impl Film {
    fn with<T>(&self, look: impl FnOnce(&mut Thinned) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds the frame of the next moment, which `snapshot` computes, unless it is one of those that are left out.
    pub(crate) fn push(&self, snapshot: impl FnOnce() -> Snapshot) {
        let wanted = self.with(|thinned| {
            thinned.seen += 1;
            (thinned.seen - 1).is_multiple_of(thinned.step)
        });
        let Some(packed) = wanted.then(snapshot).and_then(|snapshot| Packed::new(&snapshot)) else { return };
        self.with(|thinned| {
            thinned.frames.push(packed);
            if thinned.frames.len() > FRAMES_MAX {
                let mut index = 0;
                thinned.frames.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                thinned.step *= 2;
            }
        });
    }

    /// The last moment is always kept, whatever the step. It is what is known after everything was read.
    pub(crate) fn finish(&self, last: &Snapshot) {
        let Some(packed) = Packed::new(last) else { return };
        self.with(|thinned| {
            if thinned.frames.last().is_some_and(|frame| frame.at == last.at) {
                thinned.frames.pop();
            }
            thinned.frames.push(packed);
        });
    }
}

/// The frames of what a screen has seen live.
#[derive(Debug, Default)]
pub(crate) struct Seen(Film);

impl Frames for Seen {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn frame(&mut self, index: usize) -> Option<Arc<Snapshot>> {
        self.0.frame(index)
    }

    fn place_of(&self, at: Option<Timestamp>) -> usize {
        self.0.place_of(at)
    }

    fn note(&mut self, live: &Arc<Snapshot>) {
        self.0.push(|| Snapshot::clone(live));
    }
}

impl Frames for Film {
    fn count(&self) -> usize {
        self.with(|thinned| thinned.frames.len())
    }

    fn frame(&mut self, index: usize) -> Option<Arc<Snapshot>> {
        self.with(|thinned| thinned.frames.get(index).and_then(Packed::snapshot)).map(Arc::new)
    }

    fn place_of(&self, at: Option<Timestamp>) -> usize {
        self.with(|thinned| thinned.frames.partition_point(|frame| frame.at < at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use firstbad_protocol::time::SECOND_NS;

    fn at(second: i64) -> Snapshot {
        Snapshot { at: Some(Timestamp(second * SECOND_NS)), ..fixture::empty() }
    }

    #[test]
    fn a_long_replay_keeps_few_frames_at_even_steps_and_the_last_one() {
        let film = Film::default();
        let mut computed = 0;
        for second in 0..5_000 {
            film.push(|| {
                computed += 1;
                at(second)
            });
        }
        film.finish(&at(5_000));
        assert!(film.count() <= FRAMES_MAX + 1 && film.count() > FRAMES_MAX / 2, "{}", film.count());
        assert!(computed < 2_500, "frames that are left out are not computed: {computed}");
        let times: Vec<i64> =
            film.with(|all| all.frames.iter().filter_map(|frame| Some(frame.at?.0 / SECOND_NS)).collect());
        assert_eq!((times[0], times[1], times.last()), (0, 8, Some(&5_000)));
        assert_eq!(film.place_of(Some(Timestamp(16 * SECOND_NS))), 2);
    }

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let mut film = Film::default();
        let shown = [fixture::named(), fixture::recovering(), fixture::large(1_678)];
        shown.iter().for_each(|snapshot| film.push(|| snapshot.clone()));
        for (index, snapshot) in shown.iter().enumerate() {
            assert_eq!(film.frame(index).as_deref(), Some(snapshot));
        }
        assert_eq!(film.frame(shown.len()), None);
        let packed = film.with(|all| all.frames[2].bytes.len());
        assert!(packed < 20_000, "{packed} bytes: 700 such frames are to fit into 20 MB");
    }
}
