public import Bytes
import CNghttp2
import Glibc
public import HTTP

/// What we tell the peer and what we hold it to.
public struct HTTP2Settings: Sendable {
  public var concurrentStreams: UInt32 = 128
  /// Bytes of body per stream that may wait for a slow sandbox: the bound on what one stream can make us hold.
  public var streamWindowBytes: Int32 = 262_144
  /// The same for all streams of a connection together.
  public var connectionWindowBytes: Int32 = 1_048_576
  public var limits = HeadLimits()

  public init() {}
}

/// One HTTP/2 connection (RFC 9113) over nghttp2, either side. Bytes in, events out; commands in, bytes out; no sockets.
///
/// Order of use: `receive`, drain the events, `clearEvents`; whenever `wantsToSend`, `produce` and write what it made.
public final class HTTP2Session {
  public enum Role: Sendable { case server, client }

  private var session: OpaquePointer! = nil
  let inbox = HTTP2Inbox()
  let role: Role
  let settings: HTTP2Settings
  let slabs: SlabPool
  /// Streams that waited for room and have some now. Drained by the owner after `produce`.
  public private(set) var drained: ContiguousArray<Unmanaged<HTTP2Stream>> = []
  /// Streams whose nghttp2 side is open, by us kept alive: nghttp2 holds plain pointers to them.
  private var streams: [Int32: HTTP2Stream] = [:]

  /// Frames so far that brought nothing and made us work: pings, settings, resets, priorities, empty DATA, and frames
  /// that are errors (RFC 9113 §10.5). The owner holds them against time.
  public internal(set) var idleFrames = 0

  // Where `produce` writes; set only while it runs.
  private var sink: UnsafeMutablePointer<UInt8>! = nil
  private var sinkCount = 0
  private var sinkGoal = 0
  private var pairs: ContiguousArray<nghttp2_nv> = []

  public init?(role: Role, settings: HTTP2Settings, slabs: SlabPool) {
    self.role = role
    self.settings = settings
    self.slabs = slabs
    let me = Unmanaged.passUnretained(self).toOpaque()
    let status =
      role == .server
      ? nghttp2_session_server_new2(&session, HTTP2Callbacks.shared.pointer, me, HTTP2Callbacks.shared.options)
      : nghttp2_session_client_new2(&session, HTTP2Callbacks.shared.pointer, me, HTTP2Callbacks.shared.options)
    guard status == 0, session != nil else { return nil }
    pairs.reserveCapacity(64)
    submitSettings()
  }

  deinit {
    if session != nil { nghttp2_session_del(session) }
    for stream in streams.values { stream.outgoing.removeAll(pool: slabs) }
  }

