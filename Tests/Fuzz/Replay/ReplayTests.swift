import Glibc
import Testing

/// Every input that ever mattered, through the same checks as the fuzzer and without it.
@Suite struct ReplayTests {
  static let root: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(2).joined(separator: "/")
  }()

  static func files(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  static func bytes(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func corpusAndFormerFindingsPass(target: FuzzTarget) {
    var replayed = 0
    for kind in ["Corpus", "FailCases"] {
      let folder = "\(ReplayTests.root)/\(kind)/\(target.rawValue)"
      for name in ReplayTests.files(folder) {
        let complaint = ReplayTests.bytes("\(folder)/\(name)").withUnsafeBufferPointer { target.check($0) }
        #expect(complaint == nil, "\(kind)/\(target.rawValue)/\(name)")
        replayed += 1
      }
    }
    #expect(replayed > 0, "no corpus for \(target.rawValue)")
  }
}
