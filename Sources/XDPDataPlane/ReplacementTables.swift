// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Tables

/// A table another one has taken the place of, in something a class can hold.
final class FormerTable<Key: ExactMatchKey> {
    var table: ExactMatchTable<Key>
    init(_ table: consuming ExactMatchTable<Key>) { self.table = table }

    /// Puts this table where another one is, which is then here.
    func exchange(with other: inout ExactMatchTable<Key>) { swap(&table, &other) }
}

/// Routes in the records and nodes of one fast path.
struct RouteTables {
    var tree: PrefixTree
    var records: [XDPDataPlane.RouteKey: UInt32]
    var pool: RecordPool
}

/// A program that has been loaded, with tables of its own where it does not share those of the running one.
final class PreparedReplacement {
    let fastPath: FastPath
    var flows4: FormerTable<ExactMatchKey32>?
    var flows6: FormerTable<ExactMatchKey64>?
    var macs: FormerTable<ExactMatchKey32>?
    var routes: RouteTables?
    var report: ReplacementReport

    init(_ fastPath: FastPath, instead running: FastPath) {
        self.fastPath = fastPath
        report = ReplacementReport(
            old: ProgramDescription(running), new: ProgramDescription(fastPath), switched: 0)
    }

    /// A table of the new program with the content of a running one's.
    func moved<Key>(
        _ old: borrowing ExactMatchTable<Key>, into memory: ExactMatchMemory, _ capacity: Int, _ retention: Retention,
        _ limit: String
    ) throws(ReplacementError) -> FormerTable<Key> {
        var retention = retention
        var needed = 0
        let table: FormerTable<Key>
        do throws(ExactMatchError) {
            table = FormerTable(try ExactMatchTable(memory: memory, capacity: capacity, gracePeriod: NoReaders()))
            let count = try table.table.insertEntries(of: old) {
                retention.takes($0.action) ? ExactMatchItem(key: $0.key, action: $0.action) : nil
            }
            table.table.sweep { if ActionWord(rawValue: $0.action).has(ActionWord.isStatic) { needed += 1 } }
            report.moves.append(.init(table: limit, entries: count.moved, left: count.left))
        } catch {
            throw .table(error)
        }
        guard needed == retention.needed else {
            throw .doesNotFit(limit: limit, what: "static entries", count: retention.needed, capacity: capacity)
        }
        return table
    }
}

/// What a program that is being tried has replaced, and how it is watched.
final class PendingReplacement {
    let former: FastPath
    let formerConfiguration: XDPConfiguration
    /// What is in force once the new program is confirmed.
    let configuration: XDPConfiguration
    /// Tables whose content was moved; nil where both programs use the same.
    let flows4: FormerTable<ExactMatchKey32>?
    let flows6: FormerTable<ExactMatchKey64>?
    let macs: FormerTable<ExactMatchKey32>?
    var routes: RouteTables?
    var sampler: PacketSampler
    var watch: ReplacementWatch
    var nextSample: UInt64

    init(
        _ prepared: PreparedReplacement, former: FastPath, formerConfiguration: XDPConfiguration,
        configuration: XDPConfiguration, sampler: consuming PacketSampler, watch: ReplacementWatch, nextSample: UInt64
    ) {
        (flows4, flows6, macs, routes) = (prepared.flows4, prepared.flows6, prepared.macs, prepared.routes)
        (self.former, self.formerConfiguration) = (former, formerConfiguration)
        (self.configuration, self.watch, self.nextSample) = (configuration, watch, nextSample)
        self.sampler = sampler
    }

    /// Of tables that may come back: the generation's number begins anew.
    func removeDerivedFlows() {
        func remove<Key>(_ former: FormerTable<Key>?) {
            _ = try? former?.table.removeAll { !ActionWord(rawValue: $0.action).has(ActionWord.isStatic) }
        }
        remove(flows4)
        remove(flows6)
    }
}

