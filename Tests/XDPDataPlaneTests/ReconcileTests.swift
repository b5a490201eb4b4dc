// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Something that others have done to the tables, and what is said of it.
struct Alteration: CustomStringConvertible, Sendable {
    var description: String
    /// What is found: kind, table and subject of each.
    var found: Set<String>
    /// What derived entries depend on: they are misses once it is repaired.
    var advances: Bool
    var alter: @Sendable (Tampering, XDPDataPlane) throws -> Void

    init(
        _ description: String, _ found: String..., advances: Bool = false,
        _ alter: @escaping @Sendable (Tampering, XDPDataPlane) throws -> Void
    ) {
        (self.description, self.found, self.advances, self.alter) = (description, Set(found), advances, alter)
    }

    static func text(_ discrepancy: Discrepancy) -> String {
        "\(discrepancy.kind.rawValue) \(discrepancy.table.map { "\($0.rawValue): " } ?? "")\(discrepancy.subject)"
    }

    // MARK: Settings

    static let settings: [Alteration] = [
        .init("generation", "altered setting generation", advances: true) { t, _ in
            try t.settings.pointee.generation += 3
        },
        .init("epoch", "altered setting epoch") { t, _ in try t.settings.pointee.epoch ^= 1 },
        .init("ACL default", "altered setting flags", advances: true) { t, _ in try t.settings.pointee.flags ^= 2 },
        .init("chain", "altered setting flags") { t, _ in try t.settings.pointee.flags ^= 1 },
        .init("event budget", "altered setting event_budget") { t, _ in try t.settings.pointee.event_budget = 0 },
        .init("seed", "altered setting seed") { t, _ in try t.settings.pointee.seed.2.11 ^= 1 },
        .init("name key", "altered setting name_key") { t, _ in try t.settings.pointee.name_key.1 ^= 1 },
        .init("ABI version", "altered setting abi_version") { t, _ in try t.settings.pointee.abi_version = 1 },
        .init("created", "altered setting created") { t, _ in try t.settings.pointee.created += 1 },
        .init("moves", "altered setting moves") { t, _ in try t.settings.pointee.moves += 1 },
        .init(
            "no rules", "missing acl_ingress_table: ACL entry 700", "missing acl_ingress_table: ACL entry 3",
            "missing acl_ingress_table: ACL entry 12", advances: true
        ) { t, _ in try t.settings.pointee.acl &= 1 << 31 },
        .init("one rule less", "missing acl_ingress_table: ACL entry 12", advances: true) { t, _ in
            try t.settings.pointee.acl -= 1
        },
    ]

    // MARK: Ports and VLANs

    /// The record of a port that ingress looks at.
    private static func inForce(_ plane: XDPDataPlane, _ port: UInt16) -> Int {
        plane.recordInForce(SmallWorld.port(port))
    }

