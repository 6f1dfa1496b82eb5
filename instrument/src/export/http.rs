//! One HTTP/1.1 POST over a plain connection, with a deadline for all of it. Without TLS: it is for a collector on the same
//! host, a sidecar, or a gateway in a trusted network; everything else has the agent.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Bytes of an answer's head that are looked at.
const HEAD_BYTES_MAX: usize = 8192;
/// Bytes written between two looks at the clock.
const PIECE_BYTES: usize = 64 << 10;

/// Where reports go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port, as in the `Host` header.
    authority: String,
    /// Path before `/v1/..`, without a slash at the end.
    prefix: String,
    /// Token of the `Authorization` header.
    bearer: Option<String>,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is safe there.
    Taken,
    /// Not now; perhaps after this long.
    Later(Option<Duration>),
    /// Not this one, ever: the status.
    Refused(u16),
    /// Nobody answered: why.
    Unreachable(String),
}

impl Target {
    /// From `http://host[:port][/prefix]`.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: only http:// is spoken here"))?;
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let bad = |c: char| c.is_whitespace() || c.is_control();
        if authority.is_empty() || rest.contains(bad) {
            return Err(format!("{url:?} names no host"));
        }
        let bare = authority.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err());
        let authority = if bare { format!("{authority}:4318") } else { authority.to_owned() };
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        Ok(Self { authority, prefix, bearer: None })
    }

    pub(super) fn bearer(&mut self, token: &str) {
        self.bearer = Some(token.chars().filter(|c| c.is_ascii_graphic()).collect());
    }

    /// Posts a JSON body to `<prefix>/v1/<signal>`.
    pub(super) fn post(&self, signal: &str, body: &str, within: Duration) -> Answer {
        let deadline = Instant::now() + within;
        self.exchange(signal, body, deadline)
            .unwrap_or_else(|error| Answer::Unreachable(format!("{}: {error}", self.authority)))
    }

    fn exchange(&self, signal: &str, body: &str, deadline: Instant) -> std::io::Result<Answer> {
        let mut stream = self.connect(deadline)?;
        let bearer =
            self.bearer.as_ref().map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "POST {}/v1/{signal} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{bearer}Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.prefix,
            self.authority,
            body.len()
        );
        for piece in std::iter::once(head.as_bytes()).chain(body.as_bytes().chunks(PIECE_BYTES)) {
            stream.set_write_timeout(Some(left(deadline)?))?;
            stream.write_all(piece)?;
        }
        let mut answer = Vec::new();
        while answer.len() < HEAD_BYTES_MAX && !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            stream.set_read_timeout(Some(left(deadline)?))?;
            let mut piece = [0; 1024];
            match stream.read(&mut piece)? {
                0 => break,
                count => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
        Ok(understand(&String::from_utf8_lossy(&answer)))
    }

    fn connect(&self, deadline: Instant) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// What an answer's head says.
fn understand(head: &str) -> Answer {
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    let retry_after = || {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("retry-after").then(|| value.trim().parse().ok().map(Duration::from_secs))?
        })
    };
    match status {
        Some(200..300_u16) => Answer::Taken,
        Some(408 | 429 | 500..600) => Answer::Later(retry_after()),
        Some(status) => Answer::Refused(status),
        None => Answer::Unreachable("no HTTP answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_or_refused() {
        let parsed = |url: &str| Target::parse(url).map(|target| (target.authority, target.prefix));
        assert_eq!(parsed("http://127.0.0.1:4318"), Ok(("127.0.0.1:4318".into(), String::new())));
        assert_eq!(parsed("http://collector/otlp/"), Ok(("collector:4318".into(), "/otlp".into())));
        assert_eq!(parsed("http://[::1]"), Ok(("[::1]:4318".into(), String::new())));
        for wrong in ["https://x", "http://", "http://x y", "http://x\r\nHost: y", "x:4318"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_understood() {
        assert_eq!(understand("HTTP/1.1 200 OK\r\n\r\n"), Answer::Taken);
        assert_eq!(
            understand("HTTP/1.1 429 Too Many Requests\r\nRETRY-AFTER: 7\r\n\r\n"),
            Answer::Later(Some(Duration::from_secs(7)))
        );
        assert_eq!(understand("HTTP/1.1 503 x\r\nRetry-After: soon\r\n\r\n"), Answer::Later(None));
        assert_eq!(understand("HTTP/1.1 400 Bad Request\r\n"), Answer::Refused(400));
        assert!(matches!(understand("SSH-2.0"), Answer::Unreachable(_)));
    }
}
