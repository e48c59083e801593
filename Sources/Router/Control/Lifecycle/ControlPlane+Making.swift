internal import Sandbox
internal import Store

extension ControlPlane {
  /// Makes a sandbox: its row first, so that a crash leaves nothing that nobody knows, then the runner's part.
  ///
  /// - Parameter whenMade: done in the transaction that says that it runs.
  func make(
    _ row: StoredSandbox, _ making: Life.Making, _ whenMade: @escaping @Sendable (inout SandboxChange) throws -> Void
  ) async throws -> StoredSandbox {
    let settling = beginMaking(row, making, whenMade)
    await settling.ended()
    let made = try? await self.row(row.id)
    if let made, settling.reached.contains(.running) { return made }
    if let failure = settling.failure { throw failure }
    throw Problem.ended(row.id)
  }

  /// From now on there is such a sandbox; `Settling` tells when it runs, or does not.
  func beginMaking(
    _ row: StoredSandbox, _ making: Life.Making, _ whenMade: @escaping @Sendable (inout SandboxChange) throws -> Void
  ) -> Settling {
    let life = Life(row.id, .creating())
    life.unwritten = row
    life.making = making
    life.whenMade = whenMade
    lives[row.id] = life
    return drive(life, .create)
  }
}
