// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Packet
import Tables
import Testing

@testable import XDPDataPlane

/// Static entries as a store would keep them.
struct KeptEntries: StaticEntries {
    struct MACKey: Hashable {
        var vlan: VLANID
        var mac: MACAddress
    }

    var flows: [FlowKey: FlowEntry] = [:]
    var macs: [MACKey: MACEntry] = [:]

    var flowCount: Int { flows.count }
    var macCount: Int { macs.count }
    func flow(_ key: FlowKey) -> FlowEntry? { flows[key] }
    func mac(_ entry: MACEntry) -> MACEntry? { macs[MACKey(vlan: entry.vlan, mac: entry.mac)] }
    func forEachFlow(_ body: (FlowEntry) -> Void) { flows.values.forEach(body) }
    func forEachMAC(_ body: (MACEntry) -> Void) { macs.values.forEach(body) }

    mutating func add(_ entry: TableEntry) {
        switch entry {
        case .flow(let flow) where flow.origin == .static: flows[flow.key] = flow
        case .mac(let mac) where mac.isStatic: macs[MACKey(vlan: mac.vlan, mac: mac.mac)] = mac
        default: break
        }
    }
}

/// What is wanted of a data plane.
struct WantedTables {
    var state: TableState
    var entries = KeptEntries()

    init(_ all: [TableEntry], for plane: any ReconcilableDataPlane) {
        state = plane.emptyState
        for entry in all {
            entries.add(entry)
            if case .failure(let error) = state.update(.insert(entry)) { Issue.record("\(error)") }
            if case .flow(let flow) = entry { state.countReferences(removed: nil, inserted: flow) }
        }
    }

    /// Both parts of a comparison.
    func reconcile(_ plane: any ReconcilableDataPlane, derived: Bool = true, repair: Bool) -> ReconcileReport {
        var report = plane.reconcileTables(state, repair: repair)
        report.add(plane.reconcileEntries(entries, derived: derived, repair: repair))
        return report
    }
}

/// `SmallWorld` with rules, static flows, a deleted next hop, and routes hidden behind longer ones.
enum ReconcileWorld {
    typealias W = SmallWorld

    static var rules: [ACLEntry] {
        func rule(_ id: UInt32, _ priority: UInt32, _ action: ACLEntry.Action, _ fill: (inout ACLEntry.Match) -> Void)
            -> ACLEntry
        {
            var match = ACLEntry.Match()
            fill(&match)
            return ACLEntry(id: id, priority: priority, match: match, action: action)
        }
        return [
            rule(700, 9, .drop) { ($0.ipProtocol, $0.destinationPorts) = (6, 23...25) },
            rule(3, 8, .permit) { $0.source = W.prefix("10.0.1.0/24") },
            rule(12, 8, .redirect(W.port(2))) { $0.destination = W.prefix("10.77.0.0/16") },
        ]
    }

    static func key(_ number: UInt16, _ destination: String = "10.2.1.1") -> FlowKey {
        FlowKey(
            routerInterface: W.interface(1), source: W.address(destination.contains(":") ? "fd00:1::2" : "10.0.1.2"),
            destination: W.address(destination), ipProtocol: 17, sourcePort: number, destinationPort: 2000)
    }

    static var staticFlows: [FlowEntry] {
        [
            FlowEntry(key: key(1), action: .nextHop(W.hop(4))), FlowEntry(key: key(2), action: .drop),
            FlowEntry(key: key(3), action: .port(W.port(2))),
            FlowEntry(key: key(4, "fd00:2::1"), action: .nextHop(W.hop(104))),
            FlowEntry(key: key(5, "fd00:2::1"), action: .cpu, mirror: true),
        ]
    }

    static var hiddenRoutes: [TableEntry] {
        [
            W.route("172.16.0.0/12", .drop, vrf: 7), W.route("172.16.0.0/13", .kernel, vrf: 7),
            W.route("172.24.0.0/13", .cpu, vrf: 7), W.route("2001:db8::/64", .drop, vrf: 7),
            W.route("2001:db8::/65", .kernel, vrf: 7), W.route("2001:db8::8000:0:0:0/65", .cpu, vrf: 7),
        ]
    }

    static var entries: [TableEntry] {
        W.entries + rules.map { .acl($0) } + staticFlows.map { .flow($0) } + hiddenRoutes
    }

    /// Flows as the controller derives them.
    static func derivedFlows(_ plane: XDPDataPlane) -> [FlowEntry] {
        var keys = (10...40 as ClosedRange<UInt16>).map {
            key($0, ["10.2.1.1", "10.10.0.1", "10.11.0.9"][Int($0) % 3])
        }
        keys += (10...40 as ClosedRange<UInt16>).map {
            key($0, ["fd00:2::1", "fd00:10::1", "fd00:11::9"][Int($0) % 3])
        }
        return keys.compactMap {
            Classifier.evaluate(key: $0, state: plane.state, generation: plane.generation).entry
        }
    }

    /// Fills an empty data plane.
    static func fill(_ plane: XDPDataPlane) {
        #expect(plane.write(entries.map { .insert($0) }).allSatisfy { $0 == .applied })
        let gone = TableEntry.nextHop(
            .init(id: W.hop(555), routerInterface: W.interface(2), neighbor: W.address("10.0.2.55")))
        #expect(plane.write([.insert(gone), .delete(gone)]) == [.applied, .applied])
        plane.setTime(CoarseTime(rawValue: 77))
        plane.advanceGeneration()
        #expect(plane.write(derivedFlows(plane).map { .insert(.flow($0)) }).allSatisfy { $0 == .applied })
    }

