internal import Sandbox
internal import Synchronization

// What listens inside, and what of it can be reached.

extension MemorySandbox {
  /// Something inside begins to listen.
  func listen(_ port: UInt16) throws(RunnerError) {
    let turn = try state.withLock { state throws(RunnerError) in
      guard state.open[port] == nil else { throw .failed("the port \(port) is in use") }
      return state.turn
    }
    try open([port], turn)
  }

  func unlisten(_ port: UInt16) throws(RunnerError) {
    let isNews = state.withLock { state in
      state.contents.ports.remove(port)
      guard let listener = state.open.removeValue(forKey: port) else { return false }
      listener?.close()
      return true
    }
    guard isNews else { throw .failed("nothing listens on port \(port)") }
    host.tell(.portClosed(id, port: port))
  }

  /// - Parameter ports: nil for all that listen inside.
  /// - Parameter turn: when this was asked for. If something came in between, nothing happens.
  func open(_ ports: Set<UInt16>?, _ turn: Int) throws(RunnerError) {
    let serves = host.options.serve
    let opened = try state.withLock { state throws(RunnerError) in
      guard state.phase == .running, state.turn == turn else { return [] as [UInt16] }
      var opened: [UInt16] = []
      for port in (ports ?? state.contents.ports).sorted() where state.open[port] == nil {
        state.open[port] = .some(serves ? try listener(port, at: state.address) : nil)
        state.contents.ports.insert(port)
        opened.append(port)
      }
      return opened
    }
    host.tell(opened.map { .portOpened(id, port: $0) })
  }

  private func listener(_ port: UInt16, at address: SandboxAddress) throws(RunnerError) -> EchoListener {
    let place: EchoListener.Place
    switch address {
    case .ip(let ip): place = .tcp(ip, port)
    case .unix(let template): place = .unix(path: template.replacing("{port}", with: "\(port)"))
    case .none: throw .failed("the sandbox has no address")
    }
    do throws(EchoListener.CannotListen) {
      return try EchoListener(place) { [weak self] connection in
        EchoConnection(connection, port: port) { self?.countRequest() }.serve()
      }
    } catch {
      throw .failed("cannot listen on port \(port) of \(address): \(error.reason)")
    }
  }

  private func countRequest() -> EchoConnection.Sandbox? {
    state.withLock { state in
      guard state.phase == .running else { return nil }
      state.contents.memory += 1
      return EchoConnection.Sandbox(
        id: id.text, boots: state.contents.boots, memory: state.contents.memory)
    }
  }
}