extension ExactMatchTable {
    /// Removes the entries a condition holds for. For tables no program reads: it does not wait.
    mutating func removeAll(where isGone: (ExactMatchEntry<Key>) -> Bool) throws(ExactMatchError) {
        var gone: [Key] = []
        sweep { if isGone($0) { gone.append($0.key) } }
        for key in gone { try delete(key) }
        try reclaim()
    }

    /// Makes the entries of a kind what they are in another table: those that came, those that went, those that say something
    /// else. For tables no program reads: it does not wait.
    mutating func align(
        to other: borrowing ExactMatchTable<Key>, where concerns: (ActionWord) -> Bool
    ) throws(ExactMatchError) {
        var gone: [Key] = []
        sweep { entry in
            guard concerns(ActionWord(rawValue: entry.action)) else { return }
            guard let wanted = other.find(entry.key), concerns(ActionWord(rawValue: wanted.action)) else {
                gone.append(entry.key)
                return
            }
        }
        for key in gone { try delete(key) }
        try reclaim()
        var missing: [ExactMatchItem<Key>] = []
        var altered: [ExactMatchItem<Key>] = []
        other.sweep { entry in
            guard concerns(ActionWord(rawValue: entry.action)) else { return }
            let item = ExactMatchItem(key: entry.key, action: entry.action)
            guard let here = find(entry.key) else {
                missing.append(item)
                return
            }
            if (here.action ^ entry.action) & ActionWord.decisionMask != 0 { altered.append(item) }
        }
        for item in altered { try modify(item.key, action: item.action) }
        var outcomes: [ExactMatchOutcome] = []
        if !missing.isEmpty { try insert(missing.span, outcomes: &outcomes) }
    }
}

extension XDPDataPlane {
    /// Which entries smaller tables take over. Refuses where what must be taken does not fit.
    struct Retentions {
        var flows4: Retention
        var flows6: Retention
        var macs: Retention

        init(_ plane: XDPDataPlane, _ target: XDPConfiguration) throws(ReplacementError) {
            let now = plane.now.rawValue
            let generation = plane.generation.rawValue
            func retention<Key>(
                _ table: borrowing ExactMatchTable<Key>, _ limit: String, _ what: String, _ capacity: Int,
                generation: UInt16?
            ) throws(ReplacementError) -> Retention {
                var retention = Retention(now: now, generation: generation)
                table.sweep { retention.count($0.action) }
                guard retention.needed <= capacity else {
                    throw .doesNotFit(limit: limit, what: what, count: retention.needed, capacity: capacity)
                }
                retention.limit(to: capacity)
                return retention
            }
            flows4 = try retention(
                plane.flows4, "ipv4_flows", "static IPv4 flows", target.ipv4Flows, generation: generation)
            flows6 = try retention(
                plane.flows6, "ipv6_flows", "static IPv6 flows", target.ipv6Flows, generation: generation)
            macs = try retention(plane.macs, "macs", "static MAC entries", target.macs, generation: nil)
            let routes = plane.state.count(of: .ipv4) + plane.state.count(of: .ipv6)
            guard routes <= target.routes else {
                throw .doesNotFit(limit: "routes", what: "routes", count: routes, capacity: target.routes)
            }
        }
    }

    /// The routes in another fast path's records and nodes, without what they have counted.
    func movedRoutes(
        to other: FastPath, _ moves: inout [ReplacementReport.Move]
    ) throws(ReplacementError) -> RouteTables {
        var pool = RecordPool(from: 1, to: UInt32(other.sizes.routeRecords))
        var records: [RouteKey: UInt32] = [:]
        records.reserveCapacity(routeRecords.count)
        var prefixes: [(RoutePrefix, route: UInt32)] = []
        prefixes.reserveCapacity(routeRecords.count)
        for (key, old) in routeRecords {
            guard let new = pool.take() else {
                throw .doesNotFit(
                    limit: "routes", what: "routes", count: routeRecords.count, capacity: other.sizes.routeRecords)
            }
            records[key] = new
            other.routes[Int(new)].action = fastPath.routes[Int(old)].action
            prefixes.append((RoutePrefix(key.vrf, key.prefix), new))
        }
        do {
            let tree = try PrefixTree(memory: other.tree, gracePeriod: gracePeriod)
            try tree.load(prefixes)
            moves.append(.init(table: "routes", entries: prefixes.count, left: 0))
            return RouteTables(tree: tree, records: records, pool: pool)
        } catch {
            throw .tree(error)
        }
    }