    static let ports: [Alteration] = [
        .init("a port admits nothing", "altered port_table: port 1") { t, p in try t.ports[inForce(p, 1)].head ^= 1 },
        .init("a port's other head", "altered port_table: port 2") { t, p in
            try t.ports[inForce(p, 2) ^ 64].head ^= 1 << 5
        },
        .init("a port's VLAN", "altered port_table: port 4", advances: true) { t, p in
            try t.ports[inForce(p, 4)].head ^= 1 << 33
        },
        .init("a port is gone", "missing port_table: port 3", advances: true) { t, _ in
            (try t.ports[3].head, try t.ports[67].head) = (0, 0)
        },
        .init("a port more", "extra port_table: port 40", advances: true) { t, _ in try t.ports[40].head = 1 << 6 | 1 },
        .init("a station's address", "altered my_station_table: stations of port 1", advances: true) { t, p in
            try t.ports[inForce(p, 1)].stations.1.mac ^= 1
        },
        .init("a station's interface", "altered my_station_table: stations of port 7", advances: true) { t, p in
            try t.ports[inForce(p, 7)].stations.0.rif = 2
        },
        .init("no stations", "missing my_station_table: stations of port 2", advances: true) { t, p in
            try t.ports[inForce(p, 2)].stations.0.rif = 0
        },
        .init("a station where there is no port", "extra my_station_table: stations of port 50", advances: true) {
            t, p in
            // The entry for any port concerns ports that are configured and those that are not.
            try t.ports[inForce(p, 50)].stations.1 = fp_station(mac: 2, mask: 1, vlan: 0, rif: 1, vrf: 0, any_vlan: 1)
        },
        .init("an interface is no port", "missing port of interface 77") { t, _ in try t.words[77] = 0 },
        .init("an interface is another port", "altered port of interface 77") { t, _ in try t.words[77] ^= 1 << 32 },
        .init("another interface is a port", "extra port of interface 91") { t, _ in try t.words[91] = 1 << 32 | 91 },
        .init("a VLAN's members", "altered vlan_table: VLAN 10") { t, _ in
            try t.vlans[10].half.0.members ^= 2
            try t.vlans[10].half.1.members ^= 2
        },
        .init("a VLAN's other half", "altered vlan_table: VLAN 20") { t, _ in
            if try t.vlans[20].state == 0 {
                try t.vlans[20].half.1.members = 1
            } else {
                try t.vlans[20].half.0.members = 1
            }
            try t.vlans[20].state ^= 1
        },
        .init("a VLAN's policy", "altered vlan_table: VLAN 20") { t, _ in
            try t.vlans[20].half.0.broadcast ^= 1
            try t.vlans[20].half.1.broadcast ^= 1
        },
        .init("a VLAN's state", "altered vlan_table: VLAN 20") { t, _ in
            try t.vlans[20].half.1 = try t.vlans[20].state == 0 ? t.vlans[20].half.0 : t.vlans[20].half.1
            try t.vlans[20].state = 9
        },
        .init("a VLAN more", "extra vlan_table: VLAN 77") { t, _ in
            (try t.vlans[77].half.0.members, try t.vlans[77].half.1.members) = (6, 6)
        },
        .init("a VLAN less", "missing vlan_table: VLAN 10") { t, _ in
            (try t.vlans[10].half.0, try t.vlans[10].half.1) = (fp_vlan_members(), fp_vlan_members())
        },
    ]

    // MARK: Next hops, groups, routes

