//! Versions that a row tags, and their shares of its requests and scores. What follows from them is decided in `take_row`.

use crate::observation::counts::{self, Requests};
use crate::observation::{Name, Row};
use firstbad_protocol::Hash;

/// A version of a config, as the sender names it.
#[derive(Clone, Copy)]
pub(crate) struct Version<'a> {
    pub config: &'a Name,
    pub hash: Hash,
}

/// A version, and its share of the requests or scores of its config that a row tags.
#[derive(Clone, Copy)]
pub(crate) struct VersionShare<'a> {
    pub version: Version<'a>,
    pub share: f64,
}

/// Share of each version among the requests and scores that a row tags, by config and version.
pub(crate) fn view_shares(row: &Row) -> Vec<VersionShare<'_>> {
    let of = |config, hash, share| VersionShare { version: Version { config, hash }, share };
    let views = row.views.iter();
    let mut all: Vec<_> = views.map(|view| of(&view.config, view.hash, Requests::of(view.outcomes).all)).collect();
    for scores in &row.scores {
        if let Some((config, hash)) = &scores.version
            && !row.views.iter().any(|view| view.config == *config)
        {
            all.push(of(config, *hash, counts::zeros(scores).all));
        }
    }
    all.sort_by_key(|of| (of.version.config, of.version.hash));
    all.dedup_by(|next, kept| {
        let same = next.version.config == kept.version.config && next.version.hash == kept.version.hash;
        if same {
            kept.share += next.share;
        }
        same
    });
    for of_config in all.chunk_by_mut(|one, other| one.version.config == other.version.config) {
        let sum: f64 = of_config.iter().map(|of| of.share).sum();
        for of in of_config {
            of.share /= sum.max(1.0);
        }
    }
    all
}

/// The version that a unit had for a part of a row only, between `before` at its beginning and `last` at its end, and its
/// share of the row; none if the row's tags name several.
pub(crate) fn between<'a>(shares: &[VersionShare<'a>], last: Version<'_>, before: Hash) -> Option<VersionShare<'a>> {
    let from = shares.partition_point(|of| of.version.config < last.config);
    let own = || shares.iter().skip(from).take_while(|of| of.version.config == last.config);
    let mut others = own().filter(|of| of.version.hash != last.hash && of.version.hash != before);
    let other = others.next().filter(|_| before != last.hash)?;
    others.next().is_none().then_some(*other)
}
