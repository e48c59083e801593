internal import HTTP
internal import Loop
internal import Router
internal import Sandbox
internal import Telemetry

extension ControlPlane {
  /// Answers one call. Cancel its task when the client goes: what only the client wanted ends then, and what has begun
  /// to change a sandbox is brought to its end.
  public func handle(_ call: any APICall) async {
    let answer = Answering(call: call)
    do {
      try await dispatch(answer)
    } catch let error as APICallError {
      answer.fail(error, keys: keys)
    } catch let problem as Problem {
      answer.fail(problem, keys: keys)
    } catch let error as RunnerError {
      answer.fail(Problem(error), keys: keys)
    } catch is CancellationError {
      answer.abandon()
    } catch {
      logger?.error("a call failed", ["request": call.requestID, "path": call.path, "reason": "\(error)"])
      answer.fail(Problem.internalError, keys: keys)
    }
    counted.calls[answer.status, default: 0] += 1
  }

  private func dispatch(_ answer: Answering) async throws {
    let call = answer.call
    let place = try APIPlace(call, domains: settings.domains)
    // Any name without a port in front comes here. One that no sandbox has is as unknown as any other host.
    if let id = place.sandbox, dataPlane.table.state(of: id) == nil {
      throw Problem.notFound("there is nothing at this address")
    }
    if place.isPublic, let page = hooks.ownPages(call.path), try await mayRead(call, place) {
      return answer.page(page)
    }
    let (route, texts) = try await find(call, place)
    let path = PathValues(texts: texts, sandbox: place.sandbox ?? texts["id"].flatMap { SandboxID($0) })
    let caller = try await authenticate(call, route, path.sandbox)
    if isStopping, route.method != "GET" {
      throw Problem(503, "limit/draining", "this server is stopping; try again in a moment").retrying(after: 5)
    }
    let (body, bytes) = try await readBody(call, route)
    let request = APIRequest(
      call: call, route: route, path: path, query: try QueryReading.read(call.query, route.query), body: body,
      caller: caller, ticket: try ticket(for: call, route, caller, bytes))
    answer.send(try await run(request), keys: credentialKeys)
  }

  /// `/metrics` is for whoever reaches the listener, and on `api.<domain>` for holders of a key.
  private func mayRead(_ call: any APICall, _ place: APIPlace) async throws -> Bool {
    if call.path != "/metrics" || call.isOnListener { return true }
    guard let secret = Credentials(call).secrets.first(where: { apiKeys.id(of: $0, nowMs: nowMs) != nil }) else {
      throw Problem.unauthenticated
    }
    return !secret.isEmpty
  }

  private func find(_ call: any APICall, _ place: APIPlace) async throws -> (APIRoute, [String: String]) {
    let method = call.method == "HEAD" ? "GET" : call.method
    let found = place.segments.map { APIRouter.shared.find(method, $0) } ?? .nothing
    if case .route(let route, let texts) = found { return (route, texts) }
    // Who may not even know that a sandbox is there learns nothing from its paths, either.
    if let sandbox = place.sandbox { _ = try await authenticate(call, access: .sandbox, sandbox) }
    guard case .otherMethods(let methods) = found else {
      throw Problem.notFound("there is no call \(JSONValue.quoted(call.path)); /openapi.json has all there are")
    }
    throw Problem(
      405, "request/method-not-allowed", "this path takes \(methods.joined(separator: ", "))"
    ).with(header: "allow", methods.joined(separator: ", "))
  }

  private func ticket(
    for call: any APICall, _ route: APIRoute, _ caller: Caller, _ body: [UInt8]
  ) throws(Problem) -> IdempotencyTicket? {
    guard route.isIdempotencyKeyed else { return nil }
    return try Idempotency.ticket(
      call.headers, caller: caller, method: call.method, path: call.path, query: call.query, body: body)
  }

  /// Runs the call's handler, once per `Idempotency-Key`. What changes something goes on when the client leaves.
  private func run(_ request: APIRequest) async throws -> (Reply, isReplay: Bool) {
    let work: @ControlLoop () async throws -> (Reply, isReplay: Bool) = { [self] in
      guard let ticket = request.ticket else { return (try await request.route.handler(self, request), false) }
      return try await idempotency.once(ticket, store, nowMs: nowMs, keptMs: settings.answersKeptMs) {
        try await request.route.handler(self, request)
      }
    }
    guard request.route.finishes, request.route.method != "GET" else { return try await work() }
    return try await Task { try await work() }.value
  }

  private func readBody(_ call: any APICall, _ route: APIRoute) async throws -> (Values, [UInt8]) {
    guard case .json(let shape) = route.body else { return (.none, []) }
    let bytes = try await call.body(limit: settings.bodyBytesMax)
    let json: JSONValue
    if bytes.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
      json = .object([])  // No body is an empty one: many calls need nothing.
    } else {
      try BodyType.check(call.headers)
      do throws(JSONError) {
        json = try JSONParser.parse(bytes)
      } catch {
        throw Problem(400, "request/invalid-json", "the body is not JSON: \(error)")
      }
    }
    let (values, problems) = ShapeReader.read(json, as: shape)
    guard problems.isEmpty else { throw Problem.invalid(problems) }
    return (values, bytes)
  }
}

/// What a body says it is.
///
/// `curl -d` calls everything a form, and `fetch` calls text plain: both pass, and have to be JSON like the rest. It opens
/// nothing to forms on other sites: no call is authenticated by anything that a browser sends by itself.
enum BodyType {
  private static let carriers = ["", "application/json", "application/x-www-form-urlencoded", "text/plain"]

  static func check(_ headers: [(name: String, value: String)]) throws(Problem) {
    guard let value = headers.first(where: { $0.name == "content-type" })?.value else { return }
    let type = value.prefix { $0 != ";" }.trimmingSpaces.lowercased()
    if carriers.contains(type) || type.hasPrefix("application/") && type.hasSuffix("+json") { return }
    throw Problem(
      415, "request/unsupported-media-type",
      "the body has to be JSON, sent as Content-Type: application/json; found \(JSONValue.quoted(String(type)))")
  }
}

extension StringProtocol {
  var trimmingSpaces: String {
    String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
