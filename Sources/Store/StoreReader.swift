// SPDX-License-Identifier: Apache-2.0
import Controller

/// A node's memory for those who only read, while a daemon has it or not.
public final class StoreReader {
    private let session: ReadingSession

    fileprivate init(_ session: ReadingSession) { self.session = session }

    deinit { close() }

    /// Version of the tables as they are on disk; 0: there is nothing in them.
    public var schemaVersion: Int { session.version }
    /// The name of the node it belongs to.
    public var owner: String? { session.owner?.name }
    /// The number of the machine it was written on, if it had one.
    public var machine: String? { session.owner?.machine }

    /// Reads everything as it was at one moment; amendments one by one, in no order. Read it at a stretch: as long as
    /// this runs the log cannot be folded.
    public func load(_ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        try session.load({ _ in }, amendment)
    }

    public func close() { try? session.close() }
}

extension SQLiteStore {
    /// Opens a node's memory to read, beside a daemon that writes. Whose it is, is not asked.
    ///
    /// - Throws: `newerSchema`, `corrupt`, `failed`.
    public static func openReader(directory: String) throws(StoreProblem) -> StoreReader {
        let place = StorePlace(directory: directory)
        guard let file = FileIdentity(place.database), file.size > 0 else {
            throw .failed(path: directory, what: "there is no node.db")
        }
        do throws(StoreProblem) {
            return StoreReader(try ReadingSession(place, .reading))
        } catch {
            // SQLite needs to write even to read beside others; where it cannot, nobody else can.
            switch error {
            case .readOnly, .full, .failed: return StoreReader(try ReadingSession(place, .still))
            case .corrupt, .newerSchema, .foreign, .missing, .held: throw error
            }
        }
    }
}
