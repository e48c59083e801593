import Auth
import Bytes
import HTTP
import Router
import Sandbox

// What is asked of a guard, whoever asks: a request, a link, or a change under what runs.

extension RouteGuard {
  var sandboxID: SandboxID? { SandboxID(String(decoding: id, as: UTF8.self)) }

  /// Whether the exposure takes clients of this address.
  func allows(_ client: IPAddress) -> Bool { policy?._withUnsafeGuaranteedRef { $0.allows(client) } ?? true }

  /// Whether pages of this origin may use the port with its cookie.
  func embeds(_ origin: UnsafeBufferPointer<UInt8>) -> Bool {
    policy?._withUnsafeGuaranteedRef { $0.embeds(origin) } ?? false
  }

  /// The scope of a link that was not revoked; nil for none.
  func link(_ id: UInt64) -> LinkScope? {
    id == 0 ? nil : policy?._withUnsafeGuaranteedRef { $0.link(id) }
  }

  /// Whether a pass whose seal is good was made for this port, this exposure and this token, and its time is not over.
  /// Its link has to be asked for apart.
  func accepts(_ pass: Pass, nowMs: UInt64) -> Bool {
    pass.port == port && pass.epoch == credential?.epoch && pass.nonce == nonce && pass.expiresAt &* 1000 > nowMs
  }

  /// Why a request is refused in this state; nil where it may go on or wait.
  var refusalNow: Refusal? {
    switch state {
    case .running, .creating, .resuming: nil
    case .pausing, .paused, .hibernating, .hibernated: wakes ? nil : .paused
    case .terminating, .terminated, .failed: state.refusal
    }
  }
}
