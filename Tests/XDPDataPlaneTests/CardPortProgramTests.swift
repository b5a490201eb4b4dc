// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import TestSupport
import Testing

@testable import XDPDataPlane

/// The programs alone, frame by frame (BPF_PROG_TEST_RUN).
@Suite("What the programs of a CPU port make of a frame", .enabled(if: kernelTestsRun))
struct CardPortProgramTests {
    private static let addresses = GoldenTag.bytes("020000000001 020000000101")

    private enum Action { static let drop: UInt32 = 1, pass: UInt32 = 2, redirect: UInt32 = 4 }

    /// A CPU port `cpu0` of MTU 1524 with ports rt0 (egress 0, ingress 0) and rt2 (egress 1, ingress 1).
    private func withPort(
        _ version: CardTagVersion, _ change: (inout CardPortConfiguration) -> Void = { _ in },
        _ body: (borrowing CardPort) throws -> Void
    ) throws {
        try inPrivateNetworkNamespace {
            // So that the kernel has nothing to say of its own.
            for scope in ["all", "default"] {
                try RouterTopology.setKernelOption("net/ipv6/conf/\(scope)/disable_ipv6", "1")
            }
            var netlink = try NetlinkSocket()
            try netlink.createVethPair("cpu0", peer: "card", options: .init(mtu: 1524))
            var configuration = CardPortConfiguration(
                interface: "cpu0", version: version,
                ports: [
                    .init(name: "rt0", egress: 0, ingress: [0], mtu: 1500),
                    .init(name: "rt2", egress: 1, ingress: [1], mtu: 1500),
                ])
            change(&configuration)
            try body(CardPort(configuration))
        }
    }

    private func receive(_ port: borrowing CardPort, _ frame: [UInt8]) throws -> (action: UInt32, frame: [UInt8]) {
        var run = try TestRun(port.assembly.programs.receive)
        let outcome = try run.run(frame, interfaceIndex: if_nametoindex("cpu0"))
        return (outcome.returnValue, run.outputBytes)
    }

    private func send(
        _ port: borrowing CardPort, _ frame: [UInt8], at interface: String = "rt2-cpu"
    ) throws -> (action: UInt32, frame: [UInt8]) {
        var run = try TestRun(port.assembly.programs.send)
        let outcome = try run.run(frame, interfaceIndex: if_nametoindex(interface))
        return (outcome.returnValue, run.outputBytes)
    }

    private func packets(_ port: borrowing CardPort, _ name: String?, _ what: CardCount.What) throws -> UInt64 {
        try port.counts().first { $0.port == name && $0.what == what }?.counter.packets ?? 0
    }

