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
    // What each listener was bound with.
    compare(
      "listen.proxyProtocol",
      listen.proxyProtocol == running.listen.proxyProtocol
        && listen.https.map(\.proxyProtocol) == running.listen.https.map(\.proxyProtocol))
    compare(
      "listen.trustedProxies",
      listen.trustedProxies == running.listen.trustedProxies
        && listen.proxyProtocolPeers == running.listen.proxyProtocolPeers)
    compare("tlsOptions.ticketRotation", tlsOptions.ticketRotationMs == running.tlsOptions.ticketRotationMs)
    compare("log.access", log.access == running.log.access)
    compare("log.accessFile", log.accessFile == running.log.accessFile)
    return keys
  }
}
