// SPDX-License-Identifier: Apache-2.0
import Controller

/// What a process has of a node's memory: the lock, and the database to write or, failing that, to read.
struct StoreAccess: ~Copyable {
    private enum Source {
        case writing(WritingSession)
        case reading(ReadingSession)
        /// There was nothing to read.
        case nothing
        case closed
    }

    private var lock: DirectoryLock?
    private var source: Source
    /// Why it could not be written when it was opened.
    let obstacle: StoreProblem?
    private let pagesToFold: Int32

    /// Opens or makes the database; where it cannot be written, what is there is read.
    ///
    /// - Throws: why it is not to be used at all.
    init(_ place: StorePlace, _ identity: NodeIdentity, pagesToFold: Int32) throws(StoreProblem) {
        var lock: DirectoryLock?
        var source = Source.nothing
        var obstacle: StoreProblem?
        do throws(StoreProblem) {
            try place.makeDirectory()
            lock = try DirectoryLock(place)
            try ReadingSession.check(place, identity)
            source = .writing(try WritingSession(place, identity, pagesToFold: pagesToFold))
        } catch {
            guard error.leavesContentReadable else { throw error }
            obstacle = error
            do throws(StoreProblem) {
                source = try Self.reading(place, identity)
            } catch let problem {
                // What cannot be read without being written first is as unreadable.
                switch problem {
                case .corrupt, .newerSchema, .foreign: throw problem
                case .full, .readOnly, .missing, .held, .failed: throw error
                }
            }
        }
        (self.source, self.obstacle, self.pagesToFold) = (source, obstacle, pagesToFold)
        self.lock = consume lock
    }

    private static func reading(_ place: StorePlace, _ identity: NodeIdentity) throws(StoreProblem) -> Source {
        guard let file = FileIdentity(place.database), file.size > 0 else { return .nothing }
        let reader = try ReadingSession(place, .still)
        if let owner = reader.owner, let problem = identity.problem(with: owner, place) { throw problem }
        return .reading(reader)
    }

    /// When a change was stored last; 0 if none was.
    var storedTime: UInt64 {
        switch source {
        case .writing(let session): session.time
        case .reading(let reader): reader.time
        case .nothing, .closed: 0
        }
    }

    func load(_ count: (Int) -> Void, _ body: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        switch source {
        case .writing(let session): try session.load(count, body)
        case .reading(let reader): try reader.load(count, body)
        case .nothing: StoredNode()
        case .closed: throw Self.closed
        }
    }

    private static var closed: StoreProblem { .failed(path: "", what: "it is closed") }

    func session() throws(StoreProblem) -> WritingSession {
        guard case .writing(let session) = source else { throw obstacle ?? Self.closed }
        return session
    }

    /// Tries a real write, as it is needed: on the database that is open, or by opening it.
    mutating func recover(
        from problem: StoreProblem, _ place: StorePlace, _ identity: NodeIdentity
    ) throws(StoreProblem) {
        // The log may have room left for a probe and not for more.
        if case .full = problem { try place.probeRoom() }
        let known: UInt64
        switch source {
        case .closed: throw Self.closed
        case .writing(let session):
            try session.probe()
            return try session.foldLog()
        case .reading(let reader):
            known = reader.revision
            try reader.close()
        case .nothing: known = 0
        }
        source = .nothing
        do throws(StoreProblem) {
            try place.makeDirectory()
            if lock == nil { lock = try DirectoryLock(place) }
            try ReadingSession.check(place, identity)
            let session = try WritingSession(place, identity, pagesToFold: pagesToFold)
            guard session.revision == known else {
                throw .failed(
                    path: place.directory,
                    what:
                        "it is at revision \(session.revision), and was at \(known) when it was read; restart the node")
            }
            source = .writing(session)
        } catch {
            source = (try? Self.reading(place, identity)) ?? .nothing
            throw error
        }
    }

    mutating func close() {
        switch source {
        // What is in the log is safe there.
        case .writing(let session): try? session.close()
        case .reading(let reader): try? reader.close()
        case .nothing, .closed: break
        }
        source = .closed
        lock = nil
    }
}
