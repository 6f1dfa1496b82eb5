//! The flags of `collect` and `agent`, and how flag, environment and file become settings: a flag wins over the
//! environment (both are clap's business), and both over the file.

use super::{
    AgentSettings, AlertmanagerArgs, Clock, ConnectArgs, Contents, File, FileError, Listen, Recorders, ServeArgs,
    Settings, default_data_dir,
};
use serde::Deserialize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// A duration as people write it: `10s`, `5m`, `7d` (a day is 24 hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Seconds(pub Duration);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write 10s, 5m, 12h or 7d")]
pub struct NotADuration(String);

impl FromStr for Seconds {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let refuse = || NotADuration(text.chars().take(64).collect());
        // jiff's exact durations know no days, because a civil day may have 23 hours; here a day is a retention's unit.
        let (number, scale) = match text.strip_suffix('d') {
            Some(days) => (format!("{days}h"), 24),
            None => (text.to_owned(), 1),
        };
        let parsed: jiff::SignedDuration = number.parse().map_err(|_| refuse())?;
        let scaled = parsed.checked_mul(scale).ok_or_else(refuse)?;
        Duration::try_from(scaled).ok().filter(|duration| !duration.is_zero()).map(Self).ok_or_else(refuse)
    }
}

impl TryFrom<String> for Seconds {
    type Error = NotADuration;
    fn try_from(text: String) -> Result<Self, NotADuration> {
        text.parse()
    }
}

/// Flags of `collect`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CollectArgs {
    /// Receive OTLP/HTTP on this address (port 0: a free one) [default: port 4318 of 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDRESS", env = "FIRSTBAD_OTLP_HTTP")]
    pub otlp_http: Option<Listen>,
    /// Receive OTLP/gRPC on this address [default: port 4317 of 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDRESS", env = "FIRSTBAD_OTLP_GRPC")]
    pub otlp_grpc: Option<Listen>,
    /// Serve the query API, SSE and /metrics on this address [default: port 4319 of 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDRESS", env = "FIRSTBAD_API")]
    pub api: Option<Listen>,
    /// Keep the store in this directory [default: ~/.local/state/firstbad, as root /var/lib/firstbad]
    #[arg(long, value_name = "DIR", env = "FIRSTBAD_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Allow addresses beyond loopback without TLS and credentials: whoever can connect can then read everything and steer
    /// a verdict
    #[arg(long, env = "FIRSTBAD_INSECURE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub insecure: Option<bool>,
    /// Count this resource attribute among the dimensions that may be a cause; may be repeated
    #[arg(long = "dimension", value_name = "KEY", env = "FIRSTBAD_DIMENSIONS", value_delimiter = ',')]
    pub dimensions: Vec<String>,
    /// Do not read the recorders of this host
    #[arg(long, env = "FIRSTBAD_NO_RECORDERS", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub no_recorders: Option<bool>,
    /// Look for recorders in these directories [default: $FIRSTBAD_RECORDER_DIR, /run/firstbad, ..]
    #[arg(long, value_name = "DIR")]
    pub recorder_dir: Vec<PathBuf>,
    /// How often recorders are read [default: 10s]
    #[arg(long, value_name = "DURATION", env = "FIRSTBAD_REPORT_INTERVAL")]
    pub report_interval: Option<Seconds>,
    /// Delete observations older than this [default: 7d]
    #[arg(long, value_name = "DURATION", env = "FIRSTBAD_RETENTION")]
    pub retention: Option<Seconds>,
    /// Greatest size of the store, bytes; the oldest observations go first [default: 2147483648]
    #[arg(long, value_name = "BYTES", env = "FIRSTBAD_STORE_BYTES_MAX")]
    pub store_bytes_max: Option<u64>,
    /// Keep the bytes of each version for the difference view, or not [default: full]
    #[arg(long, value_enum, value_name = "WHAT", env = "FIRSTBAD_CONTENTS")]
    pub contents: Option<Contents>,
    /// Use the playbooks (*.md) of this directory before the embedded ones; `firstbad playbook list --dir DIR` checks them
    #[arg(long, value_name = "DIR", env = "FIRSTBAD_PLAYBOOKS")]
    pub playbooks: Option<PathBuf>,
    /// Where alerts are sent.
    #[command(flatten)]
    pub alertmanager: AlertmanagerArgs,
    /// How listeners are guarded.
    #[command(flatten)]
    pub security: ServeArgs,
    /// Judge and record, and alert nobody: nothing is sent to the Alertmanager, and incidents in /metrics have the severity
    /// `shadow`. `firstbad backtest` says who would have been woken
    #[arg(long, env = "FIRSTBAD_SHADOW", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub shadow: Option<bool>,
}

/// Flags of `agent`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AgentArgs {
    /// The collector's OTLP/HTTP address, such as https://collector:4318
    #[arg(long, value_name = "URL", env = "FIRSTBAD_TO")]
    pub to: Option<String>,
    /// Look for recorders in these directories [default: $FIRSTBAD_RECORDER_DIR, /run/firstbad, ..]
    #[arg(long, value_name = "DIR")]
    pub recorder_dir: Vec<PathBuf>,
    /// How often recorders are read and shipped [default: 10s]
    #[arg(long, value_name = "DURATION", env = "FIRSTBAD_REPORT_INTERVAL")]
    pub report_interval: Option<Seconds>,
    /// Serve this host's metrics in Prometheus form on this address [default: not served]
    #[arg(long, value_name = "ADDRESS", env = "FIRSTBAD_AGENT_METRICS")]
    pub metrics: Option<Listen>,
    /// Allow --metrics beyond loopback without TLS and credentials
    #[arg(long, env = "FIRSTBAD_INSECURE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub insecure: Option<bool>,
    /// How the collector is connected to.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// How --metrics is guarded.
    #[command(flatten)]
    pub security: ServeArgs,
}

