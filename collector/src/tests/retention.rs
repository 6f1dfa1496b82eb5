//! The store stays bounded: by age and by size, from the old end, without a gap.

use super::fleet::{BEGAN, second};
use crate::normalise::Content;
use crate::store::{BatchRange, Commit, Retention, SqliteReader, SqliteStore, Store, StoreReader};
use firstbad_protocol::Hash;
use firstbad_protocol::time::SECOND_NS;

fn filled(directory: &std::path::Path, batches: u64) -> SqliteStore {
    let (mut store, _) = SqliteStore::open(directory, BEGAN).unwrap();
    for seq in 1..=batches {
        let batch = second(seq);
        store.commit(&Commit { batch: &batch, records: &[], journal: &[], contents: &[], normaliser: None }).unwrap();
    }
    store
}

fn seqs(directory: &std::path::Path) -> Vec<u64> {
    let mut seqs = Vec::new();
    let all = BatchRange { after: 0, last: u64::MAX };
    SqliteReader::open(directory)
        .unwrap()
        .batches(all, &mut |batch| {
            seqs.push(batch.seq);
            true
        })
        .unwrap();
    seqs
}

#[test]
fn what_is_old_goes_and_the_newest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = filled(directory.path(), 40);
    let keep = |seconds: i64| Retention { before: BEGAN + seconds * SECOND_NS, bytes_max: u64::MAX };
    assert_eq!(store.retain(keep(0)).unwrap(), 0, "nothing is old");
    assert_eq!(store.retain(keep(31)).unwrap(), 30);
    assert_eq!(seqs(directory.path()), (31..=40).collect::<Vec<_>>());
    store.retain(keep(10_000)).unwrap();
    assert_eq!(seqs(directory.path()), [40], "numbering goes on after the newest");
}

#[test]
fn what_is_too_large_shrinks_to_its_bound() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = filled(directory.path(), 400);
    let before = seqs(directory.path()).len();
    let retention = Retention { before: BEGAN, bytes_max: 150 << 10 };
    for _ in 0..100 {
        if store.retain(retention).unwrap() == 0 {
            break;
        }
    }
    let left = seqs(directory.path());
    assert_eq!(store.retain(retention).unwrap(), 0, "it ends");
    assert!(left.len() < before && left.last() == Some(&400), "{} of {before} left", left.len());
    drop(store);
    let size = std::fs::metadata(directory.path().join("firstbad.db")).unwrap().len();
    assert!(size <= 200 << 10, "given back to the file system: {size}");
    assert!(left.windows(2).all(|pair| pair[1] == pair[0] + 1), "without a gap");
}

#[test]
fn contents_cannot_crowd_out_the_observations() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = filled(directory.path(), 20);
    for n in 0..64_u64 {
        // Incompressible, as far as zstd is concerned.
        let mut body: Vec<u8> = (0..2048_u64).flat_map(|i| Hash::of(&(n << 32 | i).to_le_bytes()).0).collect();
        body.truncate(65_536);
        let content = Content { hash: Hash::of(&body), config: "c".into(), format: "csv".into(), body };
        let batch = second(21 + n);
        store
            .commit(&Commit { batch: &batch, records: &[], journal: &[], contents: &[content], normaliser: None })
            .unwrap();
    }
    for _ in 0..20 {
        store.retain(Retention { before: BEGAN, bytes_max: 1 << 20 }).unwrap();
    }
    assert_eq!(seqs(directory.path()).len(), 84, "no batch went for a content's sake");
}
