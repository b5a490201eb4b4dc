// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The steps between sweeps and the card: samples of what is hot, megaflows for them, moves, results. What is to move is the
/// policy's to say, what can is the planner's.
struct Tiering {
    let plane: TieredDataPlane
    var policy: TierPolicy
    let seed: UInt64
    private(set) var statistics = Statistics()

    /// What moved, since the beginning.
    struct Statistics: Hashable, Sendable {
        var placed: UInt64 = 0
        /// Cold rules, and those that made room for hotter ones.
        var cold: UInt64 = 0
        var replaced: UInt64 = 0
    }

    // Of the sweep that is on.
    private var now: UInt64 = 0
    private var time = CoarseTime(rawValue: 0)
    private var last: UInt64?
    /// Changes of tables that the policy knows of.
    private var changes: UInt64 = 0
    /// Fewer packets than these cannot be a hot flow's; older hits neither.
    private var fewest: UInt64 = .max
    private var oldest: UInt16 = 0
    /// By router interface.
    private var owners = [OffloadOwner](repeating: OffloadOwner(nil), count: Self.interfaces)

    /// Router interfaces have 10 bits.
    private static let interfaces = 1024
    private var sources = PortStations()

    init(_ plane: TieredDataPlane, settings: TierSettings, seed: UInt64) {
        (self.plane, self.seed) = (plane, seed)
        policy = TierPolicy(settings)
    }

    // MARK: Samples

    /// - Parameters:
    ///   - now: nanoseconds; `time`: the same as packets are stamped with.
    mutating func beginSweep(_ state: borrowing TableState, time: CoarseTime, now: UInt64) {
        (self.now, self.time) = (now, time)
        policy.meter.beginSweep(now: now)
        policy.hot.removeAll()
        sources.removeAll()
        guard let last, plane.distrust == nil else {
            // Of the first sweep nothing is compared with anything; counts are taken.
            (fewest, oldest) = (plane.distrust == nil ? 1 : .max, .max)
            self.last = now
            return
        }
        let elapsed = now &- last
        self.last = now
        fewest = UInt64(max(1, policy.settings.promote * Double(elapsed) / 1e9))
        oldest = UInt16(clamping: elapsed / (UInt64(CoarseTime.millisecondsPerTick) * 1_000_000) + 2)
        for index in owners.indices { owners[index] = OffloadOwner(nil) }
        for case .routerInterface(let entry) in state.entries(of: .routerInterface) {
            guard Int(entry.id.rawValue) < owners.count else { continue }
            owners[Int(entry.id.rawValue)] = policy.settings.tenants.owner(
                of: state.ingress(of: entry.id).port ?? entry.port)
        }
    }

    /// O(1), and nothing is allocated.
    mutating func observe(_ flow: borrowing FlowRecord) {
        guard flow.counter.packets >= fewest, Self.canMove(flow.entry) else { return }
        guard isRecent(flow.lastHit) else { return }
        let fingerprint = flow.entry.key.fingerprint(seed: seed)
        guard let rate = policy.meter.measure(fingerprint, packets: flow.counter.packets, now: now),
            rate >= policy.settings.promote
        else { return }
        let owner = owners[Int(flow.entry.key.routerInterface.rawValue) & (Self.interfaces - 1)]
        policy.hot.add(OffloadSample(.flow(flow.entry), rate: rate, owner: owner))
    }

    mutating func observe(_ station: borrowing MACRecord) {
        sources.add(station.entry)
        guard station.counter.packets >= fewest else { return }
        let owner: OffloadOwner
        switch station.entry.action {
        case .port(let port): owner = policy.settings.tenants.owner(of: port)
        case .drop: owner = OffloadOwner(nil)
        case .kernel, .cpu: return
        }
        let subject = OffloadSubject.station(station.entry.vlan, station.entry.mac)
        let fingerprint = subject.fingerprint(seed: seed)
        guard let rate = policy.meter.measure(fingerprint, packets: station.counter.packets, now: now),
            rate >= policy.settings.promote
        else { return }
        policy.hot.add(OffloadSample(.station(station.entry), rate: rate, owner: owner))
    }

    private func isRecent(_ hit: CoarseTime) -> Bool {
        let age = time.ticks(since: hit)
        // The packets' clock may be a little ahead.
        return age <= oldest || age >= 0xff00
    }

