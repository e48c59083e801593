import Client

/// Calls of the control API: JSON out, JSON in, everything else a `CommandFailure` that says what to do.
struct APIClient {
  let http: HTTPClient
  let key: APIKey
  /// Whether the command prints JSON.
  let json: Bool

  /// More than any list that is asked for page by page.
  private static let documentBytesMax = 64 << 20

  typealias Query = [(name: String, value: String)]

  /// Sends a request and takes in the whole answer.
  ///
  /// - Parameter patienceMs: how long the server may be silent before it answers.
  func call(
    _ method: String, _ path: String, query: Query = [], body: JSON? = nil, idempotencyKey: String? = nil,
    patienceMs: Int? = 60_000
  ) throws(CommandFailure) -> JSON {
    var fields = [(name: "Accept", value: "application/json")]
    if let idempotencyKey { fields.append(("Idempotency-Key", idempotencyKey)) }
    let response = try open(method, path, query: query, fields: fields, json: body, patienceMs: patienceMs)
    let bytes = try failing { () throws(ClientError) in try response.readAll(limit: APIClient.documentBytesMax) }
    if response.status == 204 || bytes.isEmpty { return .object([]) }
    guard let document = JSON(parsing: bytes) else {
      throw CommandFailure(
        "porthole: what \(http.server) answered is no JSON; is it Porthole's control API? (\(response.status))")
    }
    return document
  }

  /// As `open(_:_:query:fields:body:patienceMs:)`, with a body of JSON.
  func open(
    _ method: String, _ path: String, query: Query = [], fields: Query = [], json: JSON?, patienceMs: Int?
  ) throws(CommandFailure) -> ClientResponse {
    guard let json else { return try open(method, path, query: query, fields: fields, patienceMs: patienceMs) }
    return try open(
      method, path, query: query, fields: fields + [("Content-Type", "application/json")],
      body: .bytes(Array(json.compact.utf8)), patienceMs: patienceMs)
  }

  /// Sends a request and returns with the head of the answer, whose status is 2xx: any other is thrown as a failure.
  func open(
    _ method: String, _ path: String, query: Query = [], fields: Query = [], body: ClientRequest.Body = .none,
    patienceMs: Int?
  ) throws(CommandFailure) -> ClientResponse {
    let response = try failing { () throws(ClientError) in
      try send(method, path, query: query, fields: fields, body: body, patienceMs: patienceMs)
    }
    guard !(200..<300).contains(response.status) else { return response }
    throw refusal(response)
  }

  /// Sends a request; any status is an answer.
  func send(
    _ method: String, _ path: String, query: Query = [], fields: Query = [], body: ClientRequest.Body = .none,
    patienceMs: Int?
  ) throws(ClientError) -> ClientResponse {
    let pairs = query.map { "\(PercentEncoding.component($0.name))=\(PercentEncoding.component($0.value))" }
    let target = pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
    return try http.send(
      ClientRequest(
        method, target, fields: [("Authorization", "Bearer \(key.secret)")] + fields, body: body,
        idleTimeoutMs: patienceMs))
  }

  func refusal(_ response: ClientResponse) -> CommandFailure {
    // What is wrong with reading it is less telling than its status.
    let bytes = (try? response.readAll(limit: 1 << 20)) ?? []
    let problem = APIProblem(response, body: bytes)
    var failure = CommandFailure(
      problem.message(server: http.server.description, keyOrigin: key.origin), status: problem.exitStatus)
    if json, let document = problem.document { failure.output = document.text() }
    return failure
  }

  /// Gives what goes wrong with the connection its words.
  func failing<R>(_ body: () throws(ClientError) -> R) throws(CommandFailure) -> R {
    do {
      return try body()
    } catch {
      throw APIClient.failure(error)
    }
  }

  static func failure(_ error: ClientError) -> CommandFailure {
    let advice =
      switch error {
      case .refused: "; is porthole serve or porthole up running? Set --api or \(APIOptions.variable)"
      case .unknownHost, .unreachable: "; set --api or \(APIOptions.variable)"
      case .untrusted: "; name its authority with --ca, such as --ca certs/dev/ca.pem"
      case .notTLS: "; its URL begins with http://, then"
      default: ""
      }
    let isMisuse =
      switch error {
      case .badURL, .badRequest, .trust: true
      default: false
      }
    return CommandFailure("porthole: \(error)\(advice)", status: isMisuse ? .misuse : .failure)
  }
}

// Lists

extension APIClient {
  struct List {
    /// The first page with all the items in it: what the API would have said if it had no pages.
    let document: JSON
    let items: [JSON]
  }

  /// The API gives no more at once.
  private static let pageMax = 1000

  /// All items, page after page.
  ///
  /// - Parameters:
  ///   - name: the member that has them, such as `sandboxes`.
  ///   - limit: nil for all.
  func list(_ path: String, _ name: String, query: Query = [], limit: Int?) throws(CommandFailure) -> List {
    var items: [JSON] = []
    var first: JSON?
    var cursor: String?
    while true {
      let count = min(limit.map { $0 - items.count } ?? APIClient.pageMax, APIClient.pageMax)
      let page = try call(
        "GET", path, query: query + [("limit", "\(count)")] + (cursor.map { [("cursor", $0)] } ?? []))
      guard let more = page[name]?.array else {
        throw CommandFailure("porthole: the answer of \(http.server) has no list called \(name)")
      }
      // One that ignores the limit is held to it here.
      items += more.prefix(limit.map { $0 - items.count } ?? more.count)
      let next = page["next"]?.string
      first = (first ?? page).with(name, .array(items))
      if page["next"] != nil { first = first?.with("next", page["next"] ?? .null) }
      guard let next, limit.map({ items.count < $0 }) ?? true else { break }
      // Without this, a server that forgets the cursor would have us list for ever.
      guard next != cursor, !more.isEmpty else {
        throw CommandFailure("porthole: the list \(name) of \(http.server) has a page that leads nowhere")
      }
      cursor = next
    }
    return List(document: first ?? .object([]), items: items)
  }
}
