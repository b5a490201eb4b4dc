// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

@testable import Controller

/// A card in memory: few rules, one slot for each hash and a small table for collisions, proofs by the tables it was told.
///
/// What it does not model: how long a bus takes, half-written entries, and hardware that reads frames in other ways than the
/// tables do: it takes them apart with the same parser, and passes on all that is malformed, fragmented or longer than 1514 bytes.
final class TierCard: OffloadingDataPlane, MegaflowPlanner {
    struct Rule {
        var decision: OffloadDecision
        var table: String
        var slot: Int
        var packets: UInt64 = 0
    }

    let context: ReferenceDataPlane
    let keySets: [OffloadKeySet]
    let ports: Set<PortID>
    let capacity: Int
    let collisions: Int
    let slots: Int
    private(set) var rules: [Megaflow: Rule] = [:]
    private var gone: [OffloadRecord] = []
    private var verdicts: [VerdictCounter] = []

    /// Updates until it takes none any more.
    var remaining = Int.max
    /// The bus is dead: rules can be neither placed nor taken out.
    var isDead = false
    /// Calls of `offload`, of megaflows, and of rules placed and taken out by the policy.
    var offers = 0
    var placed = 0
    var takenOut = 0

    init(
        keySets: [OffloadKeySet], ports: Set<PortID>, capacity: Int = 16, collisions: Int = 4, slots: Int = 64,
        tables: [TableID: Int] = [:]
    ) {
        (self.keySets, self.ports, self.capacity) = (keySets, ports, capacity)
        (self.collisions, self.slots) = (collisions, slots)
        context = ReferenceDataPlane(capacities: tables)
    }

    var traits: OffloadTraits {
        var traits = OffloadTraits()
        (traits.skipsMalformed, traits.skipsInvalidSource, traits.skipsReservedMulticast) = (true, true, true)
        (traits.knowsFragments, traits.skipsFragments, traits.skipsOptions) = (true, true, true)
        (traits.readsServiceTags, traits.tagsRead) = (true, 1)
        (traits.minimumFrame, traits.maximumFrame) = (22, 1514)
        return traits
    }

    var capabilities: DataPlaneCapabilities {
        DataPlaneCapabilities(name: "card", tables: context.capabilities.tables)
    }

    var offloadTables: [OffloadTable] {
        let inCollision = rules.values.count { $0.table == "collision" }
        return [
            OffloadTable(name: "emh", capacity: capacity, used: rules.count - inCollision, wordsPerRule: 12),
            OffloadTable(name: "collision", capacity: collisions, used: inCollision, wordsPerRule: 12),
        ]
    }

    // MARK: Proofs

    private var planner: OffloadPlanner<ReferenceDataPlane> {
        OffloadPlanner(state: context.state, entries: context, traits: traits, ports: ports, keySets: keySets)
    }

    func candidates(for sample: Megaflow) -> Result<[OffloadCandidate], OffloadRefusal> {
        do throws(OffloadRefusal) {
            return .success(
                try planner.plans(for: sample).map { plan in
                    OffloadCandidate(
                        plan.megaflow, refreshes: plan.proof.refreshes.map { .station($0.vlan, $0.mac) })
                })
        } catch {
            return .failure(error)
        }
    }

    private func reprove() {
        guard !rules.isEmpty else { return }
        let planner = planner
        for megaflow in Array(rules.keys) {
            let proof = try? planner.prove(megaflow)
            if let proof, let decision = rules[megaflow]?.decision {
                if proof.decision == decision { continue }
                // A rule can be changed in its place.
                if proof.decision != .drop, decision != .drop {
                    rules[megaflow]?.decision = proof.decision
                    continue
                }
            }
            if let record = remove(megaflow) { gone.append(record) }
        }
    }

    private func record(_ megaflow: Megaflow, _ rule: Rule) -> OffloadRecord {
        OffloadRecord(
            megaflow: megaflow, decision: rule.decision, place: "\(rule.table) slot \(rule.slot)",
            packets: rule.packets, bytes: nil)
    }

    private func remove(_ megaflow: Megaflow) -> OffloadRecord? {
        rules.removeValue(forKey: megaflow).map { record(megaflow, $0) }
    }

    // MARK: Rules

    /// As the card's hash: public, and easy to aim at.
    func slot(_ megaflow: Megaflow) -> Int {
        let words: [UInt64] = [
            megaflow.destinationMAC?.rawValue ?? 0, megaflow.sourceMAC?.rawValue ?? 0,
            UInt64(megaflow.ipv4Source?.rawValue ?? 0), UInt64(megaflow.ipv4Destination?.rawValue ?? 0),
            UInt64(megaflow.sourcePort ?? 0), UInt64(megaflow.destinationPort ?? 0),
        ]
        return Int(truncatingIfNeeded: words.reduce(0, ^)) & (slots - 1)
    }

