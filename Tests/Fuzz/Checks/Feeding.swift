import Bytes

/// Takes what steers a check from the front of an input; the rest is the subject.
struct Steering {
  private(set) var rest: UnsafeBufferPointer<UInt8>

  init(_ input: UnsafeBufferPointer<UInt8>) { rest = input }

  /// 0 when nothing is left.
  mutating func byte() -> UInt8 {
    guard let first = rest.first else { return 0 }
    rest = UnsafeBufferPointer(rebasing: rest.dropFirst())
    return first
  }

  mutating func bytes(upTo count: Int) -> UnsafeBufferPointer<UInt8> {
    let taken = UnsafeBufferPointer(rebasing: rest.prefix(count))
    rest = UnsafeBufferPointer(rebasing: rest.dropFirst(taken.count))
    return taken
  }

  /// Up to the next `separator`, which is dropped; everything where there is none.
  mutating func bytes(until separator: UInt8) -> UnsafeBufferPointer<UInt8> {
    let taken = bytes(upTo: rest.firstIndex(of: separator) ?? rest.count)
    _ = byte()
    return taken
  }
}

/// The same bytes in memory of exactly their size, so that the address sanitizer sees a look beyond the end.
func withExact<R>(_ bytes: some Collection<UInt8>, _ body: (UnsafeMutablePointer<UInt8>) -> R) -> R {
  let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
  defer { memory.deallocate() }
  _ = UnsafeMutableBufferPointer(start: memory, count: bytes.count).initialize(from: bytes)
  return body(memory)
}

/// How many bytes are there at each call: whole, byte by byte where that is cheap, and split at two places.
func arrivals(of count: Int, _ one: UInt8, _ other: UInt8) -> [[Int]] {
  let first = count * Int(one) / 256
  let second = first + (count - first) * Int(other) / 256
  var ways = [[count], [first, second, count]]
  if count <= 256 { ways.append(Array(0...count)) }
  return ways
}

func text(_ range: ByteRange, _ base: UnsafePointer<UInt8>) -> [UInt8] { Array(range.bytes(in: base)) }

func lowered(_ bytes: some Sequence<UInt8>) -> [UInt8] { bytes.map(ASCII.lower) }

extension [UInt8] {
  static func += (bytes: inout [UInt8], literal: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }
  var shown: String { String(decoding: prefix(200), as: UTF8.self).debugDescription }
}

/// A field that owns its bytes.
struct OwnedField: Equatable {
  var name: [UInt8]
  var value: [UInt8]
  var isDropped: Bool
}
