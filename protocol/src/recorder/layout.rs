//! Where everything stands in the recorder, in words of 8 bytes. A change here is a new [`VERSION`].

/// First eight bytes of a recorder.
pub const MAGIC: [u8; 8] = *b"FIRSTBAD";
/// Layout version that is written. The changes in each version:
///
/// * 2: outcome `denied` (a cell, so that those after it moved by one: see `recorder::cells`), the time of a version's first failure,
///   exit status, the request to end, time of the end without a goodbye, revision of a load;
/// * 1: the first.
pub const VERSION: u32 = 2;
/// Layout versions that are read: the one written and the one before it. A release reads what the two releases before it wrote
/// (`docs/compatibility.md`), so a second change within three releases widens this.
pub const VERSIONS_READ: std::ops::RangeInclusive<u32> = VERSION - 1..=VERSION;
/// Written natively into the upper half of the version word: another byte order shows as another number.
pub const ENDIANNESS: u32 = 0x0102_0304;

/// Words of one growth step and of a new file: 1 MiB holds the tables and some 35 lanes.
pub const CHUNK_WORDS: usize = 1 << 17;
/// Words of the largest recorder (8 MiB), unless the proxy sets less.
pub const WORDS_MAX: usize = 1 << 20;
/// Words of the largest recorder a reader accepts (64 MiB).
pub const WORDS_READ_MAX: usize = 8 << 20;

/// Words of the header's fields.
pub mod header {
    /// [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// Layout version, endianness marker above it.
    pub const VERSION: usize = 1;
    /// Words in use.
    pub const USED: usize = 2;
    /// Process id in its own namespace.
    pub const PID: usize = 3;
    /// Creation, nanoseconds since the Unix epoch.
    pub const STARTED: usize = 4;
    /// 128 random bits: the identity of this process life.
    pub const BOOT: usize = 5;
    /// See [`super::state`].
    pub const STATE: usize = 7;
    /// Time of the goodbye, else of the exit or signal that the process noted, nanoseconds since the Unix epoch; 0: neither.
    pub const EXITED: usize = 8;
    /// Events written so far.
    pub const EVENT_HEAD: usize = 9;
    /// Panic cells claimed so far.
    pub const PANIC_HEAD: usize = 10;
    /// First of [`DROPPED_COUNT`] counters of what could not be kept, in the order of [`super::DROPPED`].
    pub const DROPPED: usize = 11;
    /// How many drop counters there are.
    pub const DROPPED_COUNT: usize = 8;
    /// Panics, exactly.
    pub const PANICS: usize = 19;
    /// Calls of the previous hook that were held back.
    pub const HOOK_HELD_BACK: usize = 20;
    /// Odd while a slot is being moved.
    pub const SPILL_SEQUENCE: usize = 21;
    /// Key of the slot being moved; 0 if none is. The target values are in the journal.
    pub const JOURNAL_KEY: usize = 22;
    /// Lane within the config of the slot being moved.
    pub const JOURNAL_LANE: usize = 23;
    /// Word offset of the slot being moved.
    pub const JOURNAL_SLOT: usize = 24;
    /// Difference between addresses in memory and in the binary.
    pub const LOAD_BIAS: usize = 25;
    /// Bytes of the build id, then the build id (32 bytes at most).
    pub const BUILD_ID: usize = 26;
    /// Lanes given out so far, entries of the directory.
    pub const LANES: usize = 31;
    /// First fatal signal that the process saw; 0: none, or one that cannot be seen (SIGKILL).
    pub const SIGNAL: usize = 32;
    /// When the process began, in the kernel's ticks after boot; 0: not known. It stays the same over `exec`.
    pub const PROCESS_START: usize = 33;
    /// Exit status, with the flag [`super::exit::KNOWN`] above it; 0: not known.
    pub const EXIT_STATUS: usize = 34;
    /// First signal that asked the process to end (SIGTERM, SIGINT, SIGHUP); 0: none.
    pub const ASKED: usize = 35;
    /// Resource attributes: bytes, then `key\0value\0` repeated.
    pub const RESOURCE: usize = 128;
    /// Bytes that resource attributes may have.
    pub const RESOURCE_BYTES_MAX: usize = (super::JOURNAL - RESOURCE - 1) * 8;
}

