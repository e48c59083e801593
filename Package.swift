// swift-tools-version: 6.2
import PackageDescription

// Import direction is law here and held by Tests/TidyTests: a target may import only what is listed for it.
// Levels: CUV, COpenSSL, CNghttp2, CShims, Bytes < Settings < Loop, TLS, Certificates, HTTP, Sandbox, Demo, Auth
//   < HTTP1, HTTP2, Router, StaticRunner, MemoryRunner, RunnerConformance, Configuration, Telemetry, Pages, Store
//   < ProxyEngine, ControlPlane, Client < porthole.

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func layer(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/" + path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/" + name, swiftSettings: strict)
}

func cLibrary(_ name: String, _ package: String, apt: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/Proxy/C/" + name, pkgConfig: package, providers: [.apt([apt])])
}

let package = Package(
  name: "porthole",
  products: [
    .executable(name: "porthole", targets: ["porthole"]),
    // For Tests/Fuzz and bench, which are packages of their own.
    .library(name: "ProxyEngine", targets: ["ProxyEngine"]),
    .library(name: "Configuration", targets: ["Configuration", "Settings", "StaticRunner"]),
    .library(name: "RouterParts", targets: ["Router", "Auth", "Store", "Sandbox", "Bytes", "HTTP"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    cLibrary("CUV", "libuv", apt: "libuv1-dev"),
    cLibrary("COpenSSL", "openssl", apt: "libssl-dev"),
    cLibrary("CNghttp2", "libnghttp2", apt: "libnghttp2-dev"),
    .target(name: "CShims", dependencies: ["COpenSSL"], path: "Sources/Proxy/C/CShims"),

    layer("Bytes", "Proxy/Bytes"),
    layer("Loop", "Proxy/Loop", ["CUV", "Bytes"]),
    layer("TLS", "Proxy/TLS", ["COpenSSL", "CShims", "Bytes"]),
    layer("Certificates", "Proxy/Certificates", ["COpenSSL", "CShims", "Bytes"]),
    layer("HTTP", "Proxy/HTTP", ["Bytes"]),
    layer("Settings", "Router/Settings", ["Bytes"]),
    layer("Sandbox", "Sandbox/Model", ["Bytes", "Settings"]),
    layer("HTTP1", "Proxy/HTTP1", ["HTTP", "Bytes"]),
    layer("HTTP2", "Proxy/HTTP2", ["HTTP", "Bytes", "CNghttp2"]),
    layer("Telemetry", "Proxy/Telemetry", ["Bytes"]),
    layer("Pages", "Proxy/Pages", ["Bytes", "HTTP"]),
    layer("Router", "Router/Table", ["Bytes", "HTTP", "Sandbox"]),
    layer("Auth", "Router/Auth", ["Bytes", "CShims"]),
    layer("StaticRunner", "Sandbox/Static", ["Bytes", "Sandbox", "Settings"]),
    layer("MemoryRunner", "Sandbox/Memory", ["Bytes", "Sandbox", "Settings", "Demo"]),
    layer("RunnerConformance", "Sandbox/Conformance", ["Bytes", "Sandbox"]),
    layer(
      "Store", "Router/Store",
      [
        "Bytes", "Sandbox", "Auth", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    layer("Client", "Proxy/Client", ["Bytes", "HTTP", "HTTP1", "TLS"]),
    layer("Demo", "Sandbox/Demo", ["COpenSSL"]),
    layer(
      "Configuration", "Router/Configuration",
      ["Bytes", "Sandbox", "Settings", .product(name: "Yams", package: "Yams")]),
    layer(
      "ProxyEngine", "Proxy/Engine",
      ["Bytes", "Loop", "TLS", "HTTP", "HTTP1", "HTTP2", "Telemetry", "Pages", "Router", "Auth", "Sandbox"]),
    layer(
      "ControlPlane", "Router/Control",
      ["Bytes", "Settings", "Loop", "HTTP", "Sandbox", "Auth", "Router", "Store", "Telemetry"]),
    .executableTarget(
      name: "porthole",
      dependencies: [
        "ProxyEngine", "ControlPlane", "Store", "Auth", "Client", "Router", "Sandbox", "StaticRunner", "MemoryRunner",
        "Configuration", "Settings", "TLS", "Loop", "Bytes", "HTTP", "Telemetry", "Certificates", "Demo",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Proxy/Main", swiftSettings: strict),

    tests("BytesTests", ["Bytes"]),
    tests("LoopTests", ["Loop"]),
    tests(
      "EngineTests",
      ["ProxyEngine", "Bytes", "Loop", "TLS", "HTTP", "HTTP2", "Telemetry", "Router", "Auth", "Sandbox"]),
    tests("HTTP1Tests", ["HTTP1", "HTTP", "Bytes"]),
    tests("RouterTests", ["Router", "HTTP", "Sandbox", "Bytes"]),
    tests("TLSTests", ["TLS", "Bytes", "COpenSSL"]),
    tests("TelemetryTests", ["Telemetry", "Bytes"]),
    tests("PagesTests", ["Pages", "HTTP"]),
    tests("ConfigurationTests", ["Configuration", "Settings", "Bytes", "Sandbox", "Router", "StaticRunner", "HTTP"]),
    tests("CertificatesTests", ["Certificates"]),
    tests("StoreTests", ["Store", "Sandbox", "Auth", "Bytes", .product(name: "GRDB", package: "GRDB.swift")]),
    tests("DemoTests", ["Demo"]),
    tests("RunnerTests", ["Sandbox", "Settings", "StaticRunner", "MemoryRunner", "RunnerConformance", "Bytes"]),
    tests("ClientTests", ["Client", "Bytes", "HTTP1", "TLS", "Certificates"]),
    tests("MainTests", ["porthole"]),
    tests("ControlPlaneTests", ["ControlPlane", "Bytes", "Loop", "Sandbox", "Auth", "Router", "Store"]),
    tests("TidyTests", ["HTTP"]),
    // The checks that libFuzzer runs as well; see Tests/Fuzz/README.md.
    .testTarget(
      name: "FuzzReplayTests",
      dependencies: [
        "Bytes", "HTTP", "HTTP1", "HTTP2", "Telemetry", "Router", "Sandbox", "Settings", "StaticRunner",
        "Configuration",
        "ProxyEngine",
      ],
      path: "Tests/Fuzz",
      exclude: ["Package.swift", "README.md", "run", "Corpus", "Dictionaries", "Driver", "FailCases", "Targets"],
      sources: ["Checks", "Replay"], swiftSettings: strict),
  ])
