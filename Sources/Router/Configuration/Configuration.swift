/// What `porthole serve` was told, complete and checked: whoever holds one needs no further validation.
///
/// The keys of the file and the names here are the same. Durations are milliseconds here and friendly text there.
/// Every default below is what an absent key means.
public struct Configuration: Sendable, Equatable {
  /// The suffixes of preview, runtime and API hosts, in lower case: `preview.localhost`. May be empty where `routes`
  /// is not.
  public var domains: [String]
  public var listen: Listen
  /// Event loops. Default: one per core that this process may use.
  public var workers: Int
  /// Chosen by SNI, the first one where none fits. Default: what `porthole certs dev` made, if it did.
  public var tls: [TLSCertificate]
  public var tlsOptions: TLSOptions
  /// Where Porthole keeps what must survive a restart. Default: `porthole.db`.
  public var store: Store
  public var runner: Runner
  /// Plain hosts with an upstream of their own. Default: none.
  public var routes: [Route]
  public var limits: Limits
  public var timeouts: Timeouts
  public var log: Log

  public init(
    domains: [String],
    listen: Listen = Listen(),
    workers: Int = 1,
    tls: [TLSCertificate],
    tlsOptions: TLSOptions = TLSOptions(),
    store: Store = .memory,
    runner: Runner = Runner(),
    routes: [Route] = [],
    limits: Limits = Limits(),
    timeouts: Timeouts = Timeouts(),
    log: Log = Log()
  ) {
    self.domains = domains
    self.listen = listen
    self.workers = workers
    self.tls = tls
    self.tlsOptions = tlsOptions
    self.store = store
    self.runner = runner
    self.routes = routes
    self.limits = limits
    self.timeouts = timeouts
    self.log = log
  }
}

extension Configuration {
  /// Where state is kept.
  public enum Store: Sendable, Equatable {
    /// `":memory:"`: nothing survives the process.
    case memory
    /// The absolute path of the SQLite file.
    case file(path: String)
  }
}