/// Values of the header's state.
pub mod state {
    /// Being set up.
    pub const STARTING: u64 = 0;
    /// Running, or ended without a word.
    pub const RUNNING: u64 = 1;
    /// Ended on purpose.
    pub const CLEAN: u64 = 2;
}

/// The header's exit status.
pub mod exit {
    /// Flag of a known status. The bits below it hold the status, a 32-bit integer.
    pub const KNOWN: u64 = 1 << 32;

    /// Encodes a status as a word.
    #[must_use]
    pub const fn word(status: i32) -> u64 {
        KNOWN | status as u32 as u64
    }

    /// Decodes the status in a word.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the status")]
    pub const fn status(word: u64) -> Option<i32> {
        if word & KNOWN == 0 { None } else { Some(word as u32 as i32) }
    }
}

/// What the drop counters count: `firstbad.reason` of `firstbad.telemetry.dropped`.
pub const DROPPED: [&str; header::DROPPED_COUNT] = [
    "configs_full",
    "versions_full",
    "recorder_full",
    "panic_ring_busy",
    "panic_sites_full",
    "tags_full",
    "dead_recorders_removed",
    "content_not_kept",
];

/// Places in [`DROPPED`].
pub mod dropped {
    /// A config or score beyond the tables.
    pub const CONFIGS: usize = 0;
    /// Results under a version whose place was taken since.
    pub const VERSIONS: usize = 1;
    /// Results for which there was no room.
    pub const RECORDER: usize = 2;
    /// Panics without text; counted all the same.
    pub const PANIC_RING: usize = 3;
    /// Panics without site or version count; counted in the total.
    pub const PANIC_SITES: usize = 4;
    /// Uses of a version beyond what one request can hold, or a score under a config that does not declare it.
    pub const TAGS: usize = 5;
    /// Dead recorders removed before anyone reported them.
    pub const DEAD_RECORDERS: usize = 6;
    /// Contents too large for the difference view.
    pub const CONTENTS: usize = 7;
}

/// Words of a slot's cells: [`cell`] tells which is which.
pub const SLOT_WORDS: usize = 112;
/// Slots of a lane; the slot of an epoch is `epoch % SLOTS`.
pub const SLOTS: usize = 8;
/// Words of a lane of a config.
pub const LANE_WORDS: usize = SLOTS * SLOT_WORDS;
/// Words of the lane of totals: outcome cells at the same places, no key.
pub const TOTAL_LANE_WORDS: usize = 16;
/// Lanes by number that a thread can hold; number 0 is the totals.
pub const LANE_NUMBERS: usize = 64;

/// Cells of a slot, and of a version's block, as they are written. In the lane of totals, outcomes have the same places.
pub mod cell {
    /// Key of the version whose counts these are.
    pub const KEY: usize = 0;
    /// Outcome `ok`.
    pub const OK: usize = 1;
    /// Outcome `denied`.
    pub const DENIED: usize = 2;
    /// Outcome `error`.
    pub const ERROR: usize = 3;
    /// Outcome `panic`.
    pub const PANIC: usize = 4;
    /// Score bucket 0; 1 to 100 follow.
    pub const BUCKETS: usize = 5;
    /// How many buckets there are.
    pub const BUCKET_COUNT: usize = 101;
    /// Scores above the greatest bucket.
    pub const ABOVE: usize = 106;
    /// Scores below bucket 0.
    pub const BELOW: usize = 107;
    /// Scores that are not a number.
    pub const NAN: usize = 108;
}

/// A key: epoch (40 bits), number of the config's first lane (8), place of the version (16).
pub mod key {
    /// Bits below the epoch.
    pub const EPOCH_SHIFT: u32 = 24;
    /// Bits below the lane number.
    pub const LANE_SHIFT: u32 = 16;

    /// Epoch of a key.
    #[must_use]
    #[inline]
    pub const fn epoch(key: u64) -> u64 {
        key >> EPOCH_SHIFT
    }

    /// Number of the first lane of the key's config.
    #[must_use]
    #[inline]
    pub const fn lane(key: u64) -> usize {
        ((key >> LANE_SHIFT) & 0xff) as usize
    }

    /// Place of the version in the table.
    #[must_use]
    #[inline]
    pub const fn place(key: u64) -> usize {
        (key & 0xffff) as usize
    }
}

