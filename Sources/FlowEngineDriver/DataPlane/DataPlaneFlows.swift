// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Entries of the flow cache: each becomes the finest megaflow that a key of the card can tell, if that is decided as the entry
// says.
extension FlowEngineDataPlane {
    func writeFlows(_ updates: ArraySlice<TableUpdate>) -> [UpdateResult] {
        var results: [UpdateResult] = []
        results.reserveCapacity(updates.count)
        // Derived flows rest on nothing that others rest on: their rules go to the card together.
        var waiting: [(index: Int, key: FlowKey, ordinal: Int)] = []
        var waitingKeys: Set<FlowKey> = []
        func flush() {
            let outcome = tables.carryOut(waiting.map { .insert($0.ordinal) })
            for (flow, failure) in zip(waiting, outcome) {
                guard let failure else { continue }
                infos[flow.ordinal]?.flow = nil
                forgetIfFree(flow.ordinal)
                held.set(flow.key, nil)
                results[flow.index] = .rejected(.backEnd(table: .flowCache, "\(failure)"))
            }
            waiting = []
            waitingKeys = []
        }
        for update in updates {
            guard case .flow(let flow) = update.entry else { continue }
            if flow.origin == .static || update.operation != .insert || waitingKeys.contains(flow.key) { flush() }
            do throws(TableError) {
                let ordinal = try write(update.operation, flow)
                results.append(.applied)
                if let ordinal {
                    waiting.append((results.count - 1, flow.key, ordinal))
                    waitingKeys.insert(flow.key)
                }
            } catch {
                results.append(.rejected(error))
            }
        }
        flush()
        return results
    }

    /// Returns the place of a rule that is still to be written.
    private func write(_ operation: TableUpdate.Operation, _ flow: FlowEntry) throws(TableError) -> Int? {
        let entry = TableEntry.flow(flow)
        if let error = state.validate(TableUpdate(operation, entry)) { throw error }
        let old = held.flows[flow.key]
        switch operation {
        case .insert:
            if let old, isValid(old.entry) { throw .alreadyExists(table: .flowCache, entry: entry.keyText) }
            guard old != nil || held.flows.count < state.capacity(of: .flowCache) else {
                throw .tableFull(table: .flowCache, capacity: state.capacity(of: .flowCache))
            }
        case .modify, .delete:
            if old == nil { throw .notFound(table: .flowCache, entry: entry.keyText) }
        }
        try replace(flow.key, with: operation == .delete ? nil : flow)
        guard operation != .delete, flowPlacement != .never else { return nil }
        do throws(OffloadRefusal) {
            let ordinal = try placeRule(of: flow)
            guard flow.origin == .static else { return ordinal }
            if let ordinal, let failure = tables.carryOut([.insert(ordinal)]).first ?? nil { throw failure }
            return nil
        } catch {
            if flowPlacement == .preferred { return nil }
            try restore(flow.key, old, because: error, entry)
            return nil
        }
    }

    /// Sets or removes an entry, takes the rule of the one before out, and makes others right.
    private func replace(_ key: FlowKey, with new: FlowEntry?) throws(TableError) {
        let old = held.flows[key]
        if let rule = old?.rule {
            if let info = infos[rule], info.isOffloaded {
                infos[rule]?.flow = nil
            } else if let failure = tables.carryOut([.remove(rule)], removed: { forget($0, withdrawing: false) }).first
                ?? nil
            {
                lose(rule)
                throw .backEnd(table: .flowCache, "\(failure)")
            }
        }
        let before = held.flows[key]
        state.countReferences(removed: old?.entry, inserted: new)
        held.set(key, new.map { HeldEntries.Flow(entry: $0, rule: nil, packets: 0, lastHit: now) })
        let changed = [old?.entry, new].compactMap { $0 }.filter { $0.origin == .static }
        if changed.isEmpty { return }
        if let why = judge(touched(by: changed.map { .flow($0) })).first?.why {
            state.countReferences(removed: new, inserted: old?.entry)
            held.set(key, before)
            throw .backEnd(table: .flowCache, "\(why)")
        }
    }

