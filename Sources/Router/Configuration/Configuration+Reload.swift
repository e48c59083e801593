extension Configuration {
  /// The keys that differ from the running configuration and that SIGHUP cannot apply: sockets that are bound, threads
  /// that run, files that are open. Everything else takes effect at once.
  public func restartNeeded(comparedTo running: Configuration) -> [String] {
    var keys: [String] = []
    func compare(_ key: String, _ same: Bool) {
      if !same { keys.append(key) }
    }
    compare("workers", workers == running.workers)
    compare("store", store == running.store)
    compare("runner.kind", runner.kind == running.runner.kind)
    compare("listen.https", listen.https.map(\.address) == running.listen.https.map(\.address))
    compare("listen.http", listen.http == running.listen.http)
    compare("listen.api", listen.api == running.listen.api)
    compare("limits.connections", limits.connections == running.limits.connections)
    return keys
  }
}
