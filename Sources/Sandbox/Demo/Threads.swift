import Glibc

package enum Threads {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// False where the system has no thread to give.
  @discardableResult
  package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // The deepest path here needs a few KiB; the default of 8 MiB would be 2 GiB of address space for all.
    pthread_attr_setstacksize(&attributes, 256 * 1024)
    // The new thread owns the box from here on; where there is none, it is taken back below.
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run(); return nil
      }, box.toOpaque())
    if status != 0 { box.release() }
    return status == 0
  }
}

enum Clock {
  /// Milliseconds since 1970.
  static var nowMs: Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }
}
