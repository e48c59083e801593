public import Bytes

/// What one load carries along: the problems so far, and the world outside the file.
public final class Reading {
  public let problems = Problems()
  /// Relative paths start here: the configuration file's folder, or the working directory where there is no file.
  public let folder: String
  public let workingFolder: String
  public let resolveName: (String) -> Result<IPAddress, NameLookup.Failure>

  public init(
    folder: String, workingFolder: String,
    resolveName: @escaping (String) -> Result<IPAddress, NameLookup.Failure> = NameLookup.resolve
  ) {
    self.folder = folder
    self.workingFolder = workingFolder
    self.resolveName = resolveName
  }

  public func absolute(_ path: String) -> String { FilePath.join(folder, path) }
}
