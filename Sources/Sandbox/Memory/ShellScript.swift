/// A command line, taken apart: what a shell would make of it, as far as `MemoryShell` goes.
struct ShellScript {
  enum Piece: Hashable {
    case literal(String)
    case variable(String)
  }

  struct Word: Hashable {
    var pieces: [Piece] = []
    /// Something of it was quoted, so that it stays where it comes out empty.
    var isQuoted = false
  }

  enum Target: Hashable {
    case file(Word, appends: Bool)
    case standardError
  }

  struct Command: Hashable {
    var words: [Word] = []
    var target: Target?
    /// How it hangs on the one before it.
    var connector = Connector.always
  }

  enum Connector: Hashable {
    case always, ifDone, ifFailed
  }

  struct Malformed: Error {
    let reason: String
  }

  private(set) var commands: [Command] = []

  init(_ text: String) throws(Malformed) {
    var tokens = ShellTokens(text)
    var command = Command()
    while let token = try tokens.next() {
      switch token {
      case .word(let word): command.words.append(word)
      case .redirect(let appends):
        guard case .word(let word)? = try tokens.next() else {
          throw Malformed(reason: "a file name is missing behind >")
        }
        command.target = .file(word, appends: appends)
      case .toStandardError: command.target = .standardError
      case .connector(let connector):
        if !command.words.isEmpty {
          commands.append(command)
        } else if connector != .always {
          throw Malformed(reason: "a command is missing in front of && or ||")
        }
        command = Command(connector: connector)
      }
    }
    if !command.words.isEmpty {
      commands.append(command)
    } else if command.connector != .always || command.target != nil {
      throw Malformed(reason: "a command is missing at the end")
    }
  }
}

private enum ShellToken {
  case word(ShellScript.Word)
  case redirect(appends: Bool)
  case toStandardError
  case connector(ShellScript.Connector)
}

private struct ShellTokens {
  private let text: [Character]
  private var at = 0

  init(_ text: String) { self.text = Array(text) }

  private var rest: ArraySlice<Character> { text[at...] }

  /// Passes over `word` if it comes now.
  private mutating func take(_ word: String) -> Bool {
    guard rest.starts(with: word) else { return false }
    at += word.count
    return true
  }

  mutating func next() throws(ShellScript.Malformed) -> ShellToken? {
    while let character = rest.first, character == " " || character == "\t" { at += 1 }
    guard let character = rest.first else { return nil }
    if take("&&") { return .connector(.ifDone) }
    if take("||") { return .connector(.ifFailed) }
    if take(";") || take("\n") || take("\r\n") { return .connector(.always) }
    if take("1>&2") || take(">&2") { return .toStandardError }
    if take(">>") { return .redirect(appends: true) }
    if take(">") { return .redirect(appends: false) }
    if "&|<()`".contains(character) {
      throw ShellScript.Malformed(reason: "this small shell knows no \(character)")
    }
    return .word(try word())
  }

  private mutating func word() throws(ShellScript.Malformed) -> ShellScript.Word {
    var word = ShellScript.Word()
    while let character = rest.first, !" \t\n\r\n;&|<>()`".contains(character) {
      at += 1
      switch character {
      case "'":
        word.isQuoted = true
        word.append(try until("'"))
      case "\"":
        word.isQuoted = true
        try doubleQuoted(&word)
      case "\\":
        guard let next = rest.first else { throw ShellScript.Malformed(reason: "a backslash stands at the end") }
        at += 1
        word.append(String(next))
      case "$": dollar(&word)
      default: word.append(String(character))
      }
    }
    return word
  }

  private mutating func until(_ end: Character) throws(ShellScript.Malformed) -> String {
    guard let index = rest.firstIndex(of: end) else { throw ShellScript.Malformed(reason: "a quote is not closed") }
    defer { at = index + 1 }
    return String(text[at..<index])
  }

  private mutating func doubleQuoted(_ word: inout ShellScript.Word) throws(ShellScript.Malformed) {
    while let character = rest.first {
      at += 1
      switch character {
      case "\"": return
      case "\\":
        // Before anything else a backslash is itself.
        guard let next = rest.first, "\"\\$`".contains(next) else {
          word.append("\\")
          continue
        }
        at += 1
        word.append(String(next))
      case "$": dollar(&word)
      default: word.append(String(character))
      }
    }
    throw ShellScript.Malformed(reason: "a quote is not closed")
  }

  /// Behind a `$`: `NAME`, `{NAME}`, `?`, `$`, or nothing of the kind.
  private mutating func dollar(_ word: inout ShellScript.Word) {
    func isName(_ character: Character) -> Bool {
      character.isASCII && (character.isLetter || character.isNumber || character == "_")
    }
    if let special = rest.first, special == "?" || special == "$" {
      at += 1
      word.pieces.append(.variable(String(special)))
      return
    }
    let isBraced = rest.first == "{"
    let name = rest.dropFirst(isBraced ? 1 : 0).prefix(while: isName)
    guard !name.isEmpty, !isBraced || text[name.endIndex...].first == "}" else {
      word.append("$")
      return
    }
    at = name.endIndex + (isBraced ? 1 : 0)
    word.pieces.append(.variable(String(name)))
  }
}

extension ShellScript.Word {
  fileprivate mutating func append(_ text: String) {
    if case .literal(let before)? = pieces.last {
      pieces[pieces.count - 1] = .literal(before + text)
    } else {
      pieces.append(.literal(text))
    }
  }
}
