import Settings

extension Schema {
  /// The whole configuration.
  /// - Parameter runnerKeys: those of `runner`, which depend on its kind.
  static func root(runnerKeys: [Key]) -> Schema {
    .mapping([
      Key("domains", .list(of: .scalar)),
      Key(
        "listen",
        .mapping([
          Key(
            "https",
            .list(of: .scalarOrMapping([Key("address"), Key("clientCA"), Key("clientAuth"), Key("proxyProtocol")]))),
          Key("http", .list(of: .scalar)),
          Key("api"),
          Key("proxyProtocol"),
          Key("trustedProxies", .list(of: .scalar)),
        ])),
      Key("workers"),
      Key("tls", .list(of: .mapping([Key("certificate"), Key("key"), Key("ocsp")]))),
      Key(
        "tlsOptions",
        .mapping([
          Key("minVersion"), Key("ciphers"), Key("ticketRotation"),
          Key("hsts", .scalarOrMapping([Key("maxAge"), Key("includeSubDomains"), Key("preload")])),
        ])),
      Key("store"),
      Key("runner", .mapping(runnerKeys)),
      Key(
        "routes",
        .list(
          of: .mapping([
            Key("host"), Key("upstream"), Key("hostHeader"), Key("insecureSkipVerify"), Key("caFile"),
          ]))),
      Key(
        "limits",
        .mapping([
          Key("headBytes"), Key("headFields"), Key("requestLineBytes"), Key("bodyBytes"), Key("streamsPerConnection"),
          Key("connections"), Key("idleUpstreamPerKey"), Key("idleUpstream"),
        ])),
      Key(
        "timeouts",
        .mapping([
          Key("handshake"), Key("requestHead"), Key("requestBodyIdle"), Key("keepAliveIdle"), Key("dial"),
          Key("dialRetry"),
          Key("responseHead"), Key("streamIdle"), Key("upstreamIdle"), Key("drain"),
        ])),
      Key("log", .mapping([Key("level"), Key("access"), Key("accessFile")])),
    ])
  }
}
