//! The recorder's tables of configs and versions: finding, entering, activating, counting loads. Under the lock.

use crate::cells::{add, clear, get, get_bytes, get_hash, now_ns, set, set_bytes, set_hash};
use crate::config::Config;
use crate::events::{LoadEvent, write_load};
use crate::findings::ContentSize;
use crate::mask;
use crate::raw::Words;
use crate::recorder::{self, Cold, clear_blocks, held_places, lock, take_block};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::layout::{self, config, dropped, facts, header, key, version};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize, fence};

/// Lane number that no config has: what is recorded through it is counted as dropped.
const NO_LANE: u64 = 0xff;

/// What is known of a version that is being loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) hash: Option<Hash>,
    /// As `layout::facts` lays them out.
    pub(crate) facts: [u64; facts::WORDS],
    /// Values for the config's limits, by place.
    pub(crate) observed: [Option<u64>; config::LIMITS_MAX],
    pub(crate) label: String,
    pub(crate) source: String,
    pub(crate) revision: String,
    /// Code of the format; 0: unknown.
    pub(crate) format: u64,
}

/// What became of a load.
pub(crate) struct Loaded {
    /// Key of the version that serves now.
    pub(crate) key: u64,
    pub(crate) result: LoadResult,
    pub(crate) previous: Option<Hash>,
}

/// Configs entered so far, so that the panic hook looks at no more.
static CONFIGS_ENTERED: AtomicUsize = AtomicUsize::new(0);

const fn config_entry(place: usize) -> usize {
    layout::CONFIGS + place * layout::CONFIG_WORDS
}

const fn version_entry(place: usize) -> usize {
    layout::VERSIONS + place * layout::VERSION_WORDS
}

/// Place of the config's entry, made at its first use; none if the recorder has no memory or no room for it.
pub(crate) fn place_of(declared: &Config) -> Option<(Words, usize)> {
    let words = recorder::words_or_reserve(layout::WORDS_MAX * 8).ok()?;
    let known = declared.place.load(Acquire);
    if known != 0 {
        return Some((words, known as usize - 1));
    }
    let mut cold = lock();
    let name = declared.name.as_bytes();
    let name = name.get(..config::NAME_BYTES_MAX).unwrap_or(name);
    for place in 0..layout::CONFIGS_MAX {
        let entry = config_entry(place);
        let held = get_bytes(words, entry + config::NAME, config::NAME_BYTES_MAX);
        if held.is_empty() {
            enter_config(words, &mut cold, place, declared);
            set_bytes(words, entry + config::NAME, name, config::NAME_BYTES_MAX);
        } else if held != name {
            continue;
        }
        enter_scores(words, entry, declared);
        if let Some(active) = words.get(entry + config::ACTIVE) {
            let _ = declared.active.set(active);
        }
        CONFIGS_ENTERED.fetch_max(place + 1, Release);
        declared.place.store(place as u32 + 1, Release);
        return Some((words, place));
    }
    drop(cold);
    add(words, header::DROPPED + dropped::CONFIGS, 1);
    tell_of_full_table(&declared.name);
    None
}

/// Says once for the process that a config found no place.
fn tell_of_full_table(name: &str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Relaxed) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "firstbad: {}", not_recorded(name));
    }
}

/// That a config found no place, as a sentence.
pub(crate) fn not_recorded(name: &str) -> String {
    format!("config {name:?} is not recorded: this process has {} configs, and no more fit", layout::CONFIGS_MAX)
}

fn enter_config(words: Words, cold: &mut Cold, place: usize, declared: &Config) {
    let entry = config_entry(place);
    clear(words, entry, layout::CONFIG_WORDS);
    for (index, (name, value)) in declared.limits.iter().enumerate().take_while(|(_, limit)| !limit.0.is_empty()) {
        let limit = entry + config::LIMITS + index * config::LIMIT_WORDS;
        set_bytes(words, limit, name.as_bytes(), config::LIMIT_NAME_BYTES_MAX);
        set(words, limit + config::LIMIT_WORDS - 1, *value);
    }
    for (index, score) in declared.scores.iter().flatten().enumerate() {
        let at = entry + config::SCORES + index * config::SCORE_WORDS;
        set_bytes(words, at, score.name.as_bytes(), config::SCORE_NAME_BYTES_MAX);
        set(words, at + 9, score.range.0.to_bits());
        set(words, at + 10, score.range.1.to_bits());
        set(words, at + 11, score.sentinel.unwrap_or(f64::NAN).to_bits());
        set(words, at + 12, u64::from(score.scaled));
    }
    let lanes = declared.scores.iter().flatten().count().max(1);
    let first = (0..place).map(config_entry).map(|other| {
        if get(words, other + config::LANE) == NO_LANE {
            0
        } else {
            get(words, other + config::LANE) + get(words, other + config::LANE_COUNT)
        }
    });
    let first = first.max().unwrap_or(0).max(1);
    let fits = first + lanes as u64 <= layout::LANE_NUMBERS as u64;
    if !fits {
        add(words, header::DROPPED + dropped::CONFIGS, 1);
    }
    set(words, entry + config::LANE, if fits { first } else { NO_LANE });
    set(words, entry + config::LANE_COUNT, lanes as u64);
    // The entry for versions that find no entry of their own.
    let _ = enter_version(words, cold, place, None);
}