    private func restore(
        _ key: FlowKey, _ old: HeldEntries.Flow?, because why: OffloadRefusal, _ entry: TableEntry
    ) throws(TableError) {
        let new = held.flows[key]?.entry
        state.countReferences(removed: new, inserted: old?.entry)
        var kept = old
        kept?.rule = nil
        held.set(key, kept)
        if let new { _ = judge(touched(by: [.flow(new)])) }
        if let kept, let ordinal = try? placeRule(of: kept.entry) { _ = tables.carryOut([.insert(ordinal)]) }
        if case .hardware(let message) = why { throw .backEnd(table: .flowCache, message) }
        if case .full(_, let capacity) = why { throw .tableFull(table: .flowCache, capacity: capacity) }
        throw .unsupported(table: .flowCache, entry: entry.keyText, why: "\(why)")
    }

    /// Finds the finest megaflow of a flow that a key of the card tells and that is decided as the flow is, and places its rule. Nil: it is there
    /// already.
    private func placeRule(of flow: FlowEntry) throws(OffloadRefusal) -> Int? {
        if flow.mirror { throw .action("copy packets to the controller") }
        var refusal: OffloadRefusal?
        for sample in Megaflow.samples(of: flow.key, state: state) {
            for megaflow in finest(of: sample) {
                do throws(OffloadRefusal) {
                    let proof = try prove(megaflow)
                    if let ordinal = tables.book.find(megaflow) {
                        infos[ordinal]?.flow = flow.key
                        attach(flow.key, ordinal)
                        return nil
                    }
                    let ordinal = try tables.book.place(megaflow, proof.decision)
                    infos[ordinal] = RuleInfo(flow: flow.key)
                    learn(proof, ordinal)
                    attach(flow.key, ordinal)
                    return ordinal
                } catch {
                    // The finest says best why not.
                    if refusal == nil { refusal = error }
                }
            }
        }
        throw refusal
            ?? .noKey(
                fields: flow.key.isIPv6 ? [] : [.ipv4Source, .ipv4Destination], keys: tables.book.keys.descriptions)
    }

    private func attach(_ key: FlowKey, _ ordinal: Int) {
        guard var flow = held.flows[key] else { return }
        flow.rule = ordinal
        held.set(key, flow)
    }

    /// What the card's keys can tell of a sample, the finest first.
    private func finest(of sample: Megaflow) -> [Megaflow] {
        keySets.compactMap { keySet in
            let fields = sample.fields.intersection(keySet.fields)
            return fields.isEmpty || !keySet.expresses(fields) ? nil : sample.reduced(to: fields)
        }.sorted { $0.fields.rawValue.nonzeroBitCount > $1.fields.rawValue.nonzeroBitCount }
    }

    /// Takes the rules of flows out; the flows stay.
    func takeRules(of keys: [FlowKey]) {
        var steps: [FlowCacheTables.Step] = []
        for key in keys {
            guard let rule = held.flows[key]?.rule else { continue }
            if infos[rule]?.isOffloaded == true {
                infos[rule]?.flow = nil
                if var flow = held.flows[key] {
                    flow.rule = nil
                    held.set(key, flow)
                }
            } else {
                steps.append(.remove(rule))
            }
        }
        for (step, failure) in zip(steps, tables.carryOut(steps) { forget($0, withdrawing: false) })
        where failure != nil {
            lose(step.ordinal)
        }
    }

    /// After an insertion that could not be recorded there is nothing at its place.
    func forgetIfFree(_ ordinal: Int) {
        guard tables.book[ordinal] == nil, let info = infos[ordinal] else { return }
        for key in info.macsRead { readers[key]?.remove(ordinal) }
        infos[ordinal] = nil
    }
}
