/// What can happen, as the feed names it.
enum EventType: String, CaseIterable, Sendable {
  case created, forked, restored, snapshotted
  case exposed, closed, expired, firstRequest
  case linkCreated, linkUsed, linkRevoked
  /// The sandbox's token was changed: everything that it opened is over.
  case revoked
  /// Requests that were refused for their credential, address or origin.
  case denied
  case paused, hibernated, resumed
  /// Resumed by a request.
  case woke
  /// Nobody has used it for its timeout.
  case idle
  case failed, destroyed
  case portOpened, portClosed
  /// Only in feeds: events that followed the client's last one are no longer kept.
  case gap
}
