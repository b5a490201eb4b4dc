// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Real frames over an emulated card, real stacks at both ends.
@Suite("A card's ports are ports of the node", .enabled(if: kernelTestsRun))
struct CardPortLiveTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var version: CardTagVersion
        /// The CPU port's driver transmits XDP frames.
        var transmits: Bool
        var testDescription: String { "version \(version.rawValue), \(transmits ? "native" : "skb")" }
    }

    static let ways = [
        Way(version: .four, transmits: true), Way(version: .four, transmits: false),
        Way(version: .three, transmits: true), Way(version: .two, transmits: false),
    ]

    /// Counters of frames that did not go on.
    private func dropped(_ port: borrowing CardPort) throws -> [CardCount] {
        try port.counts().filter {
            guard case .counter(let counter) = $0.what else { return false }
            return ![.received, .sent, .padded].contains(counter)
        }
    }

    private func tcp(_ bench: CardBench, to address: InternetAddress, inNode: Bool, bytes: Int = 2 << 20) throws -> String? {
        try TCPTransfer.run(
            bytes: bytes, to: address, port: 5001, client: { try bench.topology.hosts[0].namespace.run($0) },
            server: { inNode ? try $0() : try bench.topology.hosts[1].namespace.run($0) })
    }

    @Test("the fast path routes between them, and nothing is lost; the kernel answers what is for the node", arguments: ways)
    func routing(way: Way) throws {
        try CardBench.run(way.version, transmits: way.transmits) { bench in
            let port = try CardPort(bench.configuration)
            let mode = way.transmits ? XDPMode.native : .skb
            #expect(port.attachments.map(\.mode) == [mode, mode, mode])
            #expect(port.attachments.map(\.name) == ["cpu0", "rt0", "rt2"] && !port.isAdopted)
            try bench.address()
            let xdp = try bench.fastPath()
            try bench.attach(xdp)
            for (address, size) in [("10.0.2.2", 56), ("fd00:2::2", 56), ("10.0.2.2", 1), ("10.0.2.2", 1472), ("10.0.1.1", 56), ("fd00:1::1", 56)] {
                let (lost, report) = try bench.ping(address, size: size)
                #expect(lost == 0, "\(report)")
            }
            let forwarded = xdp.verdictCounters().filter { $0.disposition == .forward }
            #expect(forwarded.map(\.reason) == [.route, .route])
            // 600 echo requests one way, 600 replies the other; what the hosts say on their own is not counted on.
            #expect(forwarded.allSatisfy { $0.counter.packets >= 800 }, "\(forwarded)")
            #expect(try tcp(bench, to: bench.topology.hosts[1].address(.v4), inNode: false) == nil)
            // To and from the node's own stack: with checksums, sizes and tags as on a wire.
            #expect(try tcp(bench, to: bench.topology.hosts[0].portAddress(.v4), inNode: true) == nil)
            #expect(try dropped(port) == [])
            #expect(port.complaints() == [])
            xdp.detachAll()
            try port.release()
            bench.card.end()
            #expect(bench.card.mistakes.isEmpty, "\(bench.card.mistakes.prefix(3))")
        }
    }
}