/// Target values of the move in progress.
pub const JOURNAL: usize = 512;
/// Table of configs.
pub const CONFIGS: usize = JOURNAL + 128;
/// Configs of one process.
pub const CONFIGS_MAX: usize = 16;
/// Words of a config's entry.
pub const CONFIG_WORDS: usize = 256;

/// Words of a config's entry.
pub mod config {
    /// Bytes of the name, then the name.
    pub const NAME: usize = 0;
    /// Bytes a name may have.
    pub const NAME_BYTES_MAX: usize = 256;
    /// Key of the active version.
    pub const ACTIVE: usize = 33;
    /// 1 while a load is under way.
    pub const LOADING: usize = 34;
    /// Hash being loaded.
    pub const LOADING_HASH: usize = 35;
    /// Number of the first lane.
    pub const LANE: usize = 40;
    /// How many lanes.
    pub const LANE_COUNT: usize = 41;
    /// 1 if the last load was refused.
    pub const REFUSED: usize = 42;
    /// Loads that could not be read (no hash): kept last good, rejected.
    pub const UNREADABLE: usize = 43;
    /// Declared limits.
    pub const LIMITS: usize = 64;
    /// Limits of one config.
    pub const LIMITS_MAX: usize = 8;
    /// Words of a limit: bytes of the name, name, value.
    pub const LIMIT_WORDS: usize = 8;
    /// Bytes of a limit's name.
    pub const LIMIT_NAME_BYTES_MAX: usize = 48;
    /// Declared scores.
    pub const SCORES: usize = 128;
    /// Scores of one config.
    pub const SCORES_MAX: usize = 4;
    /// Words of a score: bytes of the name, name, least, greatest, sentinel (NaN: none), scaled.
    pub const SCORE_WORDS: usize = 16;
    /// Bytes of a score's name.
    pub const SCORE_NAME_BYTES_MAX: usize = 64;
}

/// Table of versions.
pub const VERSIONS: usize = CONFIGS + CONFIGS_MAX * CONFIG_WORDS;
/// Versions of one process.
pub const VERSIONS_MAX: usize = 256;
/// Words of a version's entry.
pub const VERSION_WORDS: usize = 96;

/// Words of a version's entry.
pub mod version {
    /// Unique number within the process life; 0: the entry is free.
    pub const UID: usize = 0;
    /// First epoch under which the entry means this version.
    pub const BORN: usize = 1;
    /// Place of the config.
    pub const CONFIG: usize = 2;
    /// 1: stands for all versions that found no entry, and has no hash.
    pub const OTHER: usize = 3;
    /// Hash.
    pub const HASH: usize = 4;
    /// Facts; see [`super::facts`].
    pub const FACTS: usize = 8;
    /// First time it became active, ns since the Unix epoch; 0: never.
    pub const FIRST_APPLIED: usize = 20;
    /// Last time it became active.
    pub const LAST_APPLIED: usize = 21;
    /// Loads: applied, unchanged, then for each refusal reason kept and rejected.
    pub const LOADS: usize = 22;
    /// Word offsets of the version's blocks, one for each lane: the cells of [`super::cell`], written under the lock.
    pub const BLOCKS: usize = 36;
    /// Bit i: the value of limit i was observed.
    pub const OBSERVED_MASK: usize = 40;
    /// Observed values of the config's limits.
    pub const OBSERVED: usize = 41;
    /// Bytes of the label, then the label.
    pub const LABEL: usize = 49;
    /// Bytes of the source, then the source.
    pub const SOURCE: usize = 66;
    /// Bytes of label and source.
    pub const TEXT_BYTES_MAX: usize = 128;
    /// Code of the content's format: place in `Format::ALL` + 1.
    pub const FORMAT: usize = 83;
    /// Time of the first failed request under the version, nanoseconds since the Unix epoch; 0: none failed.
    pub const FIRST_FAILED: usize = 84;
}

/// Facts of a version's content, also in load events.
pub mod facts {
    /// Bit i: fact i is known, in the order below; bit 6: row-set hash.
    pub const MASK: usize = 0;
    /// size, rows, duplicate rows, blank fields, columns, generation.
    pub const NUMBERS: usize = 1;
    /// How many numbers.
    pub const NUMBER_COUNT: usize = 6;
    /// Row-set hash.
    pub const ROWSET: usize = 7;
    /// Words of all facts.
    pub const WORDS: usize = 11;
}

