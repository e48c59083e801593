import HTTP
import Testing

/// Rules about any source file.
@Suite struct SourceTests {
  static let all = Repository.swiftFiles("Sources") + Repository.swiftFiles("Tests")

  /// A ratchet: a file that is over the limit is listed with its length, may shrink, and never grows.
  static let linesMax = 700
  static let overlong: [String: Int] = [:]

  @Test func filesStayReadable() {
    for file in SourceTests.all {
      let limit = SourceTests.overlong[file.path] ?? SourceTests.linesMax
      let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
      #expect(count <= limit, "\(file.path) has \(count) lines, \(limit) are allowed: split it by nouns")
    }
  }

  @Test func promisesToTheCompilerSayWhyTheyHold() {
    for file in Repository.swiftFiles("Sources") {
      for number in SourceTests.unexplainedPromises(file) {
        Issue.record("\(file.path):\(number): say in a comment above why this is safe")
      }
    }
  }

  /// Lines with `@unchecked Sendable` or `nonisolated(unsafe)` that have no comment, neither on the line nor above it.
  /// Attributes between the comment and the declaration do not separate them.
  static func unexplainedPromises(_ file: SourceFile) -> [Int] {
    file.code.compactMap { number, text in
      guard text.contains("@unchecked Sendable") || text.contains("nonisolated(unsafe)") else { return nil }
      if text.count < file.lines[number - 1].count { return nil }
      var above = number - 2
      while above >= 0, file.lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
      guard above >= 0, file.lines[above].drop(while: { $0 == " " }).hasPrefix("//") else { return number }
      return nil
    }
  }

  @Test func aToDoNamesTheConditionThatEndsIt() {
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    for file in SourceTests.all {
      for (index, line) in file.lines.enumerated() where marks.contains(where: { line.contains($0) }) {
        let words = Set(line.lowercased().split { !$0.isLetter })
        #expect(
          !words.isDisjoint(with: ["when", "once", "until", "after"]),
          "\(file.path):\(index + 1): say when this ends, or do it now")
      }
    }
  }

  @Test func noPrivateKeyIsTracked() {
    let files =
      Repository.trackedFiles ?? ["Sources", "Tests", "bench", "certs", "docs"].flatMap { Repository.files($0) }
    #expect(files.count > 10)
    for path in files {
      #expect(!SourceTests.holdsPrivateKey(Repository.bytes(path)), "\(path) holds a private key")
    }
  }

  /// A PEM header and base64 behind it, on the next line or escaped in a string. The header alone, as in code that looks
  /// for one, is no key.
  static func holdsPrivateKey(_ bytes: [UInt8]) -> Bool {
    let header = Array("PRIVATE KEY-----".utf8)
    guard bytes.count > header.count else { return false }
    for start in 0..<bytes.count - header.count where bytes[start] == header[0] {
      guard bytes[start..<start + header.count].elementsEqual(header) else { continue }
      let rest = String(decoding: bytes[(start + header.count)...].prefix(200), as: UTF8.self)
      if rest.contains("Proc-Type: 4,ENCRYPTED") { return true }
      // Indentation goes, spaces within a line stay: a sentence is not base64.
      let lines = rest.replacing("\\n", with: "\n").split(separator: "\n").map { $0.drop { $0 == " " || $0 == "\"" } }
      let body = lines.joined().filter { $0 != "+" && $0 != "\r" }
      if body.prefix(while: { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "/") }).count >= 40 { return true }
    }
    return false
  }

  @Test func aKeyIsFoundAndItsHeaderAloneIsNot() {
    let header = "-----BEGIN EC PRIVATE " + "KEY-----"
    let body = String(repeating: "MIGkAgEBBDDx", count: 5)
    #expect(SourceTests.holdsPrivateKey(Array("\(header)\n\(body)\n".utf8)))
    #expect(SourceTests.holdsPrivateKey(Array("key = \"\(header)\\n\(body)\"".utf8)))
    #expect(!SourceTests.holdsPrivateKey(Array("if text.contains(\"\(header)\") { return parse(text) }".utf8)))
    #expect(!SourceTests.holdsPrivateKey(Array("-----BEGIN CERTIFICATE-----\n\(body)".utf8)))
  }

  @Test func aPromiseIsExplainedAboveOrBeside() {
    func lines(_ text: String) -> [Int] { SourceTests.unexplainedPromises(SourceFile("x", text: text)) }
    #expect(lines("final class A: @unchecked Sendable {}") == [1])
    #expect(lines("// why\nfinal class A: @unchecked Sendable {}") == [])
    #expect(lines("/// why\n@usableFromInline\nnonisolated(unsafe) var a = 1") == [])
    #expect(lines("nonisolated(unsafe) var a = 1  // why") == [])
    #expect(lines("// why\n\nnonisolated(unsafe) var a = 1") == [3])
  }
}

/// Rules about what is written for others.
@Suite struct DocumentationTests {
  @Test(arguments: Refusal.allCases)
  func everyErrorIsDocumentedWithItsStatus(refusal: Refusal) {
    let page = Repository.text("docs/errors.md")
    #expect(page.contains("| `\(refusal.word)` | \(refusal.status) |"), "docs/errors.md lacks \(refusal.word)")
  }

  @Test func everyWordIsItsOwn() {
    #expect(Set(Refusal.allCases.map { "\($0.word)" }).count == Refusal.allCases.count)
  }

  @Test func noErrorIsDocumentedThatIsNot() {
    let words = Set(Refusal.allCases.map { "\($0.word)" })
    for line in Repository.text("docs/errors.md").split(separator: "\n") where line.hasPrefix("| `") {
      let word = String(line.dropFirst(3).prefix { $0 != "`" })
      #expect(words.contains(word), "docs/errors.md invents \(word)")
    }
  }
}
