// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Glibc
import Packet
import Tables

/// The driver and its data plane on a TrustNode, as a node has them: found by identity, opened by location, probed, set
/// up, given rules; and what becomes of them while the card misbehaves.
struct CardTour {
    private let function: String
    private let bench: Workbench.Hands
    private let driver: CardDriver
    private var bus: any RegisterBus { driver.bus }
    private var map: FlowEngineMap { driver.map }

    init(_ function: String) throws {
        self.function = function
        var configuration = PCIeConfiguration(function: function)
        (configuration.bar, configuration.minimumSize) = (Workbench.bar, Workbench.size)
        bench = Workbench.Hands(Window(try MappedWindow(configuration)))
        let bus = try CardLocation("pci:\(function)").open()
        var quirks = CardQuirks(profile: .trustNode)
        quirks.countsDrops = true
        driver = try CardDriver(bus: bus, profile: .trustNode, quirks: quirks)
    }

    func run() throws {
        let second = error { () throws(BusError) in _ = try CardLocation.pci(function: function).open() }
        check(text(second).contains("another process of Piccolo owns it"), "a second owner: \(text(second))")
        let identity = driver.identity
        check(
            identity.mapRevision == 7 && identity.hashRevision == 12 && identity.portCount == 12,
            "\(bus.name): \(identity.title) key sets \(identity.hashRevision ?? 0), \(identity.portCount) ports, "
                + "device \(String(identity.deviceID, radix: 16))")
        try answers()
        let plane = try begin()
        try rules(plane)
        try counts(plane)
        try misbehaviour(plane)
        try alarmAndPowerCycle(plane)
        compare(plane)
    }

    // MARK: Single accesses

    private func answers() throws {
        var batch: [RegisterAccess] = (0..<400).map { .write(map.common.rwTest.address, $0 &* 0x9e37_79b9) }
        for index in (1...400).reversed() { batch.insert(.read(map.common.rwTest.address), at: index) }
        try bus.transfer(&batch)
        let right = (0..<400).count { batch[2 * $0 + 1].value == batch[2 * $0].value }
        check(right == 400, "\(right) of 400 words read back from the scratch register within one batch")

        let table = map.emhRule.address(5, word: 0)
        batch = [.read(map.common.addrMapRev.address), .read(table), .read(map.common.addrMapRev.address)]
        let refused = error { () throws(BusError) in try bus.transfer(&batch) }
        check(refused?.access?.address == table, "a table is not for reading: \(text(refused))")

        bench.order(.hang, map.common.fpgaTemp.address.rawValue)
        let hung = error { () throws(CardError) in _ = try driver.temperature() }
        check(text(hung).contains("did not answer in time (0xEEEEEEEE)"), "a register that hangs: \(text(hung))")
        bench.order(.repair)
        let temperature = try driver.temperature().rounded()
        check(temperature == 45, "the card is well again: \(Int(temperature)) °C")
    }

    // MARK: Rules

    private static let vlan = VLANID(rawValue: 10)

    /// Stations whose rules look at the source too, which no key set does: masked ones.
    private static let masked = 4
    /// Stations behind ports, one in five to be dropped: 200, two that share the hash slots of others, and those.
    private var stations: [(mac: MACAddress, action: MACEntry.Action)] {
        let base: UInt64 = 0x0200_0000_0100
        var numbers = (0..<200).map { base + $0 }
        numbers += (0..<2).map { (base + $0) ^ 1 << 14 ^ 1 }
        numbers += (0..<UInt64(Self.masked)).map { base + 1000 + $0 }
        return numbers.map { mac in
            (MACAddress(rawValue: mac), mac % 5 == 0 ? .drop : .port(PortID(rawValue: UInt16(2 + mac % 3))))
        }
    }

