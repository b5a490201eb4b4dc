// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Packet
import Tables

// Flows and MAC entries: one sweep over each table, in the order of memory.
extension XDPDataPlane {
    /// Static entries are wanted or not; derived and learned ones have to mean something, and, if asked, what the tables say now.
    /// One that is wrong is removed: the next packet asks again.
    public func reconcileEntries(_ wanted: some StaticEntries, derived: Bool, repair: Bool) -> ReconcileReport {
        var pass = ReconcilePass(repairs: repair)
        let rules = EntryRules(self, derived: derived)
        var flows = 0
        reconcile(&flows4, .flowCache, &pass) {
            rules.judge(KeyWords.flow4($0.word0, $0.word1), $1, wanted, &flows, &$2)
        }
        reconcile(&flows6, .flowCache, &pass) {
            rules.judge(
                KeyWords.flow6($0.word0, $0.word1, $0.word2, $0.word3, $0.word4), $1, wanted, &flows, &$2)
        }
        if flows != wanted.flowCount { insertMissingFlows(wanted, rules, &pass) }
        var stations = 0
        reconcile(&macs, .mac, &pass) { rules.judge(station: $0, $1, wanted, &stations, &$2) }
        if stations != wanted.macCount { insertMissingStations(wanted, &pass) }
        return pass.report
    }

    private func reconcile<Key>(
        _ table: inout ExactMatchTable<Key>, _ name: TableID, _ pass: inout ReconcilePass,
        _ judge: (Key, UInt64, inout ReconcilePass) -> EntryVerdict
    ) {
        do {
            try table.reconcile(repair: pass.repairs, pass: &pass) { pass in
                pass.report.checked += 1
                pass.add(.extra, name, "entry", "where no packet finds it")
            } judge: { key, word, pass in
                pass.report.checked += 1
                return judge(key, word, &pass)
            }
        } catch {
            pass.add(.altered, name, "entry", "not all were compared", failure: "\(error)")
        }
    }

    // MARK: What is missing

    /// Called when fewer static flows were found than are wanted.
    private func insertMissingFlows(_ wanted: some StaticEntries, _ rules: EntryRules, _ pass: inout ReconcilePass) {
        var gathered4 = GatheredFlows<ExactMatchKey32>()
        var gathered6 = GatheredFlows<ExactMatchKey64>()
        var current = pass
        wanted.forEachFlow { flow in
            let there =
                flow.key.isIPv6
                ? flows6.find(ExactMatchKey64(flow.key))?.action : flows4.find(ExactMatchKey32(flow.key))?.action
            if let there, ActionWord(rawValue: there).has(ActionWord.isStatic) { return }
            let place = current.place
            current.add(there == nil ? .missing : .altered, .flowCache, TableEntry.flow(flow).keyText)
            guard current.repairs else { return }
            guard let word = rules.word(of: flow, there: 0) else {
                return current.fail(place, EntryRules.noSlot)
            }
            // A derived entry of its key makes way in one store.
            if there != nil {
                if flow.key.isIPv6 {
                    try? Self.modify(&flows6, ExactMatchKey64(flow.key), word)
                } else {
                    try? Self.modify(&flows4, ExactMatchKey32(flow.key), word)
                }
            } else if flow.key.isIPv6 {
                gathered6.add(ExactMatchKey64(flow.key), word, result: place ?? -1)
                if gathered6.isFull { Self.insert(&gathered6, into: &flows6, last: false, &current) }
            } else {
                gathered4.add(ExactMatchKey32(flow.key), word, result: place ?? -1)
                if gathered4.isFull { Self.insert(&gathered4, into: &flows4, last: false, &current) }
            }
        }
        Self.insert(&gathered4, into: &flows4, last: true, &current)
        Self.insert(&gathered6, into: &flows6, last: true, &current)
        pass = current
    }

    private static func insert<Key>(
        _ gathered: inout GatheredFlows<Key>, into table: inout ExactMatchTable<Key>, last: Bool,
        _ pass: inout ReconcilePass
    ) {
        if gathered.isEmpty { return }
        do {
            try gathered.insert(into: &table, last: last) { table, _, _, place in
                pass.fail(place < 0 ? nil : place, "the table is full with \(table.count) entries")
            }
        } catch {
            pass.fail(nil, "\(error)")
        }
    }

    private func insertMissingStations(_ wanted: some StaticEntries, _ pass: inout ReconcilePass) {
        var current = pass
        wanted.forEachMAC { mac in
            let key = ExactMatchKey32(KeyWords.mac(mac.vlan, mac.mac), 0)
            let there = macs.find(key)?.action
            if let there, ActionWord(rawValue: there).has(ActionWord.isStatic) { return }
            let place = current.place
            current.add(there == nil ? .missing : .altered, .mac, TableEntry.mac(mac).keyText)
            guard current.repairs else { return }
            let word = Self.word(of: mac, epoch: now.rawValue)
            do {
                if there == nil { try macs.insert(key, action: word) } else { try Self.modify(&macs, key, word) }
            } catch {
                current.fail(place, "\(error)")
            }
        }
        pass = current
    }
}

/// What an entry is judged by: copies of what a sweep would otherwise ask the data plane for a million times.
struct EntryRules {
    static let noSlot = "its next hop has no slot"

