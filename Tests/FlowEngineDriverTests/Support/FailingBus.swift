// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Carries out so many accesses, one by one, and none from then on: as if the process had ended there.
final class FailingBus: RegisterBus {
    private let bus: any RegisterBus
    /// Accesses that are still carried out.
    var left: Int

    init(_ bus: any RegisterBus, left: Int = .max) { (self.bus, self.left) = (bus, left) }

    var name: String { bus.name }

    func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        for index in accesses.indices {
            guard left > 0 else { throw BusError(.noCard, bus: name, access: accesses[index], completed: index) }
            if left != .max { left -= 1 }
            var one = [accesses[index]]
            do {
                try bus.transfer(&one)
            } catch {
                throw BusError(error.cause, bus: name, access: error.access, completed: index)
            }
            accesses[index] = one[0]
        }
    }
}
