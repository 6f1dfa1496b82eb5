//! The playbooks of a running collector: its user's own before the embedded ones. They can be read again while it runs.

use firstbad_playbooks::{Library, LibraryError, embedded};
use firstbad_protocol::verdict::Diagnosis;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The playbooks in force. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Playbooks(Arc<RwLock<Option<Arc<Library>>>>);

impl Playbooks {
    /// Those of `directory` and the embedded ones; without a directory the embedded ones alone.
    ///
    /// # Errors
    /// If a file of the directory cannot be used; all faults are in the message.
    pub(crate) fn read(directory: Option<&Path>) -> Result<Option<Arc<Library>>, LibraryError> {
        let own = directory.map(Library::read).transpose()?;
        Ok(own.map(|own| Arc::new(own.before(embedded()))))
    }

    /// Puts `library` in force.
    pub(crate) fn put(&self, library: Option<Arc<Library>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = library;
    }

    /// Writes the name of the playbook that fits into each incident, if there are playbooks beside the embedded ones.
    pub(crate) fn annotate(&self, diagnosis: &mut Diagnosis) {
        let library = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(library) = library else { return };
        for incident in &mut diagnosis.incidents {
            incident.playbook = library.matching(incident).map(|playbook| playbook.name.clone());
        }
    }
}
