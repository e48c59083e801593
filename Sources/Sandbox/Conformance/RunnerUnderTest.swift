public import Sandbox

/// What the suite has to know about a runner to try it: how to make one, and what to say to it.
public struct RunnerUnderTest: Sendable {
  /// Makes a runner that was not started yet. It is stopped by the suite.
  public var make: @Sendable () async throws -> any SandboxRunner
  /// Makes a runner as after a restart of Porthole, when the one before it was stopped. Nil: as `make`.
  public var restart: (@Sendable () async throws -> any SandboxRunner)?
  /// What sandboxes are made from.
  public var spec: SandboxSpec
  /// An image that does not exist; nil where the runner takes any.
  public var missingImage: String?
  public var commands = Commands()
  /// A folder inside, for files.
  public var folder = "/tmp"
  /// Asks whatever listens in a new sandbox for the sandbox's id, over the network: the id, or nil where nobody answers.
  /// Leave it out where nothing listens by itself.
  public var who: (@Sendable (SandboxAddress) async -> String?)?
  /// How long a verb may take before the suite calls it stuck. Longer for runners that boot machines.
  public var patience: Duration
  /// What "soon" means: from the deadline or the cancellation to the end of the verb.
  public var grace: Duration

  public init(
    spec: SandboxSpec = SandboxSpec(image: "any"), patience: Duration = .seconds(30), grace: Duration = .seconds(3),
    make: @escaping @Sendable () async throws -> any SandboxRunner
  ) {
    self.spec = spec
    self.patience = patience
    self.grace = grace
    self.make = make
  }

  /// Command lines for `exec`. Those here are a POSIX shell's.
  public struct Commands: Sendable {
    /// Prints the text and a newline.
    public var echo: @Sendable (String) -> String = { "echo '\($0)'" }
    /// The same to standard error.
    public var complain: @Sendable (String) -> String = { "echo '\($0)' >&2" }
    public var exit: @Sendable (Int) -> String = { "exit \($0)" }
    /// Seconds.
    public var sleep: @Sendable (Double) -> String = { "sleep \($0)" }
    /// Copies standard input to standard output.
    public var copy = "cat"
    public var printVariable: @Sendable (String) -> String = { "echo \"$\($0)\"" }
    public var printFolder = "pwd"
    public var printFile: @Sendable (String) -> String = { "cat \($0)" }
    /// Ends itself by the signal of that number.
    public var kill: @Sendable (Int) -> String = { "kill -\($0) $$; sleep 5" }
    public var both: @Sendable (String, String) -> String = { "\($0); \($1)" }
    /// Something begins to listen on a port, and goes on when the command has ended. Nil: cannot be asked for.
    public var listen: (@Sendable (UInt16) -> String)?
    public var unlisten: (@Sendable (UInt16) -> String)?
    /// The sandbox ends by itself.
    public var crash: String?

    public init() {}
  }
}
