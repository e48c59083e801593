internal import Auth
internal import Loop

/// The answer to one call: made once, whichever way it goes.
@ControlLoop
final class Answering {
  let call: any APICall
  /// What was answered; 499 where nobody was there to hear it.
  private(set) var status = 499

  init(call: any APICall) { self.call = call }

  private var isHead: Bool { call.method == "HEAD" }

  func send(_ result: (Reply, isReplay: Bool), keys: CredentialKeys) {
    switch result.0 {
    case .written: status = 200
    case .json(let status, let json):
      self.status = status
      var headers: [(name: String, value: String)] = [
        ("content-type", "application/json"), ("cache-control", "no-store"),
      ]
      if result.isReplay { headers.append(("idempotent-replayed", "true")) }
      respond(headers, JSONWriter.text(json, revealing: keys) + [0x0A])
    }
  }

  func page(_ page: OwnPage) {
    status = page.status
    respond([("content-type", page.contentType), ("cache-control", "no-store")], page.body)
  }

  /// - Parameter keys: nil before there are any, when no problem speaks of a secret.
  func fail(_ problem: Problem, keys: CredentialKeys?) {
    status = problem.status
    let json = problem.json(requestID: call.requestID)
    // An exposure that is there already comes with its link.
    let text = keys.map { JSONWriter.text(json, revealing: $0) } ?? JSONWriter.text(json)
    respond(problem.allHeaders, text + [0x0A])
  }

  func fail(_ error: APICallError, keys: CredentialKeys?) {
    switch error {
    case .gone: break
    case .tooLarge: fail(Problem(413, "request/body-too-large", "the body is larger than this call takes"), keys: keys)
    case .timedOut: fail(Problem(408, "request/timeout", "the body did not come in time"), keys: keys)
    }
  }

  /// The client has gone.
  func abandon() { call.abort() }

  private func respond(_ headers: [(name: String, value: String)], _ body: [UInt8]) {
    call.respond(status: status, headers: headers, body: isHead ? [] : body)
  }
}
