// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What the tables are to hold: the plan of the configuration, and over it what calls have made different.
struct Wanted: StaticEntries {
    /// By the plan, whatever the amendments say.
    private(set) var planned: [EntryKey: TableEntry] = [:]
    private var plannedFlows: Set<FlowKey> = []
    private var plannedMACs: Set<EntryKey> = []
    /// Amendments but for those of flows.
    private var amendments: [EntryKey: Amendment] = [:]
    /// There may be a million of these.
    private var flows: [FlowKey: FlowAmendment] = [:]
    /// Of `flows`, those that set one.
    private var setFlows = 0
    /// How many of `flows` send to a next hop.
    private var flowsByNextHop: [NextHopID: Int] = [:]

    /// An amendment of a static flow without its key, small.
    private struct FlowAmendment {
        var action: ForwardingAction
        var mirror: Bool
        var kind: Amendment.Kind
        var idleTimeout: UInt16?
        var time: UInt64

        init(_ amendment: Amendment, _ flow: FlowEntry) {
            (action, mirror, kind) = (flow.action, flow.mirror, amendment.kind)
            (idleTimeout, time) = (amendment.idleTimeout, amendment.time)
        }

        func flow(_ key: FlowKey) -> FlowEntry {
            var flow = FlowEntry(key: key, action: action)
            flow.mirror = mirror
            return flow
        }

        func amendment(_ key: FlowKey) -> Amendment {
            Amendment(kind, .flow(flow(key)), idleTimeout: idleTimeout, time: time)
        }
    }

    // MARK: Reading

    /// The entry that is wanted with this key.
    subscript(key: EntryKey) -> TableEntry? {
        if case .flow(let flow) = key {
            if let amendment = flows[flow] {
                return amendment.kind == .deleted ? nil : .flow(amendment.flow(flow))
            }
            return plannedFlows.isEmpty ? nil : planned[key]
        }
        return Self.effective(planned: planned[key], amendment: amendments[key])
    }

    /// An entry with an amendment laid over it. Whether a port is up is the host's to say, whoever set the rest.
    static func effective(planned: TableEntry?, amendment: Amendment?) -> TableEntry? {
        guard let amendment else { return planned }
        guard amendment.kind == .set else { return nil }
        guard case .port(var port) = amendment.entry, case .port(let fact)? = planned else { return amendment.entry }
        port.up = fact.up
        return .port(port)
    }

    func amendment(_ key: EntryKey) -> Amendment? {
        if case .flow(let flow) = key { return flows[flow]?.amendment(flow) }
        return amendments[key]
    }

    /// Whose an entry is that is not learned or derived.
    func origin(_ key: EntryKey) -> EntryOrigin? {
        if amendment(key)?.kind == .set { return .user }
        return planned[key] == nil ? nil : .configuration
    }

    var amendmentCount: Int { amendments.count + flows.count }

    func forEachAmendment(_ body: (Amendment) -> Void) {
        for amendment in amendments.values { body(amendment) }
        for (key, amendment) in flows { body(amendment.amendment(key)) }
    }

    /// Everything that is wanted, in the order of dependence.
    var all: [TableEntry] {
        var byRank: [[TableEntry]] = Array(repeating: [], count: TableEntry.rankCount)
        func add(_ entry: TableEntry?) { if let entry { byRank[entry.rank].append(entry) } }
        for (key, entry) in planned where amendment(key) == nil { add(entry) }
        for (key, amendment) in amendments { add(Self.effective(planned: planned[key], amendment: amendment)) }
        for (key, amendment) in flows where amendment.kind == .set { add(.flow(amendment.flow(key))) }
        return byRank.flatMap { $0 }
    }

    /// Everything `TableState` holds, in the order of dependence.
    var storedEntries: [TableEntry] {
        var byRank: [[TableEntry]] = Array(repeating: [], count: TableEntry.rankCount)
        func add(_ entry: TableEntry?) {
            switch entry {
            case .flow, .mac, nil: break
            case .some(let entry): byRank[entry.rank].append(entry)
            }
        }
        for (key, entry) in planned where amendments[key] == nil { add(entry) }
        for (key, amendment) in amendments { add(Self.effective(planned: planned[key], amendment: amendment)) }
        return byRank.flatMap { $0 }
    }

    /// What calls have set, but for flows and MAC entries, which give no numbers to anything.
    var numbered: [TableEntry] {
        amendments.values.compactMap { amendment in
            if case .mac = amendment.entry { return nil }
            return amendment.kind == .set ? amendment.entry : nil
        }
    }

    /// Next hops that what calls have set refers to: they stay, even if nothing else wants them any more.
    var referredNextHops: Set<NextHopID> {
        var found = Set(flowsByNextHop.keys)
        for amendment in amendments.values where amendment.kind == .set {
            switch amendment.entry {
            case .route(let route): if case .nextHop(let id) = route.action { found.insert(id) }
            case .nextHopGroup(let group): found.formUnion(group.members.map(\.nextHop))
            default: break
            }
        }
        return found
    }

