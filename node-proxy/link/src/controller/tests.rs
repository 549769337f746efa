use super::*;
use crate::discovery::Store;

fn settings(url: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        ca_file: "/nonexistent/ca.pem".into(),
        token_file: "/nonexistent/token".into(),
        node: "n1".to_owned(),
        namespace: "karez-system".to_owned(),
        cluster_id: "Kubernetes".to_owned(),
    }
}

fn controller(url: &str) -> Result<ControllerClient, InvalidUrl> {
    ControllerClient::new(settings(url), LearnedRoots::of(&Store::new().1))
}

#[tokio::test]
async fn only_https_urls_are_controllers() {
    for (url, good) in [
        ("https://karez-controller.karez-system:15012", true),
        ("https://[fd00::1]:15012", true),
        ("https://10.0.0.1", true),
        ("http://10.0.0.1:15012", false),
        ("10.0.0.1:15012", false),
        ("unix:/run/controller", false),
        ("not a url", false),
        ("", false),
    ] {
        match controller(url) {
            Ok(_) => assert!(good, "{url}"),
            Err(error) => assert!(!good && error.to_string().contains(url), "{url}: {error}"),
        }
    }
}

#[test]
fn a_token_is_one_printable_word() {
    for (content, wanted) in [
        (&b"secret"[..], Some("Bearer secret")),
        (b"  secret.with-all/of+it=\n", Some("Bearer secret.with-all/of+it=")),
        (b"", None),
        (b" \n", None),
        (b"two words", None),
        (b"two\nlines", None),
        (b"\xff\xfe", None),
        ("geheimnisträger".as_bytes(), None),
    ] {
        let bearer = bearer_of(content);
        assert_eq!(bearer.as_ref().map(|bearer| bearer.to_str().unwrap()), wanted);
        assert!(bearer.is_none_or(|bearer| bearer.is_sensitive()), "not to be logged");
    }
}

#[tokio::test]
async fn small_files_are_read_whole_and_large_ones_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "12345").unwrap();
    assert_eq!(read_bounded(&path, 5).await.unwrap(), b"12345");
    assert_eq!(read_bounded(&path, 4).await.unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
}

#[tokio::test]
async fn a_missing_token_is_named() {
    let controller = controller("https://127.0.0.1:1").unwrap();
    let error = controller.request(()).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/token"), "{error}");
}