/// Words that refusal counts are kept apart by; another word counts as `other`.
pub const REASONS: [&str; 6] = ["parse", "parser_panic", "limit", "io", "abandoned", "other"];

/// Table of panic sites.
pub const SITES: usize = VERSIONS + VERSIONS_MAX * VERSION_WORDS;
/// Sites of one process.
pub const SITES_MAX: usize = 64;
/// Words of a site's entry.
pub const SITE_WORDS: usize = 128;

/// Words of a site's entry.
pub mod site {
    /// Identity of the location; claims the entry.
    pub const IDENTITY: usize = 0;
    /// 1 when the text is complete.
    pub const READY: usize = 1;
    /// Panics, exactly.
    pub const COUNT: usize = 2;
    /// Line.
    pub const LINE: usize = 3;
    /// Column.
    pub const COLUMN: usize = 4;
    /// Bytes of the file's path, then its tail.
    pub const FILE: usize = 5;
    /// Bytes of the path.
    pub const FILE_BYTES_MAX: usize = 256;
    /// When the previous hook last ran for this site, ns of the process's clock.
    pub const PREVIOUS_HOOK: usize = 38;
    /// Stack addresses of the first panic: how many, then the addresses.
    pub const FRAMES: usize = 40;
    /// Addresses kept.
    pub const FRAMES_MAX: usize = 64;
}

/// Panics by site and version, open addressing: `site << 48 | uid` (uid 0: no version), count.
pub const PAIRS: usize = SITES + SITES_MAX * SITE_WORDS;
/// Pairs of one process.
pub const PAIRS_MAX: usize = 1024;
/// Bits below the site in a pair's key.
pub const PAIR_SITE_SHIFT: u32 = 48;

/// Ring of events.
pub const EVENTS: usize = PAIRS + PAIRS_MAX * 2;
/// Events kept.
pub const EVENTS_MAX: usize = 128;
/// Words of an event.
pub const EVENT_WORDS: usize = 256;

/// Words of an event.
pub mod event {
    /// `2 n + 2` when event n is complete, odd while it is written.
    pub const SEQUENCE: usize = 0;
    /// Checksum over the words from [`KIND`] on.
    pub const CHECKSUM: usize = 1;
    /// 1 start, 2 clean exit, 3 load, 4 loading, 5 death of an earlier process (see [`super::death`]), 6 another binary than that
    /// of the process before, whose `service.version` is at [`LABEL`]. A reader that does not know a kind leaves the event out.
    pub const KIND: usize = 2;
    /// Nanoseconds since the Unix epoch.
    pub const AT: usize = 3;
    /// Place of the config.
    pub const CONFIG: usize = 4;
    /// Result of the load (`LoadResult as u8`).
    pub const RESULT: usize = 5;
    /// Bit 0: has a hash; bit 1: has a previous hash.
    pub const HASHES: usize = 6;
    /// Hash.
    pub const HASH: usize = 7;
    /// Hash active before.
    pub const PREVIOUS: usize = 11;
    /// Facts.
    pub const FACTS: usize = 15;
    /// Reason: bytes, text.
    pub const REASON: usize = 26;
    /// Bytes of the reason.
    pub const REASON_BYTES_MAX: usize = 64;
    /// Label: bytes, text.
    pub const LABEL: usize = 35;
    /// Source: bytes, text.
    pub const SOURCE: usize = 52;
    /// Error: bytes, text.
    pub const ERROR: usize = 69;
    /// Bytes of the error.
    pub const ERROR_BYTES_MAX: usize = 1024;
    /// Revision: bytes, text.
    pub const REVISION: usize = 198;
    /// Bytes of the revision: the hash of a commit has 40 or 64.
    pub const REVISION_BYTES_MAX: usize = 80;
}

