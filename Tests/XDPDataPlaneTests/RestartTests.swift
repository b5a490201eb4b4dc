// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Ports with programs on them, through the end of a process and what others do to them.
@Suite("Ports keep their programs", .enabled(if: kernelTestsRun))
struct RestartTests {
    typealias W = SmallWorld

    private static var pinned: XDPConfiguration {
        var configuration = XDPConfiguration.forTests
        configuration.pinDirectory = PinnedNode.directory
        return configuration
    }

    private func run(hosts: Int = 2, _ body: (LiveNode, WantedTables) throws -> Void) throws {
        try LiveNode.run(hosts: hosts, configuration: Self.pinned) { node in
            try body(node, WantedTables(LiveNode.routed(node.topology), for: node.xdp))
        }
    }

    private func index(_ port: UInt16) -> UInt32 { if_nametoindex("p\(port)") }

    /// Starts anew and takes the ports over.
    private func restart(_ node: LiveNode, ports: [UInt16] = [1, 2]) throws {
        try node.restart()
        for port in ports { _ = try node.xdp.adopt(W.port(port), interfaceIndex: index(port)) }
    }

    private func texts(_ report: ReconcileReport) -> [String] { report.discrepancies.map(Alteration.text) }

    private func pin(_ port: UInt16) -> String { "\(PinnedNode.directory)/link-\(index(port))" }

