import Dispatch
import Foundation
import Loop
import Testing

/// The control loop of the test process: one thread, begun by whoever needs it first.
enum ControlThread {
  private static let start: Void = {
    let ready = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let loop = EventLoop()
      ControlLoop.attach(loop)
      ready.signal()
      loop.run()
    }
    ready.wait()
  }()

  static func begin() { start }
}

/// Runs a test on the control loop.
func onLoop(_ body: @ControlLoop @Sendable () async throws -> Void) async throws {
  ControlThread.begin()
  try await body()
}

/// Asks until it is so, for ten seconds at most.
@ControlLoop
func until(
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: @ControlLoop () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(10)
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("it did not come to this: \(what)", sourceLocation: sourceLocation)
      throw CancellationError()
    }
    try await Task.sleep(for: .milliseconds(1))
  }
}

/// Does it for each, all at once.
@ControlLoop
func together<T: Sendable, R: Sendable>(
  _ all: some Sequence<T>, _ body: @escaping @ControlLoop @Sendable (T) async -> R
) async -> [R] {
  let tasks = all.map { item in Task { await body(item) } }
  var results: [R] = []
  for task in tasks { results.append(await task.value) }
  return results
}
