//! Compiles the .proto files without protoc: protox parses them, prost and tonic write the code to `OUT_DIR`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const FILES: [&str; 7] = [
        "proto/authorization.proto",
        "proto/certificates.proto",
        "proto/discovery.proto",
        "proto/node.proto",
        "proto/operator.proto",
        "proto/settings.proto",
        "proto/workload.proto",
    ];
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure()
        .build_client(std::env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(std::env::var_os("CARGO_FEATURE_SERVER").is_some())
        .build_transport(false)
        // Ordered, so that one value always encodes to the same bytes: versions are hashes of them.
        .btree_map(".istio.workload")
        .compile_fds(descriptors)?;
    Ok(())
}
