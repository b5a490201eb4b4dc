// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Packet
import Tables

// Routes: the prefix trees, interval by interval, and the records they lead to.
extension XDPDataPlane {
    private static var nameMask: UInt64 { ~0 << UInt64(FP_ROUTE_NAME_SHIFT) }

    func reconcileRoutes(_ pass: inout ReconcilePass) {
        if !tree.hasIntactEmptyRoot {
            pass.add(.altered, nil, "prefix tree", "the root of VRFs without routes leads somewhere")
            advance(&pass)
            if pass.repairs { tree.repairEmptyRoot() }
        }
        if isAdopted {
            adoptRoutes(&pass)
        } else {
            changeRoutes(&pass)
            compareTrees(&pass)
        }
        compareRecords(&pass)
        if pass.repairs { for slot in pass.releasedGroups { groupPool.giveBack(slot) } }
    }

    // MARK: Tables of this process

    /// Routes that are wanted and unknown here, and the other way round.
    private func changeRoutes(_ pass: inout ReconcilePass) {
        var missing: [RouteEntry] = []
        var known = 0
        state.forEachRoute { route in
            if routeRecords[RouteKey(vrf: route.vrf, prefix: route.prefix)] == nil {
                missing.append(route)
            } else {
                known += 1
            }
        }
        var gone: [RouteEntry] = []
        if known != routeRecords.count {
            for key in routeRecords.keys {
                let route = RouteEntry(vrf: key.vrf, prefix: key.prefix, action: .drop)
                if state.stored(.route(route)) == nil { gone.append(route) }
            }
        }
        if missing.isEmpty && gone.isEmpty { return }
        advance(&pass)
        for (routes, kind) in [(gone, Discrepancy.Kind.extra), (missing, .missing)] {
            for route in routes {
                var failure: String?
                if pass.repairs {
                    let entry = TableEntry.route(route)
                    let change = TableChange(
                        table: entry.table, old: kind == .extra ? entry : nil, new: kind == .extra ? nil : entry)
                    do { try programRoute(change) } catch { failure = "\(error)" }
                }
                pass.add(kind, route.table, TableEntry.route(route).keyText, failure: failure)
            }
        }
        if pass.repairs { publishRoutes() }
    }

    private func compareTrees(_ pass: inout ReconcilePass) {
        var sight = RouteSight(count: fastPath.sizes.routeRecords)
        let outcome = tree.compare { overlap in
            sight.see(overlap, isRight: overlap.expected == overlap.found)
        }
        if outcome.wrong.isEmpty { return }
        advance(&pass)
        let failure = settleTrees(outcome, pass)
        var routes: [UInt32: RouteKey] = [:]
        for (key, record) in routeRecords where sight.isWrong(record) { routes[record] = key }
        for (record, key) in routes {
            let route = RouteEntry(vrf: key.vrf, prefix: key.prefix, action: .drop)
            report(route, sight.kind(record), "", failure, &pass)
        }
        reportStrangers(sight, failure, &pass)
        if sight.hasSeenNothingWrong {
            pass.add(.altered, nil, "prefix tree", "its nodes are not as they were written", failure: failure)
        }
    }

