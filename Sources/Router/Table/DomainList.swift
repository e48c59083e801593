internal import Glibc

/// The domains under which sandboxes have hosts, in one block of memory that deciding reads without counting
/// references.
///
/// A few of them are expected (one per brand or region), so they are looked through one after the other.
struct DomainList: ~Copyable {
  /// For each domain its length and its bytes, as `HostName` folds them: no name is longer than 253.
  private let packed: UnsafeMutableBufferPointer<UInt8>

  /// What is no host name is left out: no request could match it.
  init(_ names: [String]) {
    var bytes: [UInt8] = []
    for name in names {
      HostName.with(name) { host in
        guard let host else { return }
        bytes.append(UInt8(host.bytes.count))
        bytes.append(contentsOf: host.bytes)
      }
    }
    packed = .allocate(capacity: bytes.count)
    _ = packed.initialize(fromContentsOf: bytes)
  }

  deinit { packed.deallocate() }

  var names: [String] {
    var names: [String] = []
    forEach { names.append(String(decoding: $0, as: UTF8.self)) }
    return names
  }

  @inline(__always)
  func contains(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard name.count > 0 else { return false }
    var found = false
    forEach { domain in
      if domain.count == name.count, memcmp(domain.baseAddress!, name.baseAddress!, name.count) == 0 { found = true }
    }
    return found
  }

  /// Whether `host` is a domain or any number of labels below one.
  func covers(_ host: UnsafeBufferPointer<UInt8>) -> Bool {
    if contains(host) { return true }
    var covered = false
    forEach { domain in
      let head = host.count - domain.count
      guard head > 0, host[head - 1] == UInt8(ascii: ".") else { return }
      if memcmp(domain.baseAddress!, host.baseAddress! + head, domain.count) == 0 { covered = true }
    }
    return covered
  }

  @inline(__always)
  private func forEach(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    var at = 0
    while at < packed.count {
      let count = Int(packed[at])
      body(UnsafeBufferPointer(start: packed.baseAddress! + at + 1, count: count))
      at += 1 + count
    }
  }
}
