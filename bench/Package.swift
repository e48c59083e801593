// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "porthole-bench",
  dependencies: [.package(name: "porthole", path: "..")],
  targets: [
    .executableTarget(
      name: "decide", dependencies: [.product(name: "RouterParts", package: "porthole")], path: "Sources/Decide",
      swiftSettings: [.treatAllWarnings(as: .error)])
  ])