    // MARK: Counters of routes

    /// What a route's record has counted.
    static func routeCount(_ fastPath: FastPath, _ record: UInt32) -> Counter {
        let packed = memory_load64(&fastPath.routes[Int(record)].count)
        let spill = fastPath.routeSpills[Int(record)]
        return Counter(
            packets: spill.packets + packed >> UInt64(FP_COUNT_PACKET_SHIFT),
            bytes: spill.bytes + packed & ((1 << UInt64(FP_COUNT_PACKET_SHIFT)) - 1))
    }

    /// Adds what records have counted to those of the same routes in the present fast path.
    /// - Parameter before: what of it is there already, by the present records.
    func addRouteCounts(
        of records: [RouteKey: UInt32], in other: FastPath, knowing before: [UInt32: Counter] = [:]
    ) {
        for (key, record) in records {
            guard let here = routeRecords[key] else { continue }
            let counter = Self.routeCount(other, record)
            let known = before[here] ?? Counter()
            PackedCount.add(
                packets: counter.packets &- known.packets, bytes: counter.bytes &- known.bytes,
                to: &fastPath.routes[Int(here)].count, fastPath.routeSpills + Int(here), fastPath.settings)
        }
    }

    /// Makes the routes in force what is wanted. For programs that do not run: they were left as they were when another program
    /// took their place.
    func realignRoutes() {
        var wanted: Set<RouteKey> = []
        for table in [TableID.ipv4, .ipv6] {
            for case .route(let route) in state.entries(of: table) {
                let key = RouteKey(vrf: route.vrf, prefix: route.prefix)
                wanted.insert(key)
                do { try programRoute(TableChange(table: table, old: nil, new: .route(route))) } catch {
                    complain("route \(route.prefix): \(error)")
                }
            }
        }
        for key in routeRecords.keys where !wanted.contains(key) {
            guard let record = routeRecords.removeValue(forKey: key) else { continue }
            routeChanges.append((key, nil))
            routePool.giveBack(record)
        }
        publishRoutes()
    }

    func exchangeRoutes(_ other: RouteTables) -> RouteTables {
        let present = RouteTables(tree: tree, records: routeRecords, pool: routePool)
        (tree, routeRecords, routePool) = (other.tree, other.records, other.pool)
        return present
    }
}

/// The word an entry counts in, and its spill counter.
enum PackedCount {
    /// Adds to what has been counted, as programs do at the same time.
    static func add(
        packets: UInt64, bytes: UInt64, to count: UnsafeMutablePointer<UInt64>,
        _ spill: UnsafeMutablePointer<fp_counter>,
        _ settings: UnsafeMutablePointer<fp_settings>
    ) {
        if packets | bytes == 0 { return }
        // Below half of each part, so that the sum cannot run over before it is spilled.
        if packets < 1 << 24, bytes < 1 << 36 {
            let packed = packets << UInt64(FP_COUNT_PACKET_SHIFT) | bytes
            let sum = memory_fetch_add64(count, packed) &+ packed
            if sum & (1 << 63 | 1 << 37) != 0 { em_spill(count, spill, settings) }
            return
        }
        if settings.pointee.spills == 0 { memory_store_release32(&settings.pointee.spills, 1) }
        _ = memory_fetch_add64(spill, packets)
        _ = memory_fetch_add64(UnsafeMutableRawPointer(spill) + 8, bytes)
    }
}
