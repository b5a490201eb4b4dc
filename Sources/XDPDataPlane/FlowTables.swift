// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Packet
import Tables

/// Flow insertions of one family, gathered so that the memory of many is fetched at once, with the places their results
/// belong to. Those that find both their buckets full are left for last: making room waits for grace periods, as many for
/// one entry as for ten thousand.
struct GatheredFlows<Key: ExactMatchKey> {
    static var limit: Int { 16_384 }
    private(set) var items: [ExactMatchItem<Key>] = []
    private var results: [Int] = []
    private var crowded: [ExactMatchItem<Key>] = []
    private var crowdedResults: [Int] = []
    private var spare: [ExactMatchOutcome] = []

    var isFull: Bool { items.count >= Self.limit }
    var isEmpty: Bool { items.isEmpty && crowded.isEmpty }

    mutating func add(_ key: Key, _ word: UInt64, result: Int) {
        items.append(ExactMatchItem(key: key, action: word))
        results.append(result)
    }

    /// Inserts what has been gathered and calls `settle` for each item that was not simply inserted.
    /// - Parameter last: nothing more comes before others may see the table: makes room for what is crowded as well.
    mutating func insert(
        into table: inout ExactMatchTable<Key>, last: Bool,
        settle: (inout ExactMatchTable<Key>, ExactMatchItem<Key>, ExactMatchOutcome, Int) -> Void
    ) throws(ExactMatchError) {
        var outcomes: [ExactMatchOutcome] = []
        swap(&outcomes, &spare)
        defer {
            swap(&outcomes, &spare)
            items.removeAll(keepingCapacity: true)
            results.removeAll(keepingCapacity: true)
        }
        if !items.isEmpty {
            try table.insert(items.span, outcomes: &outcomes, moving: false)
            for (place, outcome) in outcomes.enumerated() where outcome != .inserted {
                if outcome == .crowded {
                    crowded.append(items[place])
                    crowdedResults.append(results[place])
                } else {
                    settle(&table, items[place], outcome, results[place])
                }
            }
        }
        guard last, !crowded.isEmpty else { return }
        defer {
            crowded.removeAll()
            crowdedResults.removeAll()
        }
        try table.insert(crowded.span, outcomes: &outcomes)
        for (place, outcome) in outcomes.enumerated() where outcome != .inserted {
            settle(&table, crowded[place], outcome, crowdedResults[place])
        }
    }
}

/// Slots of the next hops that flows name most, so that a million flows do not cost a million dictionary lookups.
struct NextHopCache {
    private var ids = [UInt64](repeating: .max, count: 256)
    private var slots = [UInt32](repeating: 0, count: 256)

    func slot(_ id: NextHopID) -> UInt32? {
        let place = Int(id.rawValue & 255)
        return ids[place] == UInt64(id.rawValue) ? slots[place] : nil
    }

    mutating func remember(_ id: NextHopID, _ slot: UInt32) {
        let place = Int(id.rawValue & 255)
        (ids[place], slots[place]) = (UInt64(id.rawValue), slot)
    }

    mutating func forget(_ id: NextHopID) {
        let place = Int(id.rawValue & 255)
        if ids[place] == UInt64(id.rawValue) { ids[place] = .max }
    }

    mutating func clear() { self = NextHopCache() }
}

extension ExactMatchKey32 {
    @inline(__always)
    init(_ key: FlowKey) { self.init(KeyWords.addresses4(key), KeyWords.last(key)) }
}

extension ExactMatchKey64 {
    @inline(__always)
    init(_ key: FlowKey) {
        self.init(
            key.source.high.byteSwapped, key.source.low.byteSwapped, key.destination.high.byteSwapped,
            key.destination.low.byteSwapped, KeyWords.last(key))
    }
}

