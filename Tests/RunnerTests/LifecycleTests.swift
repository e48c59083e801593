import Sandbox
import Testing

/// The state machine of one sandbox: every state with every event, and what must hold on every path.
@Suite struct LifecycleTests {
  static let events: [SandboxLifecycle.Event] =
    SandboxLifecycle.Ask.allCases.map { .asked($0) } + [.finished, .failed, .timedOut, .ended, .lost]

  /// What is answered, and the state after it where that is another. `-` nothing, `no` refused, `busy` refused for now,
  /// `?` unexpected, `wait`, `cut` cancel and wait, else the verb that is started.
  static let table = """
    state        pause         hibernate         resume        snapshot  fork  destroy          finished     failed              timedOut            ended        lost
    creating     no            no                wait          no        no    cut>terminating  ->running    destroy>terminating destroy>terminating ->terminated ->failed
    running      pause>pausing hibernate>hibernating -         snapshot  fork  destroy>terminating ?         ?                   ?                   ->terminated ->failed
    pausing      wait          no                wait          no        no    cut>terminating  ->paused     ->running           resume>resuming     ->terminated ->failed
    paused       -             hibernate>hibernating resume>resuming snapshot no destroy>terminating ?       ?                   ?                   ->terminated ->failed
    hibernating  no            wait              wait          no        no    cut>terminating  ->hibernated ->running           resume>resuming     ->terminated ->failed
    hibernated   no            -                 resume>resuming snapshot no   destroy>terminating ?         ?                   ?                   ->terminated ->failed
    resuming     no            no                wait          no        no    cut>terminating  ->running    ->paused            ->paused            ->terminated ->failed
    terminating  no            no                no            no        no    wait             ->terminated -                   -                   -            -
    terminated   no            no                no            no        no    -                ?            ?                   ?                   -            -
    failed       no            no                resume>resuming no      no    destroy>terminating ?         ?                   ?                   ->terminated -
    """

  /// One that came into `state` by the shortest way.
  static func life(_ state: SandboxState) -> SandboxLifecycle {
    let way: [SandboxLifecycle.Event] =
      switch state {
      case .creating: []
      case .running: [.finished]
      case .pausing: [.finished, .asked(.pause)]
      case .paused: [.finished, .asked(.pause), .finished]
      case .hibernating: [.finished, .asked(.hibernate)]
      case .hibernated: [.finished, .asked(.hibernate), .finished]
      case .resuming: [.finished, .asked(.pause), .finished, .asked(.resume)]
      case .terminating: [.finished, .asked(.destroy)]
      case .terminated: [.finished, .asked(.destroy), .finished]
      case .failed: [.finished, .lost]
      }
    var life = SandboxLifecycle.creating()
    for event in way { _ = life.take(event) }
    return life
  }

  static func word(_ answer: SandboxLifecycle.Answer) -> String {
    switch answer {
    case .nothing: "-"
    case .start(let verb): verb.rawValue
    case .wait: "wait"
    case .cancelAndWait: "cut"
    case .refused(.state): "no"
    case .refused(.busy): "busy"
    case .refused(.unexpected): "?"
    }
  }

  @Test func everyStateAnswersEveryEventAsInTheTable() {
    let rows = Self.table.split(separator: "\n").dropFirst().map { $0.split(separator: " ").map(String.init) }
    #expect(rows.map { $0[0] } == SandboxState.allCases.map(\.rawValue))
    for (row, state) in zip(rows, SandboxState.allCases) {
      for (event, expected) in zip(Self.events, row.dropFirst()) {
        var life = Self.life(state)
        #expect(life.state == state)
        let word = Self.word(life.take(event))
        let found = life.state == state ? word : "\(word)>\(life.state)"
        #expect(found == expected, "\(state), \(event)")
      }
    }
  }

  @Test func theTableLeavesNothingOut() {
    for row in Self.table.split(separator: "\n") {
      #expect(row.split(separator: " ").count == 1 + Self.events.count, "\(row)")
    }
  }

  // MARK: Conversations

  /// Feeds events one by one and returns the answers' words.
  func talk(_ life: inout SandboxLifecycle, _ events: SandboxLifecycle.Event...) -> [String] {
    events.map { Self.word(life.take($0)) }
  }

  @Test func aResumeThatWasAskedForDuringAPauseFollowsIt() {
    var life = Self.life(.pausing)
    #expect(talk(&life, .asked(.resume), .finished, .finished) == ["wait", "resume", "-"])
    #expect(life.state == .running)
  }