    private static func slot(_ plane: XDPDataPlane, _ id: UInt32) throws -> Int {
        Int(try #require(plane.nextHopSlots[SmallWorld.hop(id)]))
    }

    private static func record(_ plane: XDPDataPlane, _ text: String, vrf: UInt16 = 0) throws -> Int {
        Int(try #require(plane.routeRecords[.init(vrf: VRFID(rawValue: vrf), prefix: SmallWorld.prefix(text))]))
    }

    static let nextHops: [Alteration] = [
        .init("unresolved", "altered nexthop_table: next hop 2") { t, p in try t.nextHops[slot(p, 2)].state &= ~1 },
        .init("the other rewrite", "altered nexthop_table: next hop 4") { t, p in
            let slot = try slot(p, 4)
            if try t.nextHops[slot].state & 2 == 0 {
                try t.nextHops[slot].rewrite.1 = fp_rewrite()
            } else {
                try t.nextHops[slot].rewrite.0 = fp_rewrite()
            }
            try t.nextHops[slot].state ^= 2
        },
        .init("port down", "altered nexthop_table: next hop 102") { t, p in try t.nextHops[slot(p, 102)].state ^= 4 },
        .init("an address", "altered nexthop_table: next hop 1") { t, p in
            try t.nextHops[slot(p, 1)].rewrite.0.destination.5 ^= 1
            try t.nextHops[slot(p, 1)].rewrite.1.destination.5 ^= 1
        },
        .init("an MTU", "altered nexthop_table: next hop 5") { t, p in
            try t.nextHops[slot(p, 5)].rewrite.0.mtu = 9000
            try t.nextHops[slot(p, 5)].rewrite.1.mtu = 9000
        },
        .init("a name", "altered nexthop_table: next hop 3", advances: true) { t, p in
            try t.nextHops[slot(p, 3)].name ^= 1
        },
        .init("an id", "altered nexthop_table: next hop 3") { t, p in try t.nextHops[slot(p, 3)].state ^= 1 << 40 },
        .init("a free slot", "extra nexthop_table: next hop in free slot 9000") { t, _ in try t.nextHops[9000].state = 1
        },
        .init("a deleted one", "extra nexthop_table: next hop 555") { t, p in try t.nextHops[slot(p, 555)].state |= 1 },
        .init("a group's bucket", "altered nexthop_group_table: next-hop group 1", advances: true) { t, p in
            let slot = Int(try #require(p.groupSlots[.init(rawValue: 1)]))
            try t.groups[slot].bucket.17 ^= 1
        },
        .init("a route's next hop", "altered ipv4_table: route 10.2.0.0/16 in VRF 0", advances: true) { t, p in
            try t.routes[record(p, "10.2.0.0/16")].action ^= 1
        },
        .init("a route's disposition", "altered ipv6_table: route fd00:11::/32 in VRF 0", advances: true) { t, p in
            try t.routes[record(p, "fd00:11::/32")].action ^= 3 << 22
        },
        .init("a route's name", "altered ipv4_table: route 10.2.0.0/16 in VRF 1", advances: true) { t, p in
            try t.routes[record(p, "10.2.0.0/16", vrf: 1)].action ^= 1 << 40
        },
        .init("a hidden route", "altered ipv4_table: route 172.16.0.0/12 in VRF 7", advances: true) { t, p in
            try t.routes[record(p, "172.16.0.0/12", vrf: 7)].action ^= 1 << 22
        },
        .init(
            "a VRF without routes", "missing ipv6_table: route ::/0 in VRF 1", advances: true
        ) { t, _ in try t.tree[16 + 256 + 1] = 0 },
        .init("another VRF's routes", "extra ipv6_table: route from :: on in VRF 5", advances: true) { t, _ in
            try t.tree[16 + 256 + 5] = try t.tree[16 + 256 + 1]
        },
        .init("the empty root", "altered prefix tree", advances: true) { t, _ in try t.tree[7] = 3 },
        .init(
            "a reference", "missing ipv4_table: route 0.0.0.0/0 in VRF 1",
            "missing ipv4_table: route 10.2.0.0/16 in VRF 1", advances: true
        ) { t, p in
            // What stood for the default route stands for the /16, in every place.
            let (from, to) = (UInt32(try record(p, "0.0.0.0/0", vrf: 1)), UInt32(try record(p, "10.2.0.0/16", vrf: 1)))
            let root = Int(try t.tree[16 + 1])
            func replace(_ reference: UnsafeMutablePointer<UInt32>, _ depth: Int) throws {
                if reference.pointee & PT_NODE != 0, depth < 14 {
                    for child in 0..<6 {
                        try replace(
                            t.tree + Int(reference.pointee & UInt32(PT_INDEX_MASK)) * 16 + 10 + child, depth + 1)
                    }
                } else if reference.pointee == from {
                    reference.pointee = to
                } else if reference.pointee == to {
                    reference.pointee = from
                }
            }
            for place in 0..<16 { try replace(t.tree + root * 16 + place, 0) }
        },
        .init("a rule's value", "altered acl_ingress_table: ACL entry 3", advances: true) { t, p in
            try t.rules[bank(p) + 1].value.5 ^= 1 << 9
        },
        .init("a rule's ports", "altered acl_ingress_table: ACL entry 700", advances: true) { t, p in
            try t.rules[bank(p)].destination_port_high = 99
        },
        .init("a rule's action", "altered acl_ingress_table: ACL entry 700", advances: true) { t, p in
            try t.rules[bank(p)].action ^= 1 << 22
        },
        .init("a rule's counter", "altered acl_ingress_table: ACL entry 700", advances: true) { t, p in
            try t.rules[bank(p)].counter += 1
        },
        .init(
            "a rule's id", "missing acl_ingress_table: ACL entry 700", "extra acl_ingress_table: ACL entry 701",
            advances: true
        ) { t, p in try t.rules[bank(p)].id = 701 },
    ]

    private static func bank(_ plane: XDPDataPlane) -> Int {
        Int(plane.fastPath.settings.pointee.acl >> 31) * Int(FP_MAX_ACL_RULES)
    }

    // MARK: Flows and stations

    /// The entry of a key, in the memory of a table.
    private static func entry<Key: ExactMatchKey>(_ base: UnsafeMutableRawPointer, _ buckets: Int, _ key: Key) throws
        -> UnsafeMutableRawPointer
    {
        try #require(
            (0..<buckets * Key.slotsPerBucket).map { base + $0 * Key.entryBytes }.first {
                key.matches($0) && $0.load(fromByteOffset: Key.actionOffset, as: UInt64.self) & ActionWord.valid != 0
            })
    }

    private static func flow4(_ t: Tampering, _ p: XDPDataPlane, _ number: UInt16) throws -> UnsafeMutablePointer<
        fp_entry32
    > {
        try entry(
            t.memory("flow4", as: UInt8.self), p.fastPath.sizes.flow4Buckets,
            ExactMatchKey32(ReconcileWorld.key(number))
        )
        .assumingMemoryBound(to: fp_entry32.self)
    }

    private static func flow6(_ t: Tampering, _ p: XDPDataPlane, _ number: UInt16) throws -> UnsafeMutablePointer<
        fp_entry64
    > {
        try entry(
            t.memory("flow6", as: UInt8.self), p.fastPath.sizes.flow6Buckets,
            ExactMatchKey64(ReconcileWorld.key(number, "fd00:2::1"))
        ).assumingMemoryBound(to: fp_entry64.self)
    }

    private static func station(_ t: Tampering, _ p: XDPDataPlane, _ value: UInt64) throws -> UnsafeMutablePointer<
        fp_entry32
    > {
        let key = ExactMatchKey32(KeyWords.mac(SmallWorld.vlan(10), MACAddress(rawValue: value)), 0)
        return try entry(t.memory("mac", as: UInt8.self), p.fastPath.sizes.macBuckets, key).assumingMemoryBound(
            to: fp_entry32.self)
    }

    private static let one = "flow_cache_table: flow \(ReconcileWorld.key(1))"
    private static let four = "flow_cache_table: flow \(ReconcileWorld.key(4, "fd00:2::1"))"
    private static let derived = "flow_cache_table: flow \(ReconcileWorld.key(12))"

    static let entries: [Alteration] = [
        .init("a static flow's next hop", "altered \(one)") { t, p in try flow4(t, p, 1).pointee.action ^= 1 },
        .init("a static flow mirrors", "altered \(one)") { t, p in try flow4(t, p, 1).pointee.action ^= 1 << 21 },
        .init("a static flow is gone", "missing \(one)") { t, p in try flow4(t, p, 1).pointee.action &= ~(1 << 18) },
        .init("a static flow is derived", "altered \(one)") { t, p in try flow4(t, p, 1).pointee.action &= ~(1 << 19) },
        .init("an IPv6 flow's reason", "altered \(four)") { t, p in try flow6(t, p, 4).pointee.action ^= 1 << 26 },
        .init("an IPv6 flow's key", "missing \(four)", "extra flow_cache_table: entry") { t, p in
            // Where no packet looks for it: its hashes are others now.
            let entry = try flow6(t, p, 4)
            var bit: UInt64 = 1
            while let found = Optional(ExactMatchKey64(loadingFrom: entry)), p.flows6.find(found) != nil {
                entry.pointee.key.4 ^= bit << 8
                bit <<= 1
            }
        },
        .init("a flow more", "extra flow_cache_table: flow \(ReconcileWorld.key(3000))") { t, p in
            let key = ExactMatchKey32(ReconcileWorld.key(3000))
            let bucket = Int(p.flows4.buckets(of: key).0)
            let base = try t.memory("flow4", as: UInt8.self)
            for slot in bucket * 4..<bucket * 4 + 4 {
                let entry = UnsafeMutableRawPointer(base + slot * 32)
                guard entry.load(fromByteOffset: 16, as: UInt64.self) == 0 else { continue }
                key.store(to: entry)
                entry.storeBytes(
                    of: ActionWord(.forward, index: 2, flags: ActionWord.isStatic).rawValue, toByteOffset: 16,
                    as: UInt64.self)
                return
            }
        },
        .init("a derived flow's next hop", "altered \(derived)") { t, p in try flow4(t, p, 12).pointee.action ^= 3 },
        .init("a derived flow's reason", "altered \(derived)") { t, p in try flow4(t, p, 12).pointee.action |= 63 << 26
        },
        .init("a derived flow's slot", "altered \(derived)") { t, p in try flow4(t, p, 12).pointee.action |= 0x3ffff },
        .init("a derived flow is static", "extra \(derived)") { t, p in try flow4(t, p, 12).pointee.action |= 1 << 19 },
        .init("a static station's port", "altered mac_table: station 02:00:00:00:bb:06 in VLAN 10") { t, p in
            try station(t, p, 0x02_00_00_00_bb_06).pointee.action ^= 1
        },
        .init("a static station is gone", "missing mac_table: station 02:00:00:00:bb:0d in VLAN 10") { t, p in
            try station(t, p, 0x02_00_00_00_bb_0d).pointee.action = 0
        },
        .init("a learned station's port", "altered mac_table: station 02:00:00:00:bb:04 in VLAN 10") { t, p in
            try station(t, p, 0x02_00_00_00_bb_04).pointee.action |= 63
        },
        .init("a learned station is static", "extra mac_table: station 02:00:00:00:bb:05 in VLAN 10") { t, p in
            try station(t, p, 0x02_00_00_00_bb_05).pointee.action |= 1 << 19
        },
    ]

    // MARK: Under the tables

    static let pins: [Alteration] = [
        .init("the chain's last slot", "missing chain slot 15") { t, _ in _ = try t.map("chain").clearProgram(at: 15) },
        .init("a pin is gone", "missing pin /sys/fs/bpf/node/set-1/flow4") { t, _ in
            try BPFFileSystem.unpin("\(t.path)/flow4")
        },
        .init("a program's pin is gone", "missing pin /sys/fs/bpf/node/set-1/xdp_resume") { t, _ in
            try BPFFileSystem.unpin("\(t.path)/xdp_resume")
        },
        .init("a pin is another map", "altered pin /sys/fs/bpf/node/set-1/flow6") { t, _ in
            try BPFFileSystem.unpin("\(t.path)/flow6")
            try t.map("flow4").pin(at: "\(t.path)/flow6")
        },
        .init("the set is gone", "missing pin /sys/fs/bpf/node/set-1") { t, _ in
            try BPFFileSystem.removeDirectory(t.path)
        },
    ]

    static var all: [Alteration] { settings + ports + nextHops + entries + pins }
}

@Suite("What differs from what is wanted is found and repaired, and nothing else", .enabled(if: kernelTestsRun))
struct ReconcileTests {
    typealias W = SmallWorld

    private func texts(_ report: ReconcileReport) -> Set<String> { Set(report.discrepancies.map(Alteration.text)) }

    @Test("every alteration is found exactly, repaired exactly, and gone then")
    func alterations() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode()
            let plane = node.plane
            ReconcileWorld.fill(plane)
            try plane.bind(W.port(1), interfaceIndex: 77, sends: false)
            let wanted = WantedTables(ReconcileWorld.entries, for: plane)
            for alteration in Alteration.all {
                // Repairs may have made derived flows stale, and removed those that were wrong.
                plane.sweepFlows { $0.entry.origin == .static ? .keep : .remove }
                #expect(
                    plane.write(ReconcileWorld.derivedFlows(plane).map { .insert(.flow($0)) })
                        .allSatisfy { $0 == .applied })
                let clean = wanted.reconcile(plane, repair: true)
                #expect(clean.found == 0, "before \(alteration): \(clean.discrepancies.prefix(5))")
                let (before, generation) = (try images(plane), plane.generation)
                try alteration.alter(Tampering(), plane)
                let altered = try images(plane)

                let told = wanted.reconcile(plane, repair: false)
                #expect(texts(told) == alteration.found, "\(alteration), told")
                #expect(differences(altered, try images(plane)) == [], "\(alteration): a look has changed something")
                let repaired = wanted.reconcile(plane, repair: true)
                #expect(
                    texts(repaired) == alteration.found && repaired.failed == 0,
                    "\(alteration): \(repaired.discrepancies.prefix(5))")
                #expect(
                    plane.generation.rawValue == generation.rawValue &+ (alteration.advances ? 1 : 0), "\(alteration)")
                let after = wanted.reconcile(plane, derived: false, repair: false)
                #expect(after.found == 0, "after \(alteration): \(after.discrepancies.prefix(5))")
                // What was not altered is as it was, byte for byte.
                var touched = Set(differences(before, altered)).union(["settings", "routes", "tree", "interfaces"])
                if alteration.found.contains(where: { $0.contains("acl_ingress") }) { touched.insert("acl") }
                let more = Set(differences(before, try images(plane))).subtracting(touched)
                #expect(more.isEmpty, "\(alteration) has touched \(more)")
            }
        }
    }

    @Test("an alteration made while nobody was there is repaired by whoever takes over")
    func alterationsMeanwhile() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode()
            ReconcileWorld.fill(node.plane)
            for alteration in Alteration.all where !alteration.found.contains(where: { $0.contains(" pin ") }) {
                let tampering = Tampering()
                try node.plane.bind(W.port(1), interfaceIndex: 77, sends: false)
                try alteration.alter(tampering, node.plane)
                try node.restart()
                // Of another layout: not to be taken over.
                if alteration.description == "ABI version" {
                    #expect(!node.plane.isAdopted)
                    try tampering.settings.pointee.abi_version = UInt32(FP_ABI_VERSION)
                    node.plane.abandon()
                    try node.restart()
                }
                #expect(node.plane.isAdopted)
                node.plane.setTime(CoarseTime(rawValue: 77))
                let wanted = WantedTables(ReconcileWorld.entries, for: node.plane)
                let report = wanted.reconcile(node.plane, repair: true)
                #expect(report.failed == 0, "\(alteration): \(report.discrepancies.prefix(5))")
                let after = wanted.reconcile(node.plane, repair: true)
                #expect(after.found == 0, "\(alteration): \(after.discrepancies.prefix(5))")
                node.plane.sweepFlows { $0.entry.origin == .static ? .keep : .remove }
                #expect(
                    node.plane.write(ReconcileWorld.derivedFlows(node.plane).map { .insert(.flow($0)) })
                        .allSatisfy { $0 == .applied }, "\(alteration)")
                // One may have taken the slot that was altered.
                _ = wanted.reconcile(node.plane, repair: true)
                let gone = TableEntry.nextHop(
                    .init(id: W.hop(555), routerInterface: W.interface(2), neighbor: W.address("10.0.2.55")))
                #expect(node.plane.write([.insert(gone), .delete(gone)]) == [.applied, .applied])
                node.plane.advanceGeneration()
            }
        }
    }

    @Test("counters go on through repairs of what they count")
    func counters() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode()
            ReconcileWorld.fill(node.plane)
            for frame in ReconcileWorld.frames {
                _ = try node.plane.process(frame.bytes.span.bytes, port: W.port(frame.port))
            }
            let wanted = WantedTables(ReconcileWorld.entries, for: node.plane)
            func counts() -> Set<String> {
                let entries = flows(node.plane).filter { $0.key.origin == .static }.map { "\($0)" }
                return Set(
                    [TableID.acl, .ipv4, .ipv6].flatMap { node.plane.counters(of: $0).map { "\($0)" } }
                        + entries + macs(node.plane).map { "\($0)" })
            }
            let before = counts()
            #expect(before.contains { $0.contains("packets: 1") || $0.contains("packets: 2") })
            let kept: Set<String> = [
                "a route's next hop", "a route's name", "a hidden route", "a VRF without routes", "a reference",
                "a rule's value",
                "a rule's action", "no rules", "a rule's counter", "a static flow's next hop", "a static flow mirrors",
                "a static station's port",
                "a static flow is derived",
            ]
            for alteration in Alteration.all where kept.contains(alteration.description) {
                try alteration.alter(Tampering(), node.plane)
                #expect(wanted.reconcile(node.plane, repair: true).failed == 0)
                #expect(counts().symmetricDifference(before) == [], "\(alteration)")
                // What tells whose counter it is has gone, and with it the process that knew.
                if ["a rule's counter", "no rules", "a route's name"].contains(alteration.description) { continue }
                try alteration.alter(Tampering(), node.plane)
                try node.restart()
                #expect(wanted.reconcile(node.plane, repair: true).failed == 0)
                #expect(counts().symmetricDifference(before) == [], "\(alteration), taken over")
            }
        }
    }

    @Test("the BPF file system goes and comes back: forwarding does not notice, and the pins are made again")
    func fileSystem() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode()
            ReconcileWorld.fill(node.plane)
            let wanted = WantedTables(ReconcileWorld.entries, for: node.plane)
            // The thread's own, and what it covers.
            while BPFFileSystem.contains("/sys/fs/bpf") {
                try #require(umount2("/sys/fs/bpf", Int32(MNT_DETACH)) == 0)
            }
            let gone = wanted.reconcile(node.plane, repair: true)
            #expect(texts(gone) == ["missing pin /sys/fs/bpf/node/set-1"] && gone.failed == 1)
            #expect(try #require(gone.discrepancies.first?.failure).contains("not on a BPF file system"))
            #expect(mount("bpf", "/sys/fs/bpf", "bpf", 0, nil) == 0)
            #expect(wanted.reconcile(node.plane, repair: true).failed == 0)
            #expect(wanted.reconcile(node.plane, repair: true).isClean)
            try node.restart()
            #expect(node.plane.isAdopted && wanted.reconcile(node.plane, repair: true).isClean)
        }
    }

    @Test("a report names a thousand discrepancies and counts the others")
    func many() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode { $0.ipv4Flows = 4096 }
            let flows = (0..<3000 as Range<UInt16>).map { FlowEntry(key: ReconcileWorld.key($0), action: .drop) }
            let tables = W.entries.filter { if case .mac = $0 { false } else { true } }
            #expect(
                node.plane.write((tables + flows.map { .flow($0) }).map { .insert($0) }).allSatisfy { $0 == .applied })
            let none = WantedTables(tables, for: node.plane)
            let report = none.entries.reconcile(node.plane)
            #expect(report.extra == 3000 && report.discrepancies.count == 1000 && report.failed == 0)
            #expect(node.plane.entries(of: .flowCache).isEmpty)
            let all = WantedTables(tables + flows.map { .flow($0) }, for: node.plane)
            let back = all.entries.reconcile(node.plane)
            #expect(back.missing == 3000 && back.discrepancies.count == 1000 && back.failed == 0)
            #expect(Set(node.plane.entries(of: .flowCache)) == Set(flows.map { .flow($0) }))
            #expect(all.reconcile(node.plane, repair: true).isClean)
        }
    }

    @Test("a table too small for what is wanted says so, and holds what it can")
    func full() throws {
        try inPrivateNetworkNamespace {
            let node = try PinnedNode { ($0.ipv4Flows, $0.macs) = (64, 16) }
            let tables = W.entries.filter { if case .mac = $0 { false } else { true } }
            #expect(node.plane.write(tables.map { .insert($0) }).allSatisfy { $0 == .applied })
            var entries = KeptEntries()
            for number in 0..<100 as Range<UInt16> {
                entries.add(.flow(FlowEntry(key: ReconcileWorld.key(number), action: .drop)))
            }
            for number in 0..<30 as Range<UInt64> {
                entries.add(
                    .mac(
                        .init(
                            vlan: W.vlan(10), mac: MACAddress(rawValue: 0x0200_0000_0000 + number), action: .drop,
                            isStatic: true)))
            }
            let report = entries.reconcile(node.plane)
            #expect(report.missing == 130 && report.failed == 36 + 14, "\(report.failed)")
            #expect(report.discrepancies.contains { $0.failure?.contains("full") == true })
            #expect(node.plane.entries(of: .flowCache).count == 64 && node.plane.entries(of: .mac).count == 16)
        }
    }
}

extension KeptEntries {
    fileprivate func reconcile(_ plane: XDPDataPlane) -> ReconcileReport {
        plane.reconcileEntries(self, derived: true, repair: true)
    }
}
