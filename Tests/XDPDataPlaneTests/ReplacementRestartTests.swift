// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("A process that ends while a program is being replaced leaves one that is whole", .enabled(if: kernelTestsRun))
struct ReplacementRestartTests {
    typealias W = SmallWorld
    private static let directory = "/sys/fs/bpf/node"

    private static func configuration(_ scale: Int = 1) -> XDPConfiguration {
        var configuration = XDPConfiguration.forTests.scaled(scale)
        configuration.pinDirectory = directory
        return configuration
    }

    /// An instant at which a process ends.
    enum Step: String, CaseIterable, CustomTestStringConvertible {
        case loaded, onePortSwitched, switched, pending, pinned, oldSetGoing, confirmed, onePortBack, reverted

        var testDescription: String { rawValue }

        /// Which set the next start is to find: 1 is the old one.
        var expectedSet: UInt32 {
            switch self {
            case .loaded, .onePortSwitched, .switched, .pending, .onePortBack, .reverted: 1
            case .pinned, .oldSetGoing, .confirmed: 2
            }
        }
    }

    /// Does what a replacement does up to a step.
    private func replace(_ plane: XDPDataPlane, _ wanted: XDPConfiguration, upTo step: Step) throws {
        switch step {
        case .loaded, .onePortSwitched, .switched:
            let candidate = try plane.prepareReplacement(wanted).fastPath
            if step == .loaded { return }
            if step == .switched { return try plane.switchPorts(from: plane.fastPath, to: candidate) }
            try plane.links[W.port(1)]?.link.update(to: candidate.program("xdp_fastpath"))
        case .pending: try plane.beginReplacement(wanted)
        case .pinned, .oldSetGoing:
            try plane.beginReplacement(wanted)
            let sets = PinnedSets(directory: Self.directory)
            _ = try sets.add(plane.fastPath)
            guard step == .oldSetGoing else { return }
            try BPFFileSystem.rename(sets.path(1), to: "\(Self.directory)/gone-1")
            try BPFFileSystem.unpin("\(Self.directory)/gone-1/flow4")
        case .confirmed:
            try plane.beginReplacement(wanted)
            try plane.confirmReplacement()
        case .onePortBack:
            let old = plane.fastPath
            try plane.beginReplacement(wanted)
            try plane.links[W.port(2)]?.link.update(to: old.program("xdp_fastpath"))
        case .reverted:
            try plane.beginReplacement(wanted)
            try plane.revertReplacement()
        }
    }

    private func packets(_ plane: XDPDataPlane) -> UInt64 {
        flows(plane).values.reduce(0) { $0 + $1.counter.packets }
    }

    private func names() -> [String] { BPFFileSystem.names(in: Self.directory) }