  @Test func aPauseThatFailsLeavesNothingToResume() {
    var life = Self.life(.pausing)
    #expect(talk(&life, .asked(.resume), .failed) == ["wait", "-"])
    #expect(life.state == .running && !life.resumesNext)
  }

  @Test func manyWhoWakeOneSandboxCauseOneResume() {
    var life = Self.life(.hibernated)
    #expect(talk(&life, .asked(.resume), .asked(.resume), .asked(.resume)) == ["resume", "wait", "wait"])
    #expect(talk(&life, .finished, .asked(.resume)) == ["-", "-"])
  }

  @Test func whatIsBeingDoneEndsBeforeTheDestroyBegins() {
    var life = Self.life(.resuming)
    #expect(talk(&life, .asked(.destroy), .asked(.destroy)) == ["cut", "wait"])
    #expect(life.verb == .resume && life.state == .terminating)
    #expect(talk(&life, .finished, .finished) == ["destroy", "-"])
    #expect(life.state == .terminated)
  }

  @Test func aResumeThatWaitsIsForgottenByADestroy() {
    var life = Self.life(.pausing)
    #expect(talk(&life, .asked(.resume), .asked(.destroy), .finished, .finished) == ["wait", "cut", "destroy", "-"])
  }

  @Test(arguments: [SandboxLifecycle.Event.failed, .timedOut]) func aDestroyThatFailedIsAskedForAgain(
    _ event: SandboxLifecycle.Event
  ) {
    var life = Self.life(.terminating)
    #expect(talk(&life, event, .asked(.resume), .asked(.destroy), .finished) == ["-", "no", "destroy", "-"])
    #expect(life.state == .terminated)
  }

  @Test func aHibernateOutOfPausedFallsBackToPaused() {
    var life = Self.life(.paused)
    #expect(talk(&life, .asked(.hibernate), .failed) == ["hibernate", "-"])
    #expect(life.state == .paused)
  }

  /// It may have been paused after all: a sandbox that is shown as running and is not would swallow requests.
  @Test func aPauseOfUnknownOutcomeIsMadeCertain() {
    var life = Self.life(.pausing)
    #expect(talk(&life, .timedOut, .failed) == ["resume", "-"])
    #expect(life.state == .failed)
    life = Self.life(.hibernating)
    #expect(talk(&life, .timedOut, .finished) == ["resume", "-"])
    #expect(life.state == .running)
  }