    private func begin() throws -> FlowEngineDataPlane {
        var traits = OffloadTraits()
        traits.skipsMalformed = true
        traits.skipsInvalidSource = true
        traits.dropsToIngress = true
        traits.skipsReservedMulticast = true
        traits.knowsFragments = true
        traits.readsServiceTags = true
        traits.tagsRead = 1
        (traits.minimumFrame, traits.maximumFrame) = (60, 1518)
        let ports = Dictionary(uniqueKeysWithValues: (0..<4).map { (PortID(rawValue: UInt16($0 + 1)), $0) })
        let writes = bench.writes
        let plane = try FlowEngineDataPlane(
            driver: driver, ports: CardPorts(ports), settings: CardSettings(enabledPorts: Set(0..<12)),
            store: MemoryShadowStore(), traits: traits, maintains: false)
        check(
            plane.start == .cleared(parked: 0) && bench.writes - writes > 20_000,
            "the card was taken over and its tables made empty: \(bench.writes - writes) writes")
        return plane
    }

    private func rules(_ plane: FlowEngineDataPlane) throws {
        var updates: [TableUpdate] = plane.tables.book.ports.all.map { id in
            var port = PortEntry(port: id)
            (port.mode, port.learnMACs, port.learnFlows) = (.switched, false, false)
            return .insert(.port(port))
        }
        var vlan = VLANEntry(vlan: Self.vlan)
        vlan.tagged = Set(plane.tables.book.ports.all)
        updates.append(.insert(.vlan(vlan)))
        for station in stations {
            updates.append(
                .insert(.mac(MACEntry(vlan: Self.vlan, mac: station.mac, action: station.action, isStatic: true))))
        }
        let results = plane.write(updates)
        check(results.allSatisfy { $0 == .applied }, "\(results.count) changes of the node's tables")

        var megaflows = stations.map { station in
            var megaflow = Megaflow()
            (megaflow.vlan, megaflow.destinationMAC) = (Self.vlan, station.mac)
            return megaflow
        }
        for index in megaflows.indices.suffix(Self.masked) {
            megaflows[index].sourceMAC = MACAddress(rawValue: 0x0200_0000_ffff)
        }
        // The last two are for later.
        let (first, second) = (megaflows.removeLast(), megaflows.removeLast())
        let refusals = plane.offload(megaflows).compactMap { result -> OffloadRefusal? in
            if case .failure(let why) = result { return why }
            return nil
        }
        let used = plane.offloadTables.filter(\.holdsRules).map { "\($0.used) \($0.name)" }
        check(
            refusals.isEmpty && plane.tables.book.count == megaflows.count,
            "\(plane.tables.book.count) rules: \(used.joined(separator: ", "))\(refusals.first.map { "; \($0)" } ?? "")"
        )

        let (isFirst, whole) = count(first, plane)
        // The read that opens a batch is the first access from now.
        bench.order(.lose, 2)
        let (isSecond, repeated) = count(second, plane)
        bench.order(.repair)
        check(
            isFirst && isSecond && repeated > whole,
            "one write of a rule was lost on its way, and the driver saw it: \(repeated) writes, \(whole) for its like")
        audit(plane, "each of \(plane.tables.book.count) rules was tried with a frame of its own")
    }

    /// Writes to the card that a rule took.
    private func count(_ megaflow: Megaflow, _ plane: FlowEngineDataPlane) -> (isPlaced: Bool, writes: UInt32) {
        let writes = bench.writes
        let isPlaced = if case .success = plane.offload([megaflow])[0] { true } else { false }
        return (isPlaced, bench.writes - writes)
    }

    /// A frame for each rule, into a port of the card.
    private func audit(_ plane: FlowEngineDataPlane, _ what: String) {
        let book = plane.tables.book
        let audit = CardAudit(book, ports: book.ports.all.compactMap { book.ports.number(of: $0) })
        var wrong: [String] = []
        for probe in audit.probes {
            let left = bench.send(probe.frame, port: probe.port)
            let expected: UInt32 =
                switch probe.expected {
                case .drop: 0
                case .output(let port): 1 << UInt32(port)
                }
            if left != expected { wrong.append("\(probe.rule): 0x\(hex(left))") }
        }
        check(
            wrong.isEmpty && audit.probes.count == book.count,
            "\(what), \(audit.probes.count) frames: \(wrong.count) went elsewhere than their rule says"
                + wrong.prefix(3).map { "; \($0)" }.joined())
    }

    // MARK: What it counts

