/// What is fuzzed. The raw value names the folders under Corpus and FailCases, and the executable `fuzz-<raw value>`.
public enum FuzzTarget: String, CaseIterable, Sendable {
  case requestHead, responseHead, chunked, trailers, proxyHead
  case route, serverName, cookies, frames, accessLog, http2, configuration

  /// Runs one input. Nil is good; anything else says which rule it breaks. What traps or reads astray is found by the
  /// process ending.
  public func check(_ input: UnsafeBufferPointer<UInt8>) -> String? {
    switch self {
    case .requestHead: RequestHeadCheck.run(input)
    case .responseHead: ResponseHeadCheck.run(input)
    case .chunked: ChunkedCheck.run(input)
    case .trailers: TrailerCheck.run(input)
    case .proxyHead: ProxyHeadCheck.run(input)
    case .route: RouteCheck.run(input)
    case .serverName: ServerNameCheck.run(input)
    case .cookies: CookieCheck.run(input)
    case .frames: FramesCheck.run(input)
    case .accessLog: AccessLogCheck.run(input)
    case .http2: HTTP2Check.run(input)
    case .configuration: ConfigurationCheck.run(input)
    }
  }

  /// For libFuzzer, which knows a finding by the process's end.
  public func checkOrAbort(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    if let complaint = check(UnsafeBufferPointer(start: bytes, count: bytes == nil ? 0 : count)) {
      fatalError("\(rawValue): \(complaint)")
    }
    return 0
  }
}