    /// - Returns: why it could not be done.
    private func settleTrees(
        _ outcome: PrefixTree.Outcome, _ pass: ReconcilePass, renumbered: (UInt32) -> UInt32 = { $0 }
    ) -> String? {
        do {
            try tree.settle(outcome, renumbered: renumbered, repairs: pass.repairs)
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: Tables that were found

    /// Finds each route's record: the trees lead from its addresses to it, and it bears its name. A route all of whose addresses
    /// belong to longer ones is in no tree; its record is known by its name alone.
    private func adoptRoutes(_ pass: inout ReconcilePass) {
        var wanted: [RouteEntry] = []
        wanted.reserveCapacity(state.count(of: .ipv4) + state.count(of: .ipv6))
        state.forEachRoute { wanted.append($0) }
        tree.enter(wanted.indices.lazy.map { (RoutePrefix(wanted[$0].vrf, wanted[$0].prefix), UInt32($0 + 1)) })
        var claims = RouteClaims(routes: wanted.count, records: fastPath.sizes.routeRecords)
        var sight = RouteSight(count: wanted.count + 1)
        let outcome = tree.compare { overlap in
            let (number, record) = (overlap.expected, overlap.found)
            guard number != 0, record != 0, Int(record) < claims.owners.count else {
                return sight.see(overlap, isRight: number == record)
            }
            if claims.records[Int(number)] == 0, claims.owners[Int(record)] == 0 {
                let route = wanted[Int(number) - 1]
                let name = names.name(route.vrf, route.prefix)
                if fastPath.routes[Int(record)].action & Self.nameMask == name { claims.claim(record, for: number) }
            }
            return sight.see(overlap, isRight: claims.records[Int(number)] == record)
        }
        claimByName(wanted, &claims)
        let unclaimed = Set(claims.unclaimed)
        routePool = RecordPool(from: 1, to: UInt32(fastPath.sizes.routeRecords)) { claims.owners[Int($0)] != 0 }
        if !outcome.wrong.isEmpty || !unclaimed.isEmpty { advance(&pass) }
        var full: Set<Int> = []
        for number in unclaimed.sorted() {
            guard pass.repairs, let record = routePool.take() else {
                full.insert(number)
                tree.enter([(RoutePrefix(wanted[number - 1].vrf, wanted[number - 1].prefix), UInt32(0))])
                continue
            }
            claims.claim(record, for: UInt32(number))
            writeRecord(record, wanted[number - 1])
        }
        routeRecords.reserveCapacity(wanted.count)
        for (place, route) in wanted.enumerated() where claims.records[place + 1] != 0 {
            routeRecords[RouteKey(vrf: route.vrf, prefix: route.prefix)] = claims.records[place + 1]
        }
        tree.renumber { claims.records[Int($0)] }
        let failure = settleTrees(outcome, pass) { claims.records[Int($0)] }
        for number in claims.records.indices.dropFirst() {
            let isNew = unclaimed.contains(number)
            guard isNew || sight.isWrong(UInt32(number)) else { continue }
            let noRoom = full.contains(number) && pass.repairs ? "all records of routes are in use" : nil
            report(
                wanted[number - 1], isNew ? .missing : sight.kind(UInt32(number)), "", noRoom ?? failure, &pass)
        }
        reportStrangers(sight, failure, &pass)
        if !outcome.wrong.isEmpty, sight.hasSeenNothingWrong {
            pass.add(.altered, nil, "prefix tree", "its nodes are not as they were written", failure: failure)
        }
        guard pass.repairs, failure == nil else { return }
        // Nothing leads to the others any more; nobody may take them for the routes they were.
        for record in 1..<claims.owners.count where claims.owners[record] == 0 && fastPath.routes[record].action != 0 {
            fastPath.routes[record].action = 0
        }
    }

    private func claimByName(_ wanted: [RouteEntry], _ claims: inout RouteClaims) {
        guard claims.count < wanted.count else { return }
        var byName: [UInt64: UInt32] = [:]
        for record in 1..<claims.owners.count where claims.owners[record] == 0 {
            let word = fastPath.routes[record].action
            guard word & ActionWord.valid != 0 else { continue }
            // Two with one name: no telling which.
            byName[word & Self.nameMask] = byName[word & Self.nameMask] == nil ? UInt32(record) : 0
        }
        for (place, route) in wanted.enumerated() where claims.records[place + 1] == 0 {
            guard let record = byName[names.name(route.vrf, route.prefix)], record != 0,
                claims.owners[Int(record)] == 0
            else { continue }
            claims.claim(record, for: UInt32(place + 1))
        }
    }

    // MARK: Records

    private func compareRecords(_ pass: inout ReconcilePass) {
        var wrong: [(RouteEntry, UInt32, UInt64)] = []
        var checked = 0
        state.forEachRoute { route in
            checked += 1
            guard let record = routeRecords[RouteKey(vrf: route.vrf, prefix: route.prefix)] else { return }
            let word = word(of: route)
            if fastPath.routes[Int(record)].action != word { wrong.append((route, record, word)) }
        }
        pass.report.checked += checked
        if wrong.isEmpty { return }
        advance(&pass)
        for (route, record, word) in wrong {
            let there = fastPath.routes[Int(record)].action
            if pass.repairs { memory_store_release64(&fastPath.routes[Int(record)].action, word) }
            report(route, .altered, found(there, word), nil, &pass)
        }
    }

    // MARK: Reporting

    private func report(
        _ route: RouteEntry, _ kind: Discrepancy.Kind, _ detail: String, _ failure: String?, _ pass: inout ReconcilePass
    ) {
        pass.add(kind, route.table, TableEntry.route(route).keyText, detail, failure: failure)
    }

    /// Addresses that a tree gives a route and no prefix does.
    private func reportStrangers(_ sight: RouteSight, _ failure: String?, _ pass: inout ReconcilePass) {
        for place in sight.strangers {
            let isIPv6 = place.tree >= Int(FP_MAX_VRFS)
            let address: IPAddress =
                isIPv6
                ? .v6(IPv6Address(high: place.high, low: place.low))
                : .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: place.high >> 32)))
            pass.add(
                .extra, isIPv6 ? .ipv6 : .ipv4,
                "route from \(address) on in VRF \(place.tree % Int(FP_MAX_VRFS))", failure: failure)
        }
        pass.report.extra += sight.moreStrangers
    }
}

