use super::contract::Notices;
use super::roster::end_reason::EndReason;
use super::roster::session_id::Credential;
use crate::server::context::Context;

/// The service that receives the notices of servers about sessions of this endpoint. A notice for
/// an unknown session is ignored, and so is one from another address than the server's, or over a
/// link of another key.
#[derive(Debug)]
pub(crate) struct NoticeReceiver;

impl Notices for NoticeReceiver {
    fn joined(&self, cx: &Context, session: Credential) {
        if let Some(link) = cx.shared.sessions.joined.find(session.key, cx.sender, cx.link.as_deref()) {
            link.tell(|inbox| inbox.joined = true);
        }
    }

    fn ended(&self, cx: &Context, session: Credential, reason: EndReason) {
        if let Some(link) = cx.shared.sessions.joined.find(session.key, cx.sender, cx.link.as_deref()) {
            link.tell(|inbox| inbox.ended = Some(reason));
        }
    }
}
