// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What a piece of hardware did with a frame.
public enum HardwareVerdict: Sendable, Hashable {
    /// Left it to the data plane behind.
    case left
    /// A rule dropped it.
    case dropped
    /// A rule sent it.
    case sent(port: PortID, frame: [UInt8])
    /// It never got as far as a rule: too short, too long, or a port that is off.
    case notReceived
}

/// Hardware that rules can be put in, and frames through.
public protocol HardwareUnderTest: AnyObject {
    var plane: any OffloadingDataPlane { get }
    /// Rules count what they drop, too.
    var countsDropped: Bool { get }
    func receive(_ frame: [UInt8], port: PortID) -> HardwareVerdict
    /// Why the last frame went where it did, and what is known of the hardware: for whoever reads of a difference.
    var explanation: String { get }
}

/// Random tables, random rules in hardware and random frames: what the hardware decides by itself has to be what the tables say, in
/// every data plane, whatever it leaves to others.
public struct OffloadFuzz {
    public struct Report: Sendable, CustomStringConvertible {
        public var worlds = 0
        public var packets = 0
        /// Frames that the hardware decided by itself.
        public var dropped = 0
        public var sent = 0
        public var notReceived = 0
        /// Megaflows put into hardware, by kind of key, and refusals by kind.
        public var offloaded: [String: Int] = [:]
        public var refused: [String: Int] = [:]
        /// Rules that a change of tables took out again.
        public var withdrawn = 0
        /// What was wrong, with how to make it again; nil if nothing was.
        public var failure: String?

        public var description: String {
            func list(_ counts: [String: Int]) -> String {
                counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "  \($0.value) \($0.key)" }
                    .joined(separator: "\n")
            }
            var text = """
                rules offloaded:
                \(list(offloaded))
                rules refused:
                \(list(refused))
                rules withdrawn by changes of tables: \(withdrawn)
                frames decided by hardware: \(dropped) dropped, \(sent) sent; kept out at its ports: \(notReceived)
                """
            if let failure { text += "\n\(failure)" }
            return text
        }
    }

    /// Ports that the hardware has.
    public var ports: [PortID]
    public var megaflowsPerWorld = 400
    public var packetsPerWorld = 4000

    public init(ports: [PortID]) { self.ports = ports }

    /// Puts `packets` through in worlds made of `seed`. `comparison`: the data planes that say what is right; they are compared with
    /// each other too. `hardware` is asked for once for each world, and comes empty.
    public func run(
        seed: UInt64, packets: Int, through comparison: PacketComparison, reference: ReferenceDataPlane,
        aclDefault: TableState.ACLDefault = .permit, hardware: (UInt64) throws -> any HardwareUnderTest,
        progress: (Report) -> Void = { _ in }
    ) rethrows -> Report {
        var report = Report()
        var seeds = RandomSource(seed: seed)
        var worldSeed = seed
        while report.packets < packets, report.failure == nil {
            var run = OffloadRun(
                seed: worldSeed, fuzz: self, comparison: comparison, reference: reference, aclDefault: aclDefault,
                hardware: try hardware(worldSeed), report: report)
            run.world(packets: min(packetsPerWorld, packets - report.packets))
            report = run.report
            progress(report)
            worldSeed = seeds.next()
        }
        return report
    }
}

/// One world of a run.
private struct OffloadRun {
    let seed: UInt64
    let fuzz: OffloadFuzz
    let comparison: PacketComparison
    let reference: ReferenceDataPlane
    let hardware: any HardwareUnderTest
    var report: OffloadFuzz.Report
    var random: RandomWorld
    /// Frames that rules should have counted.
    private var countable: UInt64 = 0
    private var counted: UInt64 = 0
    private var megaflows: [Megaflow] = []

