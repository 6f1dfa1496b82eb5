//! The load: a client for each host, whose rate follows its region's day and is never constant, and the count of what it
//! got back. Where a host's process listens, and when requests surge, is decided by `stage`.

use crate::http::{Answer, Client};
use crate::random::Random;
use crate::roster::{Host, REGIONS};
use crate::truth::Served;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Mean requests per second and host.
const RATE: f64 = 25.0;
/// How far the rate of a region swings around the mean within one of its days.
const SWING: f64 = 0.35;
/// A day of traffic, shrunk, seconds.
const DAY_S: f64 = 23.0;
/// How much a surge multiplies the rate.
const SURGE: f64 = 6.0;
/// Regions that a surge hits: the first ones.
const SURGE_REGIONS: usize = 2;
/// A client that is behind by more than this gives up the requests it missed.
const BEHIND_MAX: Duration = Duration::from_millis(500);
/// Share of requests that do not use the bots module.
const STATIC_SHARE: f64 = 0.04;

/// The load on the whole fleet.
#[derive(Debug)]
pub(crate) struct Load {
    lanes: BTreeMap<String, Arc<Mutex<Lane>>>,
    surging: Arc<AtomicBool>,
    ending: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

/// One host's client. Its lock is held for the length of a request, so whoever holds it sees no request in flight.
#[derive(Debug, Default)]
struct Lane {
    target: Option<SocketAddr>,
    client: Option<Client>,
    /// Answers of the process aimed at.
    process: Served,
    /// Answers of earlier processes of the host.
    earlier: Served,
    /// Answers by the version they were given under, over all processes.
    under: BTreeMap<String, u64>,
}

impl Load {
    /// A client for each host, aiming at nothing yet.
    pub(crate) fn start(hosts: &[Host], seed: u64) -> io::Result<Self> {
        let (surging, ending) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut load = Self { lanes: BTreeMap::new(), surging, ending, clients: Vec::new() };
        for (index, host) in (0_u64..).zip(hosts) {
            let lane = Arc::new(Mutex::new(Lane::default()));
            load.lanes.insert(host.name.clone(), Arc::clone(&lane));
            let region = REGIONS.iter().position(|region| *region == host.region).unwrap_or(0);
            let rhythm = Rhythm { region, surging: Arc::clone(&load.surging), random: Random::new(seed, 100 + index) };
            let ending = Arc::clone(&load.ending);
            let client = std::thread::Builder::new().name(format!("load-{}", host.name));
            load.clients.push(client.spawn(move || drive(&lane, rhythm, &ending))?);
        }
        Ok(load)
    }

    /// From now on, the host's requests go to `target`.
    pub(crate) fn aim(&self, host: &str, target: SocketAddr) {
        if let Some(mut lane) = self.lane(host) {
            lane.earlier = sum(lane.earlier, lane.process);
            lane.process = Served::default();
            lane.client = None;
            lane.target = Some(target);
        }
    }

    /// From now on, nothing is sent to the host. What its process had answered.
    pub(crate) fn withdraw(&self, host: &str) -> Served {
        self.lane(host).map_or_else(Served::default, |mut lane| {
            lane.target = None;
            lane.client = None;
            lane.process
        })
    }

    /// Answers of each host so far, over all its processes.
    pub(crate) fn served(&self) -> BTreeMap<String, Served> {
        let total = |host: &String| self.lane(host).map(|lane| sum(lane.earlier, lane.process)).unwrap_or_default();
        self.lanes.keys().map(|host| (host.clone(), total(host))).collect()
    }

    /// Answers of the whole fleet so far, by short hash of the version they were given under.
    pub(crate) fn answered_under(&self) -> BTreeMap<String, u64> {
        let mut fleet = BTreeMap::new();
        for lane in self.lanes.values() {
            for (input, count) in &lock(lane).under {
                *fleet.entry(input.clone()).or_insert(0) += count;
            }
        }
        fleet
    }

    /// Requests to the first regions come six times as often, or as usual.
    pub(crate) fn surge(&self, surging: bool) {
        self.surging.store(surging, Ordering::Relaxed);
    }

    fn lane(&self, host: &str) -> Option<MutexGuard<'_, Lane>> {
        self.lanes.get(host).map(|lane| lock(lane))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sum(one: Served, other: Served) -> Served {
    Served {
        ok: one.ok + other.ok,
        zero_scores: one.zero_scores + other.zero_scores,
        panicked: one.panicked + other.panicked,
        exhausted: one.exhausted + other.exhausted,
        refused: one.refused + other.refused,
        lost: one.lost + other.lost,
    }
}

/// When a host's next request is due, and what it asks for.
struct Rhythm {
    region: usize,
    surging: Arc<AtomicBool>,
    random: Random,
}

impl Rhythm {
    /// Until the next request, at `elapsed_s` of the run: exponential around the region's rate of the hour.
    fn pause(&mut self, elapsed_s: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a handful of regions")]
        let shift = self.region as f64 / REGIONS.len() as f64;
        let surge = self.region < SURGE_REGIONS && self.surging.load(Ordering::Relaxed);
        let rate = RATE * (1.0 + SWING * (TAU * (elapsed_s / DAY_S + shift)).sin()) * if surge { SURGE } else { 1.0 };
        Duration::from_secs_f64((-(1.0 - self.random.unit()).ln() / rate).min(1.0))
    }

    fn path(&mut self) -> String {
        let page = self.random.below(10_000);
        if self.random.unit() < STATIC_SHARE { format!("/static/{page}") } else { format!("/page/{page}") }
    }
}

/// One client's work until the load ends.
fn drive(lane: &Mutex<Lane>, mut rhythm: Rhythm, ending: &AtomicBool) {
    let start = Instant::now();
    let mut due = start;
    while !ending.load(Ordering::Relaxed) {
        due += rhythm.pause(due.duration_since(start).as_secs_f64());
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(pause) => std::thread::sleep(pause),
            None if now.duration_since(due) > BEHIND_MAX => due = now,
            None => {}
        }
        let path = rhythm.path();
        lock(lane).request(&path);
    }
}

impl Lane {
    fn request(&mut self, path: &str) {
        let Some(target) = self.target else { return };
        match self.ask(target, path) {
            Ok(answer) => {
                self.process.count(&answer);
                if let Some(input) = answer.input {
                    *self.under.entry(input).or_insert(0) += 1;
                }
            }
            Err(_) => {
                self.process.lost += 1;
                self.client = None;
            }
        }
    }

    fn ask(&mut self, target: SocketAddr, path: &str) -> io::Result<Answer> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(target)?,
        };
        let answer = client.get(path)?;
        self.client = Some(client);
        Ok(answer)
    }
}

impl Served {
    fn count(&mut self, answer: &Answer) {
        match answer.status {
            200 => {
                self.ok += 1;
                self.zero_scores += u64::from(answer.score == Some(0));
            }
            500 => self.panicked += 1,
            507 => self.exhausted += 1,
            _ => self.refused += 1,
        }
    }
}
