/// A verb that a runner may or may not be able to do. The raw value is the word that a 501 answer names.
public enum RunnerCapability: String, Hashable, Sendable, CaseIterable {
  /// Making sandboxes and ending them.
  case create
  /// Running commands and background processes.
  case exec
  /// Reading, writing and listing files.
  case files
  /// Stopping a sandbox with its memory kept, and going on.
  case pause
  /// Stopping a sandbox with its memory on disk, and going on.
  case hibernate
  /// Saving a sandbox and making others from what was saved.
  case snapshot
  /// Copying a running sandbox.
  case fork
  /// Counting CPU time and memory.
  case stats
  /// Telling which ports listen, as they begin and cease to.
  case portEvents
}
