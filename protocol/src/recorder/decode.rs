//! The validating decoder: two copies of a recorder in, a typed image out. It never panics and its work is bounded,
//! whatever the bytes are. What cannot be believed is left out and counted; only a file that is no recorder is an error.

use super::cells::Cells;
use super::image::{
    ConfigImage, Counts, Dropped, LoadCount, Outcomes, PanicPair, RecorderImage, ScoreDeclaration, SiteImage, State,
    VersionImage,
};
use super::layout::{self, cell, config, header, key, site, state, version};
use super::rings;
use super::words::Words;
use crate::content::Format;
use crate::load::LoadResult;
use std::fmt;

/// Why bytes are no recorder that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end before the tables do, at `offset`.
    Truncated {
        /// Bytes there are.
        offset: usize,
        /// Bytes the tables need.
        needed: usize,
    },
    /// More bytes than any recorder has.
    TooLarge {
        /// Bytes there are.
        bytes: usize,
    },
    /// The first bytes are not a recorder's.
    NotARecorder,
    /// A recorder of another layout or byte order.
    ForeignLayout {
        /// The version word at offset 8, as read.
        version: u64,
    },
    /// The process had not finished setting it up.
    NotReady,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset, needed } => {
                write!(f, "it ends at offset {offset}, its tables need {needed} bytes")
            }
            Self::TooLarge { bytes } => {
                write!(f, "{bytes} bytes are more than the {} of any recorder", layout::WORDS_READ_MAX * 8)
            }
            Self::NotARecorder => f.write_str("offset 0 does not hold a recorder's mark"),
            Self::ForeignLayout { version } => write!(
                f,
                "layout word {version:#x} at offset 8 is not layout {} or {} in this byte order: read it with the \
                 firstbad that belongs to the proxy's firstbad-instrument",
                layout::VERSIONS_READ.start(),
                layout::VERSIONS_READ.end()
            ),
            Self::NotReady => f.write_str("its process has not finished setting it up"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes a recorder from two copies, `tables` taken before `lanes`. While a slot is being moved from a lane into a
/// version's block, the lane is cleared first: in this order of reading a count can be missed for a moment, never
/// doubled. Of a dead recorder one copy serves as both.
///
/// # Errors
/// When the bytes are no recorder of a layout that this program knows.
pub fn decode(tables: &[u8], lanes: &[u8]) -> Result<RecorderImage, DecodeError> {
    let (tables, lanes) = (Words(tables), Words(lanes));
    let cells = Cells::of(check(tables)?);
    check(lanes)?;
    let configs = read_configs(tables);
    let mut damaged = 0;
    let mut sums = Sums::from_blocks(tables, &configs, &mut damaged);
    let totals = outcomes(&sums.add_lanes(tables, lanes, &configs), cells);
    let versions = read_versions(tables, &configs, sums, cells);
    let (events, panic_texts, torn) = rings::read(tables);
    let at = |place| tables.at(place);
    Ok(RecorderImage {
        boot: u128::from(at(header::BOOT)) << 64 | u128::from(at(header::BOOT + 1)),
        pid: u32::try_from(at(header::PID)).unwrap_or(0),
        process_start: at(header::PROCESS_START),
        started_ns: at(header::STARTED),
        state: match at(header::STATE) {
            state::STARTING => State::Starting,
            state::CLEAN => State::Clean(at(header::EXITED)),
            _ => State::Running,
        },
        signal: rings::signal(at(header::SIGNAL)),
        asked: rings::signal(at(header::ASKED)),
        exit_status: layout::exit::status(at(header::EXIT_STATUS)),
        exited_ns: Some(at(header::EXITED)).filter(|time| *time != 0),
        resource: read_resource(tables),
        totals,
        configs: configs.into_iter().map(|known| known.image).collect(),
        versions,
        panics: at(header::PANICS),
        sites: read_sites(tables),
        panic_pairs: read_pairs(tables),
        events,
        event_head: at(header::EVENT_HEAD),
        panic_texts,
        panic_head: at(header::PANIC_HEAD),
        dropped: read_dropped(tables),
        hook_held_back: at(header::HOOK_HELD_BACK),
        build_id: tables.bytes(header::BUILD_ID, 32).to_vec(),
        load_bias: at(header::LOAD_BIAS),
        torn,
        damaged,
    })
}

/// Whether a slot was moved between two copies of a recorder: then [`discard_moved`] is due.
#[must_use]
pub fn moved_between(before: &[u8], after: &[u8]) -> bool {
    let (before, after) = (Words(before).at(header::SPILL_SEQUENCE), Words(after).at(header::SPILL_SEQUENCE));
    before != after || before & 1 == 1
}

/// Leaves out of `lanes` every slot that has another key in `before` or `after`, copies taken earlier and later: its key may
/// have been copied on one side of a move and its counts on the other, and they would count under the wrong version. They are
/// in the next copy.
pub fn discard_moved(before: &[u8], lanes: &mut [u8], after: &[u8]) {
    let mut moved = Vec::new();
    let (before, copy, after) = (Words(before), Words(lanes), Words(after));
    let count = usize::try_from(copy.at(header::LANES)).unwrap_or(usize::MAX).min(layout::LANES_MAX);
    for index in 0..count {
        let entry = copy.at(layout::DIRECTORY + index) & !layout::LANE_FREE;
        let offset = usize::try_from(entry & 0xffff_ffff).unwrap_or(usize::MAX);
        if entry >> layout::LANE_NUMBER_SHIFT == 0 || offset < layout::DATA {
            continue;
        }
        let slots = (0..layout::SLOTS).map(|slot| offset.saturating_add(slot * layout::SLOT_WORDS + cell::KEY));
        moved.extend(slots.filter(|place| {
            let key = copy.at(*place);
            key != before.at(*place) || key != after.at(*place)
        }));
    }
    for place in moved {
        let start = place.saturating_mul(8);
        if let Some(key) = lanes.get_mut(start..start.saturating_add(8)) {
            key.fill(0);
        }
    }
}

/// The layout version of a recorder that can be read.
fn check(words: Words<'_>) -> Result<u32, DecodeError> {
    let bytes = words.0.len();
    let version = check_version(words)?;
    if words.len() < layout::DATA {
        return Err(DecodeError::Truncated { offset: bytes, needed: layout::DATA * 8 });
    }
    if words.len() > layout::WORDS_READ_MAX {
        return Err(DecodeError::TooLarge { bytes });
    }
    Ok(version)
}

/// The layout version, if it is one that is read.
pub(super) fn check_version(words: Words<'_>) -> Result<u32, DecodeError> {
    if words.0.get(..8).is_none_or(|magic| magic != layout::MAGIC) {
        return Err(DecodeError::NotARecorder);
    }
    let found = words.at(header::VERSION);
    if found == 0 {
        return Err(DecodeError::NotReady);
    }
    let version = u32::try_from(found & u64::from(u32::MAX)).unwrap_or(0);
    if found >> 32 != u64::from(layout::ENDIANNESS) || !layout::VERSIONS_READ.contains(&version) {
        return Err(DecodeError::ForeignLayout { version: found });
    }
    Ok(version)
}

/// A config and where its lanes are.
struct KnownConfig {
    image: ConfigImage,
    lane: usize,
    lane_count: usize,
}

fn read_configs(words: Words<'_>) -> Vec<KnownConfig> {
    let entry = |place: usize| {
        let entry = words.part(layout::CONFIGS + place * layout::CONFIG_WORDS, layout::CONFIG_WORDS)?;
        let name = entry.some_text(config::NAME, config::NAME_BYTES_MAX)?;
        let active = entry.at(config::ACTIVE);
        let image = ConfigImage {
            place,
            name,
            active: (active != 0).then(|| version_entry(words, key::place(active))).flatten().and_then(|entry| {
                Some(entry.at(version::UID)).filter(|uid| *uid != 0 && entry.at(version::CONFIG) == place as u64)
            }),
            loading: (entry.at(config::LOADING) == 1).then(|| entry.hash(config::LOADING_HASH)).flatten(),
            last_load_refused: entry.at(config::REFUSED) == 1,
            unreadable: (entry.at(config::UNREADABLE), entry.at(config::UNREADABLE + 1)),
            limits: read_limits(entry),
            scores: read_scores(entry),
        };
        let lane = usize::try_from(entry.at(config::LANE)).unwrap_or(0).min(layout::LANE_NUMBERS);
        let lane_count = usize::try_from(entry.at(config::LANE_COUNT)).unwrap_or(0).min(config::SCORES_MAX);
        Some(KnownConfig { image, lane, lane_count })
    };
    (0..layout::CONFIGS_MAX).filter_map(entry).collect()
}

fn read_limits(entry: Words<'_>) -> Vec<(String, u64)> {
    let limit = |index: usize| {
        let place = config::LIMITS + index * config::LIMIT_WORDS;
        let name = entry.some_text(place, config::LIMIT_NAME_BYTES_MAX)?;
        Some((name, entry.at(place + config::LIMIT_WORDS - 1)))
    };
    (0..config::LIMITS_MAX).map_while(limit).collect()
}

fn read_scores(entry: Words<'_>) -> Vec<ScoreDeclaration> {
    let score = |index: usize| {
        let place = config::SCORES + index * config::SCORE_WORDS;
        let name = entry.some_text(place, config::SCORE_NAME_BYTES_MAX)?;
        let number = |offset| f64::from_bits(entry.at(place + offset));
        let (least, greatest) = (number(9), number(10));
        (least.is_finite() && greatest.is_finite() && least <= greatest).then(|| ScoreDeclaration {
            name,
            least,
            greatest,
            sentinel: Some(number(11)).filter(|value| value.is_finite()),
            scaled: entry.at(place + 12) == 1,
        })
    };
    (0..config::SCORES_MAX).map_while(score).collect()
}

fn version_entry(words: Words<'_>, place: usize) -> Option<Words<'_>> {
    if place >= layout::VERSIONS_MAX {
        return None;
    }
    words.part(layout::VERSIONS + place * layout::VERSION_WORDS, layout::VERSION_WORDS)
}

/// The two copies of one recorder.
#[derive(Clone, Copy)]
struct Copies<'a> {
    /// Taken first: for versions, their blocks and the journal.
    tables: Words<'a>,
    /// Taken second: for slots, and for versions once more.
    lanes: Words<'a>,
}

/// Which slot of which lane.
#[derive(Clone, Copy)]
struct SlotPlace {
    /// Number of the lane, over all configs.
    lane: usize,
    /// Offset of the slot in words from the start of the recorder.
    offset: usize,
}

/// Cells of every version's lanes, summed over blocks and slots.
struct Sums(Vec<[Vec<u64>; config::SCORES_MAX]>);

impl Sums {
    /// What was moved to, or counted directly in, the versions' own blocks.
    fn from_blocks(words: Words<'_>, configs: &[KnownConfig], damaged: &mut u64) -> Self {
        let mut sums = Self((0..layout::VERSIONS_MAX).map(|_| Default::default()).collect());
        for (place, lanes) in sums.0.iter_mut().enumerate() {
            let Some(entry) = version_entry(words, place).filter(|entry| entry.at(version::UID) != 0) else { continue };
            let known = configs.iter().find(|known| known.image.place as u64 == entry.at(version::CONFIG));
            let lane_count = known.map_or(0, |known| known.lane_count);
            for (index, cells) in lanes.iter_mut().enumerate().take(lane_count) {
                *cells = vec![0; layout::SLOT_WORDS];
                let offset = usize::try_from(entry.at(version::BLOCKS + index)).unwrap_or(usize::MAX);
                let block = words.part(offset, layout::SLOT_WORDS).filter(|_| offset >= layout::DATA);
                let Some(block) = block else {
                    *damaged += u64::from(offset != 0);
                    continue;
                };
                let journal = journal(words, place, index, entry.at(version::BORN));
                for (number, sum) in cells.iter_mut().enumerate() {
                    *sum = block.at(number).max(journal.map_or(0, |journal| journal.at(number)));
                }
            }
        }
        sums
    }

    /// Adds the counts in the slots of threads. Returns the cells of the totals.
    fn add_lanes(&mut self, tables: Words<'_>, lanes: Words<'_>, configs: &[KnownConfig]) -> [u64; cell::BUCKETS] {
        let mut totals = [0_u64; cell::BUCKETS];
        let count = usize::try_from(lanes.at(header::LANES)).unwrap_or(usize::MAX).min(layout::LANES_MAX);
        for index in 0..count {
            let entry = lanes.at(layout::DIRECTORY + index) & !layout::LANE_FREE;
            let offset = usize::try_from(entry & 0xffff_ffff).unwrap_or(usize::MAX);
            let number = usize::try_from(entry >> layout::LANE_NUMBER_SHIFT).unwrap_or(usize::MAX);
            if offset < layout::DATA {
                continue;
            }
            if number == 0 {
                add(&mut totals, lanes.part(offset, cell::BUCKETS));
                continue;
            }
            for slot in 0..layout::SLOTS {
                let place = SlotPlace { lane: number, offset: offset + slot * layout::SLOT_WORDS };
                self.add_slot(Copies { tables, lanes }, place, configs);
            }
        }
        totals
    }

    fn add_slot(&mut self, copies: Copies<'_>, place: SlotPlace, configs: &[KnownConfig]) {
        let Copies { tables, lanes } = copies;
        let Some(slot) = lanes.part(place.offset, layout::SLOT_WORDS) else { return };
        let found = slot.at(cell::KEY);
        let moving = tables.at(header::JOURNAL_KEY) == found && tables.at(header::JOURNAL_SLOT) == place.offset as u64;
        if found == 0 || moving {
            return;
        }
        let (Some(before), Some(after)) =
            (version_entry(tables, key::place(found)), version_entry(lanes, key::place(found)))
        else {
            return;
        };
        // A place that went to another version between the two copies belongs to neither here.
        let same = before.at(version::UID) == after.at(version::UID) && before.at(version::UID) != 0;
        if !same || before.at(version::BORN) > key::epoch(found) {
            return;
        }
        let known = configs.iter().find(|known| known.image.place as u64 == before.at(version::CONFIG));
        let index = known.and_then(|known| place.lane.checked_sub(known.lane));
        let cells = self.0.get_mut(key::place(found)).zip(index).and_then(|(lanes, index)| lanes.get_mut(index));
        if let Some(cells) = cells {
            add(cells, Some(slot));
        }
    }
}

/// Target values of a move that was under way into lane `index` of the version at `place`.
fn journal(words: Words<'_>, place: usize, index: usize, born: u64) -> Option<Words<'_>> {
    let found = words.at(header::JOURNAL_KEY);
    let here = found != 0 && key::place(found) == place && words.at(header::JOURNAL_LANE) == index as u64;
    if here && born <= key::epoch(found) { words.part(layout::JOURNAL, layout::SLOT_WORDS) } else { None }
}

fn add(cells: &mut [u64], slot: Option<Words<'_>>) {
    let Some(slot) = slot else { return };
    for (number, sum) in cells.iter_mut().enumerate().skip(1) {
        *sum = sum.wrapping_add(slot.at(number));
    }
}

fn outcomes(counts: &[u64], cells: Cells) -> Outcomes {
    let at = |index| counts.get(index).copied().unwrap_or(0);
    Outcomes { ok: at(cell::OK), denied: cells.denied.map_or(0, at), error: at(cells.error), panic: at(cells.panic) }
}

fn scores(counts: &[u64], cells: Cells) -> Counts {
    let at = |index: usize| counts.get(index).copied().unwrap_or(0);
    Counts {
        buckets: (0..cell::BUCKET_COUNT).map(|bucket| at(cells.buckets + bucket)).collect(),
        above: at(cells.above),
        below: at(cells.above + 1),
        nan: at(cells.above + 2),
    }
}

fn read_versions(words: Words<'_>, configs: &[KnownConfig], sums: Sums, cells: Cells) -> Vec<VersionImage> {
    let read = |(place, lanes): (usize, [Vec<u64>; config::SCORES_MAX])| {
        let entry = version_entry(words, place)?;
        let uid = Some(entry.at(version::UID)).filter(|uid| *uid != 0)?;
        let known = configs.iter().find(|known| known.image.place as u64 == entry.at(version::CONFIG))?;
        let observed = entry.at(version::OBSERVED_MASK);
        let time = |word| Some(entry.at(word)).filter(|time| *time != 0);
        Some(VersionImage {
            uid,
            config: known.image.place,
            hash: if entry.at(version::OTHER) == 0 { entry.hash(version::HASH) } else { None },
            facts: entry.facts(version::FACTS),
            label: entry.some_text(version::LABEL, version::TEXT_BYTES_MAX),
            source: entry.some_text(version::SOURCE, version::TEXT_BYTES_MAX),
            format: usize::try_from(entry.at(version::FORMAT))
                .ok()
                .and_then(|code| Format::ALL.get(code.checked_sub(1)?).copied()),
            first_applied_ns: time(version::FIRST_APPLIED),
            last_applied_ns: time(version::LAST_APPLIED),
            first_failed_ns: time(version::FIRST_FAILED),
            loads: read_loads(entry),
            observed: (0..known.image.limits.len())
                .map(|index| (observed >> index & 1 == 1).then(|| entry.at(version::OBSERVED + index)))
                .collect(),
            outcomes: lanes.first().map(|counts| outcomes(counts, cells)).unwrap_or_default(),
            scores: lanes.iter().take(known.image.scores.len()).map(|counts| scores(counts, cells)).collect(),
        })
    };
    sums.0.into_iter().enumerate().filter_map(read).collect()
}

fn read_loads(entry: Words<'_>) -> Vec<LoadCount> {
    let refused = layout::REASONS.into_iter().enumerate().flat_map(|(index, reason)| {
        [(LoadResult::KeptLastGood, 2 * index), (LoadResult::Rejected, 2 * index + 1)]
            .map(|(result, offset)| (result, Some(reason), version::LOADS + 2 + offset))
    });
    [(LoadResult::Applied, None, version::LOADS), (LoadResult::Unchanged, None, version::LOADS + 1)]
        .into_iter()
        .chain(refused)
        .map(|(result, reason, word)| LoadCount { result, reason, count: entry.at(word) })
        .filter(|load| load.count != 0)
        .collect()
}

pub(super) fn read_resource(words: Words<'_>) -> Vec<(String, String)> {
    let text = words.text(header::RESOURCE, header::RESOURCE_BYTES_MAX);
    let mut parts = text.split('\0');
    let mut attributes = Vec::new();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        attributes.push((key.to_owned(), value.to_owned()));
    }
    attributes.truncate(crate::limits::ATTRIBUTES_MAX);
    attributes
}

fn read_sites(words: Words<'_>) -> Vec<SiteImage> {
    let read = |place: usize| {
        let entry = words.part(layout::SITES + place * layout::SITE_WORDS, layout::SITE_WORDS)?;
        if entry.at(site::READY) != 1 {
            return None;
        }
        let frames = usize::try_from(entry.at(site::FRAMES)).unwrap_or(0).min(site::FRAMES_MAX);
        Some(SiteImage {
            place,
            file: entry.text(site::FILE, site::FILE_BYTES_MAX),
            line: u32::try_from(entry.at(site::LINE)).unwrap_or(0),
            column: u32::try_from(entry.at(site::COLUMN)).unwrap_or(0),
            count: entry.at(site::COUNT),
            frames: (0..frames).map(|frame| entry.at(site::FRAMES + 1 + frame)).collect(),
        })
    };
    (0..layout::SITES_MAX).filter_map(read).collect()
}

fn read_pairs(words: Words<'_>) -> Vec<PanicPair> {
    let read = |index: usize| {
        let found = words.at(layout::PAIRS + 2 * index);
        let site = usize::try_from(found >> layout::PAIR_SITE_SHIFT).ok()?.checked_sub(1)?;
        let uid = found & ((1 << layout::PAIR_SITE_SHIFT) - 1);
        Some(PanicPair { site, uid, count: words.at(layout::PAIRS + 2 * index + 1) })
    };
    (0..layout::PAIRS_MAX).filter_map(read).collect()
}

fn read_dropped(words: Words<'_>) -> Vec<Dropped> {
    let read = |(index, reason)| Dropped { reason, count: words.at(header::DROPPED + index) };
    layout::DROPPED.into_iter().enumerate().map(read).filter(|dropped| dropped.count != 0).collect()
}
