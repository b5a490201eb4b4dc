// SPDX-License-Identifier: Apache-2.0

/// What was sent, what arrived, and where: every packet of every flow is to arrive once, at the right host, as it should be.
///
/// Pure: whoever sends and receives tells it. Sequence numbers of a flow begin at 0 and never begin again.
public struct PacketLedger: Sendable {
    /// The host all flows go to.
    public let destination: Int
    private var flows: [Flow]
    /// When the last packets of each flow were sent, a few a flow.
    private var times: [UInt64]
    private static let timesKept = 4
    private static let detailsKept = 8
    /// Of gaps that later packets have shown.
    private var missing: [Packet: UInt64] = [:]
    private var report = Report()

    private struct Flow {
        /// Of the next packet to be sent, and of the next to arrive.
        var sent: UInt64 = 0
        var expected: UInt64 = 0
    }

    private struct Packet: Hashable {
        var flow: Int
        var sequence: UInt64
    }

    /// What became of the packets since the last report.
    public struct Report: Sendable, Hashable {
        public var sent = 0
        /// At the right host, for the first time.
        public var arrived = 0
        public var duplicated = 0
        /// After a later packet of their flow. Not wrong by itself: the kernel's way is longer than the fast path.
        public var reordered = 0
        /// At another host than theirs.
        public var misdirected = 0
        /// At their host with a header that a router does not make of theirs.
        public var damaged = 0
        /// Flow, sequence number and time of sending of what did not arrive; the time is 0 where it is not known any more.
        public var lost: [Loss] = []
        /// The first of what was duplicated, misdirected or damaged, in words.
        public var details: [String] = []
        /// Longest way, from before sending to after receiving, nanoseconds.
        public var longestDelay: UInt64 = 0

        public init() {}
    }

    public struct Loss: Sendable, Hashable {
        public var flow: Int
        public var sequence: UInt64
        public var time: UInt64
    }

    public init(flows count: Int, destination: Int) {
        self.destination = destination
        flows = Array(repeating: Flow(), count: count)
        times = Array(repeating: 0, count: count * Self.timesKept)
    }

    /// A packet is about to be sent; its sequence number.
    public mutating func send(_ flow: Int, at time: UInt64) -> UInt64 {
        let sequence = flows[flow].sent
        flows[flow].sent = sequence + 1
        times[slot(flow, sequence)] = time
        report.sent += 1
        return sequence
    }

    /// The packet announced last was not sent after all. Only of a flow that has announced none since.
    public mutating func unsend(_ flow: Int) {
        flows[flow].sent -= 1
        report.sent -= 1
    }

    /// A packet has arrived at a host, at a time, sent at another. `isIntact`: its header is what it should be there.
    public mutating func arrive(
        _ flow: Int, _ sequence: UInt64, host: Int, isIntact: Bool, sent: UInt64, now: UInt64
    ) {
        guard host == destination else {
            report.misdirected += 1
            note("packet \(sequence) of flow \(flow) is at host \(host)")
            return
        }
        guard flow < flows.count, sequence < flows[flow].sent else {
            report.damaged += 1
            note("packet \(sequence) of flow \(flow) was never sent")
            return
        }
        if !isIntact {
            report.damaged += 1
            note("packet \(sequence) of flow \(flow) has another header than it should have")
        }
        let expected = flows[flow].expected
        if sequence >= expected {
            for skipped in expected..<sequence {
                missing[Packet(flow: flow, sequence: skipped)] = time(flow, skipped)
            }
            flows[flow].expected = sequence + 1
        } else if missing.removeValue(forKey: Packet(flow: flow, sequence: sequence)) != nil {
            report.reordered += 1
        } else {
            report.duplicated += 1
            note("packet \(sequence) of flow \(flow) has come twice")
            return
        }
        report.arrived += 1
        if now > sent { report.longestDelay = max(report.longestDelay, now - sent) }
    }

    /// Sent and not arrived, neither known as lost.
    public var outstanding: Int {
        missing.count + flows.reduce(0) { $0 + Int($1.sent - $1.expected) }
    }

    /// How many packets of a flow have been sent in all.
    public func sent(_ flow: Int) -> UInt64 { flows[flow].sent }

    /// The report since the last one. What has not arrived by now is lost: call it when nothing is on its way.
    public mutating func settle() -> Report {
        for flow in flows.indices where flows[flow].expected < flows[flow].sent {
            for sequence in flows[flow].expected..<flows[flow].sent {
                missing[Packet(flow: flow, sequence: sequence)] = time(flow, sequence)
            }
            flows[flow].expected = flows[flow].sent
        }
        var settled = report
        settled.lost = missing.map { Loss(flow: $0.key.flow, sequence: $0.key.sequence, time: $0.value) }
            .sorted { ($0.time, $0.flow, $0.sequence) < ($1.time, $1.flow, $1.sequence) }
        (missing, report) = ([:], Report())
        return settled
    }

    private func slot(_ flow: Int, _ sequence: UInt64) -> Int {
        flow * Self.timesKept + Int(sequence % UInt64(Self.timesKept))
    }

    private func time(_ flow: Int, _ sequence: UInt64) -> UInt64 {
        flows[flow].sent - sequence <= UInt64(Self.timesKept) ? times[slot(flow, sequence)] : 0
    }

    private mutating func note(_ what: String) {
        if report.details.count < Self.detailsKept { report.details.append(what) }
    }
}