/// Tells each declared score its lane: by place, or by name where another static declared the config first.
fn enter_scores(words: Words, entry: usize, declared: &Config) {
    for score in declared.scores.iter().flatten() {
        for index in 0..config::SCORES_MAX {
            let at = entry + config::SCORES + index * config::SCORE_WORDS;
            if get_bytes(words, at, config::SCORE_NAME_BYTES_MAX) == score.name.as_bytes() {
                let lane = get(words, entry + config::LANE) + index as u64;
                score.add_lane(u32::try_from(lane).unwrap_or(0));
            }
        }
    }
}

/// Place of the version's entry; of the entry for all others, if the table is full.
fn version_place(words: Words, cold: &mut Cold, place: usize, offer: &Offer) -> Option<usize> {
    let hash = offer.hash?;
    let of_config = |at: usize| {
        let entry = version_entry(at);
        get(words, entry + version::UID) != 0 && get(words, entry + version::CONFIG) == place as u64
    };
    let other = |at: usize| get(words, version_entry(at) + version::OTHER) == 1;
    let known = (0..layout::VERSIONS_MAX)
        .find(|at| of_config(*at) && !other(*at) && get_hash(words, version_entry(*at) + version::HASH) == hash);
    let found = known
        .or_else(|| enter_version(words, cold, place, Some(hash)))
        .or_else(|| (0..layout::VERSIONS_MAX).find(|at| of_config(*at) && other(*at)))?;
    let entry = version_entry(found);
    // What is known of a version is not forgotten when it comes back by its hash alone.
    let tells_more = known.is_none() || offer.facts.first().is_some_and(|mask| *mask != 0);
    if !other(found) && tells_more {
        for (index, word) in offer.facts.iter().enumerate() {
            set(words, entry + version::FACTS + index, *word);
        }
        for (place, text) in [(version::LABEL, &offer.label), (version::SOURCE, &offer.source)] {
            set_bytes(words, entry + place, mask::message(text).as_bytes(), version::TEXT_BYTES_MAX);
        }
        set(words, entry + version::FORMAT, offer.format);
        let mut mask = 0;
        for (index, value) in offer.observed.iter().enumerate() {
            mask |= u64::from(value.is_some()) << index;
            set(words, entry + version::OBSERVED + index, value.unwrap_or(0));
        }
        set(words, entry + version::OBSERVED_MASK, mask);
    }
    Some(found)
}

/// Takes a free entry, else the one that has been out of use longest and of which no lane holds counts.
fn enter_version(words: Words, cold: &mut Cold, place: usize, hash: Option<Hash>) -> Option<usize> {
    let uid_at = |at: usize| get(words, version_entry(at) + version::UID);
    let at = (0..layout::VERSIONS_MAX).find(|at| uid_at(*at) == 0).or_else(|| victim(words))?;
    let entry = version_entry(at);
    cold.uid += 1;
    // A reader must not see the new version with the old one's counts, nor the other way round.
    set(words, entry + version::UID, 0);
    fence(Release);
    clear_blocks(words, entry);
    clear(words, entry + version::BORN, version::BLOCKS - version::BORN);
    clear(words, entry + version::OBSERVED_MASK, layout::VERSION_WORDS - version::OBSERVED_MASK);
    for index in 0..usize::try_from(get(words, config_entry(place) + config::LANE_COUNT)).unwrap_or(0) {
        if index < config::SCORES_MAX && get(words, entry + version::BLOCKS + index) == 0 {
            set(words, entry + version::BLOCKS + index, take_block(words, cold) as u64);
        }
    }
    set(words, entry + version::BORN, cold.epoch + 1);
    set(words, entry + version::CONFIG, place as u64);
    match hash {
        Some(hash) => set_hash(words, entry + version::HASH, hash),
        None => set(words, entry + version::OTHER, 1),
    }
    fence(Release);
    set(words, entry + version::UID, cold.uid);
    Some(at)
}

