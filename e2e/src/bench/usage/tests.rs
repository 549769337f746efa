use super::{cpu_seconds, cpu_ticks, resident, resident_kib};

#[test]
fn reads_what_the_kernel_writes() {
    let stat = "42 (a) name) S 1 1 1 0 -1 4194560 100 0 0 0 70 30 0 0 20 0 1 0 5 6 7";
    assert_eq!(cpu_ticks(stat), Some(100));
    assert_eq!(resident("Name:\tx\nVmRSS:\t   1234 kB\n"), Some(1234));
}

#[test]
fn this_process_has_memory_and_a_missing_one_is_an_error() {
    let me = std::process::id();
    assert!(resident_kib(&[me]).unwrap() > 100);
    assert!(cpu_seconds(&[me]).unwrap() >= 0.0);
    assert!(cpu_seconds(&[u32::MAX]).is_err());
}
