import Glibc

/// Files of this repository and of the tests, without Foundation.
enum Repository {
  /// Tests/TelemetryTests/Support/Repository.swift is four below.
  static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

  static func text(_ path: String) -> String { fileText(root + "/" + path) }

  static func fileText(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while true {
      let next = getc(file)
      if next == EOF { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(UInt8(next))
    }
  }
}

/// A directory that is gone when the test is over.
final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/porthole-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { unlink(path + "/" + name) }
      }
      closedir(directory)
    }
    rmdir(path)
  }
}

/// A pipe whose ends close with it.
final class Pipe {
  let readEnd: Int32
  let writeEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  /// What is in the pipe now, waiting for the first bytes.
  func readSome() -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      count = max(read(readEnd, buffer.baseAddress, 65_536), 0)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }
}