    init(
        seed: UInt64, fuzz: OffloadFuzz, comparison: PacketComparison, reference: ReferenceDataPlane,
        aclDefault: TableState.ACLDefault, hardware: any HardwareUnderTest, report: OffloadFuzz.Report
    ) {
        (self.seed, self.fuzz, self.comparison, self.reference) = (seed, fuzz, comparison, reference)
        (self.hardware, self.report) = (hardware, report)
        random = RandomWorld(
            seed: seed,
            options: .init(
                ports: fuzz.ports, ecmpSeed: reference.state.ecmpSeed, aclDefault: aclDefault, withRejections: false))
    }

    mutating func world(packets: Int) {
        report.worlds += 1
        let (world, stations) = thinned()
        var differences = comparison.install(world).map(\.description)
        differences += compareWrites(world)
        guard fail(differences, "filling the tables") else { return }
        offload(stations)
        for number in 0..<packets {
            if number == packets / 3 || number == 2 * packets / 3 {
                guard fail(change(), "changing the tables before packet \(number)") else { return }
                offload(stations)
            }
            if number == packets / 2 { comparison.advanceTime() }
            report.packets += 1
            guard fail(process(nextPacket()), "packet \(number)") else { return }
        }
        _ = fail(comparison.finish().map(\.description) + compareCounts(), "the counts at the end")
    }

    /// A world with less in it that decides otherwise, from the tables that a scratch reference has in the end.
    private mutating func thinned() -> (World, [MACEntry]) {
        let scratch = ReferenceDataPlane(
            capacities: reference.state.capacities, ecmpSeed: reference.state.ecmpSeed,
            aclDefault: random.options.aclDefault)
        _ = random.world.install(on: scratch)
        random.thin(scratch)
        if random.random.chance(60) { makeSwitch(scratch) }
        var updates: [TableUpdate] = []
        let order: [TableID] = [
            .port, .vlan, .routerInterface, .myStation, .neighbor, .nextHop, .nextHopGroup, .ipv4, .ipv6, .acl, .mac,
        ]
        for table in order {
            updates += scratch.entries(of: table).sorted { $0.keyText < $1.keyText }.map { .insert($0) }
        }
        var flows: [FlowEntry] = []
        scratch.sweepFlows { record in
            if record.entry.origin == .static { flows.append(record.entry) }
            return .keep
        }
        flows.sort { TableEntry.flow($0).keyText < TableEntry.flow($1).keyText }
        let stations = scratch.entries(of: .mac).compactMap { entry -> MACEntry? in
            if case .mac(let mac) = entry { mac } else { nil }
        }.sorted { ($0.vlan, $0.mac) < ($1.vlan, $1.mac) }
        return (World(updates: updates, flows: flows), stations)
    }

    /// Ports that judge nothing above Ethernet, learn nothing and send any length: there a card can forward by itself.
    private mutating func makeSwitch(_ scratch: ReferenceDataPlane) {
        _ = scratch.write(scratch.entries(of: .acl).map { .delete($0) })
        var ports: [TableUpdate] = []
        for case .port(var port) in scratch.entries(of: .port) {
            (port.mode, port.admit, port.up) = (.switched, true, true)
            (port.malformed, port.learnMACs, port.mtu) = (.ignore, false, 9000)
            ports.append(.modify(.port(port)))
        }
        _ = scratch.write(ports.sorted { $0.entry.keyText < $1.entry.keyText })
        random.state = scratch.state
    }

    /// The hardware gets the same tables; what it cannot hold it may only say of flows.
    private func compareWrites(_ world: World) -> [String] {
        zip(world.install(on: hardware.plane), world.updateTexts).compactMap { result, text in
            result == .applied ? nil : "\(text): the hardware's data plane says \(result)"
        }
    }

    private mutating func offload(_ stations: [MACEntry]) {
        let plane = hardware.plane
        let planner = OffloadPlanner(
            state: reference.state, entries: reference, traits: plane.traits, ports: Set(fuzz.ports),
            keySets: plane.keySets)
        for _ in 0..<fuzz.megaflowsPerWorld {
            let sample = random.nextMegaflow(stations: stations)
            // What a planner proposes, and as it comes: the data plane has to refuse by itself what is not so.
            var wanted = [sample]
            if let plans = try? planner.plans(for: sample) { wanted += plans.map(\.megaflow) }
            for (megaflow, result) in zip(wanted, plane.offload(wanted)) {
                switch result {
                case .success:
                    megaflows.append(megaflow)
                    report.offloaded[megaflow.fields.description, default: 0] += 1
                case .failure(let refusal): report.refused[refusal.kind, default: 0] += 1
                }
            }
        }
    }

