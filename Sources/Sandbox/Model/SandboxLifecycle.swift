/// The life of one sandbox as a state machine: what was asked and what the runner did goes in, the next thing to ask of
/// the runner comes out. It calls nobody and knows no clock.
///
/// The runner does one verb at a time. Whoever holds the machine starts the verb of an answer and reports its end by
/// `.finished`, `.failed` or `.timedOut`; until then `verb` says what is being done.
///
/// `state` is what the outside sees, and runs ahead of the runner where it has to: a sandbox is `terminating` from the
/// moment that somebody asked for it, also while the runner is still busy with something else.
///
/// Invariants: `terminated` is never left. From every other state `destroy` leads there. No event traps.
public struct SandboxLifecycle: Hashable, Sendable {
  /// What a runner is asked to do. Restoring a snapshot, and being the child of a fork, are `create` here.
  public enum Verb: String, Hashable, Sendable, CaseIterable {
    case create, pause, hibernate, resume, snapshot, fork, destroy
  }

  /// What the API, an idle timeout or a request that wakes may ask for.
  public enum Ask: String, Hashable, Sendable, CaseIterable {
    case pause, hibernate, resume, snapshot, fork, destroy
  }

  public enum Event: Hashable, Sendable {
    case asked(Ask)
    /// The runner did `verb`.
    case finished
    /// It tried and says that it could not.
    case failed
    /// It did not get to an end in time: whether it was done is not known.
    case timedOut
    /// `RunnerEvent.ended`: the sandbox is gone for good, by itself.
    case ended
    /// `RunnerEvent.failed`: it runs no more, but can be started again.
    case lost
  }

  public enum Answer: Hashable, Sendable {
    /// There is nothing to do: things are as they were asked to be, or come to rest.
    case nothing
    /// Ask this of the runner.
    case start(Verb)
    /// It follows from what the runner is doing now, or comes after it: look again when that is over.
    case wait
    /// As `wait`, and there is no more use in what the runner is doing now: cancel it.
    case cancelAndWait
    case refused(Refusal)
  }

  public enum Refusal: Error, Hashable, Sendable {
    /// Makes no sense in this state.
    case state(Ask, SandboxState)
    /// Would, but not before the runner is done with something else that leaves the state alone.
    case busy(Ask, with: Verb)
    /// The end of a verb that nobody started.
    case unexpected
  }

  public private(set) var state: SandboxState
  /// What the runner is doing now.
  public private(set) var verb: Verb?
  /// Somebody waits for the sandbox to run: it is resumed as soon as the runner is free.
  public private(set) var resumesNext = false
  /// Where a verb that failed leads back to.
  private var before: SandboxState

  private init(state: SandboxState, verb: Verb? = nil) {
    self.state = state
    self.verb = verb
    before = state
  }

  /// A new sandbox, whose `create` the runner is asked for now.
  public static func creating() -> SandboxLifecycle { SandboxLifecycle(state: .creating, verb: .create) }

  /// A sandbox that a runner listed: it is simply there.
  public static func listed() -> SandboxLifecycle { SandboxLifecycle(state: .running) }

  /// A sandbox that the store knew as `known` when Porthole started, and what the runner says of it.
  /// - Returns: the machine, and what to ask of the runner now. Somebody was told that it is destroyed, or nobody was
  ///   ever told that it was made: both end it.
  public static func adopted(was known: SandboxState, found: RunnerFinding) -> (SandboxLifecycle, Answer) {
    var life: SandboxLifecycle
    switch found {
    case .running: life = SandboxLifecycle(state: .running)
    case .paused: life = SandboxLifecycle(state: .paused)
    case .hibernated: life = SandboxLifecycle(state: .hibernated)
    case .gone: life = SandboxLifecycle(state: .terminated)
    }
    switch known {
    case .terminated: return (SandboxLifecycle(state: .terminated), .nothing)
    case .creating, .terminating:
      let answer = life.take(.asked(.destroy))
      return (life, answer)
    case .running, .pausing, .paused, .hibernating, .hibernated, .resuming, .failed: return (life, .nothing)
    }
  }

  public mutating func take(_ event: Event) -> Answer {
    switch event {
    case .asked(let ask): return asked(ask)
    case .finished, .failed, .timedOut:
      guard let verb else { return .refused(.unexpected) }
      self.verb = nil
      return ended(verb, by: event)
    case .ended:
      // Destroying is about to say so itself, and with it what the sandbox has used.
      if verb != .destroy { state = .terminated }
      return .nothing
    case .lost:
      if state != .terminating, state != .terminated { state = .failed }
      return .nothing
    }
  }
}

