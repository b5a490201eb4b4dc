// SPDX-License-Identifier: Apache-2.0
import Comparison
import Glibc
import Packet
import Tables
import Testing

@Suite("Replay of captures")
struct ReplayTests {
    static let port = PortID(rawValue: 1)

    func capture(_ packets: [CapturedPacket], cut: Int = 0) throws -> String {
        var template = Array("/tmp/piccolo-replay-XXXXXX".utf8CString)
        close(mkstemp(&template))
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let writer = try CaptureWriter(path: path)
        for packet in packets { writer.write(packet) }
        try writer.finish()
        if cut > 0 {
            let length = 24 + packets.reduce(0) { $0 + 16 + $1.bytes.count }
            truncate(path, length - cut)
        }
        return path
    }

    static var packets: [CapturedPacket] {
        var generator = RandomWorld(seed: 11, options: .init(shortestFrame: 0))
        return (0..<50).map { number in
            let bytes = generator.nextPacket().bytes
            return CapturedPacket(
                timestamp: UInt64(number) * 1_000_000, originalLength: bytes.count + number % 2, bytes: bytes)
        }
    }

    func comparison(_ alter: ((RawSpan, inout PacketVerdict) -> Void)? = nil) -> PacketComparison {
        let other = ReferenceDataPlane()
        let comparison = PacketComparison([ReferenceDataPlane(), alter.map { Broken(other, $0) } ?? other])
        #expect(comparison.install(World(updates: [.insert(.port(PortEntry(port: Self.port)))])) == [])
        return comparison
    }

    @Test("every packet of a capture has a record, and equal data planes have no difference")
    func replay() throws {
        let path = try capture(Self.packets)
        defer { unlink(path) }
        var records: [ReplayRecord] = []
        let summary = try CaptureReplay.replay(path: path, port: Self.port, through: comparison()) {
            records.append($0)
        }
        #expect(summary.packets == 50)
        #expect(summary.cutPackets == 25)
        #expect(summary.damage == nil)
        #expect(summary.differences == [])
        #expect(records.map(\.number) == Array(1...50))
        #expect(records.map(\.timestamp) == Self.packets.map(\.timestamp))
        #expect(records.map(\.capturedLength) == Self.packets.map(\.bytes.count))
        #expect(
            records.allSatisfy {
                $0.verdicts.map(\.plane) == ["reference", "reference2"] && $0.verdicts[0].verdict != nil
            })
    }

    @Test("of a damaged capture what is readable is replayed, and the damage is reported")
    func damaged() throws {
        let path = try capture(Self.packets, cut: 1)
        defer { unlink(path) }
        let summary = try CaptureReplay.replay(path: path, port: Self.port, through: comparison()) { _ in }
        #expect(summary.packets == 49)
        #expect(summary.damage != nil)
        #expect(summary.differences == [])
    }

    @Test("a difference is in the record of its packet and in the summary")
    func differences() throws {
        let path = try capture(Self.packets)
        defer { unlink(path) }
        let broken = comparison { _, verdict in if verdict.reason == .ipv4Checksum { verdict.disposition = .kernel } }
        var wrong = 0
        let summary = try CaptureReplay.replay(path: path, port: Self.port, through: broken) { record in
            if !record.differences.isEmpty {
                wrong += 1
                #expect(record.differences.map(\.subject) == ["disposition"])
            }
        }
        #expect(summary.differences.count == wrong)
        let plain = try CaptureReplay.replay(path: path, port: Self.port, through: comparison()) { _ in }
        #expect(plain.differences == [])
    }

    @Test("a file that is no capture is an error that names it")
    func noCapture() {
        #expect(throws: CaptureError.self) {
            try CaptureReplay.replay(path: "/nonexistent.pcap", port: Self.port, through: comparison()) { _ in }
        }
    }
}