fn victim(words: Words) -> Option<usize> {
    let held = held_places(words);
    let is_active = |at: usize| {
        (0..layout::CONFIGS_MAX).any(|place| {
            let active = get(words, config_entry(place) + config::ACTIVE);
            active != 0 && key::place(active) == at
        })
    };
    (0..layout::VERSIONS_MAX)
        .filter(|at| get(words, version_entry(*at) + version::OTHER) == 0 && !is_active(*at) && !held.contains(at))
        .min_by_key(|at| get(words, version_entry(*at) + version::LAST_APPLIED))
}

/// Size and rows of the version that serves.
pub(crate) fn active_size(declared: &Config) -> ContentSize {
    let Some((words, place)) = place_of(declared) else { return ContentSize::default() };
    let active = get(words, config_entry(place) + config::ACTIVE);
    if active == 0 || key::place(active) >= layout::VERSIONS_MAX {
        return ContentSize::default();
    }
    let entry = version_entry(key::place(active)) + version::FACTS;
    let fact = |index: usize| {
        (get(words, entry + facts::MASK) >> index & 1 == 1).then(|| get(words, entry + facts::NUMBERS + index))
    };
    ContentSize { bytes: fact(0), rows: fact(1) }
}

/// Writes that a load is under way, before anything is parsed: a process that dies in its parser is named by it.
pub(crate) fn begin(declared: &Config, offer: &Offer) -> Option<Hash> {
    let (words, place) = place_of(declared)?;
    recorder::reopen_after_fork();
    let cold = lock();
    let entry = config_entry(place);
    let previous = active_hash(words, entry);
    if let Some(hash) = offer.hash {
        set_hash(words, entry + config::LOADING_HASH, hash);
        fence(Release);
        set(words, entry + config::LOADING, 1);
    }
    write_load(words, &cold, &event(place, offer, previous));
    previous
}

/// Writes what became of a load: `None` applied, else reason and error of the refusal.
pub(crate) fn finish(declared: &Config, offer: &Offer, refusal: Option<(&str, &str)>) -> Option<Loaded> {
    let (words, place) = place_of(declared)?;
    let mut cold = lock();
    let entry = config_entry(place);
    let previous = active_hash(words, entry);
    let found = version_place(words, &mut cold, place, offer);
    let active = get(words, entry + config::ACTIVE);
    let result = match refusal {
        None if active != 0 && previous.is_some() && previous == offer.hash => LoadResult::Unchanged,
        None => LoadResult::Applied,
        Some(_) if active != 0 => LoadResult::KeptLastGood,
        Some(_) => LoadResult::Rejected,
    };
    let (reason, error) = refusal.unwrap_or_default();
    add(words, load_counter(entry, found.map(version_entry), result, reason), 1);
    if let (LoadResult::Applied, Some(found)) = (result, found) {
        activate(words, &mut cold, entry, found);
    }
    set(words, entry + config::REFUSED, u64::from(refusal.is_some()));
    write_load(words, &cold, &LoadEvent { result: Some(result), reason, error, ..event(place, offer, previous) });
    fence(Release);
    set(words, entry + config::LOADING, 0);
    Some(Loaded { key: get(words, entry + config::ACTIVE), result, previous })
}

/// The event of a load that is under way.
fn event(config: usize, offer: &Offer, previous: Option<Hash>) -> LoadEvent<'_> {
    LoadEvent {
        config,
        hash: offer.hash,
        previous,
        result: None,
        reason: "",
        error: "",
        label: &offer.label,
        source: &offer.source,
        revision: &offer.revision,
        facts: offer.facts,
    }
}

fn activate(words: Words, cold: &mut Cold, entry: usize, found: usize) {
    cold.epoch += 1;
    let tag = cold.epoch << key::EPOCH_SHIFT | get(words, entry + config::LANE) << key::LANE_SHIFT | found as u64;
    let now = now_ns();
    if get(words, version_entry(found) + version::FIRST_APPLIED) == 0 {
        set(words, version_entry(found) + version::FIRST_APPLIED, now);
    }
    set(words, version_entry(found) + version::LAST_APPLIED, now);
    set(words, entry + config::ACTIVE, tag);
}

