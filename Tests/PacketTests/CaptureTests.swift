// SPDX-License-Identifier: Apache-2.0
import Glibc
import Packet
import Testing

/// A file in the temporary directory that goes when the value does.
final class TemporaryFile {
    let path: String

    init(_ contents: [UInt8] = []) {
        var template = Array("/tmp/piccolo-capture-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        contents.withUnsafeBytes { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    var contents: [UInt8] {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return Array(bytes.prefix(max(count, 0)))
    }

    deinit { unlink(path) }
}

@Suite("Capture files")
struct CaptureTests {
    static let packets = [
        CapturedPacket(
            timestamp: 1_700_000_000_123_456_789, originalLength: 60, bytes: [UInt8](repeating: 1, count: 60)),
        CapturedPacket(timestamp: 1_700_000_001_000_000_000, originalLength: 1500, bytes: [UInt8](0..<64)),
        CapturedPacket(
            timestamp: 1_700_000_002_999_999_999, originalLength: 14, bytes: [UInt8](repeating: 3, count: 14)),
    ]

    func written() throws -> TemporaryFile {
        let file = TemporaryFile()
        let writer = try CaptureWriter(path: file.path)
        for packet in Self.packets { writer.write(packet) }
        try writer.finish()
        return file
    }

    func read(_ path: String) throws -> ([CapturedPacket], damage: String?) {
        var capture = try CaptureFile(path: path)
        var packets: [CapturedPacket] = []
        while let packet = capture.next() { packets.append(packet) }
        #expect(capture.packetCount == packets.count)
        #expect(capture.next() == nil)
        return (packets, capture.damage)
    }

    @Test("what is written is read back: bytes, original length, nanoseconds")
    func roundTrip() throws {
        let file = try written()
        let (packets, damage) = try read(file.path)
        #expect(packets == Self.packets)
        #expect(damage == nil)
    }

    @Test("of a file cut anywhere, the whole packets before the cut are read and the damage is named")
    func truncated() throws {
        let whole = try written().contents
        let ends = [24, 24 + 16 + 60, 24 + 16 + 60 + 16 + 64, 24 + 16 + 60 + 16 + 64 + 16 + 14]
        #expect(ends.last == whole.count)
        for length in 24..<whole.count {
            let file = TemporaryFile(Array(whole.prefix(length)))
            let (packets, damage) = try read(file.path)
            #expect(packets == Array(Self.packets.prefix(ends.count { $0 <= length } - 1)))
            #expect((damage == nil) == ends.contains(length), "cut at \(length): \(damage ?? "no damage")")
        }
    }

    @Test("a file whose header is cut short, or that is no capture, cannot be opened, and the error names it")
    func notACapture() throws {
        let header = Array(try written().contents.prefix(20))
        for contents in [[], header, Array("not a capture file at all, really".utf8)] {
            let file = TemporaryFile(contents)
            let error = #expect(throws: CaptureError.self) { _ = try CaptureFile(path: file.path) }
            #expect(error?.description.contains(file.path) == true)
        }
        #expect(throws: CaptureError.self) { _ = try CaptureFile(path: "/nonexistent/file.pcap") }
    }

    @Test("a packet that claims an absurd length ends the reading, with what came before it")
    func absurdLength() throws {
        var bytes = try written().contents
        bytes.replaceSubrange((24 + 76 + 8)..<(24 + 76 + 12), with: [0xff, 0xff, 0xff, 0x7f])
        let file = TemporaryFile(bytes)
        let (packets, damage) = try read(file.path)
        #expect(packets == Array(Self.packets.prefix(1)))
        #expect(damage != nil)
    }

    @Test("a capture of another link type is refused by its name")
    func linkType() throws {
        var bytes = try written().contents
        bytes[20] = 113
        let file = TemporaryFile(bytes)
        let error = #expect(throws: CaptureError.self) { _ = try CaptureFile(path: file.path) }
        #expect(error == .linkType(path: file.path, name: "LINUX_SLL"))
    }

    /// A pcapng file: a section header, an Ethernet interface, one enhanced packet of 14 bytes.
    static var pcapng: [UInt8] {
        func little(_ values: UInt32...) -> [UInt8] {
            values.flatMap { v in (0..<4).map { UInt8(v >> ($0 * 8) & 255) } }
        }
        let section = little(0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0000_0001, ~0, ~0, 28)
        let interface = little(1, 20, 1, 0, 20)
        // Timestamps are microseconds unless the interface says otherwise: 1 s and 5 us.
        let packet = little(6, 48, 0, 0, 1_000_005, 14, 60) + [UInt8](1...14) + [0, 0] + little(48)
        return section + interface + packet
    }

    @Test("pcapng is read, and a cut in it is named")
    func nextGeneration() throws {
        let file = TemporaryFile(Self.pcapng)
        let (packets, damage) = try read(file.path)
        #expect(packets == [CapturedPacket(timestamp: 1_000_005_000, originalLength: 60, bytes: [UInt8](1...14))])
        #expect(damage == nil)
        let cut = TemporaryFile(Array(Self.pcapng.dropLast(6)))
        #expect(try read(cut.path).0.isEmpty)
        #expect(try read(cut.path).damage != nil)
    }

    @Test("a file that cannot be created is an error that names it")
    func cannotWrite() {
        #expect(throws: CaptureError.self) { _ = try CaptureWriter(path: "/nonexistent/file.pcap") }
    }
}