    @Test(
        "whenever it ends, the next start takes a whole set, loses no packet, forgets no flow and leaves nothing behind",
        arguments: Step.allCases.map { ($0, 4) } + [(.onePortSwitched, 1), (.pending, 1), (.onePortBack, 1)])
    func ends(step: Step, scale: Int) throws {
        try LiveNode.run(forwards: false, configuration: Self.configuration()) { node in
            let entries = LiveNode.routed(node.topology)
            let statics = ReplacementTests.entries(node, 101...102, isStatic: true)
            node.advanceGeneration()
            node.apply((ReplacementTests.entries(node, 1...40) + statics).map { .insert($0) })
            let links = (1...2).map { "link-\(if_nametoindex("p\($0)"))" }.sorted()
            #expect(names() == links + ["set-1"])
            let traffic = NumberedTraffic(node, flows: 40, to: ReplacementTests.both)
            traffic.start()
            traffic.wait(packets: 500)
            let wanted = Self.configuration(scale).with(try .upgraded)
            let old = node.xdp.fastPath.pins.map(\.id)
            let before = packets(node.xdp)
            try replace(node.xdp, wanted, upTo: step)
            let candidate = node.xdp.fastPath.pins.map(\.id)
            traffic.wait(packets: 300)

            try node.restart(Self.configuration())
            #expect(node.xdp.isAdopted && node.xdp.pinnedSet == step.expectedSet)
            if step.expectedSet == 1 {
                #expect(Set(node.xdp.fastPath.pins.map(\.id)).isSubset(of: old) && node.xdp.runningProgram.isEmbedded)
            } else {
                #expect(Set(node.xdp.fastPath.pins.map(\.id)).isSubset(of: candidate))
                #expect(!node.xdp.runningProgram.isEmbedded && node.xdp.pendingUpgrade != nil)
            }
            let report = WantedTables(entries + statics, for: node.xdp).reconcile(node.xdp, repair: true)
            // Of the program that was being tried only what other maps point at is left; ports come next.
            #expect(
                report.failed == 0 && report.discrepancies.allSatisfy { $0.subject == "chain slot 15" },
                "\(report.discrepancies)")
            try node.adoptPorts()
            traffic.wait(packets: 300)
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            #expect(names() == links + ["set-\(step.expectedSet)"])
            #expect(node.count(1, .forward, .route) == 0 && flows(node.xdp).count == 42)
            // What was counted in tables that went with a program that was never found good went with it.
            let total = packets(node.xdp)
            if scale == 1 || step.expectedSet == 2 || step == .loaded || step == .reverted {
                #expect(total == UInt64(traffic.times.count))
            } else {
                #expect(total < UInt64(traffic.times.count) && total >= before + 300)
            }
            for port in 1...2 as ClosedRange<UInt32> {
                let id = node.xdp.runningProgram.id
                #expect(try XDPState(interfaceIndex: if_nametoindex("p\(port)")).programs == [.native: id])
                let flooded = try node.xdp.fastPath.map("flood_ports").device(at: port)
                #expect(flooded?.programID == node.xdp.fastPath.programID("xdp_flood_egress"))
            }
            #expect(try node.xdp.chainMap().programID(at: 15) == node.xdp.fastPath.programID("xdp_resume"))
            // And a comparison finds everything as it is wanted.
            let again = WantedTables(entries + statics, for: node.xdp).reconcile(node.xdp, repair: false)
            #expect(again.isClean && node.xdp.reconcileLinks(repair: false).isClean, "\(again.discrepancies)")
            node.xdp.detachAll()
            #expect(access(Self.directory, F_OK) != 0)
        }
    }

    @Test("while a program is tried, comparing and repairing leaves the pins to the one that may come back")
    func reconcileMeanwhile() throws {
        try LiveNode.run(configuration: Self.configuration()) { node in
            let entries = LiveNode.routed(node.topology)
            let pins = node.xdp.fastPath.pins.map(\.id)
            try node.xdp.beginReplacement(Self.configuration(2).with(.upgraded))
            for repair in [false, true] {
                let report = WantedTables(entries, for: node.xdp).reconcile(node.xdp, repair: repair)
                #expect(report.isClean && node.xdp.reconcileLinks(repair: repair).isClean, "\(report.discrepancies)")
            }
            let pinned = try FastPath(pinned: "\(Self.directory)/set-1")
            #expect(Set(pinned.pins.map(\.id)).isSubset(of: pins))
            try node.xdp.revertReplacement()
            let report = WantedTables(entries, for: node.xdp).reconcile(node.xdp, repair: false)
            #expect(report.isClean && node.xdp.reconcileLinks(repair: false).isClean, "\(report.discrepancies)")
            try node.xdp.beginReplacement(Self.configuration(2).with(.upgraded))
            try node.xdp.confirmReplacement()
            let after = WantedTables(entries, for: node.xdp).reconcile(node.xdp, repair: false)
            #expect(after.isClean && node.xdp.reconcileLinks(repair: false).isClean, "\(after.discrepancies)")
            #expect(names().filter { $0.hasPrefix("set-") } == ["set-2"])
        }
    }

    @Test("after a restart with another build and other sizes, the tables taken over move into those that are wanted")
    func upgrade() throws {
        try LiveNode.run(forwards: false, configuration: Self.configuration().with(try .upgraded)) { node in
            #expect(!node.xdp.runningProgram.isEmbedded)
            let entries = LiveNode.routed(node.topology)
            node.advanceGeneration()
            node.apply(ReplacementTests.entries(node, 1...40).map { .insert($0) })
            let traffic = NumberedTraffic(node, flows: 40, to: ReplacementTests.both)
            traffic.start()
            traffic.wait(packets: 300)
            // There and back between two builds with two sizes.
            for (round, wanted) in [Self.configuration(4), Self.configuration().with(try .upgraded)].enumerated() {
                try node.restart(wanted)
                #expect(node.xdp.isAdopted && node.xdp.pendingUpgrade?.contains("another build") == true)
                do {
                    try node.xdp.beginReplacement(wanted)
                    Issue.record("not refused")
                } catch {
                    #expect("\(error)".contains("reconciled first"))
                }
                #expect(WantedTables(entries, for: node.xdp).reconcile(node.xdp, repair: true).isClean)
                try node.adoptPorts()
                #expect(node.xdp.differs(from: wanted))
                let report = try node.xdp.beginReplacement(wanted)
                #expect(report.moves.map(\.entries) == [20, 20, 0, 8])
                traffic.wait(packets: 200)
                try node.xdp.confirmReplacement()
                #expect(!node.xdp.differs(from: wanted) && node.xdp.pendingUpgrade == nil)
                #expect(node.xdp.runningProgram.isEmbedded == (round == 0))
                #expect(names().filter { $0.hasPrefix("set-") } == ["set-\(round + 2)"])
            }
            // Now there is nothing to upgrade.
            try node.restart(Self.configuration().with(try .upgraded))
            #expect(node.xdp.isAdopted && node.xdp.pendingUpgrade == nil)
            #expect(WantedTables(entries, for: node.xdp).reconcile(node.xdp, repair: true).isClean)
            try node.adoptPorts()
            traffic.wait(packets: 200)
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            #expect(node.count(1, .forward, .route) == 0 && packets(node.xdp) == UInt64(traffic.times.count))
        }
    }

    @Test("tables of a layout that is not known stay alone; fresh ones take their place and no packet is lost")
    func unknownLayout() throws {
        try LiveNode.run(forwards: false, configuration: Self.configuration().with(try .upgraded)) { node in
            node.apply(ReplacementTests.entries(node, 1...40).map { .insert($0) })
            let traffic = NumberedTraffic(node, flows: 40, to: ReplacementTests.both)
            traffic.start()
            traffic.wait(packets: 300)
            let old = node.xdp.fastPath.pins.map(\.id)
            // As a later version would have written.
            node.xdp.fastPath.settings.pointee.abi_version = 1000
            try node.restart(Self.configuration())
            #expect(!node.xdp.isAdopted)
            #expect(node.xdp.adoptionRefusal?.contains("laid out by version 1000") == true)
            let results = node.xdp.write(LiveNode.routed(node.topology).map { .insert($0) })
            #expect(results.allSatisfy { $0 == .applied })
            try node.adoptPorts()
            #expect(names().filter { $0.hasPrefix("set-") } == ["set-2"])
            #expect(Set(node.xdp.fastPath.pins.map(\.id)).isDisjoint(with: old))
            // Flows are learned again: they are told of, and cached.
            var told: Set<FlowKey> = []
            for _ in 0..<5000 where told.count < 40 {
                _ = node.xdp.pollEvents(maximum: 1000) {
                    if case .flowMiss(let miss) = copy $0, miss.key.destinationPort == 9 { told.insert(miss.key) }
                }
                usleep(1000)
            }
            #expect(told.count == 40 && node.count(1, .forward, .route) > 0)
            for entry in ReplacementTests.entries(node, 1...40) {
                #expect(node.xdp.write([.insert(entry)]) == [.applied])
            }
            traffic.wait(packets: 300)
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            #expect(node.count(1, .forward, .flowCache) >= 300)
        }
    }

    @Test("while a program is tried, going away without a word is going back; detaching takes everything along")
    func detached() throws {
        try LiveNode.run(configuration: Self.configuration()) { node in
            try node.xdp.beginReplacement(Self.configuration(2).with(.upgraded))
            node.xdp.detachAll()
            #expect(access(Self.directory, F_OK) != 0)
            #expect(node.xdp.replacementTick(now: .max) == nil)
            for port in 1...2 { #expect(try XDPState(interfaceIndex: if_nametoindex("p\(port)")).programs.isEmpty) }
        }
    }
}
