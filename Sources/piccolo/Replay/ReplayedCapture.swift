// SPDX-License-Identifier: Apache-2.0
import Comparison
import Packet
import Tables
import XDPDataPlane

/// What the data planes made of one packet of a capture.
struct ReplayedPacket {
    /// In the file, from 1.
    var number: Int
    /// Nanoseconds since 1970-01-01 UTC.
    var timestamp: UInt64
    /// Length on the wire; what is put through are the captured bytes.
    var originalLength: Int
    var capturedLength: Int
    /// Why the packet was not put through; nil: it was.
    var skipped: String?
    var verdicts: [(plane: String, verdict: PacketVerdict?)] = []
    var differences: [Difference] = []
}

struct ReplayedCapture {
    var path: String
    var packets = 0
    /// Packets of which fewer bytes were captured than were on the wire.
    var cutPackets = 0
    var skipped = 0
    /// Differences of its packets.
    var differences = 0
    /// Why the file could not be read to its end; nil if it could.
    var damage: String?

    /// Lengths the kernel's test run takes (bpf_prog_test_run_xdp): an Ethernet header at least; at most one buffer and 17
    /// pages behind it.
    static let testRunFrames = HeaderLength.ethernet...XDPDataPlane.testRunLinearBytes + 17 * 4096

    /// Puts the packets of a file through data planes.
    ///
    /// - Parameter frames: lengths that all of the data planes can be given; others are reported and left out, for their
    ///   counters could not agree.
    static func replay(
        path: String, port: PortID, through comparison: PacketComparison, frames: ClosedRange<Int>,
        _ body: (ReplayedPacket) -> Void
    ) throws(CaptureError) -> ReplayedCapture {
        var file = try CaptureFile(path: path)
        var capture = ReplayedCapture(path: path)
        while let captured = file.next() {
            capture.packets += 1
            if captured.bytes.count < captured.originalLength { capture.cutPackets += 1 }
            var packet = ReplayedPacket(
                number: capture.packets, timestamp: captured.timestamp, originalLength: captured.originalLength,
                capturedLength: captured.bytes.count)
            if frames.contains(captured.bytes.count) {
                let (verdicts, differences) = comparison.process(TestPacket(port: port, bytes: captured.bytes))
                packet.verdicts = zip(comparison.names, verdicts).map { (plane: $0, verdict: $1) }
                packet.differences = differences
                capture.differences += differences.count
            } else {
                packet.skipped =
                    captured.bytes.count < frames.lowerBound
                    ? "shorter than the \(frames.lowerBound) bytes a test run takes"
                    : "longer than the \(frames.upperBound) bytes a test run takes"
                capture.skipped += 1
            }
            body(packet)
        }
        capture.damage = file.damage
        return capture
    }
}
