// swift-tools-version: 6.2
import PackageDescription

// The fuzz targets, apart from the main package because libFuzzer's flags are "unsafe" and concern every module that is
// to be measured: `run` adds those for the modules below. The checks themselves are also a test of the main package.

let targets = [
  "requestHead", "responseHead", "chunked", "trailers", "proxyHead", "route", "serverName", "cookies", "frames",
  "accessLog",
  "http2", "configuration",
]

let package = Package(
  name: "fuzz",
  products: targets.map { .executable(name: "fuzz-" + $0, targets: ["fuzz-" + $0]) },
  dependencies: [.package(name: "porthole", path: "../..")],
  targets: [
    .target(
      name: "FuzzChecks",
      dependencies: [
        .product(name: "ProxyEngine", package: "porthole"), .product(name: "Configuration", package: "porthole"),
      ],
      path: "Checks"),
    .target(name: "FuzzDriver", dependencies: ["FuzzChecks"], path: "Driver"),
  ]
    + targets.map {
      .executableTarget(
        name: "fuzz-" + $0, dependencies: ["FuzzDriver"], path: "Targets/" + $0,
        swiftSettings: [.unsafeFlags(["-parse-as-library"])],
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
    })
