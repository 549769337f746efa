//! A gRPC client and server: HTTP/2 within the tunnel's own.

use anyhow::{Result, ensure};
use karez_e2e::peer::grpc::Answered;
use karez_e2e::peers;
use karez_e2e::shop::Shop;

const PORT: u16 = 50051;

#[test]
fn grpc_calls_streams_and_refusals_come_through() -> Result<()> {
    let shop = Shop::open("grpc", &[(PORT, PORT)])?;
    let _server = peers::grpc(&shop.mesh, &shop.api, PORT)?;
    for address in shop.addresses(PORT) {
        let printed = peers::run_peer(&shop.web, &["grpc-call", &address])?;
        let answered: Answered = serde_json::from_str(&printed)?;
        ensure!(answered.unary == 100 && answered.streamed == 1000, "{address}: {printed}");
        ensure!(answered.refused == "InvalidArgument", "{address}: {printed}");
    }
    Ok(())
}

#[test]
fn grpc_messages_larger_than_a_frame_come_whole() -> Result<()> {
    let shop = Shop::open("grpc-large", &[(PORT, PORT)])?;
    let _server = peers::grpc(&shop.mesh, &shop.api, PORT)?;
    let address = &shop.addresses(PORT)[0];
    let arguments = ["grpc-call", address, "--unary", "5", "--streamed", "50", "--size", "2000000"];
    let answered: Answered = serde_json::from_str(&peers::run_peer(&shop.web, &arguments)?)?;
    ensure!(answered.unary == 5 && answered.streamed == 50, "{answered:?}");
    Ok(())
}
