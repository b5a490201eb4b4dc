// SPDX-License-Identifier: Apache-2.0
import Logging
import Packet
import Tables

/// The controller without threads and clocks: what is wanted, what is installed, and the steps between. Whoever holds it
/// calls it from one thread and tells it the time.
final class NodeCore {
    let dataPlane: any DataPlane
    let binder: (any PortBinder)?
    /// Where what is wanted is kept; nil: nowhere, and nothing is promised to outlive the process.
    let store: (any NodeStore)?
    let logger: Logger
    let started: UInt64
    let seed: UInt64

    /// What the data plane's tables hold but for flows and MACs: what misses are evaluated by.
    var state: TableState
    /// What is wanted: from the file, and from users. Not what was learned or derived.
    var wanted = Wanted()
    var configuration: Configuration?
    /// The configuration that the process started with: what cannot change while it runs is as that says.
    var startedWith: Configuration?
    var facts = HostFacts()
    var identities = Identities()
    var plan: TablePlan?
    var idleTimeouts: [FlowKey: UInt16] = [:]
    var attachments: [PortAttachment] = []
    var notices: [String] = []
    var applied = 0
    var refused = 0

    /// Changes made and not yet known to be on disk, oldest first.
    var pending: [PendingChange] = []
    var nextTicket: UInt64 = 0
    /// Nothing waits for the store then, and nothing is undone: a node that cannot store is degraded, and forwards.
    var isStarting = false
    /// To be handed to the store by whoever called.
    var outgoing: (ticket: UInt64, change: StoreChange)?
    /// What the store holds about the data plane, by place.
    var shadow: [UInt64: [UInt8]] = [:]
    /// Changes stored since there is a memory.
    var revision: UInt64 = 0
    /// What could not be stored and nobody waits for; stored when the store works again.
    var debt: StoreChange?
    var nextRecovery: UInt64 = 0
    var storeProblem: StoreProblem?
    var adoption: AdoptionReport?
    /// What calls had made and the tables would not take at the start, in sentences.
    var notInstalled: [String] = []
    var reconciliation = ReconciliationStatus()
    /// What the last comparison could not repair, in sentences.
    var notRepaired: [String] = []
    var nextReconciliation: UInt64 = .max

    var programmer: FlowProgrammer
    var ageing: FlowAgeing
    /// What moves between the fast path and a card; nil: there is no card.
    var tiering: Tiering?
    /// What the card complained of when it was last asked, by sentences without their numbers.
    var cardComplaints: [String: String] = [:]
    var flowsAged: UInt64 = 0
    var flowsStale: UInt64 = 0
    var macsAged: UInt64 = 0
    var sweeps: UInt64 = 0
    private var time = CoarseTime(rawValue: 0)
    private var nextTick: UInt64 = 0
    /// Packets for the controller, until somebody takes them.
    var onPacketIn: ((PacketIn) -> Void)?

    /// - Parameter ecmpSeed: the data plane's seed for spreading over next-hop groups: the controller must choose as it does.
    init(
        dataPlane: any DataPlane, binder: (any PortBinder)?, store: (any NodeStore)? = nil, ecmpSeed: HashSeed,
        seed: UInt64, logger: Logger, now: UInt64
    ) {
        (self.dataPlane, self.binder, self.store, self.logger) = (dataPlane, binder, store, logger)
        (started, self.seed) = (now, seed)
        state = Self.emptyState(dataPlane, ecmpSeed)
        programmer = FlowProgrammer(limits: .init(), seed: seed)
        ageing = FlowAgeing(timeouts: .init())
        tiering = (dataPlane as? TieredDataPlane).map { Tiering($0, settings: TierSettings(), seed: seed) }
        setTime(now)
        // Tables that an earlier process left are nobody's wish: `start` compares them with what is wanted.
        if (dataPlane as? any ReconcilableDataPlane)?.isAdopted != true { mirrorEntries() }
        countFlows()
    }

    /// Takes what a data plane holds when it is handed over as wanted.
    private func mirrorEntries() {
        var found: [TableEntry] = []
        for table in TableID.allCases where table != .flowCache { found += dataPlane.entries(of: table) }
        dataPlane.sweepFlows {
            if $0.entry.origin == .static { found.append(.flow($0.entry)) }
            return .keep
        }
        found.sort { $0.rank < $1.rank }
        var planned: [EntryKey: TableEntry] = [:]
        for entry in found {
            mirror(.insert(entry), old: nil)
            if case .mac(let mac) = entry, !mac.isStatic { continue }
            planned[entry.entryKey] = entry
        }
        wanted.setPlanned(planned)
        identities.adopt(found)
    }

    private static func emptyState(_ dataPlane: any DataPlane, _ ecmpSeed: HashSeed) -> TableState {
        if let plane = dataPlane as? any ReconcilableDataPlane { return plane.emptyState }
        var capacities: [TableID: Int] = [:]
        for table in dataPlane.capabilities.tables { capacities[table.table] = table.capacity }
        return TableState(capacities: capacities, ecmpSeed: ecmpSeed)
    }