    /// Frames that meet every kind of entry.
    static var frames: [(port: UInt16, bytes: [UInt8])] {
        let destinations = [
            "10.2.1.1", "10.2.7.1", "10.2.7.9", "10.3.0.1", "10.5.0.1", "10.6.0.1", "10.9.0.1", "10.10.0.1",
            "10.11.0.1",
            "10.12.0.1", "10.13.0.1", "10.77.0.1", "8.8.8.8", "fd00:2::1", "fd00:2:7::1", "fd00:2:7::9", "fd00:10::1",
            "fd00:12::1", "fd00:2::1:5", "2001:db8::1",
        ]
        var all: [(UInt16, [UInt8])] = []
        for text in destinations {
            for source in [1, 2, 3, 4, 5, 10, 11, 12, 1000] as [UInt16] {
                let payload: Frame.Payload =
                    text.contains(":")
                    ? .ipv6(W.udp6(to: text, ports: (source, 2000))) : .ipv4(W.udp4(to: text, ports: (source, 2000)))
                all.append((1, W.frame(payload)))
                all.append((1, W.frame(payload, tags: [.init(vid: 100)])))
            }
        }
        for mac in [
            0x02_00_00_00_bb_04, 0x02_00_00_00_bb_06, 0x02_00_00_00_bb_0d, 0x02_00_00_00_bb_0c, 0xffff_ffff_ffff,
        ]
            as [UInt64]
        {
            all.append((4, W.frame(.ipv4(W.udp4(to: "10.1.1.1")), to: MACAddress(rawValue: mac))))
            all.append((6, W.frame(.ipv4(W.udp4(to: "10.1.1.1")), to: MACAddress(rawValue: mac))))
        }
        return all
    }
}

/// A data plane that is pinned, and a way to end its process.
final class PinnedNode {
    static let directory = "/sys/fs/bpf/node"
    var configuration: XDPConfiguration
    private(set) var plane: XDPDataPlane

    init(_ change: (inout XDPConfiguration) -> Void = { _ in }) throws {
        configuration = .forTests
        configuration.pinDirectory = Self.directory
        change(&configuration)
        plane = try XDPDataPlane(configuration)
    }

    /// What a process that ends takes along goes; what is pinned stays. `meanwhile` is what others do until the next one starts.
    func restart(_ meanwhile: () throws -> Void = {}) throws {
        // Something has to be in its place.
        var other = configuration
        other.pinDirectory = nil
        plane = try XDPDataPlane(other)
        try meanwhile()
        plane = try XDPDataPlane(configuration)
    }
}

/// Memory of the pinned maps, mapped once more, as anybody with the right to can.
final class Tampering {
    private var maps: [String: Mapped] = [:]
    let path: String

    final class Mapped {
        let array: MappedArray
        init(_ path: String) throws { array = try MappedArray(BPFMap(pinned: path)) }
    }

    init(_ path: String = "\(PinnedNode.directory)/set-1") { self.path = path }

    func map(_ name: String) throws -> BPFMap { try BPFMap(pinned: "\(path)/\(name)") }

    func memory<T>(_ name: String, as: T.Type = T.self) throws -> UnsafeMutablePointer<T> {
        if maps[name] == nil { maps[name] = try Mapped("\(path)/\(name)") }
        return try #require(maps[name]).array.baseAddress.assumingMemoryBound(to: T.self)
    }

    var settings: UnsafeMutablePointer<fp_settings> { get throws { try memory("settings") } }
    var ports: UnsafeMutablePointer<fp_port> { get throws { try memory("ports") } }
    var vlans: UnsafeMutablePointer<fp_vlan> { get throws { try memory("vlans") } }
    var nextHops: UnsafeMutablePointer<fp_nexthop> { get throws { try memory("nexthops") } }
    var groups: UnsafeMutablePointer<fp_nexthop_group> { get throws { try memory("groups") } }
    var rules: UnsafeMutablePointer<fp_acl_rule> { get throws { try memory("acl") } }
    var routes: UnsafeMutablePointer<fp_route> { get throws { try memory("routes") } }
    var words: UnsafeMutablePointer<UInt64> { get throws { try memory("interfaces") } }
    var tree: UnsafeMutablePointer<UInt32> { get throws { try memory("tree") } }
}

/// Every byte of the mapped maps, and what the others hold.
func images(_ plane: XDPDataPlane) throws -> [String: [UInt8]] {
    var images: [String: [UInt8]] = [:]
    for name in FastPath.mapNames {
        let map = try plane.fastPath.map(name)
        switch map.info.type {
        case .array where name != FastPath.constants:
            let mapped = try MappedArray(map, writable: false)
            images[name] = Array(UnsafeRawBufferPointer(start: mapped.baseAddress, count: mapped.byteCount))
        case .deviceMap:
            images[name] = try (0..<UInt32(FP_MAX_PORTS)).flatMap { key -> [UInt8] in
                guard let device = try map.device(at: key) else { return [0] }
                return Array("\(device.interfaceIndex) \(device.programID ?? 0)".utf8)
            }
        case .programArray:
            images[name] = try (0..<UInt32(FP_CHAIN_SLOTS)).flatMap { Array("\(try map.programID(at: $0) ?? 0) ".utf8) }
        default: break
        }
    }
    return images
}

/// Maps that are not the same in both.
func differences(_ a: [String: [UInt8]], _ b: [String: [UInt8]]) -> [String] {
    a.keys.filter { a[$0] != b[$0] }.sorted()
}
