//! From an empty crate to a panic that names the file it came from: everything between the two comments is firstbad.
//! `cargo run --example minimal -- features.csv`, then `firstbad recorder list`.

// The integration begins.
use firstbad_instrument::{Live, Outcome, Score};

static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
static FEATURES: Live<Vec<String>> = Live::new("bot-features").limit("rows", 200).score(&BOT);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "features.csv".to_owned());
    let recorder = firstbad_instrument::init().service("my-proxy").version("1.0").install()?;
    println!("recording to {:?}", recorder.path());
    FEATURES.load_file(&path, parse).applied()?; // keeps the content, with secrets as ***; Content::Off keeps none
    let features = FEATURES.pin().ok_or("nothing loaded")?;
    features.score(&BOT, handle(&features));
    features.record(Outcome::Ok);
    Ok(())
}
// The integration ends: the rest is any proxy.

fn parse(bytes: &[u8]) -> Result<Vec<String>, std::str::Utf8Error> {
    Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
}

#[expect(clippy::indexing_slicing, reason = "the mistake that firstbad is here to name")]
fn handle(features: &[String]) -> u8 {
    let mut table = [0_u8; 200];
    for (place, feature) in features.iter().enumerate() {
        table[place] = u8::from(!feature.is_empty());
    }
    table[0] + 41
}
