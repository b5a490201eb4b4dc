// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import Packet
import Synchronization
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Traffic that another thread keeps up: bursts of the same frames, each waited for at the other hosts.
final class Traffic: @unchecked Sendable {
    // SAFETY: taps and results belong to the thread that runs `run` until it has been joined.
    private let sender: Tap
    private let receivers: [Tap]
    private let frames: [[UInt8]]
    /// How many frames come out for one burst.
    private let copies: Int
    private let stop = Atomic(false)
    private let hasStopped = Atomic(false)
    private let rounds = Atomic(0)
    private(set) var arrived: [Set<[UInt8]>]
    private(set) var lost = 0

    init(_ node: LiveNode, _ frames: [[UInt8]], copies: Int) {
        sender = node.tap(1)
        receivers = Array(node.taps.dropFirst())
        (self.frames, self.copies) = (frames, copies)
        arrived = receivers.map { _ in [] }
    }

    /// 40 flows of each family from host 1 to host 2's network, to an address that answers nothing.
    static var frames: [[UInt8]] {
        (1...40 as ClosedRange<UInt16>).flatMap {
            [LiveNode.udp(to: "10.0.2.77", number: $0), LiveNode.udp(to: "fd00:2::77", number: $0)]
        }
    }

    var bursts: Int { rounds.load(ordering: .relaxed) }

    private func run() {
        while !stop.load(ordering: .relaxed) {
            for frame in frames { try? sender.send(frame) }
            var missing = copies
            let deadline = monotonicNanoseconds() + 20_000_000_000
            while missing > 0, monotonicNanoseconds() < deadline {
                for (place, tap) in receivers.enumerated() {
                    let found = tap.arrived(where: isTestTraffic)
                    missing -= found.count
                    arrived[place].formUnion(found)
                    tap.forgetSeen()
                }
                if missing > 0 { usleep(50) }
            }
            lost += missing
            rounds.add(1, ordering: .relaxed)
            if missing != 0 { break }
        }
        hasStopped.store(true, ordering: .relaxed)
    }

    /// Calls `body` with 0, 1, … while traffic is kept up: until there have been enough bursts and enough calls, or a packet is
    /// lost.
    func whileRunning(_ body: (Int) -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Traffic>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        var round = 0
        while bursts < 300 || round < 60, !hasStopped.load(ordering: .relaxed) {
            body(round)
            round += 1
        }
        stop.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }
}

@Suite("No packet meets half an entry", .enabled(if: kernelTestsRun))
struct PublicationTests {
    typealias W = SmallWorld

    private func frames() -> [[UInt8]] { Traffic.frames }

    private func rewrites(_ frames: Set<[UInt8]>) -> Set<[UInt8]> {
        Set(
            frames.map { frame in
                // Addresses, and the tag if there is one.
                frame[12] == 0x81 ? Array(frame[..<16]) : Array(frame[..<12])
            })
    }

