//! Two proxies on Pingora, as on 18 November 2025: the new engine preallocates for 200 features and panics at one more; the old
//! one gives every request the score 0 instead. Both count through `firstbad_instrument::pingora::Ctx`. Starting them, and
//! what clients see, is in `tests/engines.rs`.

use async_trait::async_trait;
use firstbad_instrument::pingora::Ctx;
use firstbad_instrument::{Live, Outcome, Score};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::{ProxyHttp, Session};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Features that the new engine has room for.
pub const FEATURES_MAX: usize = 200;

/// The bot score of a request.
pub static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
/// The file that both engines load.
pub static FEATURES: Live<Vec<String>> = Live::new("bot-features").limit("rows", FEATURES_MAX as u64).score(&BOT);
/// Calls of `logging()`, where metrics are usually taken.
pub static LOGGED: AtomicU64 = AtomicU64::new(0);

/// Which of the two engines a proxy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Panics when there are too many features.
    New,
    /// Scores 0 when there are too many features.
    Old,
}

/// Takes a feature file as it comes: the limit is the engines'.
///
/// # Errors
/// When it is no text.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, std::str::Utf8Error> {
    Ok(std::str::from_utf8(bytes)?.lines().skip(1).map(str::to_owned).collect())
}

impl Engine {
    fn score(self, features: &[String]) -> u8 {
        let mut table = [0_u8; FEATURES_MAX];
        match self {
            Self::Old if features.len() > table.len() => return 0,
            Self::Old | Self::New => {}
        }
        for (place, feature) in features.iter().enumerate() {
            // The line that broke the new engine.
            table[place] = u8::from(!feature.is_empty());
        }
        41 + table[0]
    }
}

#[async_trait]
impl ProxyHttp for Engine {
    type CTX = Ctx<()>;

    fn new_ctx(&self) -> Self::CTX {
        Ctx::new(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Self::CTX) -> Result<bool> {
        let score = match ctx.pin(&FEATURES) {
            Some(features) => {
                let score = self.score(&features);
                features.score(&BOT, score);
                score
            }
            None => return Err(Error::new(ErrorType::InternalError)),
        };
        let mut header = ResponseHeader::build(204, None)?;
        header.insert_header("x-bot-score", score.to_string())?;
        session.write_response_header(Box::new(header), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Err(Error::new(ErrorType::ConnectNoRoute))
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Self::CTX) {
        LOGGED.fetch_add(1, Relaxed);
        let status = session.response_written().map(|response| response.status.as_u16());
        ctx.finish(Outcome::of_status(status, error.is_some()));
    }
}
