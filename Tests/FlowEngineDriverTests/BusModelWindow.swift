// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters

/// A TrustNode's BAR1: the model card with its bus manager, whose MMI_STATUS is cleared by reading.
final class ModelBAR {
    let card: ModelCard
    var status: UInt32 = 0
    private var refused = RegisterAddress(rawValue: 0)
    private var lateRead = RegisterAddress(rawValue: 0)
    private var lateWrite = RegisterAddress(rawValue: 0)
    /// Whether this build of the card has the registers that keep addresses.
    var keepsAddresses = true
    /// The link is down: from this access on, counted from now; nil if it is up.
    var accessesUntilGone: Int?

    init(_ card: ModelCard) { self.card = card }

    private func isGone() -> Bool {
        guard let left = accessesUntilGone else { return false }
        accessesUntilGone = max(0, left - 1)
        return left == 0
    }

    func load(_ address: RegisterAddress) -> UInt32 {
        if isGone() { return BusError.absentPattern }
        switch address {
        case BusRegisters.busStatus:
            defer { status = 0 }
            return status
        case BusRegisters.refusedAddress where !keepsAddresses:
            status |= 1
            return 0
        case BusRegisters.refusedAddress: return refused.rawValue
        case BusRegisters.readTimeoutAddress: return lateRead.rawValue
        case BusRegisters.writeTimeoutAddress: return lateWrite.rawValue
        default: break
        }
        let (value, outcome) = card.read(address)
        switch outcome {
        case .done: break
        case .refused: (status, refused) = (status | 1, address)
        case .late: (status, lateRead) = (status | 4, address)
        }
        return value
    }

    func store(_ address: RegisterAddress, _ value: UInt32) {
        if isGone() { return }
        switch card.write(address, value) {
        case .done: break
        case .refused: (status, refused) = (status | 2, address)
        case .late: (status, lateWrite) = (status | 8, address)
        }
    }
}

struct ModelWindow: ~Copyable, RegisterWindow {
    let bar: ModelBAR
    var size: Int { 1 << 24 }
    func load(_ address: RegisterAddress) -> UInt32 { bar.load(address) }
    func store(_ address: RegisterAddress, _ value: UInt32) { bar.store(address, value) }
}
