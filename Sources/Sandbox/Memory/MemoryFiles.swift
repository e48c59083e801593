internal import Sandbox

/// The files of one sandbox. A value: a copy of it is a snapshot, and costs nothing until one of the two is changed.
struct MemoryFiles: Sendable {
  private enum Content: Sendable {
    case folder
    case file([UInt8])
  }

  private struct Node: Sendable {
    var content: Content
    var mode: UInt32
    var modifiedAtMs: UInt64

    var bytes: [UInt8]? {
      guard case .file(let bytes) = content else { return nil }
      return bytes
    }
  }

  /// Of all contents together.
  static let bytesMax = 64 << 20
  /// A name costs something as well.
  static let nodesMax = 100_000
  static let workFolder = "/workspace"

  /// By absolute path, without a `/` at the end; the root is "/".
  private var nodes: [String: Node]
  /// The sum of all contents.
  private(set) var bytesUsed = 0

  init(nowMs: UInt64) {
    nodes = [:]
    for path in ["/", "/tmp", MemoryFiles.workFolder] {
      nodes[path] = Node(content: .folder, mode: 0o755, modifiedAtMs: nowMs)
    }
  }

  // MARK: Paths

  /// An absolute path without `.`, `..` and doubled slashes. `..` of the root is the root.
  static func absolute(_ path: String, from folder: String = workFolder) throws(RunnerError) -> String {
    guard !path.isEmpty else { throw .invalid(field: "path", "expected a path such as /workspace/main.py") }
    guard path.utf8.count <= 4096, !path.utf8.contains(0) else {
      throw .invalid(field: "path", "expected a path of at most 4096 bytes, without a zero byte")
    }
    var parts: [Substring] = path.hasPrefix("/") ? [] : folder.split(separator: "/")
    for part in path.split(separator: "/") {
      switch part {
      case ".": continue
      case "..": _ = parts.popLast()
      default:
        guard part.utf8.count <= 255 else { throw .invalid(field: "path", "a name has at most 255 bytes") }
        parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  private static func name(of path: String) -> String {
    path == "/" ? "/" : String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])
  }

  /// The paths below a folder, at any depth.
  private func below(_ path: String) -> [String] {
    let prefix = path == "/" ? "/" : path + "/"
    return nodes.keys.filter { $0.hasPrefix(prefix) && $0 != path }
  }

  // MARK: Looking

  private func node(_ path: String) throws(RunnerError) -> Node {
    guard let node = nodes[path] else { throw .notFound("there is no file \(path)") }
    return node
  }

  func isFolder(_ path: String) -> Bool {
    guard let node = nodes[path] else { return false }
    return node.bytes == nil
  }

  func read(_ path: String) throws(RunnerError) -> [UInt8] {
    guard let bytes = try node(path).bytes else { throw .conflict("\(path) is a folder") }
    return bytes
  }

  func info(_ path: String) throws(RunnerError) -> FileInfo {
    let node = try node(path)
    return FileInfo(
      name: MemoryFiles.name(of: path), kind: node.bytes == nil ? .folder : .file,
      sizeBytes: UInt64(node.bytes?.count ?? 0), mode: node.mode, modifiedAtMs: node.modifiedAtMs)
  }

  /// In the order of the names.
  func list(_ path: String) throws(RunnerError) -> [FileInfo] {
    guard try node(path).bytes == nil else { throw .conflict("\(path) is not a folder") }
    var entries: [FileInfo] = []
    for child in below(path).sorted() where MemoryFiles.parent(of: child) == path { entries.append(try info(child)) }
    return entries
  }

  // MARK: Changing

  /// Makes the folders on the way.
  mutating func write(_ path: String, _ bytes: [UInt8], mode: UInt32?, nowMs: UInt64) throws(RunnerError) {
    let old = nodes[path]
    if let old, old.bytes == nil { throw .conflict("\(path) is a folder") }
    let change = bytes.count - (old?.bytes?.count ?? 0)
    guard bytesUsed + change <= MemoryFiles.bytesMax else {
      throw .exhausted("the sandbox has \(MemoryFiles.bytesMax >> 20) MiB for files, and this is more than is left")
    }
    try makeFolders(MemoryFiles.parent(of: path), nowMs: nowMs)
    guard old != nil || nodes.count < MemoryFiles.nodesMax else {
      throw .exhausted("the sandbox has \(MemoryFiles.nodesMax) files already")
    }
    nodes[path] = Node(content: .file(bytes), mode: (mode ?? old?.mode ?? 0o644) & 0o7777, modifiedAtMs: nowMs)
    bytesUsed += change
  }

  /// A loop, not a recursion: a path may be thousands of folders deep, and a thread's stack is small.
  private mutating func makeFolders(_ path: String, nowMs: UInt64) throws(RunnerError) {
    var missing: [String] = []
    var at = path
    while nodes[at] == nil {
      missing.append(at)
      at = MemoryFiles.parent(of: at)
    }
    guard isFolder(at) else { throw .conflict("\(at) is not a folder") }
    guard nodes.count + missing.count <= MemoryFiles.nodesMax else {
      throw .exhausted("the sandbox has \(MemoryFiles.nodesMax) files already")
    }
    for folder in missing { nodes[folder] = Node(content: .folder, mode: 0o755, modifiedAtMs: nowMs) }
  }

  mutating func remove(_ path: String, recursive: Bool) throws(RunnerError) {
    if path == "/" { throw .invalid(field: "path", "the root cannot be removed") }
    _ = try node(path)
    let inside = below(path)
    if !recursive, !inside.isEmpty { throw .conflict("the folder \(path) is not empty") }
    for gone in inside + [path] {
      bytesUsed -= nodes[gone]?.bytes?.count ?? 0
      nodes[gone] = nil
    }
  }

  mutating func rename(_ from: String, to: String, nowMs: UInt64) throws(RunnerError) {
    let node = try node(from)
    if from == to { return }
    if from == "/" || to == "/" { throw .invalid(field: "path", "the root cannot be renamed") }
    if to.hasPrefix(from + "/") { throw .invalid(field: "path", "a folder cannot be moved into itself") }
    if let target = nodes[to] {
      guard target.bytes != nil, node.bytes != nil else { throw .conflict("\(to) exists") }
      try remove(to, recursive: false)
    }
    try makeFolders(MemoryFiles.parent(of: to), nowMs: nowMs)
    for path in below(from) + [from] {
      nodes[to + path.dropFirst(from.count)] = nodes.removeValue(forKey: path)
    }
  }
}
