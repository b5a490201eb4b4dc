// SPDX-License-Identifier: Apache-2.0
import Logging
import Packet
import Tables

@testable import Controller

/// A router with three ports and what stands around it.
enum Fixture {
    static let yaml = """
        ports:
          - {name: p1, addresses: [10.0.1.1/24, "fd00:1::1/64"]}
          - {name: p2, addresses: [10.0.2.1/24, "fd00:2::1/64"]}
          - {name: p3, addresses: [10.0.3.1/24]}
        routes:
          - {prefix: 192.0.2.0/24, via: 10.0.2.2}
          - {prefix: 198.51.100.0/24, via: [10.0.2.2, {address: 10.0.3.2, weight: 3}]}
          - {prefix: 203.0.113.0/24, action: drop}
          - {prefix: "2001:db8::/32", via: "fd00:2::2"}
        """

    static func mac(_ number: UInt64) -> MACAddress { MACAddress(rawValue: 0x0200_0000_0000 | number) }

    static func address(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(IPv4Address(rawValue: 0)) }

    static func interface(
        _ name: String, _ index: UInt32, up: Bool = true, mtu: Int = 1500, addresses: [String] = []
    ) -> HostFacts.Interface {
        HostFacts.Interface(
            name: name, index: index, mac: mac(UInt64(index)), mtu: mtu, up: up,
            addresses: addresses.compactMap { parseInterfaceAddress($0, hostIfBare: false) })
    }

    static let addresses = [
        "p1": ["10.0.1.1/24", "fd00:1::1/64"], "p2": ["10.0.2.1/24", "fd00:2::1/64"], "p3": ["10.0.3.1/24"],
    ]

    static var facts: HostFacts {
        HostFacts(
            interfaces: (1...3).map { interface("p\($0)", UInt32($0), addresses: addresses["p\($0)"] ?? []) },
            neighbors: [
                .init(interface: "p1", address: address("10.0.1.2"), mac: mac(0x12)),
                .init(interface: "p2", address: address("10.0.2.2"), mac: mac(0x22)),
                .init(interface: "p2", address: address("fd00:2::2"), mac: mac(0x22)),
                .init(interface: "p3", address: address("10.0.3.2"), mac: mac(0x32)),
            ])
    }

    static func configuration(_ text: String = yaml) throws -> Configuration {
        try Configuration.parse(text, file: "node.yaml")
    }

    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    static func core(_ plane: any DataPlane, binder: (any PortBinder)? = nil) -> NodeCore {
        NodeCore(dataPlane: plane, binder: binder, ecmpSeed: .zero, seed: 1, logger: quiet, now: second)
    }

    static func file(_ text: String = yaml) throws -> ConfigurationFile {
        try ConfigurationFile(text: text, path: "node.yaml")
    }

    static let second: UInt64 = 1_000_000_000

    /// An Ethernet frame to the router at port 1: IPv4, UDP or TCP.
    static func frame(
        source: String = "10.0.1.2", destination: String = "192.0.2.9", ipProtocol: UInt8 = 17,
        sourcePort: UInt16 = 1000,
        destinationPort: UInt16 = 53, ttl: UInt8 = 64, tos: UInt8 = 0
    ) -> [UInt8] {
        func bytes(_ mac: MACAddress) -> [UInt8] {
            stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: mac.rawValue >> UInt64($0)) }
        }
        func bytes(_ text: String) -> [UInt8] {
            guard case .v4(let v4) = address(text) else { return [0, 0, 0, 0] }
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: v4.rawValue >> UInt32($0)) }
        }
        let l4Length = ipProtocol == 6 ? 20 : 8
        var ip: [UInt8] = [0x45, tos, 0, UInt8(20 + l4Length + 4), 0, 1, 0, 0, ttl, ipProtocol, 0, 0]
        ip += bytes(source) + bytes(destination)
        setChecksum(&ip)
        var l4 = [
            UInt8(sourcePort >> 8), UInt8(sourcePort & 255), UInt8(destinationPort >> 8), UInt8(destinationPort & 255),
        ]
        l4 += [UInt8](repeating: 0, count: l4Length - 4)
        if ipProtocol == 17 { l4[5] = UInt8(l4Length + 4) }
        if ipProtocol == 6 { l4[12] = 0x50 }
        return bytes(mac(1)) + bytes(mac(0x12)) + [0x08, 0x00] + ip + l4 + [1, 2, 3, 4]
    }

    static func setChecksum(_ ip: inout [UInt8]) {
        (ip[10], ip[11]) = (0, 0)
        var sum: UInt32 = 0
        for index in stride(from: 0, to: 20, by: 2) { sum += UInt32(ip[index]) << 8 | UInt32(ip[index + 1]) }
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        let checksum = UInt16(truncatingIfNeeded: ~sum)
        (ip[10], ip[11]) = (UInt8(checksum >> 8), UInt8(checksum & 255))
    }
}

/// A reference data plane that rejects the update with a given number, to see what is left afterwards.
final class FailingDataPlane: DataPlane {
    let plane: ReferenceDataPlane
    /// Counts down with each update; the one that finds 0 is rejected.
    var remaining = Int.max

    init(_ plane: ReferenceDataPlane) { self.plane = plane }

    func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        updates.map { update in
            remaining -= 1
            if remaining == -1 { return .rejected(.backEnd(table: update.entry.table, "broken")) }
            return plane.write([update])[0]
        }
    }

    var capabilities: DataPlaneCapabilities { plane.capabilities }
    func entries(of table: TableID) -> [TableEntry] { plane.entries(of: table) }
    func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) { plane.sweepFlows(visit) }
    func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) { plane.sweepMACs(visit) }
    func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] { plane.counters(of: table) }
    func verdictCounters() -> [VerdictCounter] { plane.verdictCounters() }
    var generation: PolicyGeneration { plane.generation }
    func advanceGeneration() -> PolicyGeneration { plane.advanceGeneration() }
    func setTime(_ now: CoarseTime) { plane.setTime(now) }
    func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        plane.pollEvents(maximum: maximum, body)
    }
    func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) { try plane.packetOut(packet, port: port) }
    func health() -> DataPlaneHealth { plane.health() }
}

extension DataPlane {
    /// Everything but what was learned, for comparing before and after.
    var allEntries: Set<TableEntry> { Set(TableID.allCases.flatMap { entries(of: $0) }) }
}

extension ReferenceDataPlane {
    func process(_ frame: [UInt8], port: UInt16) throws -> PacketVerdict {
        try process(frame.span.bytes, port: PortID(rawValue: port))
    }
}