impl CollectArgs {
    /// The settings that these flags and `file` make together.
    ///
    /// # Errors
    /// If a value of the file cannot be used.
    pub fn settings(&self, file: &File) -> Result<Settings, FileError> {
        let file = &file.collect;
        let mut settings =
            Settings::new(self.data_dir.clone().or_else(|| file.data_dir.clone()).unwrap_or_else(default_data_dir));
        for (flag, text, place) in [
            (&self.otlp_http, &file.otlp_http, &mut settings.otlp_http),
            (&self.otlp_grpc, &file.otlp_grpc, &mut settings.otlp_grpc),
        ] {
            if let Some(listen) = listen_of(flag, text)? {
                *place = Some(listen);
            }
        }
        if let Some(listen) = listen_of(&self.api, &file.api)? {
            settings.api = listen;
        }
        settings.insecure = self.insecure.or(file.insecure).unwrap_or(settings.insecure);
        settings.engine.dimensions = or_list(&self.dimensions, &file.dimensions);
        settings.recorders = self.recorders(file);
        settings.retention = duration_of(self.retention, file.retention).unwrap_or(settings.retention);
        settings.store_bytes_max = self.store_bytes_max.or(file.store_bytes_max).unwrap_or(settings.store_bytes_max);
        settings.contents = self.contents.or(file.contents).unwrap_or_default();
        settings.playbooks = self.playbooks.clone().or_else(|| file.playbooks.clone());
        settings.alertmanager = self.alertmanager.settings(file)?;
        settings.security = self.security.or(file.security()).settings()?;
        settings.shadow = self.shadow.or(file.shadow).unwrap_or(settings.shadow);
        Ok(settings)
    }

    fn recorders(&self, file: &super::CollectFile) -> Option<Recorders> {
        let wanted = self.no_recorders.map(|no| !no).or(file.recorders).unwrap_or(true);
        wanted.then(|| Recorders {
            directories: or_list(&self.recorder_dir, &file.recorder_dir),
            interval: duration_of(self.report_interval, file.report_interval).unwrap_or(REPORT_INTERVAL),
        })
    }
}

impl AgentArgs {
    /// The settings that these flags and `file` make together.
    ///
    /// # Errors
    /// If `--to` is missing, or a value of the file cannot be used.
    pub fn settings(&self, file: &File) -> Result<AgentSettings, FileError> {
        let file = &file.agent;
        let to = self.to.clone().or_else(|| file.to.clone()).ok_or_else(|| FileError::Value {
            setting: "--to",
            reason: "the agent needs the collector's address: --to http://HOST:4318".to_owned(),
        })?;
        Ok(AgentSettings {
            to,
            recorders: Recorders {
                directories: or_list(&self.recorder_dir, &file.recorder_dir),
                interval: duration_of(self.report_interval, file.report_interval).unwrap_or(REPORT_INTERVAL),
            },
            metrics: listen_of(&self.metrics, &file.metrics)?,
            insecure: self.insecure.or(file.insecure).unwrap_or(false),
            connect: self.connect.or(file.connect()).settings()?,
            security: self.security.or(file.security()).settings()?,
            clock: Clock::default(),
        })
    }
}

fn listen_of(flag: &Option<Listen>, text: &Option<String>) -> Result<Option<Listen>, FileError> {
    match (flag, text) {
        (Some(listen), _) => Ok(Some(listen.clone())),
        (None, Some(text)) => {
            let refuse =
                |error: super::NotAnAddress| FileError::Value { setting: "address", reason: error.to_string() };
            text.parse().map(Some).map_err(refuse)
        }
        (None, None) => Ok(None),
    }
}

fn duration_of(flag: Option<Seconds>, file: Option<Seconds>) -> Option<Duration> {
    flag.or(file).map(|seconds| seconds.0)
}

fn or_list<T: Clone>(flags: &[T], file: &Option<Vec<T>>) -> Vec<T> {
    if flags.is_empty() { file.clone().unwrap_or_default() } else { flags.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_people_write_them() {
        for (text, seconds) in [("10s", 10), ("5m", 300), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(text.parse(), Ok(Seconds(Duration::from_secs(seconds))), "{text}");
        }
        for wrong in ["", "0s", "-1s", "soon", "10"] {
            assert!(wrong.parse::<Seconds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_an_unknown_key_is_an_error() {
        let file: File = toml::from_str("[collect]\napi = \"5000\"\nretention = \"1h\"\nrecorders = false").unwrap();
        let args = CollectArgs { api: Some(Listen::loopback(6000)), ..CollectArgs::default() };
        let settings = args.settings(&file).unwrap();
        assert_eq!(settings.api, Listen::loopback(6000));
        assert_eq!(settings.retention, Duration::from_secs(3600));
        assert_eq!(settings.recorders, None);
        let error = toml::from_str::<File>("[collect]\nretntion = \"1h\"").unwrap_err();
        assert!(error.to_string().contains("retntion"), "{error}");
        assert!(AgentArgs::default().settings(&File::default()).unwrap_err().to_string().contains("--to"));
    }
}