extension XDPDataPlane {
    /// The action word of a derived flow whose references are known to exist and whose values are plainly right; nil
    /// sends it the way that explains itself.
    @inline(__always)
    func flowWord(_ flow: FlowEntry) -> UInt64? {
        let key = flow.key
        guard case .derived = flow.origin, case .nextHop(let id) = flow.action,
            knownRouterInterfaces[Int(key.routerInterface.rawValue)],
            key.ipProtocol == IPProtocol.tcp || key.ipProtocol == IPProtocol.udp
                || (key.sourcePort | key.destinationPort) == 0,
            key.isIPv6 || (key.source.high | key.destination.high | (key.source.low | key.destination.low) >> 32) == 0
        else { return nil }
        if nextHopCache.slot(id) == nil {
            guard state.nextHop(id) != nil, let slot = nextHopSlots[id] else { return nil }
            nextHopCache.remember(id, slot)
        }
        return word(of: flow)
    }

    /// The action word of a flow whose references have been checked.
    func word(of flow: FlowEntry) -> UInt64 {
        var slot: UInt32 = 0
        if case .nextHop(let id) = flow.action { slot = nextHopCache.slot(id) ?? nextHopSlots[id] ?? 0 }
        return Self.word(of: flow, slot: slot, epoch: now.rawValue)
    }

    /// - Parameter slot: the next hop's, if the flow goes by one.
    static func word(of flow: FlowEntry, slot: UInt32, epoch: UInt16) -> UInt64 {
        var flags: UInt64 = 0
        var generation: UInt16 = 0
        switch flow.origin {
        case .static: flags |= ActionWord.isStatic
        case .derived(let number): generation = number.rawValue
        }
        if flow.aclDone { flags |= ActionWord.aclDone }
        if flow.mirror { flags |= ActionWord.mirror }
        var index: UInt32 = 0
        let disposition: Disposition
        switch flow.action {
        case .nextHop:
            index = slot
            disposition = .forward
        case .port(let port):
            index = UInt32(port.rawValue)
            flags |= ActionWord.toPort
            disposition = .forward
        case .drop: disposition = .drop
        case .kernel: disposition = .kernel
        case .cpu: disposition = .cpu
        }
        return ActionWord(
            disposition, index: index, flags: flags, reason: flow.reason, generation: generation, epoch: epoch
        ).rawValue
    }

    func flow(_ key: FlowKey, _ raw: UInt64) -> FlowEntry { Self.flow(key, raw, nextHopIDs) }

    /// The entry a key and an action word stand for. The ids are handed in, because a sweep of a million entries would
    /// otherwise ask the runtime a million times whether it may read them.
    @inline(__always)
    static func flow(_ key: FlowKey, _ raw: UInt64, _ nextHopIDs: [NextHopID]) -> FlowEntry {
        let word = ActionWord(rawValue: raw)
        let action: ForwardingAction =
            switch word.disposition {
            case .forward where word.has(ActionWord.toPort): .port(PortID(rawValue: UInt16(word.index)))
            // Others can write a word too: it may name any slot.
            case .forward:
                .nextHop(Int(word.index) < nextHopIDs.count ? nextHopIDs[Int(word.index)] : NextHopID(rawValue: .max))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            }
        return FlowEntry(
            key: key, action: action,
            origin: word.has(ActionWord.isStatic) ? .static : .derived(PolicyGeneration(rawValue: word.generation)),
            aclDone: word.has(ActionWord.aclDone), mirror: word.has(ActionWord.mirror), reason: word.reason)
    }

    /// Inserts the flows that have been gathered and settles the results of those that could not be. `last`: see there.
    func flush(
        _ gathered4: inout GatheredFlows<ExactMatchKey32>, _ gathered6: inout GatheredFlows<ExactMatchKey64>,
        _ results: inout [UpdateResult], last: Bool = true
    ) {
        if gathered4.isEmpty, gathered6.isEmpty { return }
        do {
            try gathered4.insert(into: &flows4, last: last) { table, item, outcome, result in
                results[result] = settle(&table, outcome, item, KeyWords.flow4(item.key.word0, item.key.word1))
            }
            try gathered6.insert(into: &flows6, last: last) { table, item, outcome, result in
                let key = item.key
                results[result] = settle(
                    &table, outcome, item, KeyWords.flow6(key.word0, key.word1, key.word2, key.word3, key.word4))
            }
        } catch {
            complain("\(error)")
        }
    }

