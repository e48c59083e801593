import CUV

/// A repeating or single timer for the control side and for housekeeping. Connections use the wheel.
public final class LoopTimer {
  private let handle: UnsafeMutablePointer<uv_timer_t>
  private let action: () -> Void
  private var isOpen = true

  /// Fires after `afterMs`, then every `everyMs` (0: never again). An unreferenced timer keeps no loop alive.
  public init(
    loop: EventLoop, afterMs: UInt64, everyMs: UInt64 = 0, keepsLoopAlive: Bool = false, action: @escaping () -> Void
  ) {
    handle = .allocate(capacity: 1)
    self.action = action
    uv_timer_init(loop.uv, handle)
    // Balanced in the close callback: the handle holds us until it is closed.
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    if !keepsLoopAlive {
      UnsafeMutableRawPointer(handle).withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
    }
    uv_timer_start(
      handle, { Unmanaged<LoopTimer>.fromOpaque($0!.pointee.data).takeUnretainedValue().action() }, afterMs, everyMs)
  }

  public func stop() {
    guard isOpen else { return }
    isOpen = false
    UnsafeMutableRawPointer(handle).withMemoryRebound(to: uv_handle_t.self, capacity: 1) {
      uv_close($0) { handle in
        Unmanaged<LoopTimer>.fromOpaque(handle!.pointee.data).release()
        handle!.deallocate()
      }
    }
  }
}

/// Calls back on the loop's thread when the process gets a signal.
public final class SignalWatcher {
  private let handle: UnsafeMutablePointer<uv_signal_t>
  private let action: () -> Void

  public init(loop: EventLoop, signal: Int32, action: @escaping () -> Void) {
    handle = .allocate(capacity: 1)
    self.action = action
    uv_signal_init(loop.uv, handle)
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    uv_signal_start(
      handle, { handle, _ in Unmanaged<SignalWatcher>.fromOpaque(handle!.pointee.data).takeUnretainedValue().action() },
      signal)
  }
}

/// Tells when files change, by inotify on their folders (an atomic replacement changes the folder, not the file).
public final class FolderWatcher {
  private let handle: UnsafeMutablePointer<uv_fs_event_t>
  private let action: () -> Void

  /// Nil when the folder cannot be watched.
  public init?(loop: EventLoop, folder: String, action: @escaping () -> Void) {
    handle = .allocate(capacity: 1)
    self.action = action
    uv_fs_event_init(loop.uv, handle)
    handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    let status = uv_fs_event_start(
      handle,
      { handle, _, _, _ in Unmanaged<FolderWatcher>.fromOpaque(handle!.pointee.data).takeUnretainedValue().action() },
      folder, 0)
    UnsafeMutableRawPointer(handle).withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
    if status != 0 {
      stop()
      return nil
    }
  }

  public func stop() {
    UnsafeMutableRawPointer(handle).withMemoryRebound(to: uv_handle_t.self, capacity: 1) {
      if uv_is_closing($0) == 0 { uv_close($0) { $0!.deallocate() } }
    }
  }

  deinit { stop() }
}
