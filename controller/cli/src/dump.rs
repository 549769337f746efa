//! `karez dump`: the node proxy's configuration.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use karez_api::names::admin_port;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cluster::{Cluster, Stream};
use crate::failure::Failure;
use crate::output;
use crate::settings::DumpCommand;

const PATH: &str = "/config_dump";
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a dump: a big mesh's.
const MAX_SIZE: usize = 1 << 30;

/// Prints it as the node proxy gives it: JSON.
///
/// # Errors
/// When the node proxy cannot be reached or does not give it.
pub async fn print(command: &DumpCommand) -> Result<(), Failure> {
    let (address, fetched) = match &command.node {
        Some(node) => {
            let address = format!("localhost:{}", admin_port::ADMIN);
            let cluster = Cluster::of(&command.cluster).await?;
            let pod = cluster.node_proxy(node).await?;
            let stream = cluster.forward(&pod, admin_port::ADMIN).await?;
            let fetched = timeout(TIMEOUT, exchange(stream, &address)).await;
            (address, fetched)
        }
        None => {
            let address = address(&command.admin)?;
            let fetched = timeout(TIMEOUT, fetch(&address)).await;
            (address, fetched)
        }
    };
    let body = fetched.map_err(|_| unreachable(&address, &format!("no answer within {TIMEOUT:?}")))??;
    let text = String::from_utf8_lossy(&body);
    output::text(&format!("{}\n", text.trim_end()))
}

/// Host and port of an `http` URL.
fn address(admin: &str) -> Result<String, Failure> {
    let usage = |what: &str| Failure::Usage(format!("--admin {admin}: {what}; expected http://HOST:PORT"));
    let uri: Uri = admin.parse().map_err(|_| usage("not a URL"))?;
    if uri.scheme_str() != Some("http") {
        return Err(usage("not an http URL"));
    }
    let authority = uri.authority().ok_or_else(|| usage("no host"))?;
    Ok(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

async fn fetch(address: &str) -> Result<Bytes, Failure> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| unreachable(address, &error.to_string()))?;
    exchange(stream, address).await
}

async fn exchange(stream: impl Stream + 'static, address: &str) -> Result<Bytes, Failure> {
    let broken = |error: hyper::Error| unreachable(address, &error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get(PATH)
        .header(header::HOST, address)
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::Usage(format!("--admin: {error}")))?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_SIZE).collect().await;
        let body = body.map_err(|error| unreachable(address, &error.to_string()))?.to_bytes();
        if status.is_success() {
            Ok(body)
        } else {
            Err(Failure::Wrong(format!(
                "http://{address}{PATH} answers {status}: is it karez-node's admin port?"
            )))
        }
    };
    // What goes wrong with the connection shows in the exchange too.
    let (fetched, _) = tokio::join!(exchange, connection);
    fetched
}

fn unreachable(address: &str, reason: &str) -> Failure {
    Failure::Unreachable(format!(
        "cannot reach the node proxy at http://{address}: {reason}; is karez-node running here, with that --admin-listen?"
    ))
}

#[cfg(test)]
mod tests;
