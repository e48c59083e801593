/// What can be made slow or made to fail. The raw value is its name in the configuration.
enum MemoryVerb: String, Hashable, Sendable, CaseIterable {
  case create, destroy, pause, resume, hibernate, snapshot, restore, fork, exec, files

  /// As in `PORTHOLE_MEMORY_RESUME_DELAY_MS`.
  var variable: String { rawValue.uppercased() }
}