    private func tagged(_ version: CardTagVersion, _ rest: [UInt8]) throws -> [UInt8] {
        Self.addresses + GoldenTag.bytes(try #require(GoldenTag.fromCard[version])) + rest
    }

    /// An EtherType and a payload of so many bytes.
    private func payload(_ type: String = "0800", bytes: Int) -> [UInt8] {
        GoldenTag.bytes(type) + (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    }

    @Test("a tag is taken off, and what is left is the frame as it was", arguments: CardTagVersion.allCases)
    func receiving(version: CardTagVersion) throws {
        try withPort(version) { port in
            for bytes in [0, 1, 46, 100, 1500] {
                let rest = payload(bytes: bytes)
                let (action, frame) = try receive(port, tagged(version, rest))
                #expect(action == Action.redirect && frame == Self.addresses + rest, "\(bytes) bytes")
            }
            let counts = try port.counts()
            let reason = CardReason(rawValue: try #require(GoldenTag.reason[version]))
            let expected: [CardCount.What] = [.counter(.received), .reason(reason)]
            #expect(counts.map(\.port) == ["rt2", "rt2"] && counts.map(\.what) == expected)
            #expect(counts.map(\.counter.packets) == [5, 5])
            let bytes: UInt64 = 5 * 14 + 1 + 46 + 100 + 1500
            #expect(counts.first?.counter.bytes == bytes)
        }
    }

    @Test("a frame gets its tag with port, queue of its priority and padding", arguments: CardTagVersion.allCases)
    func sending(version: CardTagVersion) throws {
        try withPort(version, { $0.confirmation = 0x1234 }) { port in
            let golden = GoldenTag.bytes(try #require(GoldenTag.toCard[version]))
            // Priority 5 in VLAN 7: and for PTP, behind the VLAN tag as well, the confirmation id.
            let tagged = GoldenTag.bytes("8100 a007") + payload("88f7", bytes: 44)
            var (action, frame) = try send(port, Self.addresses + tagged)
            #expect(action == Action.redirect && frame == Self.addresses + golden + tagged)
            // Another kind of tag has a priority, too.
            let service = GoldenTag.bytes("88a8 a007") + payload("88f7", bytes: 44)
            (action, frame) = try send(port, Self.addresses + service)
            #expect(action == Action.redirect && frame == Self.addresses + golden + service)
            // No tag: queue 0; not PTP: no confirmation. Short: padded with zeros to 60 bytes in front of the tag.
            for bytes in [0, 28, 45, 46, 47, 1486] {
                let rest = payload("0806", bytes: bytes)
                (action, frame) = try send(port, Self.addresses + rest)
                var expected = golden
                expected[3] = version == .four ? 0x40 : 0x10
                expected.replaceSubrange(8..<12, with: [0, 0, 0, 0])
                let padding = [UInt8](repeating: 0, count: max(0, 46 - bytes))
                #expect(action == Action.redirect, "\(bytes) bytes")
                #expect(frame == Self.addresses + expected + rest + padding, "\(bytes) bytes")
            }
            // By the other port.
            (action, frame) = try send(port, Self.addresses + payload(bytes: 60), at: "rt0-cpu")
            #expect(action == Action.redirect && frame[15] == 0)
            #expect(try packets(port, "rt2", .counter(.sent)) == 8 && packets(port, "rt0", .counter(.sent)) == 1)
            #expect(try packets(port, "rt2", .counter(.padded)) == 3)
            #expect(try port.counts().count == 3)
        }
    }

    @Test("where the queue has five bits, a flag stands behind it")
    func delayFlag() throws {
        try withPort(.four, { ($0.hasDelayFlag, $0.confirmation) = (true, 0x1234) }) { port in
            let rest = GoldenTag.bytes("8100 a007") + payload("88f7", bytes: 44)
            let (action, frame) = try send(port, Self.addresses + rest)
            #expect(action == Action.redirect)
            #expect(frame == Self.addresses + GoldenTag.bytes(GoldenTag.toCardWithDelayFlag) + rest)
        }
    }

    @Test("a tag that is cut short is dropped, at every length", arguments: CardTagVersion.allCases)
    func truncated(version: CardTagVersion) throws {
        try withPort(version) { port in
            let whole = try tagged(version, payload(bytes: 0))
            for length in 14..<whole.count {
                let action = try receive(port, Array(whole[..<length])).action
                #expect(action == Action.drop, "\(length) bytes")
            }
            let action = try receive(port, whole).action
            #expect(action == Action.redirect)
            #expect(try packets(port, nil, .counter(.tagTruncated)) == UInt64(whole.count - 14))
        }
    }

    @Test("frames that the card marked bad, or from a port that is none, are dropped, and their reason counts")
    func refused() throws {
        try withPort(.four) { port in
            var frame = try tagged(.four, payload(bytes: 46))
            frame[15] |= 1
            var actions = [try receive(port, frame).action]
            // Ingress 3 with reason 27; ingress all ones; bad from nowhere.
            for word in ["18b6", "f8b6", "18b7"] {
                frame.replaceSubrange(14..<16, with: GoldenTag.bytes(word))
                actions.append(try receive(port, frame).action)
            }
            #expect(actions == Array(repeating: Action.drop, count: 4))
            let counts = try port.counts()
            func count(_ name: String?, _ what: CardCount.What) -> UInt64? {
                counts.first { $0.port == name && $0.what == what }?.counter.packets
            }
            #expect(count("rt2", .counter(.bad)) == 1 && count("rt2", .reason(CardReason(rawValue: 28))) == 1)
            #expect(count(nil, .counter(.unknownIngress)) == 2 && count(nil, .counter(.bad)) == 1)
            #expect(count(nil, .reason(CardReason(rawValue: 27))) == 3 && counts.count == 5)
        }
    }

    @Test("frames without a tag: dropped, or the kernel's", arguments: [CardUntaggedPolicy.drop, .kernel])
    func untagged(policy: CardUntaggedPolicy) throws {
        try withPort(.four, { $0.untagged = policy }) { port in
            // A VLAN tag in front of it makes it payload.
            let inside = GoldenTag.bytes("8100 0007 813e") + payload(bytes: 60)
            for frame in [Self.addresses + payload(bytes: 46), Self.addresses + inside] {
                let (action, after) = try receive(port, frame)
                #expect(action == (policy == .drop ? Action.drop : Action.pass) && after == frame)
            }
            let counter = policy == .drop ? CardCounter.untaggedDropped : .untaggedPassed
            #expect(try port.counts().map(\.what) == [.counter(counter)])
            #expect(try packets(port, nil, .counter(counter)) == 2)
        }
    }

    @Test("a frame that would not fit with its tag, a stub, and a frame of no port are not sent")
    func notSent() throws {
        try withPort(.four) { port in
            // The CPU port takes 1524 + 14 bytes and a VLAN tag; 24 of them are the card's tag.
            let (most, tooLong) = (payload(bytes: 1504), payload(bytes: 1505))
            // Cut within the VLAN tag.
            let stub = GoldenTag.bytes("8100 a0")
            let actions = try [most, tooLong, stub].map { try send(port, Self.addresses + $0).action }
            #expect(actions == [Action.redirect, Action.drop, Action.drop])
            let elsewhere = try send(port, Self.addresses + most, at: "cpu0").action
            #expect(elsewhere == Action.drop)
            #expect(try packets(port, "rt2", .counter(.tooLong)) == 1)
            #expect(try packets(port, "rt2", .counter(.frameTruncated)) == 1)
            #expect(try packets(port, nil, .counter(.unknownEgress)) == 1)
        }
    }

    @Test("a frame whose own type is the tag's keeps it: one tag is taken off, one is put on")
    func nested() throws {
        try withPort(.four) { port in
            let rest = GoldenTag.bytes(try #require(GoldenTag.fromCard[.four])) + payload(bytes: 46)
            let received = try receive(port, tagged(.four, rest))
            #expect(received.action == Action.redirect && received.frame == Self.addresses + rest)
            let sent = try send(port, Self.addresses + rest)
            #expect(sent.action == Action.redirect && sent.frame.suffix(rest.count) == rest[...])
            #expect(sent.frame.count == 12 + 24 + rest.count)
        }
    }
}
