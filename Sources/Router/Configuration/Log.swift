import Settings

extension Configuration {
  /// What Porthole says about itself and about requests.
  public struct Log: Sendable, Equatable {
    public enum Level: String, Sendable, CaseIterable {
      case error, warn, info, debug
    }

    public enum AccessFormat: String, Sendable, CaseIterable {
      case off
      /// One JSON object per request.
      case json
      /// The Common Log Format, as Apache and nginx write it.
      case common
    }

    public enum AccessFile: Sendable, Equatable {
      case standardOutput
      /// Absolute, and opened for appending.
      case path(String)
    }

    /// Default: info.
    public var level: Level
    /// Default: off.
    public var access: AccessFormat
    /// Default: `-`, which is standard output.
    public var accessFile: AccessFile

    public init(level: Level = .info, access: AccessFormat = .off, accessFile: AccessFile = .standardOutput) {
      self.level = level
      self.access = access
      self.accessFile = accessFile
    }
  }
}

extension Configuration.Log {
  init(_ field: Field) {
    self.init()
    guard field.isSection("{level: info}") else { return }
    level = field["level"].choice(Level.self) ?? level
    access = field["access"].choice(AccessFormat.self) ?? access
    let file = field["accessFile"]
    guard let text = file.text("a path, or - for standard output"), text != "-" else { return }
    let path = file.reading.absolute(text)
    if !FilePath.isFolder(FilePath.folder(of: path)) {
      file.refuse("the folder \(FilePath.folder(of: path)) does not exist; make it, or choose another path")
    }
    accessFile = .path(path)
  }
}