  @Test func whileItIsCopiedItGoesOnButIsNotPaused() {
    var life = Self.life(.running)
    #expect(
      talk(&life, .asked(.snapshot), .asked(.pause), .asked(.fork), .asked(.resume)) == [
        "snapshot", "busy", "busy", "-",
      ])
    #expect(life.state == .running)
    #expect(talk(&life, .failed, .asked(.pause)) == ["-", "pause"])
  }

  @Test func aSandboxThatIsWantedWhileItIsSavedWakesAfterwards() {
    var life = Self.life(.paused)
    #expect(talk(&life, .asked(.snapshot), .asked(.resume), .finished) == ["snapshot", "wait", "resume"])
  }

  @Test func whatIsLostDuringAVerbIsStartedAgainOnlyWhenTheVerbIsOver() {
    var life = Self.life(.pausing)
    #expect(talk(&life, .lost, .asked(.resume), .finished) == ["-", "wait", "resume"])
    #expect(life.state == .resuming)
  }

  @Test func theEndOfAVerbIsNoNewsOnceTheSandboxHasEnded() {
    var life = Self.life(.resuming)
    #expect(talk(&life, .ended, .finished, .finished) == ["-", "-", "?"])
    #expect(life.state == .terminated)
  }

  @Test func whatCouldNotBeMadeIsCleanedUpEvenWhereItWasLostFirst() {
    var life = Self.life(.creating)
    #expect(talk(&life, .lost, .failed, .finished) == ["-", "destroy", "-"])
    #expect(life.state == .terminated)
  }

  // MARK: After a restart

  static let findings: [RunnerFinding] = [
    .running(.none), .paused(.none), .hibernated, .gone(reason: "test"),
  ]

  @Test(arguments: SandboxState.allCases) func afterARestartTheRunnersWordCounts(_ known: SandboxState) {
    for finding in Self.findings {
      let (life, answer) = SandboxLifecycle.adopted(was: known, found: finding)
      let found: SandboxState =
        switch finding {
        case .running: .running
        case .paused: .paused
        case .hibernated: .hibernated
        case .gone: .terminated
        }
      switch known {
      case .terminated: #expect(life.state == .terminated && answer == .nothing)
      case .creating where found != .terminated, .terminating where found != .terminated:
        #expect(life.state == .terminating && answer == .start(.destroy), "nobody was told that it lives")
      default: #expect(life.state == found && answer == .nothing)
      }
    }
  }

  // MARK: Properties

  /// Every machine that any events lead to. There are few, since a machine is its state, a verb and two notes.
  static let reachable: Set<SandboxLifecycle> = {
    var found: Set<SandboxLifecycle> = [.creating(), .listed()]
    for known in SandboxState.allCases {
      for finding in findings { found.insert(SandboxLifecycle.adopted(was: known, found: finding).0) }
    }
    var fresh = found
    while !fresh.isEmpty {
      var next: Set<SandboxLifecycle> = []
      for life in fresh {
        for event in events {
          var copy = life
          _ = copy.take(event)
          if found.insert(copy).inserted { next.insert(copy) }
        }
      }
      fresh = next
    }
    return found
  }()

  @Test func everyStateIsReached() {
    #expect(Set(Self.reachable.map(\.state)) == Set(SandboxState.allCases))
    #expect((20...200).contains(Self.reachable.count), "\(Self.reachable.count) machines")
  }

  @Test func terminatedIsNeverLeft() {
    for life in Self.reachable where life.state == .terminated {
      for event in Self.events {
        var copy = life
        let answer = copy.take(event)
        #expect(copy.state == .terminated)
        if case .start = answer { Issue.record("\(event) starts something in \(life)") }
      }
    }
  }

  @Test func fromEverywhereADestroyEndsIt() {
    for life in Self.reachable where life.state != .terminated {
      var copy = life
      var answer = copy.take(.asked(.destroy))
      var rounds = 0
      while copy.state != .terminated, rounds < 3 {
        #expect(copy.state == .terminating, "seen at once")
        #expect(copy.verb != nil, "\(life) waits for nobody, \(answer)")
        answer = copy.take(.finished)
        rounds += 1
      }
      #expect(copy.state == .terminated, "\(life)")
    }
  }

  /// Otherwise two verbs would meet in the runner, or one would be waited for that nobody started.
  @Test func aVerbIsStartedOnlyWhereNoneRuns() {
    for life in Self.reachable {
      for event in Self.events {
        var copy = life
        let answer = copy.take(event)
        if case .start(let verb) = answer {
          #expect(copy.verb == verb)
          #expect(life.verb == nil || [.finished, .failed, .timedOut].contains(event), "\(life), \(event)")
        }
        if answer == .wait || answer == .cancelAndWait { #expect(copy.verb != nil, "\(life), \(event)") }
        if case .refused = answer { #expect(copy == life, "\(life), \(event)") }
      }
    }
  }

  @Test func transitionsAlwaysHaveTheirVerb() {
    for life in Self.reachable {
      switch life.state {
      case .creating: #expect(life.verb == .create)
      case .pausing: #expect(life.verb == .pause)
      case .hibernating: #expect(life.verb == .hibernate)
      case .resuming: #expect(life.verb == .resume)
      case .running, .paused, .hibernated: #expect(life.verb == nil || life.verb == .snapshot || life.verb == .fork)
      case .terminating, .terminated, .failed: break
      }
    }
  }

  @Test(arguments: [
    (SandboxState.hibernating, SandboxLifecycle.Ask.pause, "a sandbox that is hibernating cannot be paused"),
    (.terminated, .resume, "a sandbox that is terminated cannot be resumed"),
    (.paused, .fork, "a sandbox that is paused cannot be forked"),
    (.creating, .snapshot, "a sandbox that is creating cannot be saved as a snapshot"),
  ]) func aRefusalReadsAsASentence(_ state: SandboxState, _ ask: SandboxLifecycle.Ask, _ text: String) {
    var life = Self.life(state)
    guard case .refused(let refusal) = life.take(.asked(ask)) else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.description == text)
    #expect(
      "\(SandboxLifecycle.Refusal.busy(.pause, with: .snapshot))"
        == "a sandbox cannot be paused while it is being saved as a snapshot")
  }
}
