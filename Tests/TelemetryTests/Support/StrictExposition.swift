/// A reader of the Prometheus text format that forgives nothing: what `promtool check metrics` and a scrape insist on.
struct StrictExposition {
  struct Sample {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  struct Failure: Error {
    let line: Int
    let why: String
  }

  private(set) var types: [String: String] = [:]
  private(set) var helps: [String: String] = [:]
  private(set) var samples: [Sample] = []

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  init(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(line: 0, why: "not UTF-8") }
    guard text.hasSuffix("\n") else { throw Failure(line: 0, why: "the last line must end") }
    var number = 0
    var family = ""
    var seen: Set<String> = []
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      func require(_ condition: Bool, _ why: String) throws {
        if !condition { throw Failure(line: number, why: "\(why): \(line)") }
      }
      if line.hasPrefix("# HELP ") {
        let words = line.dropFirst(7).split(separator: " ", maxSplits: 1)
        try require(words.count == 2, "help without text")
        try require(helps[String(words[0])] == nil, "a second HELP")
        helps[String(words[0])] = String(words[1])
      } else if line.hasPrefix("# TYPE ") {
        let words = line.dropFirst(7).split(separator: " ")
        try require(words.count == 2 && ["counter", "gauge", "histogram"].contains(words[1]), "bad type")
        family = String(words[0])
        try require(types[family] == nil, "a second TYPE: samples of a family belong together")
        try require(helps[family] != nil, "no HELP before TYPE")
        try require(words[1] != "counter" || family.hasSuffix("_total"), "a counter ends in _total")
        try require(words[1] == "counter" || !family.hasSuffix("_total"), "only a counter ends in _total")
        types[family] = String(words[1])
      } else {
        let sample = try StrictExposition.sample(line, number)
        let names =
          types[family] == "histogram" ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
        try require(names.contains(sample.name), "a sample outside of its family")
        try require(seen.insert(String(line.prefix { $0 != " " })).inserted, "a second sample of the same series")
        samples.append(sample)
      }
    }
    try checkHistograms()
  }

  private static func sample(_ line: Substring, _ number: Int) throws -> Sample {
    var rest = line
    func require(_ condition: Bool, _ why: String) throws {
      if !condition { throw Failure(line: number, why: "\(why): \(line)") }
    }
    func takeName(colons: Bool) throws -> String {
      let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || (colons && $0 == ":")) }
      try require(!name.isEmpty && !name.first!.isNumber, "bad name")
      rest = rest.dropFirst(name.count)
      return String(name)
    }
    let name = try takeName(colons: true)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      repeat {
        rest = rest.dropFirst()
        let label = try takeName(colons: false)
        try require(rest.hasPrefix("=\""), "a label value is quoted")
        rest = rest.dropFirst(2)
        var value = ""
        while let next = rest.first, next != "\"" {
          rest = rest.dropFirst()
          guard next == "\\" else {
            value.append(next)
            continue
          }
          let escapes: [Character: Character] = ["\\": "\\", "\"": "\"", "n": "\n"]
          try require(rest.first.map { escapes[$0] != nil } ?? false, "no such escape")
          value.append(escapes[rest.removeFirst()]!)
        }
        try require(rest.first == "\"", "the label value does not end")
        rest = rest.dropFirst()
        try require(labels.updateValue(value, forKey: label) == nil, "a label twice")
      } while rest.first == ","
      try require(rest.first == "}", "the labels do not end")
      rest = rest.dropFirst()
    }
    try require(rest.first == " ", "one space before the value")
    let value = Double(rest.dropFirst())
    try require(value != nil && !rest.dropFirst().contains(" "), "the value is a number and ends the line")
    return Sample(name: name, labels: labels, value: value!)
  }

  private func checkHistograms() throws {
    for (name, type) in types where type == "histogram" {
      let buckets = samples.filter { $0.name == name + "_bucket" }
      let series = Set(buckets.map { $0.labels.filter { $0.key != "le" } })
      for labels in series {
        let own = buckets.filter { $0.labels.filter { $0.key != "le" } == labels }
        let bounds = own.map { Double($0.labels["le"]!)! }
        guard bounds == bounds.sorted(), Set(bounds).count == bounds.count, bounds.last == .infinity else {
          throw Failure(line: 0, why: "\(name): bounds must rise to +Inf")
        }
        guard own.map(\.value) == own.map(\.value).sorted() else {
          throw Failure(line: 0, why: "\(name): not cumulative")
        }
        guard value(name + "_sum", labels) != nil, value(name + "_count", labels) == own.last?.value else {
          throw Failure(line: 0, why: "\(name): _sum and _count belong to it, and _count is the last bucket")
        }
      }
    }
  }
}