    /// An insertion that found its key, or no room. A derived entry of another generation is as good as absent.
    private func settle<Key>(
        _ table: inout ExactMatchTable<Key>, _ outcome: ExactMatchOutcome, _ item: ExactMatchItem<Key>, _ key: FlowKey
    ) -> UpdateResult {
        let entry = TableEntry.flow(FlowEntry(key: key, action: .drop))
        guard outcome == .exists else {
            return .rejected(.tableFull(table: .flowCache, capacity: table.capacity))
        }
        do {
            guard let found = table.find(item.key), isStale(found.action) else { throw ExactMatchError.exists }
            try table.delete(item.key)
            try table.insert(item.key, action: item.action)
        } catch let error as ExactMatchError {
            return .rejected(tableError(error, entry))
        } catch {
            return .rejected(.backEnd(table: .flowCache, "\(error)"))
        }
        return .applied
    }

    private func isStale(_ raw: UInt64) -> Bool {
        let word = ActionWord(rawValue: raw)
        return !word.has(ActionWord.isStatic) && word.generation != generation.rawValue
    }

    func writeFlow(_ operation: TableUpdate.Operation, _ flow: FlowEntry) -> UpdateResult {
        if let error = state.validate(TableUpdate(operation, .flow(flow))) { return .rejected(error) }
        let old = findFlow(flow.key)
        do {
            switch operation {
            case .insert:
                let word = word(of: flow)
                if let old, case .derived(let made) = old.origin, made != generation { try deleteFlow(flow.key) }
                if flow.key.isIPv6 {
                    try flows6.insert(ExactMatchKey64(flow.key), action: word)
                } else {
                    try flows4.insert(ExactMatchKey32(flow.key), action: word)
                }
            case .modify:
                let word = word(of: flow)
                if flow.key.isIPv6 {
                    try Self.modify(&flows6, ExactMatchKey64(flow.key), word)
                } else {
                    try Self.modify(&flows4, ExactMatchKey32(flow.key), word)
                }
            case .delete: try deleteFlow(flow.key)
            }
        } catch {
            return .rejected(tableError(error, .flow(flow)))
        }
        state.countReferences(removed: old, inserted: operation == .delete ? nil : flow)
        return .applied
    }

    /// Writes another decision and keeps the epoch of the last hit.
    static func modify<Key>(
        _ table: inout ExactMatchTable<Key>, _ key: Key, _ word: UInt64
    ) throws(ExactMatchError) {
        let epoch = (table.find(key)?.action ?? word) & ~ActionWord.decisionMask
        try table.modify(key, action: word & ActionWord.decisionMask | epoch)
    }

    private func deleteFlow(_ key: FlowKey) throws(ExactMatchError) {
        if key.isIPv6 { try flows6.delete(ExactMatchKey64(key)) } else { try flows4.delete(ExactMatchKey32(key)) }
    }

    private func findFlow(_ key: FlowKey) -> FlowEntry? {
        key.isIPv6
            ? flows6.find(ExactMatchKey64(key)).map { flow(key, $0.action) }
            : flows4.find(ExactMatchKey32(key)).map { flow(key, $0.action) }
    }

    private func tableError(_ error: ExactMatchError, _ entry: TableEntry) -> TableError {
        switch error {
        case .exists: .alreadyExists(table: entry.table, entry: entry.keyText)
        case .absent: .notFound(table: entry.table, entry: entry.keyText)
        case .full(_, let capacity): .tableFull(table: entry.table, capacity: capacity)
        case .memory, .gracePeriod: .backEnd(table: entry.table, "\(error)")
        }
    }

