import CNghttp2
import HTTP

/// nghttp2's callbacks: each finds its session and writes to the inbox. Nothing here calls back into nghttp2 except to
/// read or set a stream's user data, to queue trailers, and to queue a reset behind a stream's last frame.
struct HTTP2Callbacks: @unchecked Sendable {
  // Sendable: both objects are written once below and only read by nghttp2 afterwards.
  let pointer: OpaquePointer
  let options: OpaquePointer

  static let shared = HTTP2Callbacks()

  private static func session(_ data: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Session> {
    Unmanaged.fromOpaque(data!)
  }

  /// Bodies are found by stream id, so one provider serves all streams.
  static var provider: nghttp2_data_provider {
    nghttp2_data_provider(
      source: nghttp2_data_source(ptr: nil),
      read_callback: { _, streamID, _, room, flags, _, data in
        HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { session in
          guard let stream = session.stream(streamID) else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
          }
          return stream._withUnsafeGuaranteedRef { session.willSend($0, room, flags!) }
        }
      })
  }

  private init() {
    var callbacks: OpaquePointer! = nil
    precondition(nghttp2_session_callbacks_new(&callbacks) == 0, "out of memory")
    var options: OpaquePointer! = nil
    precondition(nghttp2_option_new(&options) == 0, "out of memory")
    pointer = callbacks
    self.options = options

    // Windows open only when the other side has taken the bytes.
    nghttp2_option_set_no_auto_window_update(options, 1)
    // A peer that makes us owe it more answers (PING, SETTINGS) than this without reading them is a flood.
    nghttp2_option_set_max_outbound_ack(options, 1000)
    nghttp2_option_set_peer_max_concurrent_streams(options, 128)

    nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, head, count, _, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { session in
        guard let stream = session.stream(frame!.pointee.hd.stream_id) else {
          return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let isTaken = stream._withUnsafeGuaranteedRef { session.send($0, frameHead: head!, count) }
        return isTaken ? 0 : Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue)
      }
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, head, data in
      let head = head!.pointee
      switch UInt32(head.type) {
      case NGHTTP2_HEADERS.rawValue:
        HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.noteHead(head.stream_id) }
      case NGHTTP2_DATA.rawValue where head.length == 0 && head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0:
        HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.idleFrames &+= 1 }
      default: break
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { session in
        let frame = frame!.pointee
        let id = frame.hd.stream_id
        if frame.headers.cat == NGHTTP2_HCAT_REQUEST { _ = session.openStream(id) }
        let isTrailer = session.role == .server ? frame.headers.cat == NGHTTP2_HCAT_HEADERS : false
        session.inbox.begin(isTrailer ? .trailers : .head, streamID: id)
        session.inbox.building.stream = session.stream(id)
        return 0
      }
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.field(name!, nameCount, value!, valueCount) }
    }
    // A field that RFC 9113 §8.2.1 forbids makes the message malformed; nghttp2 would silently leave it out.
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
      Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.frameReceived(frame!.pointee) }
      return 0
    }
    // A frame that costs us an answer and its sender nothing (a reset of a stream that it provoked, most of all).
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, _, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { session in
        session.idleFrames &+= 1
        if UInt32(frame!.pointee.hd.type) == NGHTTP2_HEADERS.rawValue { session.inbox.abandonHead() }
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, streamID, bytes, count, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { session in
        var event = HTTP2Event(kind: .data, streamID: streamID)
        event.bytes = bytes
        event.count = count
        event.stream = session.stream(streamID)
        session.inbox.append(event)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, data in
      let head = frame!.pointee.hd
      if head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
        UInt32(head.type) == NGHTTP2_DATA.rawValue || UInt32(head.type) == NGHTTP2_HEADERS.rawValue
      {
        HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.sentEnd(head.stream_id) }
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, streamID, code, data in
      HTTP2Callbacks.session(data)._withUnsafeGuaranteedRef { $0.streamClosed(streamID, code) }
      return 0
    }
  }
}

extension HTTP2Session {
  /// RFC 9113 §6.5.2: a field weighs its bytes plus 32.
  fileprivate func field(
    _ name: UnsafePointer<UInt8>, _ nameCount: Int, _ value: UnsafePointer<UInt8>, _ valueCount: Int
  ) -> Int32 {
    inbox.building.listBytes += nameCount + valueCount + 32
    if inbox.building.listBytes > settings.limits.headBytes || inbox.fieldsInHead >= settings.limits.fields {
      // A request's head gets an answer. A trailer section has had its chance of one, and a response goes nowhere.
      if inbox.building.kind == .head, role == .server { inbox.building.kind = .headTooLarge }
      // The rest of the block is decoded for HPACK's sake and dropped; a bomb ends the stream.
      if inbox.building.kind == .headTooLarge, inbox.building.listBytes <= 4 * settings.limits.headBytes { return 0 }
      inbox.abandonHead()
      return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    if nameCount > 0, name[0] == 0x3A {
      let range = inbox.store(value, valueCount)
      switch nameCount {
      case 5 where name[1] == 0x70: inbox.building.path = range
      case 7 where name[1] == 0x6D: inbox.building.method = range
      case 7 where name[1] == 0x73 && name[2] == 0x63: inbox.building.scheme = range
      case 7: inbox.building.status = HTTP2Session.status(UnsafeBufferPointer(start: value, count: valueCount))
      case 9: inbox.building.protocol = range
      case 10: inbox.building.authority = range
      default: break
      }
      return 0
    }
    inbox.addField(name: name, nameCount, value: value, valueCount)
    return 0
  }

  private static func status(_ value: UnsafeBufferPointer<UInt8>) -> UInt16 {
    guard value.count == 3 else { return 0 }
    return value.reduce(0) { $0 &* 10 &+ UInt16($1 &- 0x30) }
  }

  fileprivate func frameReceived(_ frame: nghttp2_frame) {
    let ends = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(frame.hd.type) {
    case NGHTTP2_HEADERS.rawValue:
      guard inbox.isInHead else { return }
      // A head may come in pieces, and its stream may have ended in between.
      inbox.building.stream = stream(frame.hd.stream_id)
      inbox.building.endsStream = ends
      // A client's header block after the final head is its trailer section.
      if role == .client, frame.headers.cat == NGHTTP2_HCAT_HEADERS, inbox.building.status == 0 {
        inbox.building.kind = .trailers
      }
      inbox.finishHead()
      if ends, inbox.building.kind == .trailers { append(.end, frame.hd.stream_id) }
    case NGHTTP2_DATA.rawValue where ends:
      append(.end, frame.hd.stream_id)
    case NGHTTP2_PING.rawValue, NGHTTP2_SETTINGS.rawValue:
      if frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { idleFrames &+= 1 }
    case NGHTTP2_PRIORITY.rawValue, NGHTTP2_RST_STREAM.rawValue:
      idleFrames &+= 1
    case NGHTTP2_GOAWAY.rawValue:
      var event = HTTP2Event(kind: .goAway, streamID: frame.goaway.last_stream_id)
      event.errorCode = frame.goaway.error_code
      inbox.append(event)
    default: break
    }
  }

  private func append(_ kind: HTTP2Event.Kind, _ streamID: Int32) {
    var event = HTTP2Event(kind: kind, streamID: streamID)
    event.stream = stream(streamID)
    inbox.append(event)
  }
}
