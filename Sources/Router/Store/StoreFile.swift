internal import Glibc

/// The file of a store, held by this process alone. SQLite would share it with another Porthole, and the two would
/// overwrite each other's decisions.
///
/// The lock is the kernel's, on a file beside it: it ends with the process, however that ends. It is not on the store
/// itself, because closing a second descriptor of that would end SQLite's own locks.
final class StoreFile: Sendable {
  /// Without symbolic links, so that two names of one file meet at the same lock.
  let path: String
  /// Beside the name that was given, so that a link's keys do not move when its target comes to be. Absolute, as `path`
  /// is, whatever the working folder becomes.
  let keysPath: String
  private let lock: Int32

  /// Makes the file if it is missing.
  init(_ given: String) throws(StoreError) {
    path = try StoreFile.made(given)
    let slash = given.lastIndex(of: "/").map { given.index(after: $0) } ?? given.startIndex
    let folder = try StoreFile.resolved(slash == given.startIndex ? "." : String(given[..<slash]))
    keysPath = (folder == "/" ? "" : folder) + "/\(given[slash...]).keys"
    lock = try StoreFile.lock(path)
    // SQLite gives its `-wal` and `-shm` the rights of the file; there may be some from before.
    for name in [path, path + "-wal", path + "-shm"] { PrivateFile.restrict(name) }
  }

  deinit {
    // Closing alone is not enough while a process that was just started still has a copy of the descriptor.
    flock(lock, LOCK_UN)
    close(lock)
  }

  /// Made here, and not by SQLite, so that there is no moment at which others may read it.
  private static func made(_ given: String) throws(StoreError) -> String {
    var status = stat()
    if stat(given, &status) != 0 {
      let descriptor = open(given, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw PrivateFile.failure("make the store", given, errno) }
      close(descriptor)
      PrivateFile.syncFolder(of: given)
    } else if status.st_mode & S_IFMT != S_IFREG {
      throw StoreError("\(given): the store must be a file, and this is none: name another one under `store`")
    }
    return try resolved(given)
  }

  private static func resolved(_ given: String) throws(StoreError) -> String {
    guard let real = realpath(given, nil) else { throw PrivateFile.failure("find the store", given, errno) }
    defer { free(real) }
    return String(cString: real)
  }

  private static func lock(_ path: String) throws(StoreError) -> Int32 {
    let name = path + ".lock"
    let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PrivateFile.failure("make the lock", name, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      defer { close(descriptor) }
      guard reason == EWOULDBLOCK else { throw PrivateFile.failure("lock the store by", name, reason) }
      throw StoreError(
        "\(path): another Porthole\(owner(descriptor)) uses this store: end that one, or name another file under `store`"
      )
    }
    // For the message above, to the next who tries.
    let text = "\(getpid())\n"
    ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    return descriptor
  }

  private static func owner(_ descriptor: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &text, text.count, 0)
    guard count > 0, let process = Int32(String(decoding: text[..<count].filter { $0 != 0x0A }, as: UTF8.self)) else {
      return ""
    }
    return " (process \(process))"
  }
}

/// Files that nobody but their owner may read.
enum PrivateFile {
  /// Takes away what others may do, where there is such a file and it is ours to change.
  @discardableResult
  static func restrict(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    return status.st_mode & 0o077 == 0 || chmod(path, 0o600) == 0
  }

  /// So that a new name in it outlives a crash of the machine.
  @discardableResult
  static func syncFolder(of path: String) -> Bool {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return fsync(descriptor) == 0
  }

  /// What could not be done, and what to do about it.
  static func failure(_ what: String, _ path: String, _ code: Int32) -> StoreError {
    let advice =
      switch code {
      case ENOENT, ENOTDIR: "make the folder, or name another file under `store`"
      case EACCES, EPERM: "give the user that Porthole runs as the right to write in this folder"
      case EROFS: "the file system is read-only: name a file on another one under `store`"
      case ENOSPC, EDQUOT: "the disk is full: make room"
      case EISDIR: "it is a folder: name a file under `store`"
      case EMFILE, ENFILE: "too many files are open: raise the limit (ulimit -n)"
      default: "look after the disk, or name another file under `store`"
      }
    return StoreError("\(path): can't \(what): \(String(cString: strerror(code))): \(advice)")
  }
}
