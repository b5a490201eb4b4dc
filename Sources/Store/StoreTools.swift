// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc

// What an operator does to a node's memory while no daemon has it.
extension SQLiteStore {
    /// Makes the memory of another node, or one written on another machine, this node's.
    ///
    /// - Returns: the name of the node it belonged to.
    /// - Throws: `held`, `newerSchema`, `corrupt`, `failed`, or why it cannot be written.
    @discardableResult
    public static func claim(
        directory: String, node: String, machine: String? = MachineID.current()
    ) throws(StoreProblem) -> String? {
        let place = StorePlace(directory: directory)
        guard let file = FileIdentity(place.database), file.size > 0 else {
            throw .failed(path: directory, what: "there is no node.db")
        }
        let lock = try DirectoryLock(place)
        let found = try ReadingSession(place, .still)
        let owner = found.owner
        try found.close()
        try WritingSession(place, NodeIdentity(name: node, machine: machine), claims: true).close()
        _ = consume lock
        return owner?.name
    }

    /// Puts a new memory, made of `changes`, in the place of what is there, whatever that is. It is complete before the
    /// old one goes, which stays as `node.db.before-import`; at no moment is there half of either. Revisions go on from
    /// the old one's.
    ///
    /// - Throws: `held`, or why it cannot be written. The old one is in its place then.
    public static func replace(
        directory: String, node: String, machine: String? = MachineID.current(),
        with changes: some Sequence<StoreChange>, clock: Clock = SQLiteStore.systemClock
    ) throws(StoreProblem) {
        let place = StorePlace(directory: directory)
        try place.makeDirectory()
        let lock = try DirectoryLock(place)
        let incoming = place.incoming
        incoming.remove()
        do throws(StoreProblem) {
            let session = try WritingSession(
                incoming, NodeIdentity(name: node, machine: machine), revision: revision(of: place))
            for change in changes {
                try session.store([change], now: clock())
                try session.foldLog()
            }
            try session.foldWholeLog()
            try session.close()
            try incoming.requireFolded()
            try place.keepAsPrevious()
            try place.putInPlace(incoming)
        } catch {
            incoming.remove()
            throw error
        }
        _ = consume lock
    }

    /// 0 if nobody can tell.
    private static func revision(of place: StorePlace) -> UInt64 {
        guard let file = FileIdentity(place.database), file.size > 0 else { return 0 }
        return (try? ReadingSession(place, .still))?.revision ?? 0
    }
}

extension StorePlace {
    /// Removes database, log and index of the log.
    fileprivate func remove() {
        for path in [database, log, logIndex, journal] { unlink(path) }
    }

    /// A database that is closed has no log; if this one has, the file alone is not all of it.
    fileprivate func requireFolded() throws(StoreProblem) {
        if let left = FileIdentity(log), left.size > 0 {
            throw .failed(path: directory, what: "the log \(log) could not be folded into the database")
        }
    }

    /// Gives the database a second name. Its log is folded in, or, where SQLite cannot do that, kept beside it.
    fileprivate func keepAsPrevious() throws(StoreProblem) {
        guard let file = FileIdentity(database) else { return }
        // Only where SQLite can read it: what cannot be read is not to be touched.
        if file.size > 0, (try? Connection(self, .still).close()) != nil { try? Connection(self, .writing).close() }
        let names = [(database, previous.database), (log, previous.log)]
        for (old, new) in names where FileIdentity(old) == nil { unlink(new) }
        for (old, new) in names where FileIdentity(old) != nil {
            unlink(new + ".new")
            guard link(old, new + ".new") == 0 else { throw .system(errno, "link", self) }
            guard rename(new + ".new", new) == 0 else { throw .system(errno, "rename", self) }
            // Where both are names of one file already, rename does nothing.
            unlink(new + ".new")
        }
        try synchronizeDirectory()
    }

    /// Gives a database that is complete this one's name.
    fileprivate func putInPlace(_ incoming: StorePlace) throws(StoreProblem) {
        let file = open(incoming.database, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system(errno, "open", self) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .system(errno, "fsync", self) }
        // A log that stayed would be taken for the new database's.
        unlink(log)
        unlink(logIndex)
        try synchronizeDirectory()
        guard rename(incoming.database, database) == 0 else { throw .system(errno, "rename", self) }
        try synchronizeDirectory()
    }
}
