import Glibc

/// The files of this repository, read without Foundation.
enum Repository {
  /// Tests/TidyTests/Repository.swift is three below.
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

  static func bytes(_ path: String) -> [UInt8] {
    guard let file = fopen(root + "/" + path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

  /// All Swift sources below a folder, as paths from the root.
  static func swiftFiles(_ folder: String) -> [SourceFile] {
    files(folder).filter { $0.hasSuffix(".swift") }.map { SourceFile($0) }
  }

  /// All files below a folder. Folders of tools (`.build`) and links are left out.
  static func files(_ folder: String) -> [String] {
    guard let directory = opendir(root + "/" + folder) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let path = folder + "/" + name
      if Int32(entry.pointee.d_type) == Int32(DT_DIR) {
        found += files(path)
      } else if Int32(entry.pointee.d_type) == Int32(DT_REG) {
        found.append(path)
      }
    }
    return found.sorted()
  }

  /// Everything that git tracks or would add; nil where this is not a git checkout, such as an unpacked archive.
  static let trackedFiles: [String]? = {
    let command = "git -c safe.directory='*' -C '\(root)' ls-files -z --cached --others --exclude-standard 2>/dev/null"
    guard let pipe = popen(command, "r") else { return nil }
    var bytes: [UInt8] = []
    while true {
      let next = getc(pipe)
      if next == EOF { break }
      bytes.append(UInt8(next))
    }
    guard pclose(pipe) == 0 else { return nil }
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }()
}

/// One source, line by line.
struct SourceFile {
  let path: String
  let lines: [Substring]

  init(_ path: String) {
    self.init(path, text: Repository.text(path))
  }

  init(_ path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// Lines without their `//` comments, numbered from 1. A `//` inside of a string cuts that line short, too: a rule may
  /// then miss something, but never invents it.
  var code: [(number: Int, text: Substring)] {
    lines.enumerated().map { number, line in
      (number + 1, line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line)
    }
  }

  /// The modules that it imports, whatever attributes and access the imports have.
  var imports: [(number: Int, module: String)] {
    code.compactMap { number, text in
      let words = text.split(separator: " ")
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else { return nil }
      let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
      guard words[..<keyword].allSatisfy({ modifiers.contains($0) || $0.hasPrefix("@") }) else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
      let name = kinds.contains(words[keyword + 1]) ? words[keyword + 2] : words[keyword + 1]
      return (number, String(name.prefix { $0 != "." }))
    }
  }
}
