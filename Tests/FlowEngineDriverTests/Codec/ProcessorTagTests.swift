// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import Packet
import TestSupport
import Testing

@Suite("Tag between card and host")
struct ProcessorTagTests {
    static let frame: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00] + (0..<46).map { UInt8($0) }

    @Test("version 4 from the card, bit by bit")
    func received() throws {
        var tag = ProcessorTag.Received(ingress: 2, egress: 1, reason: 26, isBad: true)
        (tag.bridgeTime, tag.receivedAt, tag.controlledTime) = (0x1000, 0x0ff0, 0x0102_0304_0506_0708)
        let tagged = try #require(ProcessorTag.attach(tag, to: Self.frame, .v4))
        #expect(
            Array(tagged[12..<36]) == [
                0x81, 0x3e, 0b00010_000, 0b01_11010_1, 0, 0, 0x10, 0, 0, 0, 0x0f, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0,
                0,
            ])
        #expect(tag.receivedControlled == 0x0102_0304_0506_0708 - 0x10)
    }

    @Test("version 4 to the card, bit by bit, padded to the least the card takes")
    func sent() throws {
        var tag = ProcessorTag.Sent(egress: 1, queue: 7)
        tag.confirmation = 0x1234
        let short = Array(Self.frame.prefix(20))
        let tagged = try #require(ProcessorTag.attach(tag, to: short, .v4))
        #expect(
            Array(tagged[12..<26]) == [
                0x81, 0x3e, 0b11111_000, 0b01_000111, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x12, 0x34, 0, 0,
            ])
        #expect(tagged.count == 84)
    }

    @Test("what is attached is stripped, in every version", arguments: ProcessorTag.Version.allCases)
    func roundTrip(version: ProcessorTag.Version) throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            var tag = ProcessorTag.Received(
                ingress: UInt8.random(in: 0...30, using: &generator),
                egress: UInt8.random(in: 0...30, using: &generator),
                reason: UInt8.random(in: 0...(version == .v4 ? 31 : 7), using: &generator),
                isBad: Bool.random(using: &generator))
            let time = UInt64.random(in: 0 ... .max, using: &generator)
            switch version {
            case .v1: tag.receivedAt = time
            case .v2:
                tag.bridgeTime = UInt32(truncatingIfNeeded: time)
                tag.receivedAt = time >> 32
                tag.controlledTime = time & 0xffff_ffff
            case .v3, .v4:
                tag.bridgeTime = UInt32(truncatingIfNeeded: time)
                tag.receivedAt = time >> 32
                tag.controlledTime = time
            }
            let tagged = try #require(ProcessorTag.attach(tag, to: Self.frame, version))
            #expect(tagged.count == Self.frame.count + version.length)
            let back = try #require(tagged.withUnsafeBytes { ProcessorTag.strip($0.bytes, version) })
            #expect(back.tag == tag)
            #expect(back.frame == Self.frame)

            var sent = ProcessorTag.Sent(
                egress: UInt8.random(in: 0...3, using: &generator), queue: UInt8.random(in: 0...15, using: &generator))
            (sent.transmitTime, sent.confirmation) = (UInt32(truncatingIfNeeded: time), 77)
            for field in [ProcessorTag.QueueField.queue, .queueAndDelay] {
                sent.delays = version == .v4 && field == .queueAndDelay
                let out = try #require(ProcessorTag.attach(sent, to: Self.frame, version, queueField: field))
                let parsed = try #require(
                    out.withUnsafeBytes { ProcessorTag.parseSent($0.bytes, version, queueField: field) })
                #expect(parsed.tag == sent)
                #expect(parsed.frame == Self.frame)
            }
        }
    }

    @Test("a frame without a tag, or with half of one, has none", arguments: ProcessorTag.Version.allCases)
    func none(version: ProcessorTag.Version) throws {
        #expect(Self.frame.withUnsafeBytes { ProcessorTag.strip($0.bytes, version) } == nil)
        let tagged = try #require(
            ProcessorTag.attach(ProcessorTag.Received(ingress: 0, egress: 0, reason: 0), to: Self.frame, version))
        for length in 0..<12 + version.length + 2 {
            #expect(Array(tagged.prefix(length)).withUnsafeBytes { ProcessorTag.strip($0.bytes, version) } == nil)
        }
    }
}
