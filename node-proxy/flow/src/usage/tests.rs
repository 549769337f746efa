use super::*;

#[test]
fn numbers_are_found_by_name() {
    let status = "Name:\tkarez-node\nVmSize:\t  20480 kB\nVmRSS:\t   1024 kB\nThreads:\t3\nVmOdd:\tmany\n";
    assert_eq!(kibibytes(status, "VmRSS:"), Some(1 << 20));
    assert_eq!(field(status, "Threads:"), Some(3));
    assert_eq!(field(status, "VmOdd:"), None);
    assert_eq!(field(status, "VmSwap:"), None);
}

#[test]
fn the_system_tells_of_this_process() {
    let before = open_descriptors().unwrap();
    let held = std::fs::File::open("/proc/self/status").unwrap();
    // Other tests open files too, but never so many.
    let after = open_descriptors().unwrap();
    assert!(before > 0 && after > 0, "{before}, {after}");
    drop(held);
    assert!(cpu_seconds().unwrap() >= 0.0);
    assert!(descriptor_limit().unwrap() >= after);
}
