import Testing

/// Imports go one way. Package.swift says what a target may import; these rules hold the sources and the levels to it.
@Suite struct ImportTests {
  /// What any target may import: the C library and the parts of Swift's own library.
  static let system: Set<String> = ["Glibc", "Synchronization", "Swift"]
  /// Foundation is slow to load and allocates where nobody sees it. Off the request path it may be used.
  static let foundationFree = ["Sources/Proxy/", "Sources/Router/Table/", "Sources/Sandbox/Model/"]
  static let foundationAllowed = ["Sources/Proxy/Main/"]

  @Test func theManifestIsUnderstood() {
    let names = Manifest.current.layers.map(\.name)
    #expect(names.contains("Bytes") && names.contains("ProxyEngine") && names.contains("porthole"))
    #expect(Manifest.current.layers.first { $0.name == "HTTP1" }?.folder == "Sources/Proxy/HTTP1")
    #expect(Manifest.current.layers.first { $0.name == "HTTP1" }?.dependencies == ["HTTP", "Bytes"])
    #expect(Manifest.current.layers.first { $0.name == "porthole" }?.dependencies.contains("ArgumentParser") == true)
    #expect(Manifest.current.layers.allSatisfy { !$0.dependencies.contains("swift-argument-parser") })
  }

  @Test func everySourceImportsOnlyWhatItsTargetDeclares() {
    for layer in Manifest.current.layers {
      let allowed = ImportTests.system.union(layer.dependencies)
      let mayUseFoundation = !isFoundationFree(layer.folder + "/")
      for file in Repository.swiftFiles(layer.folder) {
        for (number, module) in file.imports {
          if mayUseFoundation, module.hasPrefix("Foundation") || module == "Dispatch" { continue }
          #expect(allowed.contains(module), "\(file.path):\(number): \(layer.name) may not import \(module)")
        }
      }
    }
  }

  @Test func everyTargetIsOnALevelAndImportsOnlyFromBelow() {
    let levels = Manifest.current.levels
    for layer in Manifest.current.layers {
      guard let own = levels[layer.name] else {
        Issue.record("Package.swift: the comment with the levels does not name \(layer.name)")
        continue
      }
      for dependency in layer.dependencies {
        guard let other = levels[dependency] else { continue }  // A package's product has no level here.
        #expect(other < own, "Package.swift: \(layer.name) depends on \(dependency), which is not below it")
      }
    }
  }

  @Test func everySourceBelongsToATarget() {
    let folders = Manifest.current.layers.map { $0.folder + "/" }
    for file in Repository.swiftFiles("Sources") {
      #expect(folders.contains { file.path.hasPrefix($0) }, "\(file.path) is in no target")
    }
  }

  @Test func theDataPlaneUsesNoFoundation() {
    for file in Repository.swiftFiles("Sources") where isFoundationFree(file.path) {
      for (number, module) in file.imports {
        #expect(!module.hasPrefix("Foundation"), "\(file.path):\(number) imports \(module)")
      }
    }
  }

  private func isFoundationFree(_ path: String) -> Bool {
    ImportTests.foundationFree.contains { path.hasPrefix($0) }
      && !ImportTests.foundationAllowed.contains { path.hasPrefix($0) }
  }

  @Test func importsAreFoundInAnyForm() {
    let file = SourceFile(
      "x",
      text:
        "import A\npublic import B\n@testable internal import C\nimport struct D.E\n// import F\nlet x = 1 // import G\n"
    )
    #expect(file.imports.map(\.module) == ["A", "B", "C", "D"])
    #expect(file.imports.map(\.number) == [1, 2, 3, 4])
  }
}
