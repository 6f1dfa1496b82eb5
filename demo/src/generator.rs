//! The generator: a cluster of nodes, each with its own catalogue. It runs the query on the node it is told to and
//! publishes whatever comes back; that nothing looks at the result is the mistake that is staged.

use crate::catalogue::Catalogue;
use crate::publication::Publication;
use crate::scenario::NODES;
use crate::truth::{GUILTY_CONFIG, ROWS_LIMIT};
use firstbad_protocol::Hash;
use std::io;
use std::path::Path;

/// Features of the table at the start (incidents.md 1: about 60).
const FEATURES: usize = 60;

/// Why a version could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GeneratorError {
    /// The query.
    #[error("generator: query on {node}: {source}")]
    Query {
        /// Node.
        node: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file.
    #[error("generator: publishing generation {generation}: {source}")]
    Publish {
        /// Generation.
        generation: u64,
        /// What the file system said.
        source: io::Error,
    },
}

/// A version that was published.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Its number.
    pub(crate) generation: u64,
    /// Its producer.
    pub(crate) source: String,
    /// Its identity.
    pub(crate) hash: Hash,
    /// Its rows.
    pub(crate) rows: usize,
    bytes: Vec<u8>,
}

impl Version {
    /// Whether it has more rows than the engines declare as their limit.
    pub(crate) const fn is_bad(&self) -> bool {
        self.rows > ROWS_LIMIT
    }
}

/// The generator.
#[derive(Debug)]
pub(crate) struct Generator {
    nodes: Vec<Catalogue>,
    features: usize,
    publication: Publication,
    generation: u64,
    last_good: Option<Version>,
}

impl Generator {
    /// A generator whose nodes keep their catalogues below `root`, where it publishes too.
    pub(crate) fn create(root: &Path) -> Result<Self, GeneratorError> {
        let directory = root.join("nodes");
        std::fs::create_dir_all(&directory).map_err(|source| GeneratorError::Publish { generation: 0, source })?;
        let create = |index: usize| {
            let node = name(index);
            Catalogue::create(&directory.join(format!("{node}.sqlite")), FEATURES)
                .map_err(|source| GeneratorError::Query { node, source })
        };
        Ok(Self {
            nodes: (0..NODES).map(create).collect::<Result<_, _>>()?,
            features: FEATURES,
            publication: Publication::new(root, GUILTY_CONFIG),
            generation: 0,
            last_good: None,
        })
    }

    /// The access change reaches `node`.
    pub(crate) fn grant(&mut self, node: usize) -> Result<(), GeneratorError> {
        let Some(catalogue) = self.nodes.get_mut(node) else { return Ok(()) };
        catalogue.grant_underlying().map_err(|source| GeneratorError::Query { node: name(node), source })
    }

    /// A feature is added on every node.
    pub(crate) fn add_feature(&mut self) -> Result<(), GeneratorError> {
        for (index, catalogue) in self.nodes.iter_mut().enumerate() {
            let refuse = |source| GeneratorError::Query { node: name(index), source };
            catalogue.add_feature(self.features).map_err(refuse)?;
        }
        self.features += 1;
        Ok(())
    }

    /// Runs the query on `node` and publishes the result.
    pub(crate) fn generate(&mut self, node: usize) -> Result<Option<Version>, GeneratorError> {
        let Some(catalogue) = self.nodes.get(node) else { return Ok(None) };
        let (file, rows) =
            catalogue.feature_file().map_err(|source| GeneratorError::Query { node: name(node), source })?;
        let bytes = file.into_bytes();
        let version =
            Version { generation: self.generation + 1, source: name(node), hash: Hash::of(&bytes), rows, bytes };
        self.publish(&version)?;
        if !version.is_bad() {
            self.last_good = Some(version.clone());
        }
        Ok(Some(version))
    }

    /// The operator's way out: the last good file again, under a new number.
    pub(crate) fn restore(&mut self) -> Result<Option<Version>, GeneratorError> {
        let Some(last_good) = self.last_good.clone() else { return Ok(None) };
        let version = Version { generation: self.generation + 1, source: "operator".to_owned(), ..last_good };
        self.publish(&version)?;
        Ok(Some(version))
    }

    fn publish(&mut self, version: &Version) -> Result<(), GeneratorError> {
        let generation = version.generation;
        self.publication
            .publish(generation, &version.source, &version.bytes)
            .map_err(|source| GeneratorError::Publish { generation, source })?;
        self.generation = generation;
        Ok(())
    }
}

/// A node's name, as versions carry it.
pub(crate) fn name(node: usize) -> String {
    format!("node-{}", node + 1)
}
