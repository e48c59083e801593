import ArgumentParser

@main
struct Porthole: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "porthole",
    abstract: "Preview URLs for sandboxes.",
    usage: "porthole <command> [options]",
    discussion: """
      https://<port>-<id>.<domain>/ leads to port <port> of the sandbox <id>.

      Try it:
        porthole up                         all of it here, with a demo

      Run it:
        porthole certs dev                  make a development certificate
        porthole check -c porthole.yaml     is the configuration right?
        porthole serve -c porthole.yaml     run until SIGTERM; SIGHUP reloads
        porthole explain https://3000-demo.preview.localhost:8443/

      Use it, with an API key in PORTHOLE_API_KEY or ~/.config/porthole/key:
        porthole sandbox create --image python:3.12-slim
        porthole sandbox exec ID -- uname -a
        porthole ps start ID -- python -m http.server 8000
        porthole expose ID 8000 --auth token --wait
        porthole links create ID 8000 --ttl 1d
        porthole events --follow

      Where it is asked: --api, else PORTHOLE_API_URL, else
      \(APIOptions.defaultURL). Commands that print data have --json.

      Every key of the configuration has an environment variable, which wins:
      workers is PORTHOLE_WORKERS, log.level is PORTHOLE_LOG_LEVEL.

      Completion in bash (zsh and fish likewise):
        porthole --generate-completion-script bash > \\
          ~/.local/share/bash-completion/completions/porthole

      Exit status:
        0   fine
        1   it failed
        2   the command line or the configuration is wrong
      """,
    version: Version.text,
    subcommands: [
      UpCommand.self, ServeCommand.self, CheckCommand.self, ExplainCommand.self, CertsCommand.self, DemoCommand.self,
    ],
    groupedSubcommands: [
      CommandGroup(
        name: "Sandboxes",
        subcommands: [
          SandboxCommand.self, SnapshotCommand.self, ProcessCommand.self, FilesCommand.self, UsageCommand.self,
          HistoryCommand.self,
        ]),
      CommandGroup(
        name: "Ports",
        subcommands: [
          ExposeCommand.self, PortsCommand.self, CloseCommand.self, WaitCommand.self, LinksCommand.self,
        ]),
      CommandGroup(name: "Control", subcommands: [EventsCommand.self, KeysCommand.self]),
    ])

  /// ArgumentParser's own main would exit with 64 for a wrong command line; everybody else says 2.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CommandFailure {
      if !failure.output.isEmpty { Terminal.print(failure.output) }
      Terminal.error(failure.message)
      failure.status.exit()
    } catch {
      let text = fullMessage(for: error)
      switch exitCode(for: error) {
      case .success:
        Terminal.print(text)
        CommandFailure.Status.success.exit()
      case .validationFailure:
        Terminal.error(text)
        CommandFailure.Status.misuse.exit()
      default:
        Terminal.error(text)
        CommandFailure.Status.failure.exit()
      }
    }
  }
}
