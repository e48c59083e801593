/// JSON Schema (2020-12, as OpenAPI 3.1 takes it) of shapes.
enum SchemaText {
  static func reference(_ shape: Shape) -> JSONValue { ["$ref": .string("#/components/schemas/\(shape.name)")] }

  static func object(_ shape: Shape) -> JSONValue {
    .members([
      "type": "object", "description": shape.about.isEmpty ? nil : .string(shape.about),
      "properties": .object(shape.fields.map { .init(name: $0.name, value: schema(of: $0)) }),
      "required": .list(shape.fields.filter(\.isRequired).map(\.name)), "additionalProperties": false,
    ])
  }

  /// With the field's description and default. A reference may have neighbours in OpenAPI 3.1.
  static func schema(of field: Field) -> JSONValue {
    var more: JSONValue = .object([])
    if !field.about.isEmpty { more = more.adding(["description": .string(field.about)]) }
    if case .defaults(let value) = field.presence { more = more.adding(["default": value]) }
    guard case .object(let own) = schema(of: field.type), case .object(let added) = more else { return more }
    return .object(own + added)
  }

  static func schema(of type: FieldType) -> JSONValue {
    switch type {
    case .text(let rule): text(rule)
    case .integer(let range):
      .members([
        "type": "integer", "minimum": .int(range.lowerBound),
        "maximum": range.upperBound == .max ? nil : .int(range.upperBound),
      ])
    case .number: ["type": "number"]
    case .boolean: ["type": "boolean"]
    case .word(let words): ["type": "string", "enum": .list(words)]
    case .duration(let range):
      [
        "oneOf": [
          ["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)],
          ["type": "string", "pattern": "^[0-9]{1,12}[smhd]?$"],
        ]
      ]
    case .list(let element, let countMax):
      .members([
        "type": "array", "items": schema(of: element), "maxItems": countMax == .max ? nil : .count(countMax),
      ])
    case .map(let rule, let element, let countMax):
      [
        "type": "object", "propertyNames": text(rule), "additionalProperties": schema(of: element),
        "maxProperties": .count(countMax),
      ]
    case .object(let shape): reference(shape)
    case .either(let types): ["anyOf": .array(types.map { schema(of: $0) })]
    case .nullable(let inner): ["anyOf": [schema(of: inner), ["type": "null"]]]
    case .anything: [:]
    }
  }

  private static func text(_ rule: TextRule) -> JSONValue {
    .members([
      "type": "string", "minLength": rule.lengths.lowerBound > 0 ? .count(rule.lengths.lowerBound) : nil,
      "maxLength": rule.lengths.upperBound < .max ? .count(rule.lengths.upperBound) : nil,
      "format": rule.format.map { .string($0) }, "pattern": rule.pattern.map { .string($0) },
    ])
  }
}
