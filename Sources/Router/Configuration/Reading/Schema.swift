/// Which keys there are, and of what shape. Unknown keys are refused and environment names are made from this.
///
/// What a value may *be* is said where it is read; the shape here only has to tell text, lists and mappings apart.
indirect enum Schema: Sendable {
  case scalar
  case list(of: Schema)
  case mapping([Key])
  /// A short form and a long form, such as `hsts: 31536000` and `hsts: {maxAge: 31536000}`.
  case scalarOrMapping([Key])

  struct Key: Sendable {
    let name: String
    let schema: Schema

    init(_ name: String, _ schema: Schema = .scalar) {
      self.name = name
      self.schema = schema
    }
  }

  static let root = Schema.mapping([
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
    Key(
      "runner",
      .mapping([
        Key("kind"),
        Key(
          "sandboxes",
          .list(
            of: .mapping([
              Key("id"), Key("address"),
              Key("ingress", .mapping([Key("mode"), Key("allowPorts", .list(of: .scalar))])),
              Key("ports", .list(of: .scalarOrMapping([Key("port"), Key("name"), Key("host"), Key("protocol")]))),
            ]))),
      ])),
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

  /// Reports every key of `value` that this shape does not have. Wrong shapes are left to whoever reads the value.
  func refuseUnknownKeys(in value: Value, path: String, _ problems: Problems) {
    switch (self, value.content) {
    case (.list(let item), .list(let values)):
      for (index, child) in values.enumerated() {
        item.refuseUnknownKeys(in: child, path: "\(path)[\(index)]", problems)
      }
    case (.mapping(let keys), .mapping(let entries)), (.scalarOrMapping(let keys), .mapping(let entries)):
      for entry in entries {
        let childPath = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        if let key = keys.first(where: { $0.name == entry.key }) {
          key.schema.refuseUnknownKeys(in: entry.value, path: childPath, problems)
        } else {
          let message = "unknown key" + Suggestion.text(for: entry.key, among: keys.map(\.name))
          problems.add(entry.keyOrigin, Value.printable(childPath), message)
        }
      }
    default:
      break
    }
  }
}