/// What a comparison of trees has seen of each route.
private struct RouteSight {
    private static let right: UInt8 = 1
    private static let wrong: UInt8 = 2
    private var seen: [UInt8]
    private(set) var hasSeenNothingWrong = true
    /// Where there should be no route and is one; the first of them.
    private(set) var strangers: [PrefixTreeOverlap] = []
    private(set) var moreStrangers = 0

    init(count: Int) { seen = Array(repeating: 0, count: count) }

    /// - Returns: `isRight`.
    mutating func see(_ overlap: PrefixTreeOverlap, isRight: Bool) -> Bool {
        if isRight {
            if overlap.expected != 0 { seen[Int(overlap.expected)] |= Self.right }
            return true
        }
        hasSeenNothingWrong = false
        if overlap.expected != 0 {
            seen[Int(overlap.expected)] |= Self.wrong
        } else if strangers.count < ReconcileReport.limit {
            strangers.append(overlap)
        } else {
            moreStrangers += 1
        }
        return false
    }

    func isWrong(_ number: UInt32) -> Bool { seen[Int(number)] & Self.wrong != 0 }

    /// A route that is nowhere where it should be is missing.
    func kind(_ number: UInt32) -> Discrepancy.Kind { seen[Int(number)] & Self.right != 0 ? .altered : .missing }
}

/// Which record is which route's, by the numbers the routes were entered with.
private struct RouteClaims {
    private(set) var records: [UInt32]
    private(set) var owners: [UInt32]
    private(set) var count = 0

    init(routes: Int, records: Int) {
        self.records = Array(repeating: 0, count: routes + 1)
        owners = Array(repeating: 0, count: records)
    }

    /// Numbers of routes without a record.
    var unclaimed: [Int] { records.indices.dropFirst().filter { records[$0] == 0 } }

    mutating func claim(_ record: UInt32, for number: UInt32) {
        (records[Int(number)], owners[Int(record)]) = (record, number)
        count += 1
    }
}

extension RouteEntry {
    fileprivate var table: TableID {
        switch prefix.address {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }
}