    func log(_ event: String, _ fields: [(String, String)]) {
        let text = fields.map { name, value in
            value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\n" })
                ? "\(name)=\"\(value.replacing("\"", with: "'").replacing("\n", with: " "))\"" : "\(name)=\(value)"
        }
        logger.info("event=\(event) \(text.joined(separator: " "))")
    }

    func log(_ event: String, _ fields: KeyValuePairs<String, String>) { log(event, fields.map { ($0.key, $0.value) }) }

    // MARK: The mirror

    /// Does to what the controller knows of the tables what an applied update did to the data plane.
    func mirror(_ update: TableUpdate, old: TableEntry?) {
        switch update.entry {
        case .flow(let flow):
            var before: FlowEntry?
            if case .flow(let entry)? = old { before = entry }
            state.countReferences(removed: before, inserted: update.operation == .delete ? nil : flow)
        case .mac(let mac):
            if update.operation == .delete {
                programmer.stations.forget(mac.vlan, mac.mac)
            } else {
                programmer.stations.adopt(mac)
            }
        default:
            if case .failure(let error) = state.update(update) {
                log("mirror_differs", ["entry": update.entry.keyText, "error": error.description])
            }
        }
    }

    // MARK: Events and time

    func setTime(_ now: UInt64) {
        let coarse = CoarseTime(
            rawValue: UInt16(truncatingIfNeeded: now / (UInt64(CoarseTime.millisecondsPerTick) * 1_000_000)))
        time = coarse
        dataPlane.setTime(coarse)
    }

    /// What is to be done now: events, ageing. Returns when to come again, at the latest; `now` if more is waiting.
    func turn(now: UInt64, clock: () -> UInt64) -> UInt64 {
        if now >= nextTick {
            setTime(now)
            countFlows()
            tiering?.plane.tend(now: now)
            logCard()
            nextTick = now + UInt64(CoarseTime.millisecondsPerTick) * 1_000_000 / 2
        }
        // Large: writing a batch may wait for grace periods, as long for ten thousand entries as for one.
        let batch = 32_768
        let count = handleEvents(maximum: batch, now: now)
        if ageing.isDue(now: now) { sweep(now: now, clock: clock) }
        tendStore(now: now)
        if now >= nextReconciliation { reconcile(derived: false, repair: true, now: now) }
        return count == batch ? now : min(nextTick, ageing.nextSweep)
    }

    /// Handles events that wait, in one batch with one write. Returns how many.
    @discardableResult
    func handleEvents(maximum: Int, now: UInt64) -> Int {
        let generation = dataPlane.generation
        // Once for the batch: read through `self`, all its storage would be retained and released for each event.
        let state = state
        let count = dataPlane.pollEvents(maximum: maximum) { event in
            switch event {
            case .flowMiss(let miss): programmer.flowMiss(miss, state: state, generation: generation, now: now)
            case .macMiss(let vlan, let mac, let port): programmer.macMiss(vlan: vlan, mac: mac, port: port, now: now)
            case .packetIn(let port, let reason, let mirror, let length, let bytes):
                onPacketIn?(PacketIn(port: port, reason: reason, mirror: mirror, length: length, bytes: bytes))
            }
        }
        if !programmer.updates.isEmpty { programmer.written(dataPlane.write(programmer.updates)) }
        // What was found to be there already is modified instead.
        if !programmer.updates.isEmpty { programmer.written(dataPlane.write(programmer.updates)) }
        return count
    }

    func countFlows() {
        guard let table = dataPlane.capabilities[.flowCache] else { return }
        (programmer.flowsUsed, programmer.flowCapacity) = (table.used, table.capacity)
    }

    /// Removes what is idle, or of an earlier generation.
    func sweep(now: UInt64, clock: () -> UInt64) {
        let begun = clock()
        func fill(_ table: TableID) -> Double {
            dataPlane.capabilities[table].map { $0.capacity == 0 ? 0 : Double($0.used) / Double($0.capacity) } ?? 0
        }
        let rules = ageing.rules(
            now: time, generation: dataPlane.generation, fill: fill(.flowCache), macFill: fill(.mac))
        var expired: [FlowEntry] = []
        var removed = 0
        var stale = 0
        // Taken out for the sweep: its storage is then changed in place.
        var tiering = tiering.take()
        tiering?.beginSweep(state, time: time, now: now)
        dataPlane.sweepFlows { flow in
            guard rules.isExpired(flow, idleTimeouts: idleTimeouts) else {
                tiering?.observe(flow)
                return .keep
            }
            switch flow.entry.origin {
            case .static: expired.append(flow.entry)
            case .derived(let generation): if generation != rules.generation { stale += 1 }
            }
            removed += 1
            return .remove
        }
        forget(expired: expired)
        dataPlane.sweepMACs { record in
            guard rules.isExpired(record) else {
                tiering?.observe(record)
                return .keep
            }
            programmer.stations.forget(record.entry.vlan, record.entry.mac)
            macsAged += 1
            return .remove
        }
        tiering?.endSweep(state, now: now)
        self.tiering = tiering
        flowsAged += UInt64(removed - stale)
        flowsStale += UInt64(stale)
        sweeps += 1
        countFlows()
        let end = clock()
        ageing.swept(duration: end &- begun, now: now &+ (end &- begun), fill: fill(.flowCache))
    }
}
