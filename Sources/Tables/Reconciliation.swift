// SPDX-License-Identifier: Apache-2.0

/// One place where what a back end holds is not what is wanted.
public struct Discrepancy: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Wanted and not there.
        case missing
        /// There and not wanted.
        case extra
        /// There, and not as wanted.
        case altered
    }

    public var kind: Kind
    /// nil: no table's entry but something under the tables: a setting, a pin, a link, a program.
    public var table: TableID?
    /// The entry's key as `entry list` shows it, or what it is: `link of port p1`, `pin flow4`.
    public var subject: String
    /// What was found and what is right; empty where `kind` says it all.
    public var detail: String
    /// Why it could not be repaired; nil if it was, or if nobody asked for that.
    public var failure: String?

    public init(_ kind: Kind, table: TableID?, subject: String, detail: String = "", failure: String? = nil) {
        (self.kind, self.table, self.subject) = (kind, table, subject)
        (self.detail, self.failure) = (detail, failure)
    }
}

extension Discrepancy: CustomStringConvertible {
    public var description: String {
        let place = table.map { "\($0.rawValue): \(subject)" } ?? subject
        let what = detail.isEmpty ? "\(place): \(kind.rawValue)" : "\(place): \(kind.rawValue): \(detail)"
        return failure.map { "\(what); not repaired: \($0)" } ?? what
    }
}

/// What comparing a back end with what is wanted has found.
public struct ReconcileReport: Hashable, Sendable {
    /// Discrepancies named in `discrepancies`; more are only counted.
    public static let limit = 1000

    /// Entries and records that were compared.
    public var checked = 0
    public var missing = 0
    public var extra = 0
    public var altered = 0
    /// Of the three, those that could not be repaired.
    public var failed = 0
    /// Whether they were to be repaired.
    public var repairs: Bool
    /// The first of them.
    public var discrepancies: [Discrepancy] = []

    public init(repairs: Bool) { self.repairs = repairs }

    public var found: Int { missing + extra + altered }
    public var isClean: Bool { found == 0 }
    /// Of what was found, what is as wanted now.
    public var repaired: Int { repairs ? found - failed : 0 }

    public mutating func add(_ discrepancy: Discrepancy) {
        switch discrepancy.kind {
        case .missing: missing += 1
        case .extra: extra += 1
        case .altered: altered += 1
        }
        if discrepancy.failure != nil { failed += 1 }
        if discrepancies.count < Self.limit { discrepancies.append(discrepancy) }
    }

    public mutating func add(_ other: ReconcileReport) {
        checked += other.checked
        missing += other.missing
        extra += other.extra
        altered += other.altered
        failed += other.failed
        discrepancies += other.discrepancies.prefix(max(0, Self.limit - discrepancies.count))
    }
}

/// The static flows and MAC entries that are wanted: what `TableState` does not hold. Lookups are O(1).
public protocol StaticEntries {
    var flowCount: Int { get }
    var macCount: Int { get }
    func flow(_ key: FlowKey) -> FlowEntry?
    func mac(_ entry: MACEntry) -> MACEntry?
    func forEachFlow(_ body: (FlowEntry) -> Void)
    func forEachMAC(_ body: (MACEntry) -> Void)
}

/// A back end that can be compared with what is wanted: after a restart, when it was found as an earlier process left it, and
/// now and then, because others can reach it too.
///
/// Laws: packets are forwarded all the while; what is right is not written; a repair shows no packet half an entry; before
/// something that derived entries depend on is repaired, the generation advances. Counters of what is right are not touched.
public protocol ReconcilableDataPlane: DataPlane {
    /// Tables left by an earlier process were found and taken over, and have not been reconciled yet. Until they have, `write` must
    /// not be called.
    var isAdopted: Bool { get }

    /// Names these tables as they were made: another number after they were lost or reset and made anew.
    var marker: UInt64 { get }

    /// An empty `TableState` with this back end's limits and seeds.
    var emptyState: TableState { get }

    /// Compares everything but flows and MAC entries with `state`, and repairs if asked. With `isAdopted` it takes `state` over as
    /// its own and `isAdopted` becomes false (whether it repairs or not, the adopting caller must ask it to).
    func reconcileTables(_ state: TableState, repair: Bool) -> ReconcileReport

    /// Compares flows and MAC entries: static ones with `wanted`; derived ones with what the tables say now, if `derived`.
    func reconcileEntries(_ wanted: some StaticEntries, derived: Bool, repair: Bool) -> ReconcileReport
}
