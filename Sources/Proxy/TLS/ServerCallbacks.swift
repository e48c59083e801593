internal import Bytes
internal import COpenSSL
internal import CShims
internal import Glibc

/// The questions that OpenSSL asks during a server handshake. Each finds its `TLSContext` through the session's wire.
enum ServerCallbacks {
  static func install(in context: OpenSSLContext) {
    SSL_CTX_set_client_hello_cb(context.pointer, clientHelloReceived, nil)
    shim_SSL_CTX_set_servername_callback(context.pointer, acknowledgeServerName)
    SSL_CTX_set_alpn_select_cb(context.pointer, selectProtocol, nil)
    shim_SSL_CTX_set_status_callback(context.pointer, stapleRequested)
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context.pointer, ticketKeyWanted)
    SSL_CTX_set_session_ticket_cb(context.pointer, nil, ticketDecrypted, nil)
  }
}

/// Reads SNI and selects certificates. Done here rather than in the servername callback, which for a resumed TLS 1.2 session
/// is told the session's name instead of the one just asked for. Runs again after a HelloRetryRequest.
@c func clientHelloReceived(
  _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  var bytes: UnsafePointer<UInt8>?
  var count = 0
  guard SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &bytes, &count) == 1,
    let name = ServerName.parse(UnsafeBufferPointer(start: bytes, count: count))
  else { return SSL_CLIENT_HELLO_SUCCESS }
  let wire = SessionWire.of(ssl)
  wire.pointee.setServerName(name)
  wire.pointee.context!._withUnsafeGuaranteedRef { context in
    let chosen = context.context(for: wire.pointee.serverNameBytes)
    if chosen !== context.defaultContext { SSL_set_SSL_CTX(ssl, chosen.pointer) }
  }
  return SSL_CLIENT_HELLO_SUCCESS
}

/// Any name is acknowledged: an unknown one gets the default certificate, and the client judges it. (RFC 6066 §3 allows a fatal
/// unrecognized_name, which would turn a wrong DNS record into a riddle.) The acknowledged name goes into the session's tickets.
@c func acknowledgeServerName(
  _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  SSL_TLSEXT_ERR_OK
}

/// Our preference, not the client's: h2, then http/1.1, then http/1.0, which is in IANA's list too and all that
/// `curl --http1.0` offers; with none offered, the alert that RFC 7301 §3.2 demands.
@c func selectProtocol(
  _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenCount: UnsafeMutablePointer<UInt8>?,
  _ offer: UnsafePointer<UInt8>?, _ offerCount: UInt32, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  let offersHTTP2 = SessionWire.of(ssl).pointee.context!._withUnsafeGuaranteedRef { $0.offersHTTP2 }
  let list = UnsafeBufferPointer(start: offer, count: Int(offerCount))
  var best: UnsafeBufferPointer<UInt8>?
  var at = 0
  while at < list.count {
    let end = at + 1 + Int(list[at])
    guard end <= list.count else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let name = UnsafeBufferPointer(rebasing: list[(at + 1)..<end])
    if offersHTTP2, ASCII.equals(name, "h2") {
      best = name
      break
    }
    if ASCII.equals(name, "http/1.1") || (best == nil && ASCII.equals(name, "http/1.0")) { best = name }
    at = end
  }
  guard let best else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  // OpenSSL copies it as soon as we return, so pointing into the offer is fine.
  chosen?.pointee = best.baseAddress
  chosenCount?.pointee = UInt8(best.count)
  return SSL_TLSEXT_ERR_OK
}

/// Staples the OCSP response of the certificate in use (RFC 6066 §8), as long as it is not outdated (RFC 6960 §4.2.2.1).
@c func stapleRequested(_ ssl: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
  SessionWire.of(ssl).pointee.context!._withUnsafeGuaranteedRef { context in
    guard let staple = context.staple(for: SSL_get_certificate(ssl)), staple.isCurrent(at: time(nil)) else {
      return SSL_TLSEXT_ERR_NOACK
    }
    guard let copy = shim_OPENSSL_memdup(staple.der, staple.der.count) else { return SSL_TLSEXT_ERR_NOACK }
    return shim_SSL_set_status_response(ssl, copy, staple.der.count) == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
  }
}

/// Encrypts a new ticket with the newest key, or finds the key that a client's ticket names.
@c func ticketKeyWanted(
  _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ iv: UnsafeMutablePointer<UInt8>?,
  _ cipher: OpaquePointer?,
  _ mac: OpaquePointer?, _ isEncrypting: Int32
) -> Int32 {
  guard let name, let iv, let cipher, let mac else { return -1 }
  return SessionWire.of(ssl).pointee.context!._withUnsafeGuaranteedRef { context in
    isEncrypting == 1
      ? context.ticketCrypto.seal(with: context.tickets, name: name, iv: iv, cipher: cipher, mac: mac)
      : context.ticketCrypto.open(with: context.tickets, name: name, iv: iv, cipher: cipher, mac: mac)
  }
}

/// A ticket is good for the host name it was issued for and no other. RFC 6066 §3 demands it of TLS 1.2, OpenSSL does not check,
/// and with many tenants behind one wildcard certificate it is the right rule for TLS 1.3 as well.
@c func ticketDecrypted(
  _ ssl: OpaquePointer?, _ session: OpaquePointer?, _ keyName: UnsafePointer<UInt8>?, _ keyNameCount: Int,
  _ status: SSL_TICKET_STATUS, _ argument: UnsafeMutableRawPointer?
) -> SSL_TICKET_RETURN {
  guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
    return SSL_TICKET_RETURN_IGNORE_RENEW
  }
  let asked = SessionWire.of(ssl).pointee.serverNameBytes
  guard ServerName.matches(asked, SSL_SESSION_get0_hostname(session)) else { return SSL_TICKET_RETURN_IGNORE_RENEW }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}
