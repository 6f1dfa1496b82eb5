//! Answers to what the screen asked for. One that nobody waits for any more is dropped.

use super::super::message::{Copied, Message};
use super::super::model::{Backtrace, Comparison, Model};

/// Takes an answer into `model`; other messages are none.
pub(super) fn take(model: &mut Model, answer: Message) {
    match answer {
        Message::Difference(pair, result) => {
            if matches!(model.comparison, Comparison::Asked(asked) if asked == pair) {
                model.comparison = match result {
                    Ok(rows) => Comparison::Here(pair, rows),
                    Err(error) => Comparison::Failed(pair, error),
                };
            }
        }
        Message::Backtrace(place, result) => {
            if matches!(&model.backtrace, Backtrace::Asked(asked) if *asked == place) {
                model.backtrace = match result {
                    Ok(frames) => Backtrace::Here(place, frames),
                    Err(why) => Backtrace::Failed(place, why),
                };
            }
        }
        Message::SiteHistory(history) => model.site_history = Some(history),
        Message::Health(answer) => model.health.status = Some(answer),
        Message::Copied(result) => model.remark = Some(told(result)),
        _ => {}
    }
}

/// Where copied text went.
fn told(copied: Result<Copied, String>) -> String {
    match copied {
        Ok(Copied::Sent(bytes)) => {
            format!("sent {bytes} bytes to the terminal's clipboard; one that lacks OSC 52 ignores it")
        }
        Ok(Copied::Tmux(bytes)) => format!("copied {bytes} bytes by tmux load-buffer -w; in tmux: prefix ] pastes"),
        Ok(Copied::File(path)) => format!("too much for a clipboard; written to {path}"),
        Err(error) => format!("could not copy: {error}"),
    }
}
