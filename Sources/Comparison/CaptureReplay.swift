// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What the data planes made of one packet of a capture.
public struct ReplayRecord: Sendable {
    public struct Verdict: Sendable {
        public var plane: String
        /// Nil if the data plane could not be given the packet.
        public var verdict: PacketVerdict?
    }

    /// Of the packet in the file, from 1.
    public var number: Int
    /// Nanoseconds since 1970-01-01 UTC.
    public var timestamp: UInt64
    /// Length on the wire; what was put through are the captured bytes.
    public var originalLength: Int
    public var capturedLength: Int
    public var verdicts: [Verdict]
    public var differences: [Difference]
}

public struct ReplaySummary: Sendable {
    public var path: String
    public var packets = 0
    /// Packets of which fewer bytes were captured than were on the wire.
    public var cutPackets = 0
    /// Why the file could not be read to its end; nil if it could.
    public var damage: String?
    /// Of packets, and of counters at the end.
    public var differences: [Difference] = []
}

/// Puts the packets of capture files through data planes.
public enum CaptureReplay {
    /// Every packet of the file arrives at `port`. The tables are as the data planes hold them. `counters`: compare
    /// the counters afterwards; they are those since `comparison` was made or last filled.
    public static func replay(
        path: String, port: PortID, through comparison: PacketComparison, counters: Bool = true,
        record: (ReplayRecord) -> Void
    ) throws(CaptureError) -> ReplaySummary {
        var capture = try CaptureFile(path: path)
        var summary = ReplaySummary(path: path)
        while let packet = capture.next() {
            summary.packets += 1
            if packet.bytes.count < packet.originalLength { summary.cutPackets += 1 }
            let (verdicts, differences) = comparison.process(TestPacket(port: port, bytes: packet.bytes))
            summary.differences += differences
            record(
                ReplayRecord(
                    number: summary.packets, timestamp: packet.timestamp, originalLength: packet.originalLength,
                    capturedLength: packet.bytes.count,
                    verdicts: zip(comparison.names, verdicts).map { .init(plane: $0, verdict: $1) },
                    differences: differences))
        }
        summary.damage = capture.damage
        if counters { summary.differences += comparison.finish() }
        return summary
    }
}
