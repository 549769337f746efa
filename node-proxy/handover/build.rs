//! Compiles the .proto files without protoc: protox parses them, prost writes the code to `OUT_DIR`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/handover.proto", "proto/zds.proto"], ["proto"])?;
    prost_build::compile_fds(descriptors)?;
    Ok(())
}
