//! What the recorder of this process has counted, for assertions in a proxy's own tests.

use crate::{Tag, own, recorder, table};
use firstbad_protocol::recorder::Outcomes;

/// Requests counted so far under the version behind `tag`, by outcome. None without a recorder, for [`Tag::NONE`], and for a
/// version that the recorder does not know any more.
///
/// ```
/// use firstbad_instrument::testing::outcomes_of;
/// use firstbad_instrument::{Config, Origin, Outcome};
///
/// static RULES: Config = Config::new("rules");
///
/// let recorder = firstbad_instrument::init().service("my-proxy").for_tests().try_install().unwrap();
/// let tag = RULES.loading(b"allow *", &Origin::new()).applied();
/// tag.record(Outcome::of_status(Some(403), false));
/// assert_eq!(outcomes_of(tag).unwrap().denied, 1);
/// ```
#[must_use]
pub fn outcomes_of(tag: Tag) -> Option<Outcomes> {
    let uid = Some(table::uid_of(recorder::words()?, tag.0)).filter(|uid| *uid != 0)?;
    Some(own::image()?.version(uid)?.outcomes)
}
