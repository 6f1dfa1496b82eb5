//! The agent: reads this host's recorders and ships them. What a recorder holds is `recorder`'s business.

use crate::settings::AgentSettings;
use crate::StartError;

/// A running agent. Dropping it stops it.
#[derive(Debug)]
pub struct Agent {}

impl Agent {
    /// Starts an agent.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(settings: AgentSettings) -> Result<Self, StartError> {
        let _ = settings;
        Ok(Self {})
    }
}