// MARK: Asking

extension SandboxLifecycle {
  private mutating func asked(_ ask: Ask) -> Answer {
    switch ask {
    case .destroy: return askedToDestroy()
    case .resume: return askedToResume()
    case .pause: return asked(ask, from: [.running], under: .pausing, is: .paused)
    case .hibernate: return asked(ask, from: [.running, .paused], under: .hibernating, is: .hibernated)
    case .snapshot: return askedToCopy(.snapshot, ask, from: [.running, .paused, .hibernated])
    case .fork: return askedToCopy(.fork, ask, from: [.running])
    }
  }

  private mutating func asked(
    _ ask: Ask, from origins: [SandboxState], under transition: SandboxState, is target: SandboxState
  ) -> Answer {
    if state == target { return .nothing }
    if state == transition { return .wait }
    guard origins.contains(state) else { return .refused(.state(ask, state)) }
    if let verb { return .refused(.busy(ask, with: verb)) }
    return start(ask == .pause ? .pause : .hibernate, as: transition)
  }

  private mutating func askedToCopy(_ copy: Verb, _ ask: Ask, from origins: [SandboxState]) -> Answer {
    guard origins.contains(state) else { return .refused(.state(ask, state)) }
    if let verb { return .refused(.busy(ask, with: verb)) }
    verb = copy
    return .start(copy)
  }

  private mutating func askedToResume() -> Answer {
    switch state {
    case .running: return .nothing
    case .creating, .resuming: return .wait
    case .terminating, .terminated: return .refused(.state(.resume, state))
    case .pausing, .paused, .hibernating, .hibernated, .failed:
      if verb == nil { return start(.resume, as: .resuming) }
      resumesNext = true
      return .wait
    }
  }

  private mutating func askedToDestroy() -> Answer {
    if state == .terminated { return .nothing }
    let isNews = state != .terminating
    state = .terminating
    resumesNext = false
    guard let verb else { return start(.destroy, as: .terminating) }
    return verb == .destroy || !isNews ? .wait : .cancelAndWait
  }

  /// - Parameter fallback: where failure leads, if not back.
  private mutating func start(
    _ verb: Verb, as transition: SandboxState, orElse fallback: SandboxState? = nil
  ) -> Answer {
    before = fallback ?? state
    state = transition
    self.verb = verb
    resumesNext = false
    return .start(verb)
  }
}

// MARK: What the runner did

extension SandboxLifecycle {
  private mutating func ended(_ verb: Verb, by event: Event) -> Answer {
    switch state {
    case .terminated:
      return .nothing  // It ended while the runner was busy with it.
    case .terminating:
      // A destroy that failed stays what it was: it may be asked for again, and nothing else may.
      guard verb == .destroy else { return start(.destroy, as: .terminating) }
      if event == .finished { state = .terminated }
      return .nothing
    case .creating where event == .finished: state = .running
    case .pausing where event == .finished: state = .paused
    case .hibernating where event == .finished: state = .hibernated
    case .resuming where event == .finished: state = .running
    case .pausing where event == .timedOut, .hibernating where event == .timedOut:
      // It may run and it may not. Resuming what runs is nothing, so that makes it certain.
      return start(.resume, as: .resuming, orElse: .failed)
    case .pausing, .hibernating, .resuming: state = before
    case .creating: return start(.destroy, as: .terminating)
    case .failed where verb == .create && event != .finished: return start(.destroy, as: .terminating)
    case .running, .paused, .hibernated, .failed: break
    }
    guard resumesNext else { return .nothing }
    resumesNext = false
    return askedToResume()
  }
}

extension SandboxLifecycle.Refusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .state(let ask, let state): "a sandbox that is \(state.rawValue) cannot be \(ask.participle)"
    case .busy(let ask, let verb): "a sandbox cannot be \(ask.participle) while it is \(verb.progress)"
    case .unexpected: "nothing was being done"
    }
  }
}

extension SandboxLifecycle.Ask {
  fileprivate var participle: String {
    switch self {
    case .pause: "paused"
    case .hibernate: "hibernated"
    case .resume: "resumed"
    case .snapshot: "saved as a snapshot"
    case .fork: "forked"
    case .destroy: "destroyed"
    }
  }
}

extension SandboxLifecycle.Verb {
  fileprivate var progress: String {
    switch self {
    case .create: "being created"
    case .pause: "being paused"
    case .hibernate: "being hibernated"
    case .resume: "being resumed"
    case .snapshot: "being saved as a snapshot"
    case .fork: "being forked"
    case .destroy: "being destroyed"
    }
  }
}
