use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::pod::tests::reference;

/// A pipe instead of a listener: any descriptor travels the same way.
pub(crate) fn listener(kind: Listening, family: Family) -> Listener {
    let (reader, _writer) = std::io::pipe().unwrap();
    Listener { role: Role { kind, family }, descriptor: Arc::new(reader.into()) }
}

/// `count` listeners of each kind.
pub(crate) fn listeners(count: usize) -> Listeners {
    let each = Listening::ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, count));
    each.map(|kind| listener(kind, Family::V4)).collect()
}

/// The inodes, which identify descriptors in any process.
pub(crate) fn inodes(listeners: &[Listener]) -> Vec<u64> {
    let inode = |listener: &Listener| {
        let duplicate = listener.descriptor.try_clone().unwrap();
        std::fs::File::from(duplicate).metadata().unwrap().ino()
    };
    listeners.iter().map(inode).collect()
}

#[test]
fn several_packets_make_one_set() {
    let pod = reference("web", 1);
    let all = listeners(2);
    let (first, second) = all.split_at(3);
    let Ok(Assembled::Partly(partly)) = Assembly::add(None, &pod, first.to_vec(), true) else { panic!() };
    let Ok(Assembled::Whole(whole)) = Assembly::add(Some(partly), &pod, second.to_vec(), false) else {
        panic!()
    };
    assert_eq!(inodes(&whole), inodes(&all));
}

#[test]
fn another_pods_packet_interrupts() {
    let Ok(Assembled::Partly(partly)) = Assembly::add(None, &reference("web", 1), Vec::new(), true) else {
        panic!()
    };
    let error = Assembly::add(Some(partly), &reference("web", 2), Vec::new(), false).unwrap_err();
    assert_eq!(error, Misassembled::Interrupted(reference("web", 1).uid));
}

#[test]
fn a_set_is_bounded() {
    let pod = reference("web", 1);
    let one = listener(Listening::Hbone, Family::V4);
    let many = vec![one.clone(); MOST_LISTENERS];
    let Ok(Assembled::Partly(partly)) = Assembly::add(None, &pod, many, true) else { panic!() };
    let error = Assembly::add(Some(partly), &pod, vec![one], false).unwrap_err();
    assert_eq!(error, Misassembled::TooMany(pod.uid));
}
