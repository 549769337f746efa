use super::*;

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node-proxies.json");
    assert!(load(&path).unwrap().is_empty(), "no record is none served");
    let found = FoundNamespace { path: "/run/netns/cni-1".into(), id: NamespaceId { device: 4, inode: 7 } };
    let served = BTreeMap::from([("u1".to_owned(), found)]);
    save(&path, &served).unwrap();
    assert_eq!(load(&path).unwrap(), served);
    save(&path, &BTreeMap::new()).unwrap();
    assert!(load(&path).unwrap().is_empty());
    fs::write(&path, "half").unwrap();
    assert!(load(&path).unwrap_err().to_string().contains("node-proxies.json"));
}
