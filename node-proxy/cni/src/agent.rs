//! Asks the agent: one HTTP/1.1 request over its Unix socket.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::message::{AddReply, AddRequest, PATH, UNKNOWN};

/// Bytes of an answer: a sentence.
const LARGEST_ANSWER: u64 = 64 * 1024;
const MOST_HEADERS: usize = 32;

/// The agent's answer, or that there is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody listens, or the answer does not come.
    #[error("karez-agent does not answer at {}: {reason}", socket.display())]
    NoAnswer {
        /// Where.
        socket: PathBuf,
        /// Why.
        reason: String,
    },
    /// The controller has not told it of the Pod.
    #[error("{0}")]
    Unknown(String),
    /// The Pod is in the mesh and could not be captured.
    #[error("karez-agent: {0}")]
    NotCaptured(String),
}

/// What the plugin reads of a refusal.
#[derive(serde::Deserialize)]
struct Refusal {
    error: String,
}

/// Asks for a Pod, and waits for the answer until `deadline`.
///
/// # Errors
/// When the Pod may not start, or not yet.
pub fn add(socket: &Path, request: &AddRequest, deadline: Instant) -> Result<AddReply, AskError> {
    let no_answer = |reason: String| AskError::NoAnswer { socket: socket.to_owned(), reason };
    let answer = exchange(socket, request, deadline).map_err(|error| no_answer(error.to_string()))?;
    let (status, body) = read(&answer).ok_or_else(|| no_answer("what comes is no answer".to_owned()))?;
    if status == 200 {
        return serde_json::from_slice(body).map_err(|error| no_answer(error.to_string()));
    }
    let words = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error);
    let words = words.unwrap_or_else(|_| format!("HTTP status {status}"));
    Err(if status == UNKNOWN { AskError::Unknown(words) } else { AskError::NotCaptured(words) })
}

fn exchange(socket: &Path, request: &AddRequest, deadline: Instant) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(request)?;
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: karez-agent\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(&mut buffer)?;
        let Some(read @ [_, ..]) = buffer.get(..count) else { return Ok(answer) };
        answer.extend_from_slice(read);
        if answer.len() as u64 > LARGEST_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// The time that is left; an error when none is, because a socket takes none for endless.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Status and body of a whole answer; the agent's are never in chunks.
fn read(answer: &[u8]) -> Option<(u16, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(answer).ok()? else { return None };
    Some((response.code?, answer.get(length..)?))
}

#[cfg(test)]
mod tests;
