use super::*;

/// Port 15008 and NetworkPolicies are asked about only where a tunnel was dialled.
#[test]
fn what_a_connection_that_could_not_be_made_says() {
    let tunnel = "10.0.0.1:15008".parse().unwrap();
    let port = "10.0.0.1:8080".parse().unwrap();
    let connect = |to, reason| Failure::Connect { to, reason };
    let application = |reason| Failure::Application { at: port, reason };
    let table: [(Failure, &str, &str); 5] = [
        (
            connect(tunnel, ConnectError::TimedOut),
            "NETWORK_POLICY",
            "could not connect to 10.0.0.1:15008: timed out (if a NetworkPolicy covers the destination, does it admit TCP port \
             15008?)",
        ),
        (
            connect(tunnel, ConnectError::Refused),
            "CONNECT",
            "could not connect to 10.0.0.1:15008: connection refused",
        ),
        (connect(port, ConnectError::TimedOut), "CONNECT", "could not connect to 10.0.0.1:8080: timed out"),
        (
            application(ConnectError::TimedOut),
            "CONNECT",
            "the application did not accept at 10.0.0.1:8080: timed out",
        ),
        (
            application(ConnectError::Refused),
            "CONNECT",
            "the application did not accept at 10.0.0.1:8080: connection refused",
        ),
    ];
    for (failure, flag, words) in table {
        assert_eq!((failure.flag(), failure.to_string().as_str()), (flag, words));
        assert!(failure.before_first_byte());
    }
}
