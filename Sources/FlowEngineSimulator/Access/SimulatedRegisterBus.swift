// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The way to a simulated card's registers, word by word. What the card refuses, or does not answer, is known
/// at the access it happened at; MMI_STATUS keeps its traces as it would.
public final class SimulatedRegisterBus: RegisterBus {
    private let card: SimulatedCard
    public let name: String

    public init(_ card: SimulatedCard) {
        self.card = card
        name = "simulated \(card.configuration.profile)"
    }

    public func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        for index in accesses.indices {
            let access = accesses[index]
            guard access.address.isValid else {
                throw BusError(
                    .address("\(access.address) is no address: 24 bits, a multiple of 4"), bus: name, access: access,
                    completed: index)
            }
            switch card.withCore({ $0.access(access) }) {
            case .value(let value): accesses[index].value = value
            case .written: break
            case .absent: throw BusError(.noCard, bus: name, access: access, completed: index)
            case .timedOut: throw BusError(.timedOut, bus: name, access: access, completed: index)
            case .refused:
                // As in MMI_STATUS.
                let isRead = access.kind == .read
                throw BusError(
                    .refused(
                        status: isRead ? 1 : 2, meaning: [isRead ? "read access error" : "write access error"]),
                    bus: name, access: access, completed: index)
            }
        }
    }
}

/// Registers as a processor has them in a BAR: nothing but words. What went wrong is in MMI_STATUS, and in what a read gives: all ones
/// of a card that is not there, `0xEEEEEEEE` of a register that did not answer.
extension SimulatedCard {
    public func load(_ address: RegisterAddress) -> UInt32 {
        switch withCore({ $0.access(.read(address)) }) {
        case .value(let value): value
        case .absent: BusError.absentPattern
        case .timedOut: BusError.timeoutPattern
        case .refused, .written: 0
        }
    }

    public func store(_ address: RegisterAddress, _ value: UInt32) {
        _ = withCore { $0.access(.write(address, value)) }
    }
}
