// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Tables

/// What is to be in the tables: what was acknowledged, and changes whose answer never came, which may be there whole or not at
/// all.
///
/// Pure: whoever writes tells it, and whoever reads the tables asks it.
public struct Books: Sendable {
    /// A change that was asked for: entries that come and entries that go. An entry that is modified is among both.
    public struct Change: Sendable {
        public var name: String
        public var comes: Set<TableEntry>
        public var goes: Set<TableEntry>

        public init(_ name: String, comes: Set<TableEntry>, goes: Set<TableEntry>) {
            (self.name, self.comes, self.goes) = (name, comes, goes)
        }

        var isEmpty: Bool { comes.isEmpty && goes.isEmpty }
    }

    /// Everything that was acknowledged, or found when the books were opened.
    public private(set) var entries: Set<TableEntry>
    /// Asked for and not answered, in this order.
    public private(set) var inFlight: [Int: Change] = [:]
    private var next = 0
    /// Changes that were answered since the books were opened or judged.
    public private(set) var acknowledged = 0
    /// Answers that should not have been.
    public private(set) var refusals: [String] = []

    public init(_ entries: Set<TableEntry>) { self.entries = entries }

    /// A change is about to be asked for; its number. Changes in flight at the same time must not concern the same entries.
    public mutating func begin(_ change: Change) -> Int {
        defer { next += 1 }
        inFlight[next] = change
        return next
    }

    /// A change was answered, with what was refused of it.
    public mutating func end(_ number: Int, refused: [String] = []) {
        guard let change = inFlight.removeValue(forKey: number) else { return }
        acknowledged += 1
        for refusal in refused { refusals.append("\(change.name): \(refusal)") }
        entries.subtract(change.goes)
        entries.formUnion(change.comes)
    }

    /// What was found of a change that was in flight.
    public enum Fate: Sendable, Hashable {
        case present, absent
        /// So many of its entries are as they would be with it, and so many as without.
        case half(done: Int, of: Int)
    }

    public struct Judgement: Sendable {
        public var acknowledged = 0
        public var fates: [Fate] = []
        /// What is wrong, in sentences.
        public var complaints: [String] = []
    }

    /// Compares with what the tables hold, and goes on from that.
    public mutating func judge(_ found: Set<TableEntry>) -> Judgement {
        var judgement = Judgement()
        judgement.acknowledged = acknowledged
        judgement.complaints = refusals.map { "an answer that should not be: \($0)" }
        for (_, change) in inFlight.sorted(by: { $0.key < $1.key }) where !change.isEmpty {
            let fate = Self.fate(of: change, in: found)
            judgement.fates.append(fate)
            if case .half(let done, let all) = fate {
                judgement.complaints.append("\(change.name) is half there: \(done) of \(all) entries")
            }
            // However it was found, that is accounted for; the rest must be as it was.
            entries.subtract(change.goes)
            entries.subtract(change.comes)
            entries.formUnion(found.intersection(change.comes.union(change.goes)))
        }
        judgement.complaints += Self.differences(entries, found)
        self = Books(found)
        return judgement
    }

    private static func fate(of change: Change, in found: Set<TableEntry>) -> Fate {
        let come = change.comes.intersection(found).count
        let gone = change.goes.count - change.goes.intersection(found).count
        let all = change.comes.count + change.goes.count
        switch come + gone {
        case all: return .present
        case 0: return .absent
        case let done: return .half(done: done, of: all)
        }
    }

    /// Differences told one by one.
    private static let told = 8

    private static func differences(_ wanted: Set<TableEntry>, _ found: Set<TableEntry>) -> [String] {
        func tell(_ entries: Set<TableEntry>, _ what: String) -> [String] {
            guard !entries.isEmpty else { return [] }
            let names = entries.map { "\($0.table.rawValue): \($0.keyText)" }.sorted()
            let more = names.count > told ? " and \(names.count - told) more" : ""
            return ["\(names.count) \(what): \(names.prefix(told).joined(separator: "; "))\(more)"]
        }
        return tell(wanted.subtracting(found), "acknowledged entries are not there as they should be")
            + tell(found.subtracting(wanted), "entries are there that should not be")
    }
}

/// Books that several tasks write in.
final class SharedBooks: Sendable {
    private let books = Mutex(Books([]))

    func open(_ entries: Set<TableEntry>) { books.withLock { $0 = Books(entries) } }
    func begin(_ change: Books.Change) -> Int { books.withLock { $0.begin(change) } }
    func end(_ number: Int, refused: [String] = []) { books.withLock { $0.end(number, refused: refused) } }
    func judge(_ found: Set<TableEntry>) -> Books.Judgement { books.withLock { $0.judge(found) } }
    var entries: Set<TableEntry> { books.withLock { $0.entries } }
}