    public func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) {
        let ids = nextHopIDs
        var gone4: [ExactMatchKey32] = []
        if flows4.count > 0 {
            flows4.sweep { entry in
                let record = FlowRecord(
                    entry: Self.flow(KeyWords.flow4(entry.key.word0, entry.key.word1), entry.action, ids),
                    counter: Counter(packets: entry.packets, bytes: entry.bytes),
                    lastHit: CoarseTime(rawValue: entry.epoch))
                if visit(record) == .remove { gone4.append(entry.key) }
            }
        }
        var gone6: [ExactMatchKey64] = []
        if flows6.count > 0 {
            flows6.sweep { entry in
                let key = entry.key
                let record = FlowRecord(
                    entry: Self.flow(
                        KeyWords.flow6(key.word0, key.word1, key.word2, key.word3, key.word4), entry.action, ids),
                    counter: Counter(packets: entry.packets, bytes: entry.bytes),
                    lastHit: CoarseTime(rawValue: entry.epoch))
                if visit(record) == .remove { gone6.append(key) }
            }
        }
        for key in gone4 {
            guard let last = try? flows4.delete(key) else { continue }
            state.countReferences(removed: flow(KeyWords.flow4(key.word0, key.word1), last.action), inserted: nil)
        }
        for key in gone6 {
            guard let last = try? flows6.delete(key) else { continue }
            let flowKey = KeyWords.flow6(key.word0, key.word1, key.word2, key.word3, key.word4)
            state.countReferences(removed: flow(flowKey, last.action), inserted: nil)
        }
    }

    func removeDerivedFlows() { removeFlows { !$0.has(ActionWord.isStatic) } }

    /// Removes the flows with such action words; what they name need not exist.
    func removeFlows(_ isGone: (ActionWord) -> Bool) {
        var gone4: [ExactMatchKey32] = []
        flows4.sweep { if isGone(ActionWord(rawValue: $0.action)) { gone4.append($0.key) } }
        for key in gone4 { _ = try? flows4.delete(key) }
        var gone6: [ExactMatchKey64] = []
        flows6.sweep { if isGone(ActionWord(rawValue: $0.action)) { gone6.append($0.key) } }
        for key in gone6 { _ = try? flows6.delete(key) }
    }

    // MARK: MAC table

    func writeMAC(_ operation: TableUpdate.Operation, _ mac: MACEntry) -> UpdateResult {
        if let error = state.validate(TableUpdate(operation, .mac(mac))) { return .rejected(error) }
        let key = ExactMatchKey32(KeyWords.mac(mac.vlan, mac.mac), 0)
        let word = Self.word(of: mac, epoch: now.rawValue)
        do {
            switch operation {
            case .insert: try macs.insert(key, action: word)
            case .modify: try Self.modify(&macs, key, word)
            case .delete: try macs.delete(key)
            }
        } catch {
            return .rejected(tableError(error, .mac(mac)))
        }
        return .applied
    }

    static func word(of mac: MACEntry, epoch: UInt16) -> UInt64 {
        let flags = mac.isStatic ? ActionWord.isStatic : 0
        let word: ActionWord =
            switch mac.action {
            case .port(let port):
                ActionWord(.forward, index: UInt32(port.rawValue), flags: flags | ActionWord.toPort, epoch: epoch)
            case .drop: ActionWord(.drop, flags: flags, epoch: epoch)
            case .kernel: ActionWord(.kernel, flags: flags, epoch: epoch)
            case .cpu: ActionWord(.cpu, flags: flags, epoch: epoch)
            }
        return word.rawValue
    }

    public func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) {
        var gone: [ExactMatchKey32] = []
        macs.sweep { entry in
            let word = ActionWord(rawValue: entry.action)
            let action: MACEntry.Action =
                switch word.disposition {
                case .forward: .port(PortID(rawValue: UInt16(word.index)))
                case .drop: .drop
                case .kernel: .kernel
                case .cpu: .cpu
                }
            let record = MACRecord(
                entry: MACEntry(
                    vlan: VLANID(rawValue: UInt16(entry.key.word0 >> 48)), mac: MACAddress(rawValue: entry.key.word0),
                    action: action, isStatic: word.has(ActionWord.isStatic)),
                counter: Counter(packets: entry.packets, bytes: entry.bytes), lastHit: CoarseTime(rawValue: entry.epoch)
            )
            if visit(record) == .remove { gone.append(entry.key) }
        }
        for key in gone { _ = try? macs.delete(key) }
    }
}
