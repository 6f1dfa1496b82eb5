//! The director: starts the fleet, waits until it serves, then does each step when it is due and writes down what the
//! processes report. It alone owns processes, load and generator.

use super::announcer::{Announcement, Announcer};
use super::{Settings, Shared};
use crate::clock;
use crate::generator::{self, Generator, Version};
use crate::home::Home;
use crate::load::Load;
use crate::processes::{Message, Process, Report};
use crate::publication::Publication;
use crate::roster::{self, Host};
use crate::scenario::{self, Due, Phase, Step};
use crate::truth::{GUILTY_CONFIG, INNOCENT_CONFIG, Killed, ROWS_LIMIT};
use firstbad_protocol::Hash;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// A fleet that does not serve by then never will; a loaded machine takes a second or two.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How often the truth about answers is renewed between steps.
const TALLY: Duration = Duration::from_millis(250);

/// What wakes the director.
#[derive(Debug)]
pub(super) enum Input {
    /// A process said something or ended.
    Heard(Message),
    /// The caller is done.
    Stop,
}

/// The director.
#[derive(Debug)]
pub(super) struct Director {
    home: Arc<Home>,
    shared: Arc<Shared>,
    hosts: Vec<Host>,
    processes: BTreeMap<String, Process>,
    lives: BTreeMap<String, u32>,
    serving: BTreeSet<String>,
    load: Load,
    generator: Generator,
    rules: Publication,
    announcer: Announcer,
    declared: BTreeSet<Hash>,
    hear: Sender<Message>,
    steps: VecDeque<Due>,
    curtain: Option<Instant>,
    opened: Instant,
}