    @Test("next hops: addresses and tag always belong together")
    func nextHops() throws {
        try LiveNode.run { node in
            var second = RouterInterfaceEntry(
                id: W.interface(20), port: W.port(2), mac: MACAddress(rawValue: 0x02_11_11_11_11_11))
            second.vlan = W.vlan(200)
            var third = second
            (third.id, third.vlan, third.mac) = (W.interface(21), .untagged, MACAddress(rawValue: 0x02_22_22_22_22_22))
            var setup: [TableUpdate] = [.insert(.routerInterface(second)), .insert(.routerInterface(third))]
            for text in ["10.0.2.2", "fd00:2::2"] {
                for (id, mac) in [(20, 0x02_11_11_11_00_01), (21, 0x02_22_22_22_00_01)] as [(UInt16, UInt64)] {
                    setup.append(
                        .insert(
                            .neighbor(
                                .init(
                                    routerInterface: W.interface(id), address: W.address(text),
                                    mac: MACAddress(rawValue: mac)))))
                }
            }
            node.apply(setup)
            let traffic = Traffic(node, frames(), copies: 80)
            traffic.whileRunning { round in
                let interface = W.interface([2, 20, 21][round % 3])
                node.apply([
                    .modify(
                        .nextHop(.init(id: W.hop(2), routerInterface: interface, neighbor: W.address("10.0.2.2")))),
                    .modify(
                        .nextHop(
                            .init(id: W.hop(102), routerInterface: interface, neighbor: W.address("fd00:2::2")))),
                ])
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(
                rewrites(traffic.arrived[0]) == [
                    [2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 0, 2],
                    [2, 0x11, 0x11, 0x11, 0, 1, 2, 0x11, 0x11, 0x11, 0x11, 0x11, 0x81, 0, 0, 200],
                    [2, 0x22, 0x22, 0x22, 0, 1, 2, 0x22, 0x22, 0x22, 0x22, 0x22],
                ])
        }
    }

    @Test("a flow that is there is found, however others come and go, at a fill of 0.8")
    func flows() throws {
        try LiveNode.run(hosts: 3) { node in
            let generation = node.xdp.generation
            func flow(_ destination: String, _ source: UInt16, _ port: UInt16) -> TableEntry {
                let v6 = destination.contains(":")
                return .flow(
                    .init(
                        key: .init(
                            routerInterface: W.interface(1), source: W.address(v6 ? "fd00:1::2" : "10.0.1.2"),
                            destination: W.address(destination), ipProtocol: 17, sourcePort: source,
                            destinationPort: port), action: .nextHop(W.hop(v6 ? 103 : 3)), origin: .derived(generation),
                        reason: .route))
            }
            // The routes say port 2, the entries port 3: what leaves by port 2 has not found its entry.
            let present = (1...40 as ClosedRange<UInt16>).flatMap {
                [flow("10.0.2.77", $0, 9), flow("fd00:2::77", $0, 9)]
            }
            let others = (1...900 as ClosedRange<UInt16>).map { flow("10.0.2.77", $0, 1000) }
            let others6 = (1...440 as ClosedRange<UInt16>).map { flow("fd00:2::77", $0, 1000) }
            for entries in [present, others, others6] {
                #expect(node.xdp.write(entries.map { .insert($0) }).allSatisfy { $0 == .applied })
            }
            var random = SplitMix64(state: 5)
            var next: UInt16 = 1
            var held = others + others6
            let traffic = Traffic(node, frames(), copies: 80)
            var refused = 0
            traffic.whileRunning { _ in
                var updates: [TableUpdate] = []
                for _ in 0..<50 {
                    let place = Int.random(in: 0..<held.count, using: &random)
                    updates.append(.delete(held[place]))
                    next &+= 1
                    held[place] = flow(place < 900 ? "10.0.2.77" : "fd00:2::77", next, 2000)
                    updates.append(.insert(held[place]))
                }
                refused += node.xdp.write(updates).count { $0 != .applied }
            }
            #expect(refused == 0)
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(traffic.arrived[0].isEmpty && traffic.arrived[1].count == 80)
        }
    }

    @Test("routes: a longer prefix that comes and goes, and a tree that changes all around")
    func routes() throws {
        try LiveNode.run(hosts: 3) { node in
            var random = SplitMix64(state: 6)
            let traffic = Traffic(node, frames(), copies: 80)
            traffic.whileRunning { round in
                var updates: [TableUpdate] = []
                for number in 0..<20 {
                    let text = "\(20 + number).\(random.next() % 256).0.0/\(9 + round % 20)"
                    let text6 = "2001:db8:\(String(random.next() % 65536, radix: 16))::/\(33 + round % 90)"
                    updates += [.insert(W.route(text, .drop)), .insert(W.route(text6, .drop))]
                }
                updates += [
                    .insert(W.route("10.0.2.64/26", .nextHop(W.hop(3)))),
                    .insert(W.route("fd00:2::/65", .nextHop(W.hop(103)))),
                ]
                let inserted = zip(updates, node.xdp.write(updates)).filter { $1 == .applied }.map(\.0)
                _ = node.xdp.write(inserted.map { .delete($0.entry) })
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(rewrites(traffic.arrived[0]) == [[2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 0, 2]])
            #expect(rewrites(traffic.arrived[1]).isSubset(of: [[2, 0, 0, 0, 1, 3, 2, 0, 0, 0, 0, 3]]))
        }
    }

    @Test("the ACL: one of two rules that change places always decides")
    func acl() throws {
        try LiveNode.run(hosts: 3) { node in
            var match = ACLEntry.Match()
            (match.ipProtocol, match.destinationPorts) = (17, 9...9)
            let entries = (1...2 as ClosedRange<UInt32>).map {
                ACLEntry(id: $0, priority: $0 * 100, match: match, action: .redirect(W.port(3)))
            }
            node.apply(entries.map { .insert(.acl($0)) })
            // Many that never match, so that every change moves a long list.
            var never = ACLEntry.Match()
            never.dscp = 33
            node.apply(
                (1000..<1300 as Range<UInt32>).map {
                    .insert(.acl(.init(id: $0, priority: 1_000_000, match: never, action: .drop)))
                })
            let traffic = Traffic(node, frames(), copies: 80)
            traffic.whileRunning { round in
                let round = UInt32(round)
                var changed = entries[Int(round % 2)]
                changed.priority = 1000 + round
                let last = ACLEntry(id: 100, priority: 1, match: match, action: .drop)
                let first = ACLEntry(id: 101, priority: 2_000_000, match: never, action: .drop)
                node.apply([.modify(.acl(changed)), .insert(.acl(last)), .insert(.acl(first))])
                node.apply([.delete(.acl(last)), .delete(.acl(first))])
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(traffic.arrived[0].isEmpty && traffic.arrived[1] == Set(frames()))
        }
    }

    @Test("stations: one that stays admits, whatever comes before it and goes")
    func stations() throws {
        try LiveNode.run { node in
            let traffic = Traffic(node, frames(), copies: 80)
            traffic.whileRunning { round in
                let round = UInt64(round)
                let entries = (0..<6 as Range<UInt64>).map { number in
                    TableEntry.myStation(
                        .init(
                            port: number % 2 == 0 ? nil : W.port(1), vlan: nil,
                            mac: MACAddress(rawValue: 0x02_33_00_00_00_00 | round << 8 | number),
                            priority: UInt32(10 + number), routerInterface: W.interface(2)))
                }
                node.apply(entries.map { .insert($0) })
                node.apply(entries.reversed().map { .delete($0) })
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(node.count(1, .kernel, .notMyStation) == 0)
            #expect(rewrites(traffic.arrived[0]) == [[2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 0, 2]])
        }
    }

    @Test("VLANs: each member gets its copy, tagged by the old entry or the new")
    func vlans() throws {
        try LiveNode.run(
            hosts: 3,
            entries: { topology in
                topology.hosts.map { host in
                    var entry = PortEntry(port: W.port(UInt16(host.number)))
                    (entry.mode, entry.pvid, entry.learnMACs) = (.switched, W.vlan(10), false)
                    return .port(entry)
                }
            }
        ) { node in
            func vlan(_ tagged: Set<PortID>) -> TableEntry {
                var entry = VLANEntry(vlan: W.vlan(10))
                (entry.tagged, entry.untagged) = (tagged, Set([W.port(1), W.port(2), W.port(3)]).subtracting(tagged))
                return .vlan(entry)
            }
            node.apply([
                .insert(vlan([])),
                .insert(.mac(.init(vlan: W.vlan(10), mac: W.peer, action: .port(W.port(2)), isStatic: true))),
            ])
            func frame(_ number: UInt16, _ destination: MACAddress, _ tags: [Frame.Tag] = []) -> [UInt8] {
                W.frame(
                    .ipv4(W.udp4(to: "10.0.9.9", ports: (number, 9))), to: destination, from: LiveNode.host(1),
                    tags: tags)
            }
            let numbers = 1...20 as ClosedRange<UInt16>
            let sent = numbers.map { frame($0, .broadcast) } + numbers.map { frame($0, W.peer) }
            let traffic = Traffic(node, sent, copies: 60)
            traffic.whileRunning { round in
                node.apply([.modify(vlan([[], [W.port(2)], [W.port(2), W.port(3)], [W.port(3)]][round % 4]))])
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            let tagged = numbers.flatMap {
                [frame($0, .broadcast, [.init(vid: 10)]), frame($0, W.peer, [.init(vid: 10)])]
            }
            #expect(traffic.arrived[0] == Set(sent + tagged))
            #expect(
                traffic.arrived[1]
                    == Set(numbers.flatMap { [frame($0, .broadcast), frame($0, .broadcast, [.init(vid: 10)])] }))
        }
    }
}
