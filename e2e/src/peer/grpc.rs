//! A gRPC server that echoes, and a client of it.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};

use wire::Message;
use wire::echo_client::EchoClient;
use wire::echo_server::{Echo, EchoServer};

/// What tonic makes of `proto/echo.proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/karez.e2e.v1.rs"));
}

/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);

/// What the client did, all of it answered rightly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Calls with one message each way.
    pub unary: usize,
    /// Messages each way of one streaming call.
    pub streamed: usize,
    /// The code with which an empty message is refused.
    pub refused: String,
}

/// Serves on `port` of every address, IPv4 and IPv6, until the process ends.
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    Server::builder().add_service(EchoServer::new(Parrot)).serve(address).await.context("serving gRPC")
}

/// Makes `unary` calls, one call that streams `streamed` messages of `size` bytes, and one that is refused.
///
/// # Errors
/// When an answer is missing, late or wrong.
pub async fn call(to: SocketAddr, unary: usize, streamed: usize, size: usize) -> Result<Answered> {
    let channel = Endpoint::from_shared(format!("http://{to}"))?.timeout(CALL).connect().await?;
    let mut client = EchoClient::new(channel);
    for number in 0..unary {
        let message = message(number, size);
        let answer = client.once(message.clone()).await?.into_inner();
        ensure!(answer == message, "call {number} was answered wrongly");
    }
    stream(&mut client, streamed, size).await?;
    let refused = match client.once(Message::default()).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    };
    Ok(Answered { unary, streamed, refused: format!("{refused:?}") })
}

async fn stream(client: &mut EchoClient<Channel>, count: usize, size: usize) -> Result<()> {
    let messages = tokio_stream::iter((0..count).map(move |number| message(number, size)));
    let mut answers = client.stream(messages).await?.into_inner();
    for number in 0..count {
        let answer = answers.next().await.with_context(|| format!("the stream ended before {number}"))??;
        ensure!(answer == message(number, size), "message {number} came back otherwise");
    }
    ensure!(answers.next().await.is_none(), "the stream goes on");
    Ok(())
}

/// Each of its own content.
fn message(number: usize, size: usize) -> Message {
    let body = number.to_be_bytes().into_iter().cycle().take(size.max(1)).collect();
    Message { body }
}

struct Parrot;

#[tonic::async_trait]
impl Echo for Parrot {
    type StreamStream = std::pin::Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

    async fn once(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        let message = request.into_inner();
        if message.body.is_empty() {
            return Err(Status::invalid_argument("an empty message"));
        }
        Ok(Response::new(message))
    }

    async fn stream(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}
