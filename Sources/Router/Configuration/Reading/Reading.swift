import Bytes

/// What one load carries along: the problems so far, and the world outside the file.
final class Reading {
  let problems = Problems()
  /// Relative paths start here: the configuration file's folder, or the working directory where there is no file.
  let folder: String
  let workingFolder: String
  let resolveName: (String) -> Result<IPAddress, NameLookup.Failure>

  init(
    folder: String, workingFolder: String, resolveName: @escaping (String) -> Result<IPAddress, NameLookup.Failure>
  ) {
    self.folder = folder
    self.workingFolder = workingFolder
    self.resolveName = resolveName
  }

  func absolute(_ path: String) -> String { FilePath.join(folder, path) }
}
