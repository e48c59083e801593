internal import Bytes
internal import Sandbox
internal import Store

extension StoredEvent {
  static func linkUsed(_ link: StoredLink, client: IPAddress, count: Int, nowMs: UInt64) -> StoredEvent {
    let details: JSONValue = [
      "link": .string(LinkID.text(link.link.id)), "client": .string(client.description), "count": .count(count),
    ]
    return StoredEvent(
      atMs: nowMs, type: EventType.linkUsed.rawValue, sandbox: link.sandbox, port: link.port,
      details: JSONWriter.string(details))
  }

  /// As feeds and lists show it.
  var json: JSONValue {
    let own: JSONValue = .members([
      "id": .int(sequence), "type": .string(type), "at": TimeText.json(ms: atMs),
      "sandboxId": sandbox.map { .string($0.text) }, "port": port.map { .count($0) },
    ])
    guard case .object(let members) = own, case .object(let more)? = try? JSONParser.parse(Array(details.utf8)) else {
      return own
    }
    return .object(members + more)
  }
}

/// `lnk` and 16 hexadecimal digits.
enum LinkID {
  static func text(_ id: UInt64) -> String {
    let digits = String(id, radix: 16)
    return "lnk" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  static func number(_ text: String) -> UInt64? {
    guard text.hasPrefix("lnk"), text.utf8.count == 19, let id = UInt64(text.dropFirst(3), radix: 16) else {
      return nil
    }
    return self.text(id) == text ? id : nil
  }
}
