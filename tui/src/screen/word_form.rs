//! The form in which an engineer says a word about an incident: which fields it has, and what is asked of the collector. Whether the
//! word is accepted is decided by the collector.

use super::model::Model;
use firstbad_collector::settings::Seconds;
use firstbad_protocol::limits::{QUIET_SECONDS_MAX, WORD_BYTES_MAX};
use firstbad_protocol::verdict::{CauseKind, Incident, WordKind};

/// Labels of fields; the form finds a field by its label.
pub(crate) const WHY: &str = "why";
pub(crate) const FOR: &str = "for";
pub(crate) const CONFIG: &str = "config";
pub(crate) const HOST: &str = "host";

/// How long pages are held unless somebody types another time.
const USUAL_TIME: &str = "1h";
/// The dimension that names a host.
const HOST_KEY: &str = "host.name";

/// One line of a form that can be typed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// What it is called.
    pub(crate) label: &'static str,
    /// What may be typed.
    pub(crate) help: &'static str,
    /// What was typed. At most [`WORD_BYTES_MAX`] bytes.
    pub(crate) text: String,
}

/// What became of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is being typed.
    #[default]
    Typing,
    /// It was sent, and no answer has come.
    Sent,
    /// It was not accepted, or a field is wrong. Untrusted text.
    Refused(String),
}

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WordForm {
    /// What is said.
    pub(crate) kind: WordKind,
    /// The incident that it is about; none for a quiet time.
    pub(crate) incident: Option<String>,
    /// Its fields, in order.
    pub(crate) fields: Vec<Field>,
    /// The field that is typed into.
    pub(crate) active: usize,
    /// What became of it.
    pub(crate) progress: Progress,
}

/// A request to the collector about a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WordRequest {
    /// A word is said.
    Say {
        /// What is said.
        kind: WordKind,
        /// The incident that it is about; none for a quiet time.
        incident: Option<String>,
        /// The reason, perhaps empty.
        text: String,
        /// Seconds for which pages are held, from now on; none for other kinds.
        hold_s: Option<u64>,
        /// Only pages of incidents of this host alone are held.
        host: Option<String>,
        /// Only pages that accuse a version of this config are held.
        config: Option<String>,
    },
    /// A word is taken back.
    TakeBack {
        /// What was said.
        kind: WordKind,
        /// The incident that it is about; none for a quiet time.
        incident: Option<String>,
        /// The number of the word.
        id: u64,
    },
}

impl WordForm {
    /// An empty form about the incident shown.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn new(model: &Model, kind: WordKind) -> Result<Self, String> {
        let incident = model.incident();
        let why = Field { label: WHY, help: "in a sentence or two; may stay empty", text: String::new() };
        let fields = if kind == WordKind::Quiet { quiet_fields(incident, why) } else { vec![why] };
        let about = incident.filter(|_| kind != WordKind::Quiet).map(|incident| incident.id.clone());
        if about.is_none() && kind != WordKind::Quiet {
            return Err(format!("no incident is shown: there is nothing to {}", kind.as_str()));
        }
        Ok(Self { kind, incident: about, fields, active: 0, progress: Progress::Typing })
    }

    /// What was typed into a field, without the spaces around it; none if nothing.
    pub(crate) fn typed(&self, label: &str) -> Option<String> {
        let field = self.fields.iter().find(|field| field.label == label)?;
        Some(field.text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// What is asked of the collector.
    ///
    /// # Errors
    /// Which field is wrong, and what it takes.
    pub(crate) fn request(&self) -> Result<WordRequest, String> {
        let hold_s = match self.kind {
            WordKind::Quiet => Some(self.hold_s()?),
            WordKind::Ack | WordKind::Dispute => None,
        };
        Ok(WordRequest::Say {
            kind: self.kind,
            incident: self.incident.clone(),
            text: self.typed(WHY).unwrap_or_default(),
            hold_s,
            host: self.typed(HOST),
            config: self.typed(CONFIG),
        })
    }

    fn hold_s(&self) -> Result<u64, String> {
        let typed = self.typed(FOR).unwrap_or_default();
        let seconds = typed.parse::<Seconds>().map_err(|error| error.to_string())?.0.as_secs();
        let most = u64::try_from(QUIET_SECONDS_MAX).unwrap_or(u64::MAX);
        if seconds == 0 || seconds > most {
            return Err(format!("pages are held for 1s to {}d; `{typed}` is not between", most / 86_400));
        }
        Ok(seconds)
    }

    /// Types one character into the active field, if there is room for it.
    pub(crate) fn push(&mut self, character: char) {
        if let Some(field) = self.fields.get_mut(self.active)
            && field.text.len() + character.len_utf8() <= WORD_BYTES_MAX
        {
            field.text.push(character);
        }
    }
}

/// The fields of a quiet time. What it holds is proposed to be no more than the incident shown.
fn quiet_fields(incident: Option<&Incident>, why: Field) -> Vec<Field> {
    let cause = incident.and_then(|incident| incident.cause.as_ref());
    let config = cause.and_then(|cause| cause.config.clone()).unwrap_or_default();
    let of_host = cause.filter(|cause| cause.kind == CauseKind::Host);
    let host = of_host.and_then(|cause| cause.dimensions.get(HOST_KEY).cloned()).unwrap_or_default();
    vec![
        Field { label: FOR, help: "30m, 2h, 1d; 30d at most", text: USUAL_TIME.to_owned() },
        Field { label: CONFIG, help: "only pages that accuse a version of it; empty: of any", text: config },
        Field { label: HOST, help: "only pages of incidents of it alone; empty: of any", text: host },
        why,
    ]
}

/// The request that takes back what is said of the incident shown.
///
/// # Errors
/// Why there is nothing to take back.
pub(crate) fn taken_back(model: &Model, kind: WordKind) -> Result<WordRequest, String> {
    let words = model.incident().map(|incident| incident.words.as_slice()).unwrap_or_default();
    let found = words.iter().rev().find(|word| word.kind == kind);
    let found = found.map(|word| WordRequest::TakeBack { kind, incident: word.incident.clone(), id: word.id });
    found.ok_or_else(|| match kind {
        WordKind::Quiet => {
            "no quiet time holds pages of the incident shown; firstbad quiet --list shows all".to_owned()
        }
        kind => format!("nothing to take back: no {} of the incident shown is in the data", kind.as_str()),
    })
}
