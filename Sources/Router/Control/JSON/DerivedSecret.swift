internal import Auth

/// A secret in an answer, as what it is derived from. The answer can so be kept, for a request that is repeated, while
/// the secret is kept nowhere: it takes the derivation secret and the sealing keys to make it.
enum DerivedSecret: Hashable, Sendable {
  case token(sandbox: String, epoch: UInt64)
  case apiKey(id: String, epoch: UInt64)
  /// The address that exchanges a grant for a cookie, and then leads to `next`, which is percent-encoded already.
  case bootstrap(origin: String, sandbox: String, pass: Pass, next: String)

  func text(_ keys: CredentialKeys) -> String {
    switch self {
    case .token(let sandbox, let epoch): keys.token(sandbox: sandbox, epoch: epoch)
    case .apiKey(let id, let epoch): APIKeys.text(id: id, epoch: epoch, keys)
    case .bootstrap(let origin, let sandbox, let pass, let next):
      "\(origin)/.porthole/auth?grant=\(keys.seal(pass, sandbox: sandbox))&next=\(next)"
    }
  }

  // MARK: Kept

  /// The member that tells a recipe from any object that an answer might contain.
  private static let mark = "$derived"

  var recipe: JSONValue {
    switch self {
    case .token(let sandbox, let epoch):
      [DerivedSecret.mark: "token", "sandbox": .string(sandbox), "epoch": .word(epoch)]
    case .apiKey(let id, let epoch):
      [DerivedSecret.mark: "apiKey", "id": .string(id), "epoch": .word(epoch)]
    case .bootstrap(let origin, let sandbox, let pass, let next):
      [
        DerivedSecret.mark: "bootstrap", "origin": .string(origin), "sandbox": .string(sandbox),
        "next": .string(next), "kind": .count(pass.kind.rawValue), "port": .count(pass.port),
        "expiresAt": .count(pass.expiresAt), "epoch": .word(pass.epoch), "nonce": .word(pass.nonce),
        "link": .word(pass.link),
      ]
    }
  }

  /// Nil for what is no recipe.
  init?(recipe: JSONValue) {
    switch recipe[DerivedSecret.mark]?.text {
    case "token":
      guard let sandbox = recipe["sandbox"]?.text, let epoch = recipe["epoch"]?.word else { return nil }
      self = .token(sandbox: sandbox, epoch: epoch)
    case "apiKey":
      guard let id = recipe["id"]?.text, let epoch = recipe["epoch"]?.word else { return nil }
      self = .apiKey(id: id, epoch: epoch)
    case "bootstrap":
      guard let origin = recipe["origin"]?.text, let sandbox = recipe["sandbox"]?.text,
        let next = recipe["next"]?.text, let pass = Pass(recipe: recipe)
      else { return nil }
      self = .bootstrap(origin: origin, sandbox: sandbox, pass: pass, next: next)
    default: return nil
    }
  }
}

extension JSONValue {
  /// 64 bits as text: a JSON number holds 53 for most readers.
  fileprivate static func word(_ value: UInt64) -> JSONValue { .string(String(value)) }
  fileprivate var word: UInt64? { text.flatMap { UInt64($0) } }

  /// The tree with the recipes in it as what they stand for.
  var withRecipes: JSONValue {
    switch self {
    case .array(let elements): return .array(elements.map(\.withRecipes))
    case .object(let members):
      if let secret = DerivedSecret(recipe: self) { return .derived(secret) }
      return .object(members.map { Member(name: $0.name, value: $0.value.withRecipes) })
    default: return self
    }
  }
}

extension Pass {
  fileprivate init?(recipe: JSONValue) {
    guard let kind = recipe["kind"]?.integer.flatMap({ UInt8(exactly: $0) }).flatMap(Kind.init(rawValue:)),
      let port = recipe["port"]?.integer.flatMap({ UInt16(exactly: $0) }),
      let expiresAt = recipe["expiresAt"]?.integer.flatMap({ UInt64(exactly: $0) }),
      let epoch = recipe["epoch"]?.word, let nonce = recipe["nonce"]?.word, let link = recipe["link"]?.word
    else { return nil }
    self.init(kind: kind, port: port, expiresAt: expiresAt, epoch: epoch, nonce: nonce, link: link)
  }
}
