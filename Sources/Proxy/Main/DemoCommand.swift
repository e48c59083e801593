import ArgumentParser
import Demo

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run the demo application alone, on loopback.",
    discussion: """
      A page with a live clock (server-sent events), an echo and a chat
      (WebSocket), an upload with progress, and the request headers as they
      arrived. porthole up starts it by itself.
      """)

  @Option(help: "The port to listen on; 0 takes any free one.") var port: UInt16 = 3000

  func run() throws {
    let server: DemoServer
    do { server = try DemoServer(port: port) } catch { throw CommandFailure("porthole: \(error)") }
    Terminal.print("The demo application is at http://127.0.0.1:\(server.port)/")
    server.run()
  }
}