    @Test(
        "a process ends and another takes over, again and again, under traffic: no packet is lost, nothing is loaded or replaced"
    )
    func underTraffic() throws {
        try run { node, wanted in
            let programs = node.xdp.fastPath.pins.filter(\.isProgram).map(\.id).sorted()
            let links = node.xdp.attachedPorts.map(\.linkID)
            let traffic = Traffic(node, Traffic.frames, copies: 80)
            var failures: [String] = []
            traffic.whileRunning { round in
                do {
                    try restart(node)
                    let report = wanted.reconcile(node.xdp, repair: true)
                    node.xdp.removeForeignPins()
                    let again = node.xdp.reconcileLinks(repair: true)
                    if !report.isClean || !again.isClean {
                        failures.append("\(report.discrepancies) \(again.discrepancies)")
                    }
                    if !node.xdp.tookOver || node.xdp.attachedPorts.map(\.linkID) != links {
                        failures.append("not taken over")
                    }
                } catch {
                    failures.append("\(error)")
                }
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(failures == [])
            #expect(node.xdp.fastPath.pins.filter(\.isProgram).map(\.id).sorted() == programs)
            // Counted on from where the first process began.
            #expect(node.count(1, .forward, .route) >= 300 * 80)
        }
    }

    @Test("tables are altered and repaired under traffic that does not depend on what was altered: no packet is lost")
    func repairsUnderTraffic() throws {
        try run { node, wanted in
            let others = (0..<200 as Range<UInt16>).map { W.route("10.66.\($0).0/24", .drop) }
            node.apply(others.map { .insert($0) })
            let all = WantedTables(LiveNode.routed(node.topology) + others, for: node.xdp)
            let tampering = Tampering()
            let traffic = Traffic(node, Traffic.frames, copies: 80)
            var failures: [String] = []
            traffic.whileRunning { round in
                do {
                    switch round % 5 {
                    case 0:
                        // The whole tree is made anew.
                        let record = node.xdp.routeRecords[.init(vrf: .default, prefix: W.prefix("10.66.7.0/24"))] ?? 1
                        let nodes = try tampering.tree
                        for word in 0..<node.xdp.fastPath.sizes.treeNodes * 16 where nodes[word] == record {
                            nodes[word] = 0
                        }
                    case 1: try tampering.settings.pointee.generation &+= 5
                    case 2: try tampering.nextHops[9000].state = 1
                    case 3: try tampering.ports[node.xdp.recordInForce(W.port(1)) ^ 64].head = 0
                    default: (try tampering.vlans[30].half.0.members, try tampering.vlans[30].half.1.members) = (3, 3)
                    }
                    let report = all.reconcile(node.xdp, repair: true)
                    if report.found != 1 || report.failed != 0 { failures.append("\(round): \(report.discrepancies)") }
                } catch {
                    failures.append("\(error)")
                }
            }
            #expect(traffic.lost == 0 && traffic.bursts >= 300)
            #expect(failures == [])
        }
    }

    @Test("links: taken off, given another program, unpinned, pinned elsewhere; each is found and repaired")
    func links() throws {
        try run { node, wanted in
            var other = XDPConfiguration.forTests
            other.hashSeed = 1
            let stranger = try XDPDataPlane(other)
            let alterations: [(String, () throws -> Void)] = [
                ("missing link of port 1", { try XDPLink(pinned: pin(1)).forceDetach() }),
                ("altered program of port 2", { try XDPLink(pinned: pin(2)).update(to: stranger.fastPathProgram()) }),
                ("missing pin \(pin(1))", { try BPFFileSystem.unpin(pin(1)) }),
                (
                    "altered pin \(pin(2))",
                    {
                        try BPFFileSystem.unpin(pin(2))
                        try XDPLink(pinned: pin(1)).pin(at: pin(2))
                    }
                ),
            ]
            for (found, alter) in alterations {
                #expect(node.xdp.reconcileLinks(repair: true).isClean)
                try alter()
                #expect(texts(node.xdp.reconcileLinks(repair: false)) == [found])
                let report = node.xdp.reconcileLinks(repair: true)
                #expect(texts(report) == [found] && report.failed == 0, "\(report.discrepancies)")
                #expect(node.xdp.reconcileLinks(repair: true).isClean)
                let program = node.xdp.fastPath.programID("xdp_fastpath")
                for port in [1, 2] as [UInt16] {
                    #expect(try XDPState(interfaceIndex: index(port)).programs == [.native: program], "\(found)")
                    #expect(try XDPLink(pinned: pin(port)).interfaceIndex == index(port))
                }
                node.tap(2).forget()
                let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: 7)], from: 1)
                #expect(node.tap(2).frames(1, where: isTestTraffic) == verdicts.map(\.output), "\(found)")
            }
        }
    }

    @Test("somebody else's program in the place of a link is named and left alone, or replaced when that was asked for")
    func foreign() throws {
        try run { node, wanted in
            var other = XDPConfiguration.forTests
            other.hashSeed = 1
            try XDPDataPlane(other).fastPathProgram().pin(at: "/sys/fs/bpf/foreign")
            for replaces in [false, true] {
                if replaces {
                    node.xdp.detach(W.port(1))
                    try Command.check("ip", "link", "set", "dev", "p1", "xdp", "off")
                    try node.xdp.attach(W.port(1), interfaceIndex: index(1), policy: .native, replaceForeign: true)
                }
                try XDPLink(pinned: pin(1)).forceDetach()
                try Command.check("ip", "link", "set", "dev", "p1", "xdp", "pinned", "/sys/fs/bpf/foreign")
                let report = node.xdp.reconcileLinks(repair: true)
                #expect(texts(report) == ["missing link of port 1"] && report.failed == (replaces ? 0 : 1))
                if !replaces {
                    let failure = try #require(report.discrepancies.first?.failure)
                    #expect(failure.contains("xdp_fastpath") && failure.contains("netlink"), "\(failure)")
                }
            }
            #expect(node.xdp.reconcileLinks(repair: true).isClean)
        }
    }

    @Test("an interface that is gone is told of; the next one with its port is another's business")
    func interfaceGone() throws {
        try run(hosts: 3) { node, wanted in
            var netlink = try NetlinkSocket()
            try netlink.deleteLink(netlink.link(named: "p2").index)
            let report = node.xdp.reconcileLinks(repair: true)
            #expect(texts(report) == ["missing link of port 2"] && report.failed == 1)
            #expect(wanted.reconcile(node.xdp, repair: true).isClean)
            node.xdp.detach(W.port(2))
            #expect(node.xdp.reconcileLinks(repair: true).isClean)
        }
    }

    @Test("the maps of interfaces: an entry that is gone, another's, or without its program")
    func devices() throws {
        try run { node, wanted in
            let tampering = Tampering()
            let alterations: [(Set<String>, () throws -> Void)] = [
                (["missing tx_ports of port 2"], { try tampering.map("tx_ports").clearDevice(at: 2) }),
                (["altered tx_ports of port 2"], { try tampering.map("tx_ports").setDevice(index(1), at: 2) }),
                (["missing flood_ports of port 1"], { try tampering.map("flood_ports").clearDevice(at: 1) }),
                (["altered flood_ports of port 1"], { try tampering.map("flood_ports").setDevice(index(1), at: 1) }),
                (["extra tx_ports of port 9"], { try tampering.map("tx_ports").setDevice(index(1), at: 9) }),
                (["missing port of interface \(index(1))"], { try tampering.words[Int(index(1))] = 0 }),
            ]
            for (found, alter) in alterations {
                try alter()
                #expect(Set(texts(wanted.reconcile(node.xdp, repair: false))) == found)
                let report = wanted.reconcile(node.xdp, repair: true)
                #expect(Set(texts(report)) == found && report.failed == 0, "\(report.discrepancies)")
                #expect(wanted.reconcile(node.xdp, repair: true).isClean)
            }
            let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: 7)], from: 1)
            #expect(node.tap(2).frames(1, where: isTestTraffic) == verdicts.map(\.output))
        }
    }

    @Test(
        "a process that ended in the middle of a replacement: the older set is taken over, and links are brought to it")
    func mixed() throws {
        try run { node, wanted in
            let program = node.xdp.fastPath.programID("xdp_fastpath")
            let sets = PinnedSets(directory: PinnedNode.directory)
            let newer = try FastPath(Self.pinned, reusing: node.xdp.fastPath)
            #expect(try sets.add(newer) == 2)
            try XDPLink(pinned: pin(2)).update(to: newer.program("xdp_fastpath"))
            try restart(node)
            #expect(node.xdp.tookOver && node.xdp.pinnedSet == 1)
            #expect(wanted.reconcile(node.xdp, repair: true).failed == 0)
            node.xdp.removeForeignPins()
            #expect(sets.numbers == [1])
            for port in [1, 2] as [UInt16] {
                #expect(try XDPState(interfaceIndex: index(port)).programs == [.native: program])
            }
            // All links run the newer one: it had been found good.
            #expect(try sets.add(newer) == 2)
            for port in [1, 2] as [UInt16] {
                try XDPLink(pinned: pin(port)).update(to: newer.program("xdp_fastpath"))
            }
            try restart(node)
            #expect(node.xdp.pinnedSet == 2 && sets.numbers == [2])
            #expect(wanted.reconcile(node.xdp, repair: true).failed == 0)
            let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: 7)], from: 1)
            #expect(node.tap(2).frames(1, where: isTestTraffic) == verdicts.map(\.output))
        }
    }

    @Test("ports that are other interfaces now, and ports that are none any more")
    func otherPorts() throws {
        try run(hosts: 3) { node, wanted in
            try node.restart()
            // Interfaces 1 and 2 have changed places; 3 is no port.
            _ = try node.xdp.adopt(W.port(1), interfaceIndex: index(2))
            _ = try node.xdp.adopt(W.port(2), interfaceIndex: index(1))
            #expect(wanted.reconcile(node.xdp, repair: true).failed == 0)
            node.xdp.removeForeignPins()
            #expect(wanted.reconcile(node.xdp, repair: true).isClean)
            #expect(
                BPFFileSystem.names(in: PinnedNode.directory).sorted()
                    == ["link-\(index(1))", "link-\(index(2))", "set-1"].sorted())
            #expect(node.xdp.interfaceSlots.mapValues(\.port) == [index(2): W.port(1), index(1): W.port(2)])
            #expect(try node.xdp.fastPath.map("tx_ports").device(at: 1)?.interfaceIndex == index(2))
            #expect(try node.xdp.fastPath.map("tx_ports").device(at: 3) == nil)
            var programs: [XDPMode: UInt32] = [.native: 0]
            for _ in 0..<1000 where !programs.isEmpty {
                programs = try XDPState(interfaceIndex: index(3)).programs
                if !programs.isEmpty { usleep(1000) }
            }
            #expect(programs.isEmpty)
            node.xdp.detachAll()
            #expect(access(PinnedNode.directory, F_OK) != 0)
            #expect(node.xdp.interfaceSlots.isEmpty)
        }
    }
}
