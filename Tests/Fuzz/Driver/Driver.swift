public import FuzzChecks

/// libFuzzer with one of our targets. It brings a `main` of its own, but SwiftPM renames the main of executables and links
/// by the new name; so ours is the main, and calls libFuzzer's as a function.
public enum Driver {
  // Written once, before libFuzzer begins to call.
  nonisolated(unsafe) fileprivate static var target = FuzzTarget.requestHead

  public static func run(_ target: FuzzTarget) {
    Driver.target = target
    var count = CommandLine.argc
    var arguments = Optional(CommandLine.unsafeArgv)
    _ = runDriver(&count, &arguments, testOneInput)
  }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Driver.target.checkOrAbort(bytes, count)
}
