/// What Package.swift says, read from its text: the targets of ours, what each may import, and their levels.
struct Manifest {
  struct Layer {
    let name: String
    let folder: String
    let dependencies: [String]
  }

  let layers: [Layer]
  /// From the comment `Levels: … < … < ….`: 0 is the lowest.
  let levels: [String: Int]

  static let current = Manifest(Repository.text("Package.swift"))

  init(_ text: String) {
    layers = Manifest.layers(text)
    levels = Manifest.levels(text)
  }

  /// `layer("Name", "Folder", ["Dependency", …])`, and the executable.
  private static func layers(_ text: String) -> [Layer] {
    let calls = text.split(separator: "layer(").dropFirst().compactMap { call -> Layer? in
      let strings = quoted(argumentsOf: call)
      guard strings.count >= 2 else { return nil }
      return Layer(name: strings[0], folder: "Sources/" + strings[1], dependencies: Array(strings[2...]))
    }
    let executables = text.split(separator: ".executableTarget(").dropFirst().compactMap { call -> Layer? in
      let strings = quoted(argumentsOf: call)
      guard let folder = strings.first(where: { $0.hasPrefix("Sources/") }) else { return nil }
      return Layer(name: strings[0], folder: folder, dependencies: strings.dropFirst().filter { $0 != folder })
    }
    return calls + executables
  }

  /// The string literals up to the parenthesis that closes the call; of `.product(name:package:)`, only the name.
  private static func quoted(argumentsOf call: Substring) -> [String] {
    var depth = 1
    var strings: [String] = []
    var literal: String?
    var word = ""
    for character in call {
      if let begun = literal {
        if character == "\"" {
          if word != "package:" { strings.append(begun) }
          literal = nil
          word = ""
        } else {
          literal = begun + String(character)
        }
        continue
      }
      switch character {
      case "\"": literal = ""
      case "(": depth += 1
      case ")": depth -= 1
      default: break
      }
      if depth == 0 { break }
      if character.isLetter || character == ":" {
        word.append(character)
      } else if character != " " && character != "\"" {
        word = ""
      }
      if character == "," { word = "" }
    }
    return strings
  }

  private static func levels(_ text: String) -> [String: Int] {
    var levels: [String: Int] = [:]
    guard let start = text.firstRange(of: "Levels:")?.upperBound else { return [:] }
    let comment = text[start...].prefix { $0 != "." }.filter { $0 != "/" && $0 != "\n" }
    for (level, names) in comment.split(separator: "<").enumerated() {
      for name in names.split(separator: ",") { levels[String(name.filter { $0 != " " })] = level }
    }
    return levels
  }
}
