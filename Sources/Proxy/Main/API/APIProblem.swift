import Client

/// An answer that is a refusal, and what the user is to know of it.
struct APIProblem {
  let status: UInt16
  /// The problem document (RFC 9457); nil where the answer was none.
  let document: JSON?
  /// `route/not-found`; from the document, else from the field `Porthole-Error`.
  let word: String?
  let location: String?

  init(_ response: ClientResponse, body: [UInt8]) {
    status = response.status
    let json = JSON(parsing: body)
    document = json?["status"] != nil || json?["title"] != nil ? json : nil
    word = document?["error"]?.string ?? response.field("Porthole-Error")
    location = response.field("Location")
  }

  /// What is wrong with the request is the command line's fault, except for what only the server can know.
  var exitStatus: CommandFailure.Status { status == 400 || status == 422 ? .misuse : .failure }

  /// - Parameters:
  ///   - server: the URL, for messages.
  ///   - keyOrigin: where the key came from.
  func message(server: String, keyOrigin: String) -> String {
    var lines = ["porthole: \(summary(server: server, keyOrigin: keyOrigin))"]
    let detail = document?["detail"]?.string ?? ""
    for error in document?["errors"]?.array ?? [] {
      let path = error["path"]?.string ?? ""
      let text = (path.isEmpty ? "" : "\(path): ") + (error["message"]?.string ?? error.compact)
      // The only mistake may stand in the detail already.
      if !detail.contains(text) { lines.append("  " + Terminal.visible(text)) }
    }
    if let capability = document?["capability"]?.string {
      lines.append("  The runner lacks the capability \(Terminal.visible(capability)).")
    }
    if let after = document?["retryAfter"]?.cell { lines.append("  Try again after \(after) s.") }
    // Whose fault it is will be in the server's log, under this.
    if status >= 500, let id = document?["requestId"]?.string { lines.append("  Request \(Terminal.visible(id)).") }
    return lines.joined(separator: "\n")
  }

  private func summary(server: String, keyOrigin: String) -> String {
    let code = ([String(status)] + (word.map { [Terminal.visible($0)] } ?? [])).joined(separator: " ")
    guard let document else { return unknown(server: server) + " (\(code))" }
    let said = document["detail"]?.string ?? document["title"]?.string ?? "the API refused"
    let text = "\(Terminal.visible(said)) (\(code))"
    return status == 401 ? "\(text)\n  The key came from \(keyOrigin)." : text
  }

  private func unknown(server: String) -> String {
    if (300..<400).contains(status), let location {
      return
        "\(server) redirects to \(Terminal.visible(location)); redirects are not followed, name the right URL with --api"
    }
    return "\(server) answered without saying why; is it Porthole's control API?"
  }
}

extension JSON {
  /// A number or text by itself.
  fileprivate var cell: String? {
    switch self {
    case .string(let text): Terminal.visible(text)
    case .number, .literal: compact
    default: nil
    }
  }
}
