/// Rows for people: columns as wide as their widest cell, two spaces between them. Programs use `--json`.
struct Table {
  private let columns: [String]
  private var rows: [[String]] = []

  init(_ columns: String...) { self.columns = columns }

  /// As many cells as there are columns. What is empty becomes a dash, so that columns can still be counted.
  mutating func add(_ cells: String...) {
    rows.append(cells.map { $0.isEmpty ? "-" : Terminal.visible($0) })
  }

  var text: String {
    let all = [columns] + rows
    let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.indices.map { column in
        column == row.count - 1
          ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

/// One thing for people: a line for everything that is known of it.
struct Details {
  private var lines: [(name: String, value: String)] = []

  /// Says nothing about what is nil or empty.
  mutating func add(_ name: String, _ value: String?) {
    if let value, !value.isEmpty { lines.append((name, Terminal.visible(value))) }
  }

  var text: String {
    let width = (lines.map(\.name.count).max() ?? 0) + 2
    return lines.map { $0.name + String(repeating: " ", count: width - $0.name.count) + $0.value }
      .joined(separator: "\n")
  }
}

extension JSON {
  /// A member as a cell: text as it is, numbers and words as JSON writes them, lists with commas, nothing for null.
  func cell(_ name: String) -> String {
    switch self[name] {
    case nil, .null: ""
    case .string(let text): text
    case .array(let items): items.map { $0.string ?? $0.compact }.joined(separator: ",")
    case .some(let other): other.compact
    }
  }

  /// A point in time without its milliseconds, which nobody reads in a table: `2026-11-25T10:16:35Z`.
  func time(_ name: String) -> String {
    let text = cell(name)
    guard let point = text.lastIndex(of: "."), text.hasSuffix("Z"),
      text[point...].dropFirst().dropLast().allSatisfy(\.isNumber)
    else { return text }
    return text[..<point] + "Z"
  }

  func span(seconds name: String) -> String { self[name]?.int.map { Span(milliseconds: $0 &* 1000).text } ?? "" }

  func span(milliseconds name: String) -> String { self[name]?.int.map { Span(milliseconds: $0).text } ?? "" }

  func size(_ name: String) -> String { self[name]?.int.map { Size.text(bytes: $0) } ?? "" }

  func yesNo(_ name: String) -> String { self[name]?.bool.map { $0 ? "yes" : "no" } ?? "" }
}