    /// Routes that calls have taken out.
    var withdrawnRoutes: Set<EntryKey> {
        var found: Set<EntryKey> = []
        for (key, amendment) in amendments where amendment.kind == .deleted {
            if case .route = key { found.insert(key) }
        }
        return found
    }

    // MARK: Changing

    mutating func setPlanned(_ entries: [EntryKey: TableEntry]) {
        planned = entries
        plannedFlows = []
        plannedMACs = []
        for key in entries.keys {
            switch key {
            case .flow(let flow): plannedFlows.insert(flow)
            case .mac: plannedMACs.insert(key)
            default: break
            }
        }
    }

    /// nil forgets the amendment. Returns what was there.
    @discardableResult
    mutating func setAmendment(_ key: EntryKey, _ amendment: Amendment?) -> Amendment? {
        guard case .flow(let flow) = key else {
            let old = amendments[key]
            amendments[key] = amendment
            return old
        }
        let new: FlowAmendment? =
            if let amendment, case .flow(let entry) = amendment.entry { FlowAmendment(amendment, entry) } else { nil }
        let old: FlowAmendment?
        if let new { old = flows.updateValue(new, forKey: flow) } else { old = flows.removeValue(forKey: flow) }
        for (amendment, difference) in [(old, -1), (new, 1)] {
            guard let amendment, amendment.kind == .set else { continue }
            setFlows += difference
            guard case .nextHop(let id) = amendment.action else { continue }
            let count = flowsByNextHop[id, default: 0] + difference
            flowsByNextHop[id] = count == 0 ? nil : count
        }
        return old?.amendment(flow)
    }

    /// Takes an entry out of what is wanted: an amendment or, where there is none, what is planned.
    mutating func leaveOut(_ key: EntryKey) {
        if setAmendment(key, nil) == nil {
            planned[key] = nil
            plannedMACs.remove(key)
            if case .flow(let flow) = key { plannedFlows.remove(flow) }
        }
    }

    // MARK: StaticEntries

    var flowCount: Int { setFlows + plannedFlows.count { flows[$0] == nil } }

    var macCount: Int {
        plannedMACs.count { amendments[$0] == nil }
            + amendments.values.count { amendment in
                if case .mac = amendment.entry { amendment.kind == .set } else { false }
            }
    }

    func flow(_ key: FlowKey) -> FlowEntry? {
        if let amendment = flows[key] { return amendment.kind == .deleted ? nil : amendment.flow(key) }
        guard !plannedFlows.isEmpty, case .flow(let flow)? = planned[.flow(key)] else { return nil }
        return flow
    }

    /// Makes room for so many flows that calls have set.
    mutating func reserve(flows count: Int) { flows.reserveCapacity(count) }

    func mac(_ entry: MACEntry) -> MACEntry? {
        if case .mac(let mac)? = self[.mac(entry.vlan, entry.mac)] { mac } else { nil }
    }

    func forEachFlow(_ body: (FlowEntry) -> Void) {
        for (key, amendment) in flows where amendment.kind == .set { body(amendment.flow(key)) }
        for key in plannedFlows where flows[key] == nil {
            if case .flow(let flow)? = planned[.flow(key)] { body(flow) }
        }
    }

    func forEachMAC(_ body: (MACEntry) -> Void) {
        for amendment in amendments.values where amendment.kind == .set {
            if case .mac(let mac) = amendment.entry { body(mac) }
        }
        for key in plannedMACs where amendments[key] == nil {
            if case .mac(let mac)? = planned[key] { body(mac) }
        }
    }
}

/// A change of what is wanted: a new plan, and amendments set or (nil) forgotten.
struct WantedChange {
    var planned: [EntryKey: TableEntry]?
    var amendments: [EntryKey: Amendment?] = [:]

    /// What is wanted before and after, of the keys the change concerns.
    func effect(on wanted: Wanted) -> (before: [EntryKey: TableEntry], after: [EntryKey: TableEntry]) {
        var before: [EntryKey: TableEntry] = [:]
        var after: [EntryKey: TableEntry] = [:]
        func consider(_ key: EntryKey) {
            before[key] = wanted[key]
            let entry = planned.map { $0[key] } ?? wanted.planned[key]
            after[key] = Wanted.effective(planned: entry, amendment: amendments[key] ?? wanted.amendment(key))
        }
        for key in amendments.keys { consider(key) }
        if let planned {
            for (key, entry) in planned where wanted.planned[key] != entry { consider(key) }
            for key in wanted.planned.keys where planned[key] == nil { consider(key) }
        }
        return (before, after)
    }
}

extension Wanted {
    /// Makes a change; returns the one that undoes it.
    mutating func make(_ change: WantedChange) -> WantedChange {
        var undo = WantedChange()
        if let planned = change.planned {
            undo.planned = self.planned
            setPlanned(planned)
        }
        for (key, amendment) in change.amendments { undo.amendments[key] = .some(setAmendment(key, amendment)) }
        return undo
    }
}
