public import Bytes
import HTTP

/// What one call of `HTTP2Session.receive` brought, in order. Valid until the next call.
public struct HTTP2Event {
  public enum Kind: UInt8, Sendable {
    /// A complete head: of a request (server) or a final or interim response (client).
    case head
    /// Body bytes; they count against the flow-control window until `consume`.
    case data
    /// A trailer section; `end` follows.
    case trailers
    /// The peer's side of the stream is complete.
    case end
    /// The stream is gone; `errorCode` says why (RFC 9113 §7), 0 after an orderly end.
    case closed
    /// The peer sent GOAWAY; `streamID` is the last stream that it will process.
    case goAway
    /// The head outgrew its limits; answer 431 and end the stream.
    case headTooLarge
  }

  public var kind: Kind
  public var streamID: Int32
  public var errorCode: UInt32 = 0
  public var endsStream = false
  /// `data`: the bytes, inside the buffer that was given to `receive`.
  public var bytes: UnsafePointer<UInt8>?
  public var count = 0
  /// `head` and `trailers`: fields in the inbox, as indexes and as ranges into its storage.
  var firstField = 0
  var fieldCount = 0
  public var stream: Unmanaged<HTTP2Stream>?

  // Pseudo-header fields, as ranges into the inbox's storage.
  public var method: ByteRange = .empty
  public var path: ByteRange = .empty
  public var authority: ByteRange = .empty
  public var scheme: ByteRange = .empty
  public var `protocol`: ByteRange = .empty
  public var status: UInt16 = 0
  /// All field bytes of this head together, as RFC 9113 §6.5.2 counts them.
  var listBytes = 0

  init(kind: Kind, streamID: Int32) {
    self.kind = kind
    self.streamID = streamID
  }
}

/// Where nghttp2's callbacks leave what they saw. Callbacks only write here; the session's owner drains it after the
/// C call returned, so nothing re-enters.
final class HTTP2Inbox {
  private(set) var events: ContiguousArray<HTTP2Event> = []
  private(set) var storage: UnsafeMutablePointer<UInt8>
  private var storageCapacity = 4096
  private var storageCount = 0
  private(set) var fields: UnsafeMutablePointer<HeaderField>
  private var fieldCapacity = 64
  private var fieldCount = 0
  /// The head that is being received; header blocks never interleave (RFC 9113 §4.3).
  var building = HTTP2Event(kind: .head, streamID: 0)
  private var isBuilding = false
  private var buildingStorage = 0

  init() {
    storage = .allocate(capacity: storageCapacity)
    fields = .allocate(capacity: fieldCapacity)
  }

  deinit {
    storage.deallocate()
    fields.deallocate()
  }

  func begin(_ kind: HTTP2Event.Kind, streamID: Int32) {
    building = HTTP2Event(kind: kind, streamID: streamID)
    building.firstField = fieldCount
    buildingStorage = storageCount
    isBuilding = true
  }

  func append(_ event: HTTP2Event) { events.append(event) }

  func finishHead() {
    building.fieldCount = fieldCount - building.firstField
    isBuilding = false
    events.append(building)
  }

  func store(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> ByteRange {
    if storageCount + count > storageCapacity {
      let larger = max(storageCapacity * 2, storageCount + count)
      let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
      moved.update(from: storage, count: storageCount)
      storage.deallocate()
      storage = moved
      storageCapacity = larger
    }
    (storage + storageCount).update(from: bytes, count: count)
    defer { storageCount += count }
    return ByteRange(start: storageCount, count: count)
  }

  func addField(name: UnsafePointer<UInt8>, _ nameCount: Int, value: UnsafePointer<UInt8>, _ valueCount: Int) {
    if fieldCount == fieldCapacity {
      let moved = UnsafeMutablePointer<HeaderField>.allocate(capacity: fieldCapacity * 2)
      moved.update(from: fields, count: fieldCount)
      fields.deallocate()
      fields = moved
      fieldCapacity *= 2
    }
    let known = HeaderName(UnsafeBufferPointer(start: name, count: nameCount))
    let nameRange = store(name, nameCount)
    let valueRange = store(value, valueCount)
    (fields + fieldCount).initialize(to: HeaderField(name: nameRange, value: valueRange, known: known))
    fieldCount += 1
  }

  /// The head is given up: its stream ends, and what is left of its block is not shown to us.
  func abandonHead() { isBuilding = false }

  /// A header block has begun and not ended.
  var isInHead: Bool { isBuilding }

  var fieldsInHead: Int { fieldCount - building.firstField }

  /// Drops what was drained. A head that is still arriving moves to the front; memory that a large one needed is not kept.
  func clear() {
    events.removeAll(keepingCapacity: events.capacity <= 512)
    guard isBuilding else {
      storageCount = 0
      fieldCount = 0
      if storageCapacity > 65_536 {
        storage.deallocate()
        storageCapacity = 4096
        storage = .allocate(capacity: storageCapacity)
      }
      return
    }
    let offset = buildingStorage
    storage.update(from: storage + offset, count: storageCount - offset)
    storageCount -= offset
    let first = building.firstField
    fields.update(from: fields + first, count: fieldCount - first)
    fieldCount -= first
    building.firstField = 0
    buildingStorage = 0
    for index in 0..<fieldCount {
      fields[index].name.start -= UInt32(offset)
      fields[index].value.start -= UInt32(offset)
    }
    func move(_ range: inout ByteRange) { if !range.isEmpty { range.start -= UInt32(offset) } }
    move(&building.method)
    move(&building.path)
    move(&building.authority)
    move(&building.scheme)
    move(&building.protocol)
  }
}
