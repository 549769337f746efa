//! What the owner of a connection sees and says of its inspection.

use super::inspection::Shared;
use crate::inspector::Inspector;
use crate::malformed::Malformed;
use crate::request::{RequestFacts, RequestInspector};
use crate::response::ResponseInspector;

/// The inspection of what a client sends.
#[derive(Debug, Clone)]
pub struct RequestHandle(Shared<RequestInspector>);

/// The inspection of what a backend sends.
#[derive(Debug, Clone)]
pub struct ResponseHandle(Shared<ResponseInspector>);

impl RequestHandle {
    pub(super) fn new(inspection: Shared<RequestInspector>) -> Self {
        Self(inspection)
    }

    /// Why the connection ends, if the client violated the protocol.
    #[must_use]
    pub fn violation(&self) -> Option<Malformed> {
        self.0.lock().violation.map(|violation| violation.malformed)
    }

    /// Announces the answer 101 to the last request: what follows is not HTTP. False if it asked for no upgrade.
    ///
    /// To be called before the answer is given to hyper.
    #[must_use = "101 must not be answered to a request that asked for no upgrade"]
    pub fn switch_protocols(&self) -> bool {
        self.0.lock().inspector.switch_protocols()
    }
}

impl ResponseHandle {
    pub(super) fn new(inspection: Shared<ResponseInspector>) -> Self {
        Self(inspection)
    }

    /// Why the connection ends, if the backend violated the protocol.
    #[must_use]
    pub fn violation(&self) -> Option<Malformed> {
        self.0.lock().violation.map(|violation| violation.malformed)
    }

    /// Announces a request that is about to be sent.
    pub fn expect(&self, request: RequestFacts) {
        self.0.lock().inspector.expect(request);
    }

    /// Whether every request has its whole answer, nothing came behind it, and another one may be sent.
    ///
    /// Bytes that have arrived and are not read yet are not known here: hyper reads an idle connection, and so finds
    /// them.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        let inspection = self.0.lock();
        inspection.violation.is_none()
            && inspection.inspector.is_between_messages()
            && inspection.inspector.is_idle()
    }
}
