// SPDX-License-Identifier: Apache-2.0
import Controller

/// A database open for reading, of any schema version up to today's.
///
/// SAFETY: used by one thread at a time, under the lock of `StoreCore` or by who made it.
final class ReadingSession: @unchecked Sendable {
    let place: StorePlace
    private let connection: Connection
    /// 0: it was made, and never filled.
    private(set) var version = 0
    private(set) var owner: NodeIdentity?
    private(set) var revision: UInt64 = 0
    private(set) var time: UInt64 = 0

    init(_ place: StorePlace, _ purpose: Connection.Purpose) throws(StoreProblem) {
        self.place = place
        connection = try Connection(place, purpose)
        try connection.read { db in
            version = try Schema.version(db, place)
            guard version > 0 else { return }
            let meta = try Loading.meta(db)
            owner = meta?.owner
            (revision, time) = (meta?.revision ?? 0, meta?.time ?? 0)
        }
    }

    /// Whether a database, if there is one, is this node's and of a version this program knows. Changes nothing,
    /// whatever it is. What only opening it for writing can tell is left to that.
    static func check(_ place: StorePlace, _ identity: NodeIdentity) throws(StoreProblem) {
        guard let file = FileIdentity(place.database), file.size > 0 else { return }
        do throws(StoreProblem) {
            let session = try ReadingSession(place, .still)
            let owner = session.owner
            try session.close()
            if let owner, let problem = identity.problem(with: owner, place) { throw problem }
        } catch {
            switch error {
            case .corrupt, .newerSchema, .foreign: throw error
            case .full, .readOnly, .missing, .held, .failed: return
            }
        }
    }

    func load(_ count: (Int) -> Void, _ body: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        try connection.read { db in
            // Read again, because another process may have brought it up to date.
            version = try Schema.version(db, place)
            let node = try Loading.node(db, version: version)
            guard version > 0 else { return node }
            count(try Loading.amendmentCount(db))
            try Loading.forEachAmendment(db) { row in body(try row.amendment()) }
            return node
        }
    }

    func close() throws(StoreProblem) { try connection.close() }
}