/// The word that counts loads with this result: in the version's entry, or in the config's if the version has none.
fn load_counter(config_entry: usize, entry: Option<usize>, result: LoadResult, reason: &str) -> usize {
    let other = layout::REASONS.len() - 1;
    let reason = layout::REASONS.iter().position(|known| *known == reason).unwrap_or(other);
    let kept = usize::from(result != LoadResult::KeptLastGood);
    match (entry, result) {
        (Some(entry), LoadResult::Applied) => entry + version::LOADS,
        (Some(entry), LoadResult::Unchanged) => entry + version::LOADS + 1,
        (Some(entry), _) => entry + version::LOADS + 2 + 2 * reason + kept,
        (None, _) => config_entry + config::UNREADABLE + kept,
    }
}

fn active_hash(words: Words, entry: usize) -> Option<Hash> {
    hash_of(words, get(words, entry + config::ACTIVE))
}

/// Hash of the version that a key means, while the table holds it.
pub(crate) fn hash_of(words: Words, found: u64) -> Option<Hash> {
    let place = Some(key::place(found)).filter(|place| found != 0 && *place < layout::VERSIONS_MAX)?;
    let entry = version_entry(place);
    let known = get(words, entry + version::UID) != 0
        && get(words, entry + version::BORN) <= key::epoch(found)
        && get(words, entry + version::OTHER) == 0;
    known.then(|| get_hash(words, entry + version::HASH))
}

/// Name and hash of every version that is active in this process.
///
/// ```
/// use firstbad_instrument::{Config, Hash, Origin, active_versions, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// // For a page of the proxy's own, such as `/version`.
/// assert_eq!(active_versions(), [("waf-rules".to_owned(), Hash::of(b"a\n"))]);
/// ```
#[must_use]
pub fn active_versions() -> Vec<(String, Hash)> {
    let Some(words) = recorder::words() else { return Vec::new() };
    (0..layout::CONFIGS_MAX).filter_map(|place| name_and_hash(words, place, active_at(words, place))).collect()
}

/// Name of the config at `place`, and hash of the version that `found` means.
pub(crate) fn name_and_hash(words: Words, place: usize, found: u64) -> Option<(String, Hash)> {
    let name = get_bytes(words, config_entry(place) + config::NAME, config::NAME_BYTES_MAX);
    Some((String::from_utf8_lossy(&name).into_owned(), hash_of(words, found)?))
}

/// Unique number of the version that a key means; 0 if it means none any more. For the panic hook: no lock.
pub(crate) fn uid_of(words: Words, found: u64) -> u64 {
    if found == 0 || key::place(found) >= layout::VERSIONS_MAX {
        return 0;
    }
    let entry = version_entry(key::place(found));
    if get(words, entry + version::BORN) <= key::epoch(found) { get(words, entry + version::UID) } else { 0 }
}

/// Notes the time of the first failed request under the version of a key. Once the time is noted, a call is a single load.
pub(crate) fn note_failure(found: u64) {
    let Some(words) = recorder::words().filter(|_| key::place(found) < layout::VERSIONS_MAX) else { return };
    let first = version_entry(key::place(found)) + version::FIRST_FAILED;
    if get(words, first) != 0 {
        return;
    }
    let now = now_ns();
    // The lock keeps the place from going to another version between the check and the write.
    let _cold = lock();
    if uid_of(words, found) != 0 && get(words, first) == 0 {
        set(words, first, now);
    }
}

/// Whether lane `number` is one of the config of a key, as far as the key is known: another config's lane must not be given to a
/// version of this one, where no reader looks for it.
pub(crate) fn may_have_lane(found: u64, number: usize) -> bool {
    let Some(words) = recorder::words() else { return false };
    let place = config_of(words, found);
    if place >= layout::CONFIGS_MAX || uid_of(words, found) == 0 {
        return true;
    }
    let lanes = usize::try_from(get(words, config_entry(place) + config::LANE_COUNT)).unwrap_or(0);
    number.checked_sub(key::lane(found)).is_some_and(|index| index < lanes)
}

/// How many places of configs are in use. For the panic hook: no lock.
pub(crate) fn configs_entered() -> usize {
    CONFIGS_ENTERED.load(Acquire)
}

/// Key of the version that is active in the config at `place`. For the panic hook: no lock.
pub(crate) fn active_at(words: Words, place: usize) -> u64 {
    get(words, config_entry(place) + config::ACTIVE)
}

/// Place of the config that a key belongs to; beyond the table if it belongs to none.
pub(crate) fn config_of(words: Words, found: u64) -> usize {
    if found == 0 || key::place(found) >= layout::VERSIONS_MAX {
        return layout::CONFIGS_MAX;
    }
    usize::try_from(get(words, version_entry(key::place(found)) + version::CONFIG)).unwrap_or(layout::CONFIGS_MAX)
}