impl Director {
    /// Makes the files and threads; starts no process yet.
    pub(super) fn new(
        home: Arc<Home>,
        settings: Settings,
        shared: Arc<Shared>,
        inputs: Sender<Input>,
    ) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let hosts = roster::fleet();
        let load = Load::start(&hosts, settings.seed).map_err(text)?;
        let generator = Generator::create(home.path()).map_err(|error| error.to_string())?;
        let rules = Publication::new(home.path(), INNOCENT_CONFIG);
        let announcer = Announcer::start(settings.otlp_http, Arc::clone(&shared)).map_err(text)?;
        shared.change(|truth| truth.innocent.config = INNOCENT_CONFIG.to_owned());
        Ok(Self {
            home,
            shared,
            hosts,
            processes: BTreeMap::new(),
            lives: BTreeMap::new(),
            serving: BTreeSet::new(),
            load,
            generator,
            rules,
            announcer,
            declared: BTreeSet::new(),
            hear: forward(inputs).map_err(text)?,
            steps: scenario::schedule(settings.scenario, settings.seed).into(),
            curtain: None,
            opened: Instant::now(),
        })
    }

    /// Plays until it is told to stop.
    pub(super) fn run(mut self, inputs: &Receiver<Input>) {
        if let Err(trouble) = self.open() {
            self.shared.trouble(trouble);
        }
        loop {
            match inputs.recv_timeout(self.until_due()) {
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(Input::Heard(message)) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => self.step(),
            }
        }
        self.close();
    }

    /// First versions, then the processes that load them.
    fn open(&mut self) -> Result<(), String> {
        self.generate(0)?;
        self.push_rules(1)?;
        for host in self.hosts.clone() {
            self.start(&host)?;
        }
        self.shared
            .tell(format!("{} processes started: 16 of engine fl2, 8 of engine fl, 4 regions", self.hosts.len()));
        Ok(())
    }

    /// All processes end on purpose, at the same time; then the answers are counted for the last time.
    fn close(&mut self) {
        for host in &self.hosts {
            self.load.withdraw(&host.name);
        }
        self.tally();
        for process in self.processes.values_mut() {
            let _ = process.ask_to_stop();
        }
        for process in self.processes.values_mut() {
            if let Err(error) = process.stop() {
                self.shared.trouble(format!("process {} did not end: {error}", process.instance));
            }
        }
    }

    fn until_due(&self) -> Duration {
        let due = self.curtain.zip(self.steps.front()).map(|(curtain, due)| curtain + Duration::from_millis(due.at_ms));
        due.map_or(TALLY, |due| due.saturating_duration_since(Instant::now()).min(TALLY))
    }

    /// Does what is due.
    fn step(&mut self) {
        self.tally();
        let Some(curtain) = self.curtain else {
            if self.opened.elapsed() > START_PATIENCE {
                self.opened = Instant::now();
                let serving = self.serving.len();
                self.shared.trouble(format!("only {serving} of {} processes serve after 30 s", self.hosts.len()));
            }
            return;
        };
        while self.steps.front().is_some_and(|due| curtain.elapsed() >= Duration::from_millis(due.at_ms)) {
            let Some(due) = self.steps.pop_front() else { return };
            if let Err(trouble) = self.act(due.step) {
                self.shared.trouble(trouble);
            }
        }
    }

    fn tally(&self) {
        let (served, answered_under) = (self.load.served(), self.load.answered_under());
        self.shared.change(|truth| {
            truth.served = served;
            truth.answered_under = answered_under;
        });
    }

    fn act(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Enter(phase) => self.enter(phase),
            Step::Grant(node) => {
                self.generator.grant(node).map_err(|error| error.to_string())?;
                self.shared
                    .tell(format!("the access change reaches {}: r0 becomes visible there", generator::name(node)));
            }
            Step::Generate(node) => self.generate(node)?,
            Step::AddFeature => {
                self.generator.add_feature().map_err(|error| error.to_string())?;
                self.shared.tell("a feature is added to the table, as on any day");
            }
            Step::PushRules => self.push_rules(2)?,
            Step::Flag => self.flag(),
            Step::Surge(surging) => {
                self.load.surge(surging);
                let what = if surging { "come six times as often" } else { "are back to normal" };
                self.shared.tell(format!("requests to two regions {what}"));
            }
            Step::Kill(victims) => self.kill(&victims)?,
            Step::Replace => self.replace()?,
            Step::Restore => self.restore()?,
            Step::RestartOne => self.restart_one()?,
        }
        Ok(())
    }

    fn enter(&self, phase: Phase) {
        self.shared.change(|truth| truth.phase = phase);
        let what = match phase {
            Phase::Starting => "the fleet starts",
            Phase::Calm => "the whole fleet serves; all is calm",
            Phase::Alternating => "an access change rolls out over the generator's nodes, one by one",
            Phase::Bad => "every node has the access change: from now on every file is bad",
            Phase::Surge => "traffic surges",
            Phase::Recovering => "the way back begins",
            Phase::Done => "the play is over",
        };
        self.shared.tell(what);
    }

    // === what is published ===

    fn generate(&mut self, node: usize) -> Result<(), String> {
        if let Some(version) = self.generator.generate(node).map_err(|error| error.to_string())? {
            let judged = if version.is_bad() { "BAD" } else { "good" };
            self.shared.tell(format!(
                "generation {} from {}: {} rows, {judged}, {}",
                version.generation,
                version.source,
                version.rows,
                version.hash.short()
            ));
            self.declare(&version);
        }
        Ok(())
    }

    fn restore(&mut self) -> Result<(), String> {
        if let Some(version) = self.generator.restore().map_err(|error| error.to_string())? {
            // Generations end here: those still in the schedule would undo what the operator did.
            self.steps.retain(|due| !matches!(due.step, Step::Generate(_) | Step::AddFeature));
            self.shared.tell(format!(
                "the operator stops the generator and publishes the last good file again: {} rows, {}",
                version.rows,
                version.hash.short()
            ));
            self.declare(&version);
        }
        Ok(())
    }

    /// A version is declared when it is published for the first time.
    fn declare(&mut self, version: &Version) {
        if self.declared.insert(version.hash) {
            self.publish_event(GUILTY_CONFIG, version.generation, version.hash);
        }
    }

    fn publish_event(&self, config: &'static str, generation: u64, hash: Hash) {
        self.announcer.announce(Announcement {
            at: clock::now(),
            kind: "publish",
            id: format!("{config}-generation-{generation}"),
            target: config.to_owned(),
            description: format!("generation {generation} of {config} is published"),
            version: Some((config, hash)),
            innocent: false,
        });
    }

    fn push_rules(&mut self, generation: u64) -> Result<(), String> {
        let rules = rules(generation);
        let hash = Hash::of(rules.as_bytes());
        self.rules
            .publish(generation, "rules-team", rules.as_bytes())
            .map_err(|error| format!("publishing rules: {error}"))?;
        self.shared.change(|truth| truth.innocent.hashes.push(hash));
        self.shared.tell(format!("{INNOCENT_CONFIG} generation {generation} is pushed, harmless: {}", hash.short()));
        self.publish_event(INNOCENT_CONFIG, generation, hash);
        Ok(())
    }

    fn flag(&self) {
        self.shared.tell("flag `http3-early-hints` goes to 100 %, harmless");
        self.announcer.announce(Announcement {
            at: clock::now(),
            kind: "flag",
            id: "http3-early-hints".to_owned(),
            target: "http3-early-hints".to_owned(),
            description: "http3-early-hints goes from 50 % to 100 %".to_owned(),
            version: None,
            innocent: true,
        });
    }

    // === processes ===

    fn start(&mut self, host: &Host) -> Result<(), String> {
        let life = self.lives.entry(host.name.clone()).or_insert(0);
        *life += 1;
        let process = Process::start(&self.home, host, *life, self.hear.clone())
            .map_err(|error| format!("starting a process for {}: {error}", host.name))?;
        self.processes.insert(host.name.clone(), process);
        Ok(())
    }

    fn kill(&mut self, victims: &[String]) -> Result<(), String> {
        for host in victims {
            let Some(mut process) = self.processes.remove(host) else { continue };
            process.kill().map_err(|error| format!("killing {}: {error}", process.instance))?;
            self.forget(host);
            let served = self.load.withdraw(host);
            let killed = Killed {
                host: host.clone(),
                instance: process.instance.clone(),
                pid: process.pid(),
                at: clock::now(),
                served,
            };
            self.shared.tell(format!("SIGKILL: process {} on {host}, after {} panics", killed.pid, served.panicked));
            self.shared.change(|truth| truth.killed.push(killed));
        }
        Ok(())
    }

    fn replace(&mut self) -> Result<(), String> {
        let hosts = self.hosts.clone();
        for host in hosts.iter().filter(|host| !self.processes.contains_key(&host.name)).cloned().collect::<Vec<_>>() {
            self.start(&host)?;
            self.shared.tell(format!("{} gets a new process", host.name));
        }
        Ok(())
    }

    fn restart_one(&mut self) -> Result<(), String> {
        let Some(name) = self.shared.change(|truth| truth.poisoned.first().cloned()) else { return Ok(()) };
        let Some(host) = self.hosts.iter().find(|host| host.name == name).cloned() else { return Ok(()) };
        if let Some(mut process) = self.processes.remove(&name) {
            self.load.withdraw(&name);
            process.stop().map_err(|error| format!("stopping {}: {error}", process.instance))?;
        }
        self.forget(&name);
        let left = self.shared.change(|truth| truth.poisoned.len());
        self.shared.tell(format!("{name} is restarted: its arenas had run dry; {left} hosts still need it"));
        self.start(&host)
    }

    /// What was known about a host's process, which is gone.
    fn forget(&self, host: &str) {
        self.shared.change(|truth| {
            truth.poisoned.remove(host);
            truth.on_bad.remove(host);
        });
    }

    fn hear(&mut self, message: Message) {
        let current = self.processes.get(&message.host).is_some_and(|process| process.instance == message.instance);
        match message.report {
            Some(Report::Ready { address }) if current => self.serve(message.host, address),
            Some(Report::Loaded { at, config, hash, rows }) if config == GUILTY_CONFIG => {
                self.shared.change(|truth| {
                    let bad = rows > ROWS_LIMIT;
                    let list = if bad { &mut truth.bad } else { &mut truth.good };
                    if !list.contains(&hash) {
                        list.push(hash);
                    }
                    if bad {
                        truth.first_bad_load.entry(message.host.clone()).or_insert(at);
                    }
                    if bad && current {
                        truth.on_bad.insert(message.host)
                    } else {
                        truth.on_bad.remove(&message.host)
                    };
                });
            }
            Some(Report::Poisoned) if current => {
                self.shared.tell(format!("{} has no arena left: it fails until it is restarted", message.host));
                self.shared.change(|truth| truth.poisoned.insert(message.host));
            }
            Some(Report::Trouble(trouble)) => self.shared.trouble(format!("{}: {trouble}", message.instance)),
            None if current => {
                self.processes.remove(&message.host);
                self.load.withdraw(&message.host);
                // The directory is removed in the end, so a path into it would lead nowhere.
                let log = self.home.last_logged(&message.host);
                self.shared.trouble(format!("process {} ended by itself; its log ends with: {log}", message.instance));
            }
            _ => {}
        }
    }

    fn serve(&mut self, host: String, address: std::net::SocketAddr) {
        self.load.aim(&host, address);
        self.serving.insert(host);
        if self.curtain.is_none() && self.serving.len() == self.hosts.len() {
            self.curtain = Some(Instant::now());
            self.step();
        }
    }
}

/// Processes know only messages; the director's channel carries other inputs too.
fn forward(inputs: Sender<Input>) -> std::io::Result<Sender<Message>> {
    let (hear, heard) = mpsc::channel();
    std::thread::Builder::new().name("demo-hear".to_owned()).spawn(move || {
        for message in heard {
            if inputs.send(Input::Heard(message)).is_err() {
                return;
            }
        }
    })?;
    Ok(hear)
}

/// The second config: one rule per row; the harmless push adds one.
fn rules(generation: u64) -> String {
    (0..20 + generation).fold(String::from("id,action,pattern\n"), |rules, rule| {
        rules + &format!("r{rule:03},{},/admin/{rule}\n", if rule % 3 == 0 { "block" } else { "log" })
    })
}