    private let nextHopIDs: [NextHopID]
    private let nextHopSlots: [NextHopID: UInt32]
    /// By slot: somebody's, and somebody's or retired.
    private var isLive = [Bool](repeating: false, count: Int(FP_MAX_NEXTHOPS))
    private var isNamed = [Bool](repeating: false, count: Int(FP_MAX_NEXTHOPS))
    private var hasPort = [Bool](repeating: false, count: Int(FP_MAX_PORTS))
    private let generation: PolicyGeneration
    private let epoch: UInt16
    private let derived: Bool
    private let state: TableState

    init(_ plane: XDPDataPlane, derived: Bool) {
        (nextHopIDs, nextHopSlots) = (plane.nextHopIDs, plane.nextHopSlots)
        (generation, epoch, self.derived, state) = (plane.generation, plane.now.rawValue, derived, plane.state)
        for slot in nextHopSlots.values { isLive[Int(slot)] = true }
        isNamed = isLive
        for slot in plane.retiredNextHops { (isLive[Int(slot)], isNamed[Int(slot)]) = (false, true) }
        for number in hasPort.indices { hasPort[number] = state.port(PortID(rawValue: UInt16(number))) != nil }
    }

    /// The word a flow ought to have; nil if what it goes by has no slot.
    /// - Parameter there: the one it has: where that names the right next hop, nothing need be looked up.
    func word(of flow: FlowEntry, there: UInt64) -> UInt64? {
        var slot: UInt32 = 0
        if case .nextHop(let id) = flow.action {
            let named = Int(ActionWord(rawValue: there).index)
            if named < nextHopIDs.count, isLive[named], nextHopIDs[named] == id {
                slot = UInt32(named)
            } else if let right = nextHopSlots[id] {
                slot = right
            } else {
                return nil
            }
        }
        return XDPDataPlane.word(of: flow, slot: slot, epoch: epoch)
    }

    // MARK: Flows

    /// - Parameter matched: counts the static flows that are wanted and there, right or not.
    @inline(__always)
    func judge(
        _ key: FlowKey, _ raw: UInt64, _ wanted: some StaticEntries, _ matched: inout Int, _ pass: inout ReconcilePass
    ) -> EntryVerdict {
        let word = ActionWord(rawValue: raw)
        guard word.has(ActionWord.isStatic) else { return judgeDerived(key, word, &pass) }
        guard let entry = wanted.flow(key) else {
            pass.add(.extra, .flowCache, TableEntry.flow(FlowEntry(key: key, action: .drop)).keyText)
            return .remove
        }
        matched += 1
        let right = self.word(of: entry, there: raw)
        if let right, (right ^ raw) & ActionWord.decisionMask == 0 { return .right }
        pass.add(
            .altered, .flowCache, TableEntry.flow(entry).keyText, right.map { found(raw, $0) } ?? "",
            failure: right == nil && pass.repairs ? Self.noSlot : nil)
        return right.map { .replace($0) } ?? .right
    }

    /// One of another generation decides nothing, whatever it says.
    private func judgeDerived(_ key: FlowKey, _ word: ActionWord, _ pass: inout ReconcilePass) -> EntryVerdict {
        if word.generation != generation.rawValue { return .right }
        if isWellFormed(word) {
            guard derived else { return .right }
            let now = Classifier.evaluate(key: key, state: state, generation: generation).entry
            if let now, let right = self.word(of: now, there: word.rawValue),
                (right ^ word.rawValue) & ActionWord.decisionMask == 0
            {
                return .right
            }
        }
        pass.add(.altered, .flowCache, TableEntry.flow(FlowEntry(key: key, action: .drop)).keyText, "derived")
        return .remove
    }

    /// Whether this is what some derived flow's word could be.
    private func isWellFormed(_ word: ActionWord) -> Bool {
        guard !word.has(ActionWord.permitOrGroup), Reason(rawValue: UInt8(word.rawValue >> 26 & 63)) != nil else {
            return false
        }
        let index = Int(word.index)
        switch (word.disposition, word.has(ActionWord.toPort)) {
        case (.forward, true): return index < hasPort.count && hasPort[index]
        case (.forward, false): return index < isNamed.count && isNamed[index]
        case (_, let toPort): return index == 0 && !toPort
        }
    }

    // MARK: Stations

    func judge(
        station key: ExactMatchKey32, _ raw: UInt64, _ wanted: some StaticEntries, _ matched: inout Int,
        _ pass: inout ReconcilePass
    ) -> EntryVerdict {
        let word = ActionWord(rawValue: raw)
        let mac = MACAddress(rawValue: key.word0)
        let vlan = VLANID(rawValue: UInt16(key.word0 >> 48))
        let entry = MACEntry(vlan: vlan, mac: mac, action: .drop, isStatic: word.has(ActionWord.isStatic))
        if key.word1 == 0, entry.isStatic, let entry = wanted.mac(entry) {
            matched += 1
            let right = XDPDataPlane.word(of: entry, epoch: epoch)
            if (right ^ raw) & ActionWord.decisionMask == 0 { return .right }
            pass.add(.altered, .mac, TableEntry.mac(entry).keyText, found(raw, right))
            return .replace(right)
        }
        if entry.isStatic || key.word1 != 0 {
            pass.add(.extra, .mac, TableEntry.mac(entry).keyText)
            return .remove
        }
        let port = Int(word.index)
        let right = ActionWord(.forward, index: word.index, flags: ActionWord.toPort).rawValue
        let isStation = (1...4094).contains(vlan.rawValue) && !mac.isMulticast && mac.rawValue != 0
        if (right ^ raw) & ActionWord.decisionMask == 0, port < hasPort.count, hasPort[port], isStation {
            return .right
        }
        pass.add(.altered, .mac, TableEntry.mac(entry).keyText, "learned")
        return .remove
    }
}
