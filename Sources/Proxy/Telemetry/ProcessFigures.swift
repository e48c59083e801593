internal import Glibc

/// What the kernel says about this process, under the names that Prometheus clients agree on.
public struct ProcessFigures: Sendable, Equatable {
  public var residentBytes: UInt64
  public var virtualBytes: UInt64
  public var cpuTicks: UInt64
  public var threads: UInt64
  public var startTicksAfterBoot: UInt64
  public var openDescriptors: UInt64
  public var descriptorsMax: UInt64
  public var bootTimeSeconds: UInt64
  public var ticksPerSecond: UInt64

  /// Reads /proc; nil where there is none.
  public static func current() -> ProcessFigures? {
    guard let stat = fileText("/proc/self/stat"), let parsed = parse(stat: stat) else { return nil }
    var figures = parsed
    figures.openDescriptors = countDescriptors()
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      figures.descriptorsMax = UInt64(limit.rlim_cur)
    }
    figures.bootTimeSeconds = fileText("/proc/stat").flatMap(bootTime) ?? 0
    return figures
  }

  /// Fields are numbered from 1 in proc(5). The second is the command in parentheses, which may contain anything,
  /// so counting begins behind the last parenthesis.
  static func parse(stat: String) -> ProcessFigures? {
    guard let close = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: close)...].split { $0 == " " || $0 == "\n" }
    func field(_ number: Int) -> UInt64? {
      let index = number - 3
      return index < fields.count ? UInt64(fields[index]) : nil
    }
    guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
      let virtual = field(23), let residentPages = field(24)
    else { return nil }
    return ProcessFigures(
      residentBytes: residentPages * UInt64(sysconf(Int32(_SC_PAGESIZE))), virtualBytes: virtual,
      cpuTicks: user + system, threads: threads, startTicksAfterBoot: start, openDescriptors: 0, descriptorsMax: 0,
      bootTimeSeconds: 0, ticksPerSecond: UInt64(sysconf(Int32(_SC_CLK_TCK))))
  }

  private static func bootTime(_ stat: String) -> UInt64? {
    stat.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { UInt64($0.dropFirst(6)) }
  }

  private static func countDescriptors() -> UInt64 {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var entries: UInt64 = 0
    while readdir(directory) != nil { entries += 1 }
    return entries - min(entries, 3)  // `.`, `..` and the descriptor of the directory itself.
  }

  private static func fileText(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let piece = 16 * 1024
    while true {
      var count = 0
      bytes.append(
        contentsOf: [UInt8](unsafeUninitializedCapacity: piece) { buffer, initialized in
          count = read(descriptor, buffer.baseAddress, piece)
          initialized = max(count, 0)
        })
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
    }
  }
}

extension PrometheusText {
  public mutating func add(process figures: ProcessFigures) {
    func seconds(ticks: UInt64) -> UInt64 { ticks * 1_000_000 / max(figures.ticksPerSecond, 1) }
    family("process_cpu_seconds_total", .counter, "CPU time of the process, user and system.")
    sample("process_cpu_seconds_total", PrometheusText.seconds(us: seconds(ticks: figures.cpuTicks)))
    family("process_resident_memory_bytes", .gauge, "Memory of the process that is in RAM.")
    sample("process_resident_memory_bytes", "\(figures.residentBytes)")
    family("process_virtual_memory_bytes", .gauge, "Address space of the process.")
    sample("process_virtual_memory_bytes", "\(figures.virtualBytes)")
    family("process_threads", .gauge, "Threads of the process.")
    sample("process_threads", "\(figures.threads)")
    family("process_open_fds", .gauge, "File descriptors that are open.")
    sample("process_open_fds", "\(figures.openDescriptors)")
    family("process_max_fds", .gauge, "File descriptors that may be open.")
    sample("process_max_fds", "\(figures.descriptorsMax)")
    family("process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.")
    let startUs = figures.bootTimeSeconds * 1_000_000 + seconds(ticks: figures.startTicksAfterBoot)
    sample("process_start_time_seconds", PrometheusText.seconds(us: startUs))
  }
}
