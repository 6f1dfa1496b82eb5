//! The faults: what is pushed, how it is played on a server, and what each process of the fleet should then have sent.

use crate::expected::{Expected, Load};
use crate::fleet::{Fleet, Life, Shape};

/// The secret that clients send, and the one after the rotation.
pub(crate) const SECRETS: [&str; 2] = ["alpha-7f3a9b21", "beta-55e0c1d7"];
/// The good file: five rows.
pub(crate) const GOOD: &str = "token alpha-7f3a9b21\nbuffer 4096\nroute /a\nroute /b\nroute /c\n";
/// Number of times that a supervisor starts a server again that dies. Chosen: more than the engine calls a loop.
const STARTS_AGAIN: usize = 4;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A file with more routes than there is room for: each request panics.
    Broken,
    /// A file with a line that the parser refuses; the good one serves on.
    Refused,
    /// A file with another secret: each request is answered with 401.
    Rotated,
    /// A file with which the first request aborts the process; nobody starts it again.
    Aborts,
    /// The same under a supervisor.
    Loops,
    /// A restart with SIGTERM. Nothing is wrong.
    Restarts,
    /// A restart into the next version of the binary. Nothing is wrong.
    Upgrades,
}

impl Fault {
    /// All faults.
    pub(crate) const ALL: [Self; 7] =
        [Self::Broken, Self::Refused, Self::Rotated, Self::Aborts, Self::Loops, Self::Restarts, Self::Upgrades];

    /// Its name in the names of golden files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Rotated => "rotated",
            Self::Aborts => "aborts",
            Self::Loops => "loops",
            Self::Restarts => "restarts",
            Self::Upgrades => "upgrades",
        }
    }

    /// The file that is pushed.
    pub(crate) fn pushed(self) -> String {
        match self {
            Self::Broken => GOOD.to_owned() + &(0..9).map(|route| format!("route /new/{route}\n")).collect::<String>(),
            Self::Refused => GOOD.replace("4096", "4kB"),
            Self::Rotated => GOOD.replace(SECRETS[0], SECRETS[1]),
            // No machine has so much memory.
            Self::Aborts | Self::Loops => GOOD.replace("4096", "70368744177664"),
            Self::Restarts | Self::Upgrades => GOOD.to_owned(),
        }
    }

    /// Plays the fault on a server.
    pub(crate) fn strike(self, fleet: &mut Fleet, server: usize) {
        match self {
            Self::Broken | Self::Refused | Self::Rotated => fleet.push(server, &self.pushed()),
            Self::Aborts => {
                fleet.push(server, &self.pushed());
                fleet.await_end(server);
            }
            Self::Loops => {
                fleet.push(server, &self.pushed());
                fleet.await_end(server);
                for _ in 0..STARTS_AGAIN {
                    fleet.start_again(server, "1.0");
                    fleet.await_end(server);
                }
            }
            Self::Restarts | Self::Upgrades => {
                fleet.terminate(server);
                fleet.start_again(server, if self == Self::Upgrades { "2.0" } else { "1.0" });
            }
        }
    }

    /// Whether nothing is wrong.
    pub(crate) const fn is_none(self) -> bool {
        matches!(self, Self::Restarts | Self::Upgrades)
    }

    /// Whether the screen is known to be wrong: with two of three processes of one host dead for good, it says that the host recovers
    /// and that no host needs a restart, since the engine judges hosts and this one still serves. Only the symptom is compared.
    pub(crate) fn is_concluded_wrongly(self, shape: Shape) -> bool {
        matches!(self, Self::Aborts | Self::Loops) && shape.processes_of_a_host > 1
    }

    /// What the process of this life should have sent at the end.
    pub(crate) fn expected(self, life: &Life, shape: Shape) -> Expected {
        let struck = life.server < shape.hit;
        let pushed = self.pushed();
        let good = Load { content: GOOD.to_owned(), result: "applied", reason: "" };
        let bad = Load { content: pushed, result: "applied", reason: "" };
        let loads = match self {
            _ if !struck => vec![good],
            Self::Refused => vec![good, Load { result: "kept_last_good", reason: "parse", ..bad }],
            Self::Loops if life.number > 0 => vec![bad],
            Self::Broken | Self::Rotated | Self::Aborts | Self::Loops => vec![good, bad],
            Self::Restarts | Self::Upgrades => vec![good],
        };
        // Only the first process of a host that runs the new version sends the deploy event.
        let is_first = life.number > 0 && life.server.is_multiple_of(shape.processes_of_a_host);
        let before = (struck && self == Self::Upgrades && is_first).then_some("1.0");
        Expected { life: life.clone(), loads, before }
    }
}
