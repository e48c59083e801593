import Glibc
import Testing

@testable import Telemetry

@Suite(.timeLimit(.minutes(1))) struct LoggerTests {
  private func line(_ message: String, _ fields: Logger.Fields = [:], bytesMax: Int = 4_096) -> String {
    String(
      decoding: LogLine.bytes(timeNs: 1_795_255_200_123_000_000, .info, message, fields, bytesMax: bytesMax),
      as: UTF8.self)
  }

  @Test func aLineSaysWhenHowBadWhatAndWith() {
    #expect(
      line("listening", ["address": "127.0.0.1:8443", "tls": "yes"])
        == "2026-11-21T10:00:00.123Z info  listening address=127.0.0.1:8443 tls=yes\n")
  }

  @Test(arguments: [
    ("plain", "plain"), ("", #""""#), ("two words", #""two words""#), ("a=b", #""a=b""#),
    ("say \"hi\"", #""say \"hi\"""#),
    ("a\nb", #""a\nb""#), ("\u{1B}[31m", #""\u{1b}[31m""#), ("\u{9B}31m", #"\u{9b}31m"#), ("\u{202E}x", #"\u{202e}x"#),
    ("back\\slash", "back\\slash"), ("q \\", #""q \\""#), ("é", "é"),
  ])
  func valuesCannotForgeALine(value: String, written: String) {
    #expect(line("m", ["k": value]).hasSuffix(" info  m k=\(written)\n"))
  }

  @Test func aMessageIsEscapedToo() {
    #expect(line("bad\nline\u{7}").hasSuffix(#"bad\nline\u{7}"# + "\n"))
  }

  @Test func aLineIsNeverLongerThanItsLimit() {
    for length in 60...90 {
      let text = line("m", ["k": String(repeating: "x", count: length)], bytesMax: 100)
      #expect(text.utf8.count <= 100)
      #expect(text.hasSuffix("x\n") || text.hasSuffix("...\n"))
    }
  }

  @Test func levelsBelowTheThresholdAreNotWritten() {
    let pipe = Pipe()
    let logger = Logger(level: .warn, descriptor: pipe.writeEnd)
    logger.info("hidden")
    logger.warn("shown")
    logger.level = .debug
    logger.debug("now shown", ["why": "changed while running"])
    let text = pipe.readSome()
    #expect(!text.contains("hidden"))
    #expect(text.contains(" warn  shown\n"))
    #expect(text.contains(" debug now shown why=\"changed while running\"\n"))
    for level in Logger.Level.allCases {
      logger.level = level
      #expect(logger.level == level)
    }
  }

  @Test func debugFieldsAreNotMadeInVain() {
    let logger = Logger(level: .info)
    func made<Value>(_ value: Value) -> Value {
      Issue.record("made in vain")
      return value
    }
    logger.debug(made(""), made([:]))
  }

  @Test func aStuckReaderCostsLinesNotTime() {
    let pipe = Pipe()
    let logger = Logger(descriptor: pipe.writeEnd)
    for number in 0..<5_000 { logger.info("line \(number)") }
    var first = ""
    while !first.contains("line 1000\n") { first += pipe.readSome() }
    logger.info("back again")
    var rest = ""
    while !rest.contains("back again\n") { rest += pipe.readSome() }
    #expect(rest.contains("warn  log lines were dropped lines="))
  }
}
