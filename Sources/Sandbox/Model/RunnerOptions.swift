public import Settings

/// What the configuration says under `runner` besides `kind`: values that only the runner itself understands, each with
/// the place where it was written, so that a runner's complaints are as precise as those about any other key.
///
/// Two are equal when they say the same, wherever it is written.
public struct RunnerOptions: Sendable {
  /// A mapping.
  private let value: Value
  /// Where relative paths start.
  private let folder: String

  /// As it was read: the whole of `runner`, whose `kind` is left out.
  public init(_ section: Field) {
    var entries: [Value.Entry] = []
    if case .mapping(let all) = section.value?.content { entries = all.filter { $0.key != "kind" } }
    value = Value(content: .mapping(entries), origin: section.origin)
    folder = section.reading.folder
  }

  /// As somebody wrote it in code: `["ports": [3000]]`.
  public init(_ value: Value = [:]) {
    self.value = value
    folder = FilePath.workingFolder
  }

  /// Reads the keys below `runner`, as in `options.read { $0["ports"].items("[3000]") }`.
  /// - Throws: everything that `body` refused.
  public func read<Read>(_ body: (Field) -> Read) throws(RunnerOptionsError) -> Read {
    let reading = Reading(folder: folder, workingFolder: FilePath.workingFolder)
    let read = body(Field("runner", value, reading))
    let problems = reading.problems.inOrder
    if !problems.isEmpty { throw RunnerOptionsError(problems: problems) }
    return read
  }
}

extension RunnerOptions: Hashable {
  public static func == (one: RunnerOptions, other: RunnerOptions) -> Bool { one.value == other.value }
  public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// Why a runner's part of the configuration was refused.
public struct RunnerOptionsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// At least one, in the order of the file.
  public let problems: [Problems.Problem]

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