/// Words of an event that tells the death of an earlier process of the same service.
pub mod death {
    use super::event;
    /// Its fatal signal; 0: none was seen.
    pub const SIGNAL: usize = event::RESULT;
    /// Hash that was being loaded, if bit 0 of [`event::HASHES`] is set.
    pub const LOADING_HASH: usize = event::HASH;
    /// Identity of its life: two words.
    pub const BOOT: usize = event::FACTS;
    /// Number of its next event.
    pub const EVENT_HEAD: usize = event::FACTS + 2;
    /// Last sign of its life, nanoseconds since the Unix epoch.
    pub const LAST_SIGN: usize = event::FACTS + 3;
    /// Its process id.
    pub const PID: usize = event::FACTS + 4;
    /// Its panics.
    pub const PANICS: usize = event::FACTS + 5;
    /// Its exit status, as [`super::header::EXIT_STATUS`].
    pub const STATUS: usize = event::FACTS + 6;
    /// Its `service.instance.id`: bytes, text.
    pub const INSTANCE: usize = event::LABEL;
    /// Name of the config that was being loaded: bytes, text.
    pub const LOADING_CONFIG: usize = event::SOURCE;
    /// What was active, `name=sha256:..` in lines: bytes, text.
    pub const ACTIVE: usize = event::ERROR;
}

/// Ring of panics.
pub const PANICS: usize = EVENTS + EVENTS_MAX * EVENT_WORDS;
/// Panics kept with their text.
pub const PANICS_MAX: usize = 32;
/// Words of a panic.
pub const PANIC_WORDS: usize = 640;

/// Words of a panic.
pub mod panic {
    /// `2 n + 2` when panic n is complete, odd while it is written.
    pub const SEQUENCE: usize = 0;
    /// Checksum over the words from [`AT`] on, up to the end of the message.
    pub const CHECKSUM: usize = 1;
    /// Nanoseconds since the Unix epoch.
    pub const AT: usize = 2;
    /// Line.
    pub const LINE: usize = 3;
    /// Column.
    pub const COLUMN: usize = 4;
    /// Place of the site + 1; 0: the table was full.
    pub const SITE: usize = 5;
    /// How many versions were active, then their uids.
    pub const ACTIVE: usize = 6;
    /// Thread name: bytes, text.
    pub const THREAD: usize = 23;
    /// Bytes of the thread name.
    pub const THREAD_BYTES_MAX: usize = 64;
    /// File: bytes, text.
    pub const FILE: usize = 32;
    /// Bytes of the whole message, before it was cut.
    pub const MESSAGE_BYTES: usize = 65;
    /// Message: bytes, text. Last, so that a short message costs a short checksum.
    pub const MESSAGE: usize = 66;
    /// Bytes of the message kept.
    pub const MESSAGE_BYTES_MAX: usize = 4096;
}

/// Directory of lanes: word offset, lane number above it, [`LANE_FREE`].
pub const DIRECTORY: usize = PANICS + PANICS_MAX * PANIC_WORDS;
/// Lanes of one process.
pub const LANES_MAX: usize = 2048;
/// Bits below the lane number.
pub const LANE_NUMBER_SHIFT: u32 = 32;
/// The lane's thread ended; its counts stay, and the next thread goes on with them.
pub const LANE_FREE: u64 = 1 << 63;

/// Where lanes and blocks begin.
pub const DATA: usize = DIRECTORY + LANES_MAX;

const _: () = assert!(DATA + LANE_WORDS < CHUNK_WORDS, "the tables fit in a new file");
const _: () = assert!(event::ERROR + 1 + event::ERROR_BYTES_MAX / 8 <= EVENT_WORDS, "an event fits in its cell");
const _: () = assert!(panic::MESSAGE + 1 + panic::MESSAGE_BYTES_MAX / 8 <= PANIC_WORDS, "a panic fits in its cell");
const _: () = assert!(site::FRAMES + 1 + site::FRAMES_MAX <= SITE_WORDS, "a site fits in its entry");
const _: () = assert!(version::FIRST_FAILED < VERSION_WORDS, "a version fits in its entry");
const _: () = assert!(cell::NAN < SLOT_WORDS && cell::NAN == cell::ABOVE + 2, "the cells fit in a slot, in this order");
const _: () = assert!(cell::PANIC < TOTAL_LANE_WORDS, "the outcomes fit in the lane of totals");
const _: () = assert!(version::LOADS + 2 + 2 * REASONS.len() <= version::BLOCKS, "the load counts fit");
