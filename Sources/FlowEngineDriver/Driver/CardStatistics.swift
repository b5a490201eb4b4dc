// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What a card has counted, since the driver began to look. The card's counters have 32 bits and forget what is read: the sums are kept
/// here, in 64. It counts packets and no bytes.
public struct CardStatistics: Hashable, Sendable {
    public static let reasons = 32

    public let ports: Int
    /// Packets dropped as they came in, by port and reason (`CardReason`); likewise as they were to leave.
    public internal(set) var receiveDrops: [[UInt64]]
    public internal(set) var sendDrops: [[UInt64]]
    /// Packets handed to the processor, by port and reason; empty before map revision 16.
    public internal(set) var handedOver: [[UInt64]]
    /// Good packets by port.
    public internal(set) var received: [UInt64]
    public internal(set) var sent: [UInt64]
    /// Packets that no rule knew: flow 0.
    public internal(set) var defaultFlow: UInt64 = 0
    /// Counts that were lost because the bus failed while they were read: at least so many reads.
    public internal(set) var lostReads: UInt64 = 0

    init(_ identity: CardIdentity) {
        ports = min(identity.portCount, 16)
        let byReason = Array(repeating: Array(repeating: UInt64(0), count: Self.reasons), count: ports)
        (receiveDrops, sendDrops, handedOver) = (byReason, byReason, byReason)
        received = Array(repeating: 0, count: ports)
        sent = received
    }
}

extension CardDriver {
    /// Reads what was counted since the last time. A failure loses what the card had answered and could not be told.
    public func pollStatistics() throws(CardError) {
        var batch: [RegisterAccess] = []
        var sinks: [WritableKeyPath<CardStatistics, UInt64> & Sendable] = []
        func read(
            _ counters: RegisterArray<StatisticsCounter, ClearOnRead>, _ index: Int,
            _ sink: WritableKeyPath<CardStatistics, UInt64> & Sendable
        ) {
            batch.append(.read(counters[index].address))
            sinks.append(sink)
        }
        for datapath in 0..<min(identity.datapathCount, map.rxStatistics.count) {
            let (receive, send) = (map.rxStatistics[datapath], map.txStatistics[datapath])
            for port in 0..<statistics.ports {
                for reason in 0..<CardStatistics.reasons {
                    let index = port * CardStatistics.reasons + reason
                    read(receive.badrsn, index, \.receiveDrops[port][reason])
                    read(send.badrsn, index, \.sendDrops[port][reason])
                    if let handed = receive.procrsn { read(handed, index, \.handedOver[port][reason]) }
                }
                read(receive.goodPrt, port, \.received[port])
                read(send.goodPrt, port, \.sent[port])
            }
            read(receive.goodFlowid, 0, \.defaultFlow)
        }
        var good = batch.count
        defer {
            for index in 0..<good where batch[index].value != 0 {
                statistics[keyPath: sinks[index]] += UInt64(batch[index].value)
            }
        }
        do {
            try bus.transfer(&batch)
        } catch {
            good = min(error.completed, batch.count)
            statistics.lostReads += 1
            throw .bus(error)
        }
    }
}
