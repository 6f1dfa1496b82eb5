//! What could not be used, in fixed sentences (never a text from outside, so that they can't multiply), counted per
//! request and handed on as gaps: they become blind spots of the verdict.

use firstbad_diagnosis::observation::{Gap, Observation};
use firstbad_protocol::time::Timestamp;
use std::collections::BTreeMap;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $sentence:literal;)*) => {
        /// Why a point or record could not be used.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence),* }
            }
        }
    };
}

faults! {
    NoTime = "points or events without a usable time were not read";
    StartAfterTime = "points whose start time is after their time were not read";
    NoValue = "points without a value were not read";
    NotANumber = "points whose value is NaN or infinite were not read";
    Negative = "counts below zero were not read";
    Absurd = "counts beyond 2^53 were not read";
    NoTemporality = "sums or histograms that say neither delta nor cumulative were not read";
    WrongKind = "metrics of a kind that the contract does not give them were not read";
    NoHash = "points that name a config without its hash were not read as that version";
    NoConfig = "points with a hash but no config name were not read as that version";
    BadHash = "points or events whose hash is not sha256:<64 hex digits> were not read as that version";
    Folded = "counts folded into `other` at their sender belong to no version here";
    SharedIdentity = "several processes report under the same resource attributes, told apart by their start times alone: set service.instance.id (or host.name and process.pid) for each";
    CrowdedIdentity = "the cumulative counts of more than 8 processes with the same resource attributes and start time were left out, because nothing tells the processes apart: set service.instance.id (or host.name and process.pid) for each";
    UnknownEvent = "events named firstbad.* that the contract does not know were not read";
    UnknownMetric = "metrics named firstbad.* that the contract does not know were not read";
    UnknownOutcome = "requests with an outcome other than ok, denied, error or panic were not read";
    UnknownResult = "loads with a result that the contract does not know were not read";
    UnknownReason = "defaulted scores with a reason that the contract does not know were not read";
    BadBuckets = "histograms whose buckets and bounds do not fit together were not read";
    TooLate = "points came too late to tell them from repeats, and were not counted";
    TooManySeries = "series beyond the limit of the normaliser were not read";
    TooManySeriesOfOne = "series beyond the limit of one sender were not read";
    TooManySenders = "resources beyond the limit of the normaliser were not read";
    LoadWithoutVersion = "loads without a config name and a hash (a file that could not be read has none) were not read";
    ChangeWithoutKind = "changes without a kind were not read";
    PublishWithoutVersion = "published versions without a config name and a hash were not read";
    ContentWithoutVersion = "contents without a config name and a hash were not kept";
    ContentTooLong = "contents longer than the limit were not kept";
    ContentNotText = "contents that are no text were not kept, since secrets in them could not be hidden";
    NoBody = "contents without a body were not kept";
}

/// Faults of one request.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<Fault, u64>);

impl Gaps {
    pub(super) fn add(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// The observations that tell of them.
    pub(super) fn observations(self, at: Timestamp) -> impl Iterator<Item = Observation> {
        self.0
            .into_iter()
            .map(move |(fault, count)| Observation::Gap(Gap { at, sentence: fault.sentence().into(), count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::BlindSpot;

    #[test]
    fn a_shared_identity_is_a_blind_spot_of_its_own_kind() {
        let told = BlindSpot::counted(Fault::SharedIdentity.sentence(), 2);
        assert_eq!(told, BlindSpot::SharedIdentity { times: 2 });
    }
}
