//! The engine's surface: apply, tick, snapshot, ask, checkpoint. Everything it decides is decided in the modules below.

use crate::detect::tick::settle;
use crate::ingest::take::take;
use crate::observation::Observation;
use crate::settings::Settings;
use crate::snapshot::harm::{deaths, sites};
use crate::snapshot::hosts::hosts as host_views;
use crate::snapshot::rollouts::rollouts;
use crate::snapshot::view::{change_views, fleet, lines, versions};
use crate::state::State;
use crate::state::silence::silent_hosts;
use crate::state::units::{hosts, index_units};
use crate::verdict::asked;
use crate::verdict::cases::incidents;
use crate::verdict::review::review;
use crate::wording::facts::blind_spots;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Diagnosis, DisputedVersion, Incident, SCHEMA, Window, by_urgency};
use std::collections::BTreeSet;

/// Layout of a checkpoint: changes with every change of the state's fields.
const LAYOUT: u32 = 33;

/// A checkpoint that cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It was written by another layout of the engine: replay the observations instead.
    #[error("checkpoint has layout {found}, this engine reads {expected}")]
    Layout {
        /// Layout of the checkpoint.
        found: u32,
        /// Layout this engine reads.
        expected: u32,
    },
    /// It is damaged.
    #[error("checkpoint is damaged: {0}")]
    Damaged(#[from] postcard::Error),
}

/// The engine. One owner; no interior mutability.
#[derive(Debug)]
pub struct Engine {
    state: State,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { state: State::new(settings) }
    }

    /// Takes observations in commit order. It judges nothing yet.
    pub fn apply(&mut self, observations: &[Observation]) {
        let frozen = self.state.open_case();
        for observation in observations {
            take(&mut self.state, observation, frozen);
        }
    }

    /// Judges what can be judged. `at` is the time that the driver vouches for: live, its receive clock at the commit of
    /// the last applied batch (so that a fleet that has gone silent is seen); offline, the capture's own time. It never
    /// runs backwards; it is stored with the batch, so that a replay ticks alike.
    pub fn tick(&mut self, at: Timestamp) {
        settle(&mut self.state, at.into());
        review(&mut self.state);
    }

    /// Sets which versions an engineer says are not the cause of the incident that accuses them. The accusation stays. From the
    /// next tick on, nothing is concluded from them for other versions: neither that loads of them are innocent, nor that
    /// they did harm before.
    pub fn set_disputed(&mut self, versions: BTreeSet<DisputedVersion>) {
        self.state.disputed = versions;
    }

    /// The verdicts as of the last tick.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        self.verdicts(false)
    }

    /// The verdicts as of the last tick, with suspects ranked as of it even if no detector fired (`diagnose --at`). The
    /// caller has applied nothing later than the moment it asks about.
    #[must_use]
    pub fn ask(&self) -> Diagnosis {
        self.verdicts(true)
    }

    fn verdicts(&self, asked: bool) -> Diagnosis {
        let mut incidents: Vec<Incident> = incidents(&self.state);
        if asked {
            asked::complete(&self.state, &mut incidents);
        }
        incidents.sort_by(by_urgency);
        Diagnosis { schema: SCHEMA, asked, window: self.window(), blind_spots: blind_spots(&self.state), incidents }
    }

    /// Everything that a screen shows, as of the last tick.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (hosts, census) = host_views(&self.state);
        Snapshot {
            at: self.state.now.map(Timestamp::from),
            diagnosis: self.diagnosis(),
            fleet: fleet(&self.state),
            versions: versions(&self.state),
            lines: lines(&self.state),
            hosts,
            census: Some(census),
            changes: change_views(&self.state),
            rollouts: rollouts(&self.state),
            sites: sites(&self.state),
            deaths: deaths(&self.state),
        }
    }

    fn window(&self) -> Window {
        Window {
            from: self.state.first_event.map(Timestamp::from),
            to: self.state.last_event.map(Timestamp::from),
            instances: self.state.instances_seen,
            hosts: hosts(self.state.units.iter().filter(|unit| unit.serves())) as u64,
            hosts_silent: silent_hosts(&self.state).len() as u64,
            report_interval_s: crate::numerics::math::rounded(self.state.interval.seconds(), 3),
        }
    }

    /// The engine's whole state, for a restart or a bundle.
    ///
    /// # Errors
    /// Never in practice: the state is plain data.
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        Ok(postcard::to_stdvec(&(LAYOUT, &self.state))?)
    }

    /// The engine that [`Engine::checkpoint`] saved.
    ///
    /// # Errors
    /// If the bytes are damaged or of another layout.
    pub fn restore(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (layout, rest): (u32, &[u8]) = postcard::take_from_bytes(bytes)?;
        if layout != LAYOUT {
            return Err(CheckpointError::Layout { found: layout, expected: LAYOUT });
        }
        let mut state: State = postcard::from_bytes(rest)?;
        index_units(&mut state);
        Ok(Self { state })
    }
}
