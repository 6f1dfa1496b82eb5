//! As much HTTP/1.1 as the stage needs: heads of bounded size, bodies with a length, kept-open connections. What a request
//! means is decided by `proxy`, what to ask by `load`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Greatest head, bytes: the stage's own heads have about 200.
const HEAD_BYTES_MAX: u64 = 8 << 10;
/// Greatest answer body read by the client, bytes; what is longer ends the connection.
const BODY_BYTES_MAX: u64 = 64 << 10;
/// A local answer takes less than a millisecond; so long means that nobody is there, even on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Path with query.
    pub(crate) path: String,
}

/// An answer without a body, which is all that clients of the stage look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// `x-bot-score`.
    pub(crate) score: Option<u8>,
    /// `x-bot-features`: short hash of the version that was used, where one was and its engine came back to say so.
    pub(crate) input: Option<String>,
}

impl Answer {
    /// An answer that says nothing but `status`.
    pub(crate) const fn bare(status: u16) -> Self {
        Self { status, score: None, input: None }
    }
}

/// Serves on `listener` until the process ends: a thread for each connection, as the stage has two per process at most.
pub(crate) fn serve<H>(listener: &TcpListener, thread_name: &str, handler: H) -> io::Result<()>
where
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    for stream in listener.incoming() {
        let (stream, handler) = (stream?, Arc::clone(&handler));
        std::thread::Builder::new().name(thread_name.to_owned()).spawn(move || {
            // A client that went away is no fault of the server.
            let _ = converse(&stream, &*handler);
        })?;
    }
    Ok(())
}

fn converse<H: Fn(&Request) -> Answer>(stream: &TcpStream, handler: &H) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return Ok(()) };
        let answer = handler(&Request { path: path.to_owned() });
        let score = answer.score.map_or(String::new(), |score| format!("x-bot-score: {score}\r\n"));
        let input = answer.input.map_or(String::new(), |input| format!("x-bot-features: {input}\r\n"));
        let text = format!("HTTP/1.1 {} -\r\ncontent-length: 0\r\n{score}{input}\r\n", answer.status);
        (&mut &*stream).write_all(text.as_bytes())?;
    }
    Ok(())
}

/// The lines of a head; none at the end of the stream.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Vec<String>>> {
    let mut limited = reader.take(HEAD_BYTES_MAX);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line)? == 0 {
            let cut = !lines.is_empty();
            return if cut { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some(lines));
        }
        lines.push(line.to_owned());
    }
}

/// A kept-open connection to one server.
#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// One request and its answer.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: demo\r\n\r\n");
        self.reader.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let head = read_head(&mut self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let body_bytes: u64 = field(&head, "content-length").unwrap_or(0);
        if body_bytes > BODY_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        io::copy(&mut (&mut self.reader).take(body_bytes), &mut io::sink())?;
        Ok(Answer { status, score: field(&head, "x-bot-score"), input: field(&head, "x-bot-features") })
    }
}

/// The value of a header, if it is there and can be read.
fn field<T: std::str::FromStr>(head: &[String], name: &str) -> Option<T> {
    head.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        if key.eq_ignore_ascii_case(name) { value.trim().parse().ok() } else { None }
    })
}

/// Posts JSON on a connection of its own; gives the status.
pub(crate) fn post(address: SocketAddr, path: &str, json: &[u8]) -> io::Result<u16> {
    let mut client = Client::connect(address)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        json.len()
    );
    client.reader.get_mut().write_all(head.as_bytes())?;
    client.reader.get_mut().write_all(json)?;
    client.answer().map(|answer| answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_carries_several_requests_and_their_scores() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scored = || Answer { status: 200, score: Some(42), input: Some("0123456789ab".to_owned()) };
        std::thread::spawn(move || {
            serve(&listener, "test", move |request| if request.path == "/bad" { Answer::bare(500) } else { scored() })
        });
        let mut client = Client::connect(address).unwrap();
        for _ in 0..3 {
            assert_eq!(client.get("/").unwrap(), scored());
            assert_eq!(client.get("/bad").unwrap(), Answer::bare(500));
        }
    }
}