    /// Hardware of this kind drops a frame, or sends it on as it came: `OffloadDecision`.
    static func canMove(_ flow: borrowing FlowEntry) -> Bool {
        guard !flow.mirror else { return false }
        switch flow.action {
        case .drop, .port: return true
        case .nextHop, .kernel, .cpu: return false
        }
    }

    // MARK: A round

    /// Moves what is to move now.
    mutating func endSweep(_ state: borrowing TableState, now: UInt64) {
        guard plane.distrust == nil else { return }
        if plane.changes != changes {
            changes = plane.changes
            policy.memory.forgetProofs(settings: policy.settings)
        }
        lookAtCard(now: now)
        let tables = plane.front.offloadTables
        let moves = policy.decide(tables: tables, now: now)
        plane.withdraw(moves.withdrawals)
        statistics.cold += UInt64(moves.withdrawals.count)

        // Planned before anything makes room for it.
        var planned: [Planned] = []
        for move in moves.offloads {
            switch plan(move.sample, state) {
            case .success(let variants): planned.append(Planned(move: move, variants: variants))
            case .failure(let refusal): policy.settle(move, .failure(refusal), tables: tables, now: now)
            }
        }
        let victims = planned.filter { each in
            // Another's rule may cover it already.
            !each.variants.contains { $0.contains { plane.counts.placements[$0.megaflow] != nil } }
        }.compactMap(\.move.victim)
        plane.withdraw(victims)
        statistics.replaced += UInt64(victims.count)
        offload(planned, tables: tables, now: now)
        lookAtCard(now: now)
    }

    /// A move and what could be placed for it: frames of one flow can look in more than one way (with a tag and without), and each way
    /// has its candidates. Rules for ways that no frame takes leave because they are cold.
    private struct Planned {
        var move: TierPolicy.Move
        var variants: [[OffloadCandidate]]
        var placed: [Megaflow] = []
        var refusal: OffloadRefusal?
    }

    /// Tries each variant's candidates until one is on the card.
    private mutating func offload(_ planned: [Planned], tables: [OffloadTable], now: UInt64) {
        var planned = planned
        var waiting = planned.indices.flatMap { index in planned[index].variants.map { (index: index, left: $0[...]) } }
        while !waiting.isEmpty {
            let results = plane.offload(
                waiting.map { (candidate: $0.left[$0.left.startIndex], sample: planned[$0.index].move.sample) })
            var next: [(index: Int, left: ArraySlice<OffloadCandidate>)] = []
            for (each, result) in zip(waiting, results) {
                switch result {
                case .success:
                    planned[each.index].placed.append(each.left[each.left.startIndex].megaflow)
                case .failure(let refusal):
                    planned[each.index].refusal = planned[each.index].refusal ?? refusal
                    if each.left.count > 1 { next.append((each.index, each.left.dropFirst())) }
                }
            }
            waiting = next
        }
        for each in planned {
            statistics.placed += UInt64(each.placed.count { policy.rules[$0] == nil })
            if each.placed.isEmpty, let refusal = each.refusal {
                policy.settle(each.move, .failure(refusal), tables: tables, now: now)
            } else {
                policy.settle(each.move, .success(each.placed), tables: tables, now: now)
            }
        }
    }

    private func plan(
        _ sample: OffloadSample, _ state: borrowing TableState
    ) -> Result<[[OffloadCandidate]], OffloadRefusal> {
        var refusal: OffloadRefusal?
        var variants: [[OffloadCandidate]] = []
        for megaflow in sample.megaflows(state, sources: sources) {
            switch plane.planner.candidates(for: megaflow) {
            case .success(let found):
                // Two keys can tell the same megaflow; which one is to, the card chooses.
                var candidates: [OffloadCandidate] = []
                for candidate in found where !candidates.contains(candidate) { candidates.append(candidate) }
                // Where a coarser one is the first of both, one rule is enough.
                if !candidates.isEmpty, !variants.contains(where: { $0.first == candidates.first }) {
                    variants.append(candidates)
                }
            case .failure(let why): refusal = refusal ?? why
            }
        }
        guard variants.isEmpty else { return .success(variants) }
        return .failure(refusal ?? .action("match the addresses of IPv6 packets"))
    }

    private mutating func lookAtCard(now: UInt64) {
        let names = plane.front.offloadTables.map(\.name)
        policy.look(
            at: plane.counts.placements.map { megaflow, placement in
                (
                    megaflow, placement.counted,
                    names.filter { placement.place.hasPrefix($0) }.max { $0.count < $1.count }
                )
            }, now: now)
    }
}
