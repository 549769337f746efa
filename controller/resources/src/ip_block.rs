//! An address or a prefix, as policies and settings write them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `10.0.0.0/8`, `fd00::/8`, or one address. Bits beyond the prefix are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-fA-F:.]+(/[0-9]+)?$"))]
pub struct IpBlock(IpNet);

impl IpBlock {
    /// The prefix.
    #[must_use]
    pub fn net(self) -> IpNet {
        self.0
    }
}

impl FromStr for IpBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse().map_err(|_| {
                format!(
                    "{:?} is neither an IP address nor a prefix such as 10.0.0.0/8",
                    crate::problem::shortened(text)
                )
            })?,
        };
        Ok(Self(net.trunc()))
    }
}

impl TryFrom<String> for IpBlock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IpBlock> for String {
    fn from(block: IpBlock) -> Self {
        block.to_string()
    }
}

impl fmt::Display for IpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