    private func counts(_ plane: FlowEngineDataPlane) throws {
        let frames = UInt64(bench.frames)
        try driver.pollStatistics()
        let first = driver.statistics
        try driver.pollStatistics()
        let good = first.received.reduce(0, +)
        let dropped = first.receiveDrops.joined().reduce(0, +)
        check(
            good + dropped == frames && driver.statistics == first,
            "counters that are cleared by reading: \(good) frames sent on, \(dropped) dropped of \(frames), none twice"
        )
        var packets: UInt64 = 0
        plane.sweepOffloads { record in
            packets += record.packets
            return .keep
        }
        check(packets == frames, "the rules counted \(packets) of them")
        let none = bench.send([UInt8](repeating: 2, count: 64), port: 0)
        check(none == 1 << 16, "a frame that no rule knows goes to the processor")
    }

    // MARK: A card that goes

    private func misbehaviour(_ plane: FlowEngineDataPlane) throws {
        bench.order(.unplug, 2)
        var batch = [RegisterAccess](repeating: .read(map.common.addrMapRev.address), count: 5)
        let gone = error { () throws(BusError) in try bus.transfer(&batch) }
        check(gone?.cause == .noCard, "a card that is pulled out within a batch: \(text(gone))")
        let opened = error { () throws(BusError) in _ = try CardLocation.pci(function: function).open() }
        check(opened?.cause == .noCard, "its configuration space: \(text(opened))")
        plane.maintain()
        let complaints = plane.health().complaints
        check(!complaints.isEmpty, "the node's health: \(complaints.joined(separator: "; "))")
        bench.order(.repair)
        plane.maintain()
        check(
            plane.health().complaints.isEmpty && plane.tables.resets == 0,
            "it is back, with all its rules, and nothing is complained of")
    }

    private func alarmAndPowerCycle(_ plane: FlowEngineDataPlane) throws {
        bench.order(.alarm, 1 << 1)
        plane.maintain()
        let alarms = plane.health().complaints
        check(alarms.count == 1, "an alarm: \(alarms.joined(separator: "; "))")
        plane.acknowledge()

        bench.order(.powerCycle)
        check(try plane.tables.check() == .reset, "a power cycle that nobody told of: the marker is gone")
        plane.maintain()
        let complaints = plane.health().complaints
        check(plane.tables.resets == 1 && complaints.count == 1, complaints.joined(separator: "; "))
        plane.acknowledge()
        plane.maintain()
        check(plane.health().complaints.isEmpty, "nothing more is complained of")
        audit(plane, "after the power cycle")
    }

    /// Tells the process on the host what should stand in the card; it has the last word.
    private func compare(_ plane: FlowEngineDataPlane) {
        // Its line would come between ours.
        fflush(nil)
        tcdrain(STDOUT_FILENO)
        let book = plane.tables.book
        for rule in book.ordinalsInUse.compactMap({ book[$0] }) {
            let (table, index): (UInt32, Int) =
                switch rule.place {
                case .exact(let number): (Workbench.Claim.exact, number)
                case .collision(let entry): (Workbench.Claim.collision, entry)
                case .masked(let number): (Workbench.Claim.masked, number)
                }
            let head = [
                table, UInt32(index), UInt32(bitPattern: Int32(rule.slot)), UInt32(rule.action), rule.actionWord,
                UInt32(rule.words.count),
            ]
            bench.push(head + rule.words.words)
        }
        bench.order(.compare)
        if bench.answer != 0 { check(false, "\(bench.answer) differences") }
    }
}

extension Workbench {
    /// The guest's side of the workbench.
    final class Hands {
        private let window: Window
        private(set) var frames = 0

        init(_ window: Window) { self.window = window }

        var answer: UInt32 { window.load(Workbench.answer) }
        var writes: UInt32 { window.load(Workbench.writes) }

        func push(_ words: [UInt32]) {
            for word in words { window.store(Workbench.word, word) }
        }

        func order(_ order: Order, _ argument: UInt32 = 0) {
            window.store(Workbench.argument, argument)
            window.store(Workbench.order, order.rawValue)
        }

        /// Ports by which a frame left, a bit each.
        func send(_ frame: [UInt8], port: Int) -> UInt32 {
            frames += 1
            push(
                stride(from: 0, to: frame.count, by: 4).map { start in
                    frame[start...].prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
                })
            order(.frame, UInt32(frame.count) << 8 | UInt32(port))
            return answer
        }
    }
}
