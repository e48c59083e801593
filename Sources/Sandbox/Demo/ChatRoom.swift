import Synchronization

/// Everybody who has the chat open. What one says, all hear, the speaker too.
final class ChatRoom: Sendable {
  private struct State {
    var guests: [Int: WebSocket] = [:]
    var guestsEver = 0
  }

  private let state = Mutex(State())

  /// The guest's number, by which the others know them.
  func enter(_ socket: WebSocket) -> Int {
    let number = state.withLock { state in
      state.guestsEver += 1
      state.guests[state.guestsEver] = socket
      return state.guestsEver
    }
    socket.sendWithoutWaiting("{\"type\":\"welcome\",\"you\":\(number)}")
    announce()
    return number
  }

  func leave(_ number: Int) {
    state.withLock { _ = $0.guests.removeValue(forKey: number) }
    announce()
  }

  func say(_ text: String, from number: Int) {
    tellAll("{\"type\":\"message\",\"from\":\(number),\"text\":\(Text.json(String(text.prefix(2000))))}")
  }

  private func announce() {
    tellAll("{\"type\":\"here\",\"count\":\(state.withLock { $0.guests.count })}")
  }

  /// Sends outside the lock: a slow guest must not keep others from coming in.
  private func tellAll(_ message: String) {
    for guest in state.withLock({ Array($0.guests.values) }) { guest.sendWithoutWaiting(message) }
  }
}