    func offload(_ megaflows: [Megaflow]) -> [Result<OffloadDecision, OffloadRefusal>] {
        offers += megaflows.count
        return megaflows.map { megaflow in
            if isDead { return .failure(.hardware("the bus is dead")) }
            if let rule = rules[megaflow] { return .success(rule.decision) }
            guard keySets.contains(where: { $0.expresses(megaflow.fields) }) else {
                return .failure(.noKey(fields: megaflow.fields, keys: keySets.map(\.name)))
            }
            let proof: MegaflowProof
            do throws(OffloadRefusal) { proof = try planner.prove(megaflow) } catch { return .failure(error) }
            let slot = slot(megaflow)
            let table = rules.values.contains { $0.slot == slot && $0.table == "emh" } ? "collision" : "emh"
            let room = table == "emh" ? capacity : collisions
            guard rules.values.count(where: { $0.table == table }) < room else {
                return .failure(.full(table: table, capacity: room))
            }
            rules[megaflow] = Rule(decision: proof.decision, table: table, slot: slot)
            placed += 1
            return .success(proof.decision)
        }
    }

    func withdraw(_ megaflows: [Megaflow]) -> [OffloadRecord?] {
        if isDead { return megaflows.map { _ in nil } }
        takenOut += megaflows.count
        return megaflows.map(remove)
    }

    func sweepOffloads(_ visit: (borrowing OffloadRecord) -> SweepDecision) {
        for (megaflow, rule) in rules where visit(record(megaflow, rule)) == .remove && !isDead {
            rules[megaflow] = nil
        }
    }

    func takeWithdrawn() -> [OffloadRecord] {
        defer { gone = [] }
        return gone
    }

    /// All rules are gone, and what they had counted is told.
    func reset() {
        for megaflow in Array(rules.keys) { if let record = remove(megaflow) { gone.append(record) } }
    }

    // MARK: Frames

    /// What becomes of a frame; nil: it is left to the data plane behind.
    func decide(_ frame: [UInt8], port: UInt16) -> OffloadDecision? {
        guard frame.count <= traits.maximumFrame ?? .max, frame.count >= 22, !rules.isEmpty,
            let fields = try? PacketFields(parsing: frame.span.bytes)
        else { return nil }
        if fields.sourceMAC.isMulticast || fields.sourceMAC.rawValue == 0 || fields.destinationMAC.isReservedMulticast {
            return nil
        }
        if let ip = fields.ip, !ip.isIPv6, ip.fragment != .none || ip.hasIPv4Options { return nil }
        var found = Megaflow()
        found.ingressPort = PortID(rawValue: port)
        (found.sourceMAC, found.destinationMAC) = (fields.sourceMAC, fields.destinationMAC)
        found.vlan = fields.tagCount > 0 ? fields.outerVID : .untagged
        // It reads past one tag; behind it there may be another.
        let isReadable = fields.tagCount < 2
        found.etherType = isReadable ? fields.etherType : UInt16(frame[16]) << 8 | UInt16(frame[17])
        if isReadable, let ip = fields.ip, case .v4(let source) = ip.source, case .v4(let destination) = ip.destination
        {
            (found.ipv4Source, found.ipv4Destination) = (source, destination)
            (found.ipProtocol, found.dscp) = (ip.ipProtocol, ip.dscp)
            switch ip.l4 {
            case .tcp(let source, let destination, _), .udp(let source, let destination):
                (found.sourcePort, found.destinationPort) = (source, destination)
            default: break
            }
        }
        for keySet in keySets {
            let megaflow = found.reduced(to: keySet.fields)
            guard let decision = rules[megaflow]?.decision else { continue }
            rules[megaflow]?.packets += 1
            count(PortID(rawValue: port), decision, frame.count)
            return decision
        }
        return nil
    }

    private func count(_ port: PortID, _ decision: OffloadDecision, _ length: Int) {
        let disposition: Disposition = decision == .drop ? .drop : .forward
        let more = Counter(packets: 1, bytes: UInt64(length))
        if let index = verdicts.firstIndex(where: { $0.port == port && $0.disposition == disposition }) {
            verdicts[index].counter.packets += more.packets
            verdicts[index].counter.bytes += more.bytes
        } else {
            verdicts.append(VerdictCounter(port: port, disposition: disposition, reason: .flowCache, counter: more))
        }
    }

    func verdictCounters() -> [VerdictCounter] { verdicts }

    // MARK: The tables it is told

    func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        let results = updates.map { update in
            remaining -= 1
            if remaining < 0 { return UpdateResult.rejected(.backEnd(table: update.entry.table, "broken")) }
            return context.write([update])[0]
        }
        if !isDead { reprove() }
        return results
    }

    func entries(of table: TableID) -> [TableEntry] { context.entries(of: table) }
    func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) { context.sweepFlows(visit) }
    func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) { context.sweepMACs(visit) }
    func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] { [] }
    var generation: PolicyGeneration { context.generation }
    func advanceGeneration() -> PolicyGeneration { context.advanceGeneration() }
    func setTime(_ now: CoarseTime) { context.setTime(now) }
    func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int { 0 }
    func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {}
    func health() -> DataPlaneHealth {
        var health = DataPlaneHealth()
        if isDead { health.complaints = ["the bus is dead"] }
        return health
    }
}
