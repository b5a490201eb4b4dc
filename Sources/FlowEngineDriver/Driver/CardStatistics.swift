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
    /// Packets by where they came in and where they went, [in][out]: 0...15 are ports, 16 and more interfaces of the processor.
    public internal(set) var paths: [[UInt64]] = Array(repeating: Array(repeating: 0, count: 32), count: 32)
    /// Packets that the traffic manager dropped, by flow id, 0..<512.
    public internal(set) var limitDrops: [UInt64] = Array(repeating: 0, count: 512)
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

extension CardStatistics {
    /// A count of a port that is not 0.
    public struct Count: Hashable, Sendable {
        /// The card's port.
        public var port: Int
        /// `received`, `sent`; with the card's reason `dropped_runt`, `send_dropped_tm_ct`, `handed_over_proc_acc_default`.
        public var what: String
        public var packets: UInt64

        public init(port: Int, what: String, packets: UInt64) {
            (self.port, self.what, self.packets) = (port, what, packets)
        }
    }

    /// Of each port: good packets, then what was dropped and handed over, by reason.
    public var counts: [Count] {
        var counts: [Count] = []
        for port in 0..<ports {
            func add(_ what: String, _ packets: UInt64) {
                if packets > 0 { counts.append(Count(port: port, what: what, packets: packets)) }
            }
            add("received", received[port])
            add("sent", sent[port])
            for reason in 0..<Self.reasons {
                let name = CardReason(rawValue: UInt8(reason))?.name ?? "reserved_\(reason)"
                add("dropped_\(name)", receiveDrops[port][reason])
                add("send_dropped_\(name)", sendDrops[port][reason])
                add("handed_over_\(name)", handedOver[port][reason])
            }
        }
        return counts
    }
}

/// Counters to be read in one batch, and where their sums are.
private struct CounterBatch {
    var accesses: [RegisterAccess] = []
    var sums: [WritableKeyPath<CardStatistics, UInt64>] = []

    mutating func add(
        _ counters: RegisterArray<StatisticsCounter, ClearOnRead>, _ index: Int,
        _ sum: WritableKeyPath<CardStatistics, UInt64>
    ) {
        accesses.append(.read(counters[index].address))
        sums.append(sum)
    }
}

extension CardDriver {
    private var datapaths: Range<Int> { 0..<min(identity.datapathCount, map.rxStatistics.count) }

    /// Reads what ports counted since the last time. A failure loses what the card had answered and could not be told.
    public func pollStatistics() throws(CardError) {
        var batch = CounterBatch()
        for datapath in datapaths {
            let (receive, send) = (map.rxStatistics[datapath], map.txStatistics[datapath])
            for port in 0..<statistics.ports {
                for reason in 0..<CardStatistics.reasons {
                    let index = port * CardStatistics.reasons + reason
                    batch.add(receive.badrsn, index, \.receiveDrops[port][reason])
                    batch.add(send.badrsn, index, \.sendDrops[port][reason])
                    if let handed = receive.procrsn { batch.add(handed, index, \.handedOver[port][reason]) }
                }
                batch.add(receive.goodPrt, port, \.received[port])
                batch.add(send.goodPrt, port, \.sent[port])
            }
            batch.add(receive.goodFlowid, 0, \.defaultFlow)
        }
        try sumUp(&batch)
    }

    /// Reads where packets went, and what the traffic manager dropped: 1,024 words for each datapath, and 512.
    public func pollPaths() throws(CardError) {
        var batch = CounterBatch()
        for datapath in datapaths {
            for output in 0..<32 {
                for input in 0..<32 {
                    batch.add(map.rxStatistics[datapath].pktCnt, output * 32 + input, \.paths[input][output])
                }
            }
        }
        for flow in 0..<map.trafficManager.dropCnt.count {
            batch.accesses.append(.read(map.trafficManager.dropCnt[flow].address))
            batch.sums.append(\.limitDrops[flow])
        }
        try sumUp(&batch)
    }

    private func sumUp(_ batch: inout CounterBatch) throws(CardError) {
        var good = batch.accesses.count
        var failure: BusError?
        do { try bus.transfer(&batch.accesses) } catch {
            good = min(error.completed, good)
            statistics.lostReads += 1
            failure = error
        }
        for index in 0..<good where batch.accesses[index].value != 0 {
            statistics[keyPath: batch.sums[index]] += UInt64(batch.accesses[index].value)
        }
        if let failure { throw .bus(failure) }
    }
}
