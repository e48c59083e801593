import Testing

/// C libraries stay in the folder that wraps them, and out of what others see of it.
@Suite struct CNameTests {
  static let homes: [(prefixes: [String], folders: [String])] = [
    (["uv_", "UV_"], ["Sources/Proxy/Loop/"]),
    (
      ["SSL_", "BIO_", "EVP_", "X509_"], ["Sources/Proxy/TLS/", "Sources/Proxy/Certificates/", "Sources/Sandbox/Demo/"]
    ),
    (["nghttp2_", "NGHTTP2_"], ["Sources/Proxy/HTTP2/"]),
  ]

  @Test func cNamesStayInTheirFolder() {
    for file in Repository.swiftFiles("Sources") {
      for (prefixes, folders) in CNameTests.homes where !folders.contains(where: file.path.hasPrefix) {
        for (number, text) in file.code {
          for prefix in prefixes where CNameTests.names(text, prefix) {
            Issue.record("\(file.path):\(number): \(prefix)… belongs into \(folders.joined(separator: " or "))")
          }
        }
      }
    }
  }

  @Test func noPublicDeclarationShowsACName() {
    for file in Repository.swiftFiles("Sources") {
      for (number, declaration) in CNameTests.publicDeclarations(file) {
        for prefix in CNameTests.homes.flatMap(\.prefixes) where CNameTests.names(declaration, prefix) {
          Issue.record("\(file.path):\(number): a public declaration shows \(prefix)…")
        }
      }
    }
  }

  /// From `public` to the brace or the `=` that ends the signature, over as many lines as its parentheses take.
  static func publicDeclarations(_ file: SourceFile) -> [(Int, Substring)] {
    let code = file.code
    return code.indices.compactMap { index in
      let words = code[index].text.split(separator: " ")
      guard words.contains("public") || words.contains("open"), !words.contains("import") else { return nil }
      var text = ""
      var depth = 0
      for (_, line) in code[index...] {
        text += line + " "
        depth += line.reduce(0) { $0 + ($1 == "(" ? 1 : $1 == ")" ? -1 : 0) }
        if depth <= 0 { break }
      }
      return (code[index].number, Substring(text).prefix { $0 != "{" && $0 != "=" })
    }
  }

  /// Whether an identifier in `text` begins with `prefix`.
  static func names(_ text: Substring, _ prefix: String) -> Bool {
    var rest = text
    while let found = rest.firstRange(of: prefix) {
      let isStart = found.lowerBound == text.startIndex || !isIdentifier(text[text.index(before: found.lowerBound)])
      let isContinued = found.upperBound < text.endIndex && isIdentifier(text[found.upperBound])
      if isStart && isContinued { return true }
      rest = rest[found.upperBound...]
    }
    return false
  }

  private static func isIdentifier(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  @Test func namesAreFoundWhereTheyBegin() {
    #expect(CNameTests.names("x = uv_run(l)", "uv_"))
    #expect(CNameTests.names("uv_run", "uv_"))
    #expect(!CNameTests.names("my_uv_run", "uv_"))
    #expect(!CNameTests.names("`uv_` only", "uv_"))
    let file = SourceFile("x", text: "public func f(\n  a: uv_loop_t\n) -> Int { SSL_x() }\nfunc g(_: uv_buf_t) {}\n")
    #expect(CNameTests.publicDeclarations(file).map(\.0) == [1])
    #expect(CNameTests.names(CNameTests.publicDeclarations(file)[0].1, "uv_"))
    #expect(!CNameTests.names(CNameTests.publicDeclarations(file)[0].1, "SSL_"))
  }
}
