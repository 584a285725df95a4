//! As much of HTTP/1.1 as a CLI's HTTP client needs: one request per connection, with a length or chunked.

use std::io::{self, BufRead, Read, Write};

/// Requests of this many bytes and more are refused: no CLI sends them.
const BODY_LIMIT: u64 = 64 * 1024 * 1024;
const LINE_LIMIT: u64 = 256 * 1024;

pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| invalid("a header line is not UTF-8"))
}

/// Reads one request. `tell` is where `100 Continue` goes if the client waits for it.
pub(crate) fn read(stream: &mut impl BufRead, tell: &mut impl Write) -> io::Result<Received> {
    let first = line(stream)?;
    let mut words = first.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(invalid("no request line"));
    };
    let mut headers = Vec::new();
    loop {
        let text = line(stream)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(|| invalid("a header without a colon"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        tell.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
        chunks(stream, &mut body)?;
    } else if let Some(length) = header("content-length") {
        let length: u64 = length.parse().map_err(|_| invalid("content-length is no number"))?;
        exactly(stream, length, &mut body)?;
    }
    Ok(Received { method: method.to_owned(), path: path.to_owned(), headers, body })
}

fn exactly(stream: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if length.saturating_add(body.len() as u64) > BODY_LIMIT {
        return Err(invalid("the body is too long"));
    }
    if stream.take(length).read_to_end(body)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let head = line(stream)?;
        let digits = head.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| invalid("a chunk without its length"))?;
        if length == 0 {
            while !line(stream)?.is_empty() {}
            return Ok(());
        }
        exactly(stream, length, body)?;
        line(stream)?;
    }
}

/// A whole JSON answer.
pub(crate) fn json(out: &mut impl Write, status: u16, body: &serde_json::Value) -> io::Result<()> {
    let body = body.to_string();
    let reason = if status < 400 { "OK" } else { "Error" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    out.write_all(head.as_bytes())?;
    out.write_all(body.as_bytes())?;
    out.flush()
}

/// Server-sent events, named by their `type` where they have one; the end of the connection ends the answer.
pub(crate) fn events(out: &mut impl Write, events: &[serde_json::Value]) -> io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n")?;
    for event in events {
        if let Some(name) = event["type"].as_str() {
            out.write_all(format!("event: {name}\n").as_bytes())?;
        }
        out.write_all(format!("data: {event}\n\n").as_bytes())?;
    }
    out.flush()
}

/// What Chat Completions puts behind the last of its [`events`].
pub(crate) fn done(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"data: [DONE]\n\n")?;
    out.flush()
}
