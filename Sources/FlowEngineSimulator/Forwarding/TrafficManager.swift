// SPDX-License-Identifier: Apache-2.0

/// How much packet memory flows hold. A frame of a limited flow holds its segments until its port has sent it, one frame after
/// another at the port's speed, in virtual time. Flows without a limit are not followed.
struct TrafficManager: Sendable {
    static let flows = 512
    static let segmentBytes = 64
    /// Preamble, FCS and gap on the wire.
    private static let wireOverhead = 24

    private struct Departure {
        var time: UInt64
        var flow: Int
        var segments: Int
    }

    var limits = Array(repeating: UInt32(0), count: flows)
    /// A bit for each port; for processor interfaces 16 and up.
    var replication = Array(repeating: UInt32(0), count: 64)
    private var held = Array(repeating: 0, count: flows)
    private var heldInAll = 0
    private var portIsFree = Array(repeating: UInt64(0), count: 32)
    /// In order of time for each port.
    private var queues: [[Departure]] = Array(repeating: [], count: 32)
    let bufferSegments: Int
    let zeroLimit: CardVariants.ZeroLimit

    init(_ variants: CardVariants) {
        bufferSegments = variants.bufferSegments
        zeroLimit = variants.zeroLimit
    }

    /// Whether a frame finds room; if so it holds it until sent.
    mutating func admits(flow: Int, bytes: Int, port: Int, megabits: Int, at time: UInt64) -> Bool {
        guard flow < Self.flows else { return true }
        let limit = limits[flow]
        if limit == 0 { return zeroLimit == .unlimited }
        release(until: time)
        let segments = (bytes + Self.segmentBytes - 1) / Self.segmentBytes
        guard held[flow] + segments <= Int(limit), heldInAll + segments <= bufferSegments else { return false }
        held[flow] += segments
        heldInAll += segments
        let begin = max(time, portIsFree[port])
        let end = begin + UInt64((bytes + Self.wireOverhead) * 8 * 1000 / max(megabits, 1))
        portIsFree[port] = end
        queues[port].append(Departure(time: end, flow: flow, segments: segments))
        return true
    }

    private mutating func release(until time: UInt64) {
        guard heldInAll > 0 else { return }
        for port in queues.indices where !queues[port].isEmpty {
            let sent = queues[port].prefix { $0.time <= time }
            guard !sent.isEmpty else { continue }
            for departure in sent {
                held[departure.flow] -= departure.segments
                heldInAll -= departure.segments
            }
            queues[port].removeFirst(sent.count)
        }
    }

    /// PTR_CNT.
    mutating func segmentsInUse(at time: UInt64) -> Int {
        release(until: time)
        return heldInAll
    }
}