  private func submitSettings() {
    var entries = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(settings.streamWindowBytes)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(settings.limits.headBytes)),
    ]
    if role == .server {
      entries.append(
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: settings.concurrentStreams))
      // RFC 8441 §3: WebSockets may be opened with extended CONNECT.
      entries.append(nghttp2_settings_entry(settings_id: 0x8, value: 1))
    } else {
      entries.append(nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
    }
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &entries, entries.count)
    nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, settings.connectionWindowBytes)
  }

  // MARK: In

  /// Feeds bytes from the peer. False: the connection is beyond repair; `produce` holds the GOAWAY to send.
  public func receive(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let taken = nghttp2_session_mem_recv(session, base, count)
    if opensSkipped { terminate(.protocolError) }
    return taken == count
  }

  /// The stream whose header block has begun and not ended, or 0; no other frame may come before that (RFC 9113 §6.10).
  public var headInPieces: Int32 { inbox.isInHead ? inbox.building.streamID : 0 }

  public var eventCount: Int { inbox.events.count }
  public func event(_ index: Int) -> HTTP2Event { inbox.events[index] }
  public func clearEvents() { inbox.clear() }

  /// The fields of a `head` or `trailers` event, valid until `clearEvents`.
  public func headers(of event: HTTP2Event) -> HeaderList {
    HeaderList(base: inbox.storage, fields: inbox.fields + event.firstField, count: event.fieldCount)
  }

  /// Opens the windows for bytes that the other side has taken.
  public func consume(streamID: Int32, _ bytes: Int) {
    if bytes == 0 { return }
    // A stream that is gone still has its bytes counted on the connection.
    if nghttp2_session_consume(session, streamID, bytes) != 0 { nghttp2_session_consume_connection(session, bytes) }
  }

  // MARK: Out

  /// Whether `produce` would make bytes, or the session is over.
  public var wantsToSend: Bool { nghttp2_session_want_write(session) != 0 }
  /// Neither side has anything left to say: close the connection.
  public var isFinished: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }
  public var openStreams: Int { streams.count }
  /// Frames other than DATA that wait to be made.
  public var framesQueued: Int { nghttp2_session_get_outbound_queue_size(session) }

  /// Bytes that `produce` may write beyond `goal`: one frame with its header, and slack for nghttp2's chunk.
  public static let overshootBytes = 20_480

  /// Serialises frames until `goal` bytes are made or nothing is left. `into` needs `goal + overshootBytes`.
  /// Negative: fatal.
  public func produce(into: UnsafeMutablePointer<UInt8>, goal: Int) -> Int {
    sink = into
    sinkCount = 0
    sinkGoal = goal
    while sinkCount < goal {
      var data: UnsafePointer<UInt8>? = nil
      let count = nghttp2_session_mem_send(session, &data)
      if count < 0 { return -1 }
      if count == 0 { break }
      memcpy(into + sinkCount, data!, count)
      sinkCount &+= count
    }
    return sinkCount
  }

  public func clearDrained() { drained.removeAll(keepingCapacity: true) }

  /// Starts a head. Then `addField` per field and one of the `submit…` calls; bytes are copied by nghttp2 then.
  public func beginFields() { pairs.removeAll(keepingCapacity: true) }

  public func addField(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
    pairs.append(
      nghttp2_nv(
        name: UnsafeMutablePointer(mutating: name.baseAddress),
        value: UnsafeMutablePointer(mutating: value.baseAddress),
        namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
  }

  public func addField(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) {
    addField(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
  }

  public func addField(_ name: StaticString, _ value: StaticString) {
    addField(name, UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  /// A final response head. With `hasBody` the stream's `outgoing` is sent until `end`.
  @discardableResult
  public func submitResponse(_ stream: HTTP2Stream, hasBody: Bool) -> Bool {
    if stream.isClosed { return false }
    return pairs.withUnsafeBufferPointer { pairs in
      guard hasBody else {
        return nghttp2_submit_response(session, stream.id, pairs.baseAddress, pairs.count, nil) == 0
      }
      var provider = HTTP2Callbacks.provider
      return nghttp2_submit_response(session, stream.id, pairs.baseAddress, pairs.count, &provider) == 0
    }
  }

  /// An interim response head, 1xx (RFC 9113 §8.1).
  public func submitInterim(_ stream: HTTP2Stream) {
    if stream.isClosed { return }
    pairs.withUnsafeBufferPointer {
      _ = nghttp2_submit_headers(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, $0.baseAddress, $0.count, nil)
    }
  }

  /// A request on a new stream (client). Nil when no stream can be opened any more.
  public func submitRequest(hasBody: Bool) -> HTTP2Stream? {
    let id = pairs.withUnsafeBufferPointer { pairs in
      guard hasBody else { return nghttp2_submit_request(session, nil, pairs.baseAddress, pairs.count, nil, nil) }
      var provider = HTTP2Callbacks.provider
      return nghttp2_submit_request(session, nil, pairs.baseAddress, pairs.count, &provider, nil)
    }
    return id > 0 ? openStream(id) : nil
  }

  public func append(_ stream: HTTP2Stream, _ base: UnsafePointer<UInt8>, _ count: Int) {
    if stream.isClosed || stream.isEnded || count == 0 { return }
    stream.outgoing.append(base, count, pool: slabs)
    wake(stream)
  }

  /// No more bytes follow.
  public func end(_ stream: HTTP2Stream) {
    if stream.isEnded || stream.isClosed { return }
    stream.isEnded = true
    wake(stream)
  }

  /// No more bytes follow, but these fields do (RFC 9113 §8.1).
  public func end(_ stream: HTTP2Stream, trailers: HeaderList) {
    if stream.isEnded || stream.isClosed { return }
    for index in 0..<trailers.count where !trailers.fields[index].isDropped {
      let field = trailers.fields[index]
      stream.trailers.append(
        .init(name: trailers.bytes(field.name).map(ASCII.lower), value: Array(trailers.bytes(field.value))))
    }
    stream.isEnded = true
    wake(stream)
  }

  private func wake(_ stream: HTTP2Stream) {
    if stream.isDeferred {
      stream.isDeferred = false
      nghttp2_session_resume_data(session, stream.id)
    }
  }

  public func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    if stream.isClosed { return }
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
  }

  /// After our last frame on it the stream is reset, so that the peer stops sending what nobody reads
  /// (RFC 9113 §8.1: NO_ERROR after a complete response).
  public func resetAfterEnd(_ stream: HTTP2Stream) {
    if stream.isClosed { return }
    stream.resetsAfterEnd = true
    if stream.hasSentEnd { reset(stream, .noError) }
  }

  func sentEnd(_ id: Int32) {
    guard let stream = streams[id] else { return }
    stream.hasSentEnd = true
    if stream.resetsAfterEnd { reset(stream, .noError) }
  }

  /// First step of a graceful end: no new streams please (RFC 9113 §6.8).
  public func announceShutdown() { nghttp2_submit_shutdown_notice(session) }

  /// Last step: streams up to the last one seen are finished, newer ones are refused.
  public func goAway(_ code: HTTP2ErrorCode) {
    nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), code.rawValue, nil,
      0)
  }

  /// GOAWAY now, whatever is open.
  public func terminate(_ code: HTTP2ErrorCode) { nghttp2_session_terminate_session(session, code.rawValue) }

  public func ping() { nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

  /// The peer's SETTINGS allow another stream (client).
  public var canOpenStream: Bool {
    nghttp2_session_check_request_allowed(session) != 0
      && streams.count < Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// Every stream that is open now, and those whose end has not been drained yet. The owner of the connection goes
  /// through them when it ends: whoever is not told here keeps a pointer to what is gone.
  public func allStreams() -> [HTTP2Stream] { Array(streams.values) + closedStreams }

  // MARK: What the callbacks do

  func openStream(_ id: Int32) -> HTTP2Stream {
    let stream = spare.popLast() ?? HTTP2Stream(id: id)
    stream.id = id
    streams[id] = stream
    nghttp2_session_set_stream_user_data(session, id, Unmanaged.passUnretained(stream).toOpaque())
    return stream
  }

  /// RFC 9113 §5.1.1: a stream that was passed over is closed for good, and opening it is a connection error. nghttp2
  /// takes it for one whose end it has forgotten, so the gaps are remembered here; honest clients leave none.
  func noteHead(_ id: Int32) {
    guard role == .server, id & 1 == 1 else { return }
    if id > lastHead {
      if Int(id) - Int(lastHead) > 2 {
        if skipped.count == HTTP2Session.skippedMax { skipped.removeFirst() }
        skipped.append((lastHead &+ 1)..<id)
      }
      lastHead = id
    } else if stream(id) == nil {
      // A stream that is over; nghttp2 decodes the block and forgets it.
      idleFrames &+= 1
      if skipped.contains(where: { $0.contains(id) }) { opensSkipped = true }
    }
  }

  private var lastHead: Int32 = -1
  private var skipped: [Range<Int32>] = []
  private static let skippedMax = 16
  private var opensSkipped = false

  func stream(_ id: Int32) -> Unmanaged<HTTP2Stream>? {
    nghttp2_session_get_stream_user_data(session, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0) }
  }

  func streamClosed(_ id: Int32, _ code: UInt32) {
    if inbox.building.streamID == id { inbox.abandonHead() }
    guard let stream = streams[id] else { return }
    stream.isClosed = true
    stream.outgoing.removeAll(pool: slabs)
    // Kept alive until the owner has seen the event: see `release`.
    closedStreams.append(stream)
    streams[id] = nil
    var event = HTTP2Event(kind: .closed, streamID: id)
    event.errorCode = code
    event.stream = Unmanaged.passUnretained(stream)
    inbox.append(event)
  }

  private var closedStreams: ContiguousArray<HTTP2Stream> = []

  /// Frees streams whose end the owner has drained. Call after `clearEvents`. Some are kept for the next requests, those
  /// that nobody else still holds.
  public func releaseClosed() {
    while var stream = closedStreams.popLast() {
      guard spare.count < HTTP2Session.spareMax, isKnownUniquelyReferenced(&stream) else { continue }
      stream.recycle()
      spare.append(stream)
    }
  }

  private var spare: ContiguousArray<HTTP2Stream> = []
  private static let spareMax = 32

  func willSend(_ stream: HTTP2Stream, _ room: Int, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
    let held = stream.outgoing.count
    if held == 0, !stream.isEnded {
      stream.isDeferred = true
      noteRoom(stream)
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let count = min(held, room)
    flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if count == held, stream.isEnded {
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if !stream.trailers.isEmpty {
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        submitTrailers(stream)
      }
    }
    return count
  }

  private func submitTrailers(_ stream: HTTP2Stream) {
    var pairs: [nghttp2_nv] = []
    // One block for all bytes, so that pointers stay put while nghttp2 copies them.
    var bytes: [UInt8] = []
    for field in stream.trailers { bytes += field.name + field.value }
    bytes.withUnsafeMutableBufferPointer { buffer in
      guard var at = buffer.baseAddress else { return }
      for field in stream.trailers {
        pairs.append(
          nghttp2_nv(
            name: at, value: at + field.name.count, namelen: field.name.count, valuelen: field.value.count,
            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
        at += field.name.count + field.value.count
      }
      nghttp2_submit_trailer(session, stream.id, pairs, pairs.count)
    }
    stream.trailers = []
  }

  /// Puts one DATA frame into the sink. False when it is full: nghttp2 makes frame after frame within one call, so the
  /// goal is held here too, and offers this one again next time.
  func send(_ stream: HTTP2Stream, frameHead: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    if sinkCount >= sinkGoal { return false }
    memcpy(sink + sinkCount, frameHead, 9)
    sinkCount &+= 9
    if count > 0 {
      sinkCount &+= stream.outgoing.take(into: sink + sinkCount, count, pool: slabs)
      if stream.outgoing.count <= HTTP2Session.streamLowMark { noteRoom(stream) }
    }
    return true
  }

  /// When a stream's unsent bytes fall to this, a producer that waits is told.
  static let streamLowMark = 32_768

  private func noteRoom(_ stream: HTTP2Stream) {
    if stream.wantsRoom {
      stream.wantsRoom = false
      drained.append(Unmanaged.passUnretained(stream))
    }
  }
}

/// RFC 9113 §7.
public enum HTTP2ErrorCode: UInt32, Sendable {
  case noError = 0, protocolError, internalError, flowControlError, settingsTimeout, streamClosed, frameSizeError
  case refusedStream, cancel, compressionError, connectError, enhanceYourCalm, inadequateSecurity, http11Required
}