    private mutating func nextPacket() -> TestPacket {
        guard random.random.chance(70), let megaflow = random.random.pick(megaflows) else { return random.nextPacket() }
        let readings = FrameReading.all(hardware.plane.traits)
        guard let reading = random.random.pick(readings) else { return random.nextPacket() }
        return random.nextPacket(agreeingWith: megaflow, reading)
    }

    /// Changes all data planes alike.
    private mutating func change() -> [String] {
        random.world.changes = []
        random.makeChanges()
        var differences: [String] = []
        for update in random.world.changes {
            if case .flow = update.entry { continue }
            let results = comparison.planes.map { $0.write([update])[0] } + [hardware.plane.write([update])[0]]
            guard results.contains(where: { ($0 == .applied) != (results[0] == .applied) }) else { continue }
            differences.append("\(update.text): \(results)")
        }
        for plane in comparison.planes { plane.advanceGeneration() }
        hardware.plane.advanceGeneration()
        take(hardware.plane.takeWithdrawn())
        return differences
    }

    private mutating func take(_ withdrawn: [OffloadRecord]) {
        report.withdrawn += withdrawn.count
        counted += withdrawn.reduce(0) { $0 + $1.packets }
    }

    private mutating func process(_ packet: TestPacket) -> [String] {
        _ = reference.pollEvents(maximum: .max) { _ in }
        let (verdicts, differences) = comparison.process(packet)
        var learned: MACAddress?
        _ = reference.pollEvents(maximum: .max) { event in
            if case .macMiss(_, let mac, _) = event { learned = mac }
        }
        var found = differences.map(\.description)
        guard let right = verdicts.first ?? nil else { return found }
        let verdict = hardware.receive(packet.bytes, port: packet.port)
        func object(_ what: String) {
            found.append("the hardware \(what); the tables say \(right.disposition) \(right.reason.name)")
        }
        switch verdict {
        case .left: return found
        case .notReceived:
            report.notReceived += 1
            return found
        case .dropped:
            report.dropped += 1
            if hardware.countsDropped { countable += 1 }
            if right.disposition != .drop { object("dropped it") }
        case .sent(let port, let frame):
            report.sent += 1
            countable += 1
            if right.disposition != .forward || right.egressPort != port {
                object("sent it by port \(port.rawValue)")
            } else if right.output != frame {
                object("changed it, or did not")
            }
        }
        if right.mirrored { object("kept it; a copy was to go to the controller") }
        if let learned { object("kept it; station \(learned) was to be learned from it") }
        if !found.isEmpty { found.append(hardware.explanation) }
        if !found.isEmpty { found.append("frame at port \(packet.port.rawValue): \(hexadecimal(packet.bytes))") }
        return found
    }

    private mutating func compareCounts() -> [String] {
        take(hardware.plane.takeWithdrawn())
        var sum = counted
        hardware.plane.sweepOffloads { record in
            sum += record.packets
            return .keep
        }
        return sum == countable ? [] : ["rules have counted \(sum) frames and had \(countable) to count"]
    }

    /// Returns whether to go on.
    private mutating func fail(_ differences: [String], _ what: String) -> Bool {
        guard !differences.isEmpty else { return true }
        report.failure = "seed \(seed), \(what):\n" + differences.joined(separator: "\n")
        return false
    }
}

extension OffloadRefusal {
    /// One word, to count by.
    public var kind: String {
        switch self {
        case .noKey: "no_key"
        case .notUniform: "not_uniform"
        case .action: "action"
        case .value: "value"
        case .full: "full"
        case .hardware: "hardware"
        }
    }
}
