/// When something has to be done by, on the clock that goes on while the machine sleeps.
public struct Deadline: Hashable, Comparable, Sendable {
  public let instant: ContinuousClock.Instant

  public init(_ instant: ContinuousClock.Instant) { self.instant = instant }

  public static func after(_ duration: Duration) -> Deadline { Deadline(ContinuousClock.now + duration) }

  public var remaining: Duration { max(.zero, instant - ContinuousClock.now) }
  public var hasPassed: Bool { ContinuousClock.now >= instant }

  public static func < (one: Deadline, other: Deadline) -> Bool { one.instant < other.instant }
}
