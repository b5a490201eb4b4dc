// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension FlowEngineDataPlane {
    public func offload(_ megaflows: [Megaflow]) -> [Result<OffloadDecision, OffloadRefusal>] {
        tidy()
        guard tables.isReady else { return megaflows.map { _ in .failure(tables.notReady) } }
        var results: [Result<OffloadDecision, OffloadRefusal>] = []
        results.reserveCapacity(megaflows.count)
        var steps: [FlowCacheTables.Step] = []
        var indices: [Int] = []
        for megaflow in megaflows {
            do throws(OffloadRefusal) {
                let (decision, ordinal) = try place(megaflow)
                results.append(.success(decision))
                if let ordinal {
                    steps.append(.insert(ordinal))
                    indices.append(results.count - 1)
                }
            } catch {
                results.append(.failure(error))
            }
        }
        for ((step, index), failure) in zip(zip(steps, indices), tables.carryOut(steps)) {
            guard let failure else { continue }
            infos[step.ordinal]?.isOffloaded = false
            forgetIfFree(step.ordinal)
            results[index] = .failure(failure)
        }
        return results
    }

    /// Returns the place of a rule that is still to be written; nil if the card has it.
    private func place(_ megaflow: Megaflow) throws(OffloadRefusal) -> (OffloadDecision, Int?) {
        if let ordinal = tables.book.find(megaflow), let rule = tables.book[ordinal], infos[ordinal]?.isProven == true {
            infos[ordinal]?.isOffloaded = true
            return (rule.decision, nil)
        }
        let proof = try prove(megaflow)
        if let ordinal = tables.book.find(megaflow), let rule = tables.book[ordinal] {
            // Of an earlier process: it is what it says, or is made so.
            infos[ordinal]?.isOffloaded = true
            if rule.decision == proof.decision, rule.state == .live {
                learn(proof, ordinal)
                return (proof.decision, nil)
            }
            if let failure = judge([ordinal]).first { throw failure.why }
            return (proof.decision, nil)
        }
        let ordinal = try tables.book.place(megaflow, proof.decision)
        infos[ordinal] = RuleInfo(isOffloaded: true)
        learn(proof, ordinal)
        return (proof.decision, ordinal)
    }

    /// One that the card could not be told to forget is nil here too: it goes as soon as the card can be written, and is told of then
    /// (`takeWithdrawn`). Until then it is right.
    public func withdraw(_ megaflows: [Megaflow]) -> [OffloadRecord?] {
        tidy()
        var records: [OffloadRecord?] = Array(repeating: nil, count: megaflows.count)
        var steps: [FlowCacheTables.Step] = []
        var indices: [Int: Int] = [:]
        for (index, megaflow) in megaflows.enumerated() {
            guard let ordinal = tables.book.find(megaflow), infos[ordinal]?.isOffloaded == true, indices[ordinal] == nil
            else { continue }
            indices[ordinal] = index
            if infos[ordinal]?.flow != nil {
                // A flow entry stands for the same frames: its rule stays.
                count([ordinal])
                infos[ordinal]?.isOffloaded = false
                records[index] = tables.book[ordinal].map { record($0) }
            } else {
                steps.append(.remove(ordinal))
            }
        }
        _ = tables.carryOut(steps) { rule in
            if let index = indices[rule.place.ordinal] { records[index] = record(rule) }
            forget(rule, withdrawing: false)
        }
        return records
    }

    public func sweepOffloads(_ visit: (borrowing OffloadRecord) -> SweepDecision) {
        tidy()
        let ordinals = tables.book.ordinalsInUse.filter {
            infos[$0]?.isOffloaded == true && tables.book[$0]?.state == .live
        }
        count(ordinals)
        var going: [Megaflow] = []
        for ordinal in ordinals {
            guard let rule = tables.book[ordinal] else { continue }
            if visit(record(rule)) == .remove { going.append(rule.megaflow) }
        }
        _ = withdraw(going)
    }

    public func takeWithdrawn() -> [OffloadRecord] {
        collectReleased()
        defer { withdrawn = [] }
        return withdrawn
    }

    // MARK: Counting

    /// Reads what the card counted and books it.
    func count(_ ordinals: [Int]) {
        if ordinals.isEmpty { return }
        tables.drain(ordinals)
        for ordinal in ordinals {
            if let rule = tables.book[ordinal] { account(rule) }
        }
    }

    /// Books what a rule has counted since the last time: at its port, at the station its frames renew, at its flow.
    func account(_ rule: CardRule) {
        let ordinal = rule.place.ordinal
        guard let info = infos[ordinal], rule.packets > info.accounted else { return }
        let news = rule.packets - info.accounted
        infos[ordinal]?.accounted = rule.packets
        let port = Int(min(rule.megaflow.ingressPort?.rawValue ?? 0, PortID.maximum))
        verdicts[port][rule.decision == .drop ? 1 : 0] += news
        if let station = info.refreshes { held.stations[station]?.lastHit = now }
        if let key = info.flow, var flow = held.flows[key] {
            flow.lastHit = now
            held.set(key, flow)
        }
    }
}
